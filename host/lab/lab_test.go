package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/scp03"
	"ekrona.example/emulator/card"
	"ekrona.example/host/shell"
)

const probes = "../../emulator/testdata/probe/"

// purse is the test applet with flaws; with names unless blind.
func purse(t testing.TB, blind bool) *Subject {
	t.Helper()
	s := &Subject{Profile: card.P71, Seed: t.Name(), CAPs: []string{probes + "purse.cap"},
		InstallAll: true, Words: append(shell.Words(), Words()...)}
	if !blind {
		var err error
		s.Tables, err = TablesBeside(s.CAPs)
		require.NoError(t, err)
	}
	return s
}

// use is a script on the purse.
const use = `00A4040007F050524F42080100 -> 9000
80100000020064 -> 9000
802000000401020304 -> 9000
8012000002000A -> 9000
80220000020200 -> 9000
80300000040003010500 -> 9000 : 0003
8040000000 -> 9000 : 005A
`

func read(t testing.TB, s *Subject, text string) []Line {
	t.Helper()
	script, err := s.ReadScript(strings.NewReader(text))
	require.NoError(t, err)
	return script
}

func rules(t testing.TB, s *Subject, text string) *Rules {
	t.Helper()
	r, err := s.ParseRules(strings.NewReader(text))
	require.NoError(t, err)
	return r
}

// TestTearFindsWhatACutHalves, with the source line, and nothing else.
func TestTearFindsWhatACutHalves(t *testing.T) {
	s := purse(t, false)
	tear := &Tear{Subject: s, Script: read(t, s, use)}
	report, err := tear.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, report.Findings)
	var found []Cut
	for _, c := range report.Cuts {
		require.NotEmpty(t, c.Where)
		if c.State.isFinding() {
			found = append(found, c)
		} else {
			assert.Equal(t, AsBefore, c.State)
		}
	}
	assert.Equal(t, []Cut{
		{2, "80100000020064", 2, "PurseApplet.credit (PurseApplet.java:102)", Torn, []string{
			"has changed: PurseApplet.balance 0 -> 100",
			"is still: PurseApplet.credited 0 -> 100"}},
		{5, "80220000020200", 2, "PurseApplet.setLimit (PurseApplet.java:138)", Torn, []string{
			"has changed: PurseApplet.used false -> true",
			"is still: PurseApplet.limit 1000 -> 512"}},
	}, found)
	assert.Equal(t, 4, report.Lines[3].AsBefore, "the debit is in a transaction")
	text := &strings.Builder{}
	report.WriteText(text)
	assert.Contains(t, text.String(), "cut before writes 1 to 4")

	again := &Tear{Subject: s, Script: read(t, s, use), Workers: 1}
	same, err := again.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, report, same, "whatever the workers")
}

// TestTearWithoutNames finds the same in a CAP file of which nothing is known.
func TestTearWithoutNames(t *testing.T) {
	s := purse(t, true)
	report, err := (&Tear{Subject: s, Script: read(t, s, use)}).Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, report.Findings)
}

// TestRulesOfTearing: what is allowed is no finding, what is forbidden is one.
func TestRulesOfTearing(t *testing.T) {
	s := purse(t, false)
	for text, findings := range map[string]int{
		"ignore PurseApplet.credited\n":                                    1,
		"ignore PurseApplet.credited # a log\nignore PurseApplet.us*\n":    0,
		"same PurseApplet.balance PurseApplet.credited\nignore *":          3,
		"never-lower PurseApplet.balance\nignore *":                        0,
		"never-higher PurseApplet.balance\nignore *":                       1,
		"observe 00A4040007F050524F42080100\nobserve 8040000000\n":         0,
		"observe 00A4040007F050524F42080100\nobserve 8030000000 -> 9000\n": 0,
	} {
		report, err := (&Tear{Subject: s, Script: read(t, s, use), Rules: rules(t, s, text)}).
			Run(t.Context())
		require.NoError(t, err, text)
		assert.Equal(t, findings, report.Findings, text)
	}
	for text, message := range map[string]string{
		"forgive X":  `line 1: "forgive" is no rule`,
		"ignore":     `line 1: "ignore" has nothing behind it`,
		"#\nsame A":  "line 2: same takes 2 names, not 1",
		"observe xx": "line 1: line 1: script:",
	} {
		_, err := s.ParseRules(strings.NewReader(text))
		assert.ErrorContains(t, err, message)
	}
}

// TestScriptsThatFail name the line.
func TestScriptsThatFail(t *testing.T) {
	s := purse(t, false)
	_, err := s.ReadScript(strings.NewReader("# nothing\n"))
	require.ErrorContains(t, err, "no line that does anything")
	_, err = s.ReadScript(strings.NewReader("reset\n80zz\n"))
	require.ErrorContains(t, err, "line 2: ")
	_, err = (&Tear{Subject: s, Script: read(t, s, "reset\n8040000000 -> 9000\n")}).Run(t.Context())
	require.ErrorContains(t, err, "line 2, without a cut: expected status 9000")
	s.CAPs = append(s.CAPs, "absent.cap")
	_, err = (&Tear{Subject: s, Script: read(t, s, "reset\n")}).Run(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestLinesThatCutThemselves are not torn, and words are.
func TestLinesThatCutThemselves(t *testing.T) {
	s := purse(t, false)
	s.InstallAll = false
	// what an installation counts in a static field is not undone with it
	allowed := rules(t, s, "ignore purse.PurseApplet.purses\n")
	report, err := (&Tear{Subject: s, Rules: allowed, Script: read(t, s, `install F050524F420801
00A4040007F050524F42080100 -> 9000
cut 2
80100000020064 -> none
8040000000 -> none
reset
`)}).Run(t.Context())
	require.NoError(t, err)
	assert.Positive(t, report.Lines[0].AsBefore)
	assert.Equal(t, report.Lines[0].Writes, report.Lines[0].AsBefore)
	assert.Equal(t, "it takes the power away itself", report.Lines[3].Skipped)
	assert.Equal(t, "the card is not at rest before it", report.Lines[4].Skipped)
	assert.Zero(t, report.Findings)
}

// A line in which the card goes mute is torn as others are: it had power until then.
func TestLinesThatMakeTheCardMute(t *testing.T) {
	s := purse(t, true)
	s.CAPs = []string{probes + "newer.cap"}
	report, err := (&Tear{Subject: s, Script: read(t, s, `00A4040007F050524F420501 -> 9000
801E0000 -> none
`)}).Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, report.Lines[1].Skipped)
	require.Len(t, report.Cuts, 1)
	assert.Equal(t, AsBefore, report.Cuts[0].State)
	assert.NotEmpty(t, report.Cuts[0].Where, "also where no answer is expected")
}

// TestLinesInASecureChannel are torn as those behind it: both sides of the channel are set back.
func TestLinesInASecureChannel(t *testing.T) {
	s := purse(t, false)
	s.Keys = func(string) (scp03.KeySource, error) { return scp03.TestKeys(), nil }
	report, err := (&Tear{Subject: s, Script: read(t, s, `secure test
80E60C001D06F050524F420807F050524F42080107F050524F420802010002C9000000 -> 9000 : 00
80F24000024F0000 -> 9000 : *
reset
00A4040007F050524F42080100 -> 9000
80100000020064 -> 9000
`)}).Run(t.Context())
	require.NoError(t, err)
	installed := report.Lines[1]
	assert.Empty(t, installed.Skipped)
	assert.Greater(t, installed.Writes, 3)
	assert.Positive(t, installed.AsBefore)
	assert.Contains(t, report.Lines[2].Answer, "F050524F420802", "the channel went on")
	assert.Zero(t, report.Lines[2].Writes)
	assert.Empty(t, report.Lines[4].Skipped)
	assert.Positive(t, report.Findings)
}

// TestTableBesideOfAnotherBuild is refused.
func TestTableBesideOfAnotherBuild(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"core.cap": "a.cap", "purse.cap.lines": "a.cap.lines"} {
		content, err := os.ReadFile(probes + from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), content, 0o600))
	}
	_, err := TablesBeside([]string{filepath.Join(dir, "a.cap")})
	assert.ErrorContains(t, err, "is of another build")
}

// BenchmarkTear tells how many cuts a second one card takes.
func BenchmarkTear(b *testing.B) {
	s := purse(b, false)
	script := read(b, s, use)
	for b.Loop() {
		report, err := (&Tear{Subject: s, Script: script, Workers: 1}).Run(b.Context())
		require.NoError(b, err)
		b.ReportMetric(float64(len(report.Cuts)), "cuts/op")
	}
}

// TestCoverCountsTheInstallation, whoever makes the instance; of a card with applets that is not
// known, and said.
func TestCoverCountsTheInstallation(t *testing.T) {
	constructor := func(s *Subject, text string) (reached int, ran *Ran) {
		ran, err := s.Cover(t.Context(), read(t, s, text))
		require.NoError(t, err)
		for _, m := range ran.Methods {
			if m.Method == "PurseApplet.<init>" {
				reached = m.Reached
			}
		}
		return reached, ran
	}
	all, byAll := constructor(purse(t, false), use)
	assert.NotZero(t, all)
	named, byName := purse(t, false), card.AID{0xF0, 0x50, 0x52, 0x4F, 0x42, 0x08, 0x01}
	named.InstallAll, named.Install = false, []Instance{{Module: byName, AID: byName}}
	one, byFlag := constructor(named, use)
	scripted := purse(t, false)
	scripted.InstallAll = false
	line, byLine := constructor(scripted, "install F050524F420801\n"+use)
	assert.Equal(t, []int{all, all}, []int{one, line})
	assert.Equal(t, byAll.Sum, byFlag.Sum)
	assert.Equal(t, byAll.Sum, byLine.Sum)
	assert.Empty(t, byAll.CardFile)
	assert.Empty(t, byAll.Missing("../../emulator/testdata"))
	assert.Equal(t, []string{"probe/purse/PurseApplet.java"},
		byAll.Missing("../../emulator/testdata/probe"))

	b, err := purse(t, false).Open(t.Context())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "purse.card")
	require.NoError(t, b.Managed.Below().Save(file))
	kept := purse(t, false)
	kept.CAPs, kept.InstallAll, kept.CardFile = nil, false, file
	none, ran := constructor(kept, use)
	assert.Zero(t, none)
	assert.Equal(t, file, ran.CardFile)
}
