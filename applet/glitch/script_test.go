package glitch

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/lines"
)

// probeScript is a script for the probe applet, which has nothing to do with money.
func probeScript(t *testing.T, text string) *Script {
	t.Helper()
	var files [][]byte
	for _, name := range []string{"lib", "core"} {
		file, err := os.ReadFile("../../emulator/testdata/probe/" + name + ".cap")
		require.NoError(t, err)
		files = append(files, file)
	}
	s, err := NewScript("probe.script", strings.NewReader(text), card.P71, false, files...)
	require.NoError(t, err)
	return s
}

const wrongPIN = `
install F050524F420201
00A4040007F050524F420201 -> 9000   # SELECT
gain higher 0 1                    # of the next line: 01 says that the PIN is right
gain changed
807000000401020305 00 -> 9000 : 000200
reset
00A4040007F050524F420201 -> 9000
gain higher 1 1                    # tries left
807005000100 00 -> 9000 : 010200
`

// TestScriptForNobody: a script that selects no applet tries nothing, and says so.
func TestScriptForNobody(t *testing.T) {
	s := probeScript(t, "00A4040007F050524F420202\n807000000401020305\n")
	_, err := Plan{Subject: s, Places: &Places{}, Workers: 1}.Run(t.Context())
	require.ErrorIs(t, err, ErrNoApplet)
	_, err = s.Traces(t.Context())
	require.ErrorIs(t, err, ErrNoApplet)
}

// TestScript: of any applet, by rules in the script's words.
func TestScript(t *testing.T) {
	s := probeScript(t, wrongPIN)
	call, err := fault.ModelNamed("call=5A")
	require.NoError(t, err)
	p := Plan{Subject: s, Places: &Places{}, Models: []fault.Model{call}, Pairs: 50, Workers: 2}
	r, err := p.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, r.Possible, r.Faults)
	assert.Positive(t, r.Pairs)
	report := NewReport(r, nil, true)
	var page strings.Builder
	require.NoError(t, report.HTML(&page, "probe", nil))
	assert.Contains(t, page.String(), "<h1>probe</h1>")
	kinds := map[Kind]string{}
	for _, f := range r.Found {
		for i, k := range f.Kinds {
			kinds[k] += f.Details[i] + "\n"
			if !f.IsPair() {
				again, err := Repeat(t.Context(), s, p.Places, f.Fault)
				require.NoError(t, err, f.Fault)
				assert.Equal(t, 1, again.Happened)
				require.Greater(t, len(again.Gains), i, f.Fault)
				assert.Equal(t, k, again.Gains[i].Kind, f.Fault)
			}
		}
	}
	assert.Contains(t, kinds[Higher], "line 6: ", "a wrong PIN is right")
	assert.Contains(t, kinds[Higher], "line 10: ", "and costs no try")
	assert.Contains(t, kinds[Changed], "line 6: ")
	assert.Empty(t, kinds[Accepted], "the script has rules of its own")
	list := report.List(nil, "for a test")
	assert.Contains(t, list, " | higher | for a test\n")
}

// TestWhatARefusalLeaves: a debit that goes through because the one before it did not, the PIN
// being forgotten, is no gain.
func TestWhatARefusalLeaves(t *testing.T) {
	file, err := os.ReadFile("../../emulator/testdata/probe/purse.cap")
	require.NoError(t, err)
	text := `select F050524F420801
		8010000002 0064 -> 9000
		8020000004 01020304 -> 9000
		8020000004 01020304 -> 9000
		8012000002 003C -> 9000
		8020000004 01020304 -> 9000
		8012000002 003C -> 6A80`
	s, err := NewScript("purse.script", strings.NewReader(text), card.P71, false, file)
	require.NoError(t, err)
	call, err := fault.ModelNamed("call=00")
	require.NoError(t, err)
	targets, err := s.Find(t.Context(), []fault.Model{call})
	require.NoError(t, err)
	seen := false
	const second = 4 // VERIFY
	for n := range 200 {
		name := NameOf(targets[0].Case, second, fault.Fault{Model: call, N: n})
		r, err := Repeat(t.Context(), s, &Places{}, name)
		if err != nil || r.Happened == 0 {
			continue
		}
		assert.Empty(t, r.Gains, name)
		done := func(at int) bool { return r.Then[at].Answer.SW == 0x9000 }
		seen = seen || !done(0) && done(1) && done(2)
	}
	assert.True(t, seen, "some fault has the PIN forgotten")
}

// TestScriptMemory: the rule about memory, and that nothing is found where nothing can be gained.
func TestScriptMemory(t *testing.T) {
	text := "00A4040007F050524F420201\ngain memory\n80600035 00\n"
	p := Plan{Subject: probeScript(t, text), Places: &Places{}}
	r, err := p.Run(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, r.Found)
	for _, f := range r.Found {
		assert.Equal(t, []Kind{Memory}, f.Kinds)
	}
	text = "00A4040007F050524F420201\n807C00000301020300 -> 9000\n"
	p = Plan{Subject: probeScript(t, text), Places: &Places{}, Models: []fault.Model{}}
	r, err = p.Run(t.Context())
	require.NoError(t, err)
	for _, f := range r.Found {
		assert.Equal(t, []Kind{Accepted}, f.Kinds)
	}
}

// A transcript is a script for faults: its seed is the card's, its CAP file and instance are there.
func TestTranscript(t *testing.T) {
	s := probeScript(t, `seed ABC -> ok
		load lib.cap core.cap -> F050524F4201; F050524F4202
		install F050524F420201 -> F050524F420201
		watch on -> ok
		00A404000000 -> 6700 :
		select F050524F420201 -> 9000
		gain changed
		807000000401020305 00 -> 9000 : 000200
		writes -> *`)
	all, err := s.Traces(t.Context())
	require.NoError(t, err)
	assert.Len(t, all, 2, "each command, but what is none")
	assert.Equal(t, "ABC", s.seed)
	assert.True(t, s.lines[1].changed)
}

// A script of the lab's other tools is one for faults too.
func TestScriptsOfTheLab(t *testing.T) {
	file, err := os.ReadFile("../../emulator/examples/hello/hello.cap")
	require.NoError(t, err)
	text, err := os.ReadFile("../../emulator/examples/hello/hello.txt")
	require.NoError(t, err)
	s, err := NewScript("hello.txt", bytes.NewReader(text), card.P71, false, file)
	require.NoError(t, err)
	targets, err := s.Find(t.Context(), fault.Models())
	require.NoError(t, err)
	assert.Len(t, targets, 11, "one for each command, but the one after cut")
}

// TestEveryApplet: without install every applet of the last CAP file is there; with it, each that
// is named.
func TestEveryApplet(t *testing.T) {
	var files [][]byte
	for _, name := range []string{"lib", "vault", "guest"} {
		file, err := os.ReadFile("../../emulator/testdata/probe/" + name + ".cap")
		require.NoError(t, err)
		files = append(files, file)
	}
	traces := func(text string) error {
		s, err := NewScript("guest.script", strings.NewReader(text), card.P71, false, files...)
		require.NoError(t, err)
		_, err = s.Traces(t.Context())
		return err
	}
	require.NoError(t, traces(`install F050524F420301
		install F050524F420401 F050524F42040101 C0FFEE
		install F050524F420401 F050524F42040102
		select F050524F420301 -> 9000
		select F050524F42040101 -> 9000
		select F050524F42040102 -> 9000`))
	err := traces("select F050524F420301 -> 9000")
	assert.ErrorContains(t, err, "guest.script:1: expected status 9000", "the vault is of the "+
		"second file; and what stands behind select is held")
}

// TestMuteLine: a command that mutes the card, as expected, is sent and not disturbed, and nothing
// of it is kept, though it runs for long. One that mutes it unexpectedly is an error that says so.
func TestMuteLine(t *testing.T) {
	text := `select F050524F420201
		801603E800 -> none
		reset
		select F050524F420201 -> 9000
		807C00000301020300 -> 9000`
	s := probeScript(t, text)
	targets, err := s.Find(t.Context(), fault.Models())
	require.NoError(t, err)
	require.Len(t, targets, 3, "one for each command, but the mute one")
	p := Plan{Subject: s, Places: &Places{}, Sample: 200, Workers: 2}
	r, err := p.Run(t.Context())
	require.NoError(t, err)
	assert.Empty(t, r.Broken)
	assert.Positive(t, r.Faults)
	all, err := s.Traces(t.Context())
	require.NoError(t, err)
	assert.Empty(t, all[1].Trace.Steps)

	s = probeScript(t, strings.Replace(text, " -> none", "", 1))
	_, err = s.Find(t.Context(), fault.Models())
	require.ErrorContains(t, err, "probe.script:2, without a fault: the card has gone mute")
	assert.ErrorContains(t, err, `write "-> none" behind the line`)
}

// TestPlacesOfSeveralFiles: a line is looked for in the table of the CAP file that the instruction
// is of, and of a CAP file without one nothing is said that is another's.
func TestPlacesOfSeveralFiles(t *testing.T) {
	var tables []*lines.Table
	files := map[string]*cap.File{}
	for _, name := range []string{"lib", "core", "purse"} {
		content, err := os.ReadFile("../../emulator/testdata/probe/" + name + ".cap")
		require.NoError(t, err)
		files[name], err = cap.Parse(content)
		require.NoError(t, err)
	}
	text, err := os.ReadFile("../../emulator/testdata/probe/purse.cap.lines")
	require.NoError(t, err)
	purse, err := lines.Parse(text)
	require.NoError(t, err)
	require.True(t, purse.Fits(files["purse"]))
	tables = append(tables, purse)
	places := NewPlaces(func(path string) ([]string, error) {
		assert.Equal(t, "probe/purse/PurseApplet.java", path)
		return strings.Split(strings.Repeat("text\n", 500), "\n"), nil
	}, tables...)

	s := probeScript(t, "select F050524F420201\n8030000000")
	all, err := s.Traces(t.Context())
	require.NoError(t, err)
	packages := map[string]bool{}
	for _, x := range all {
		for _, step := range x.Trace.Steps {
			packages[step.Method.Package().Name()] = true
			assert.Equal(t, Place{Method: step.Method.At(step.PC)}, places.Of(step))
		}
	}
	assert.Len(t, packages, 2, "the applet calls its library")

	content, err := os.ReadFile("../../emulator/testdata/probe/purse.cap")
	require.NoError(t, err)
	s, err = NewScript("purse.script", strings.NewReader("select F050524F420801\n8040000000"),
		card.P71, false, content)
	require.NoError(t, err)
	all, err = s.Traces(t.Context())
	require.NoError(t, err)
	for _, step := range all[1].Trace.Steps {
		place := places.Of(step)
		assert.Equal(t, "PurseApplet.java", place.File)
		assert.Equal(t, "text", place.Text)
	}
}

func TestScriptsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "no command",
		"install":                "install comes first",
		"install 00":             "probe: line 1: ",
		"0084000008\ninstall A0": "install comes first",
		"reset now":              "reset takes nothing",
		"gain":                   "a rule is",
		"gain higher 0 9":        "a rule is",
		"gain higher 0":          "a rule is",
		"gain answer xx":         "a rule is",
		"gain accepted now":      "a rule is",
		"ekrona now":             "ekrona comes first",
		"0084000008\nekrona":     "ekrona comes first",
		"frobnicate":             "probe: line 1: ",
		"select":                 "not in the card manager",
		"select 00 01":           "one AID",
		"verify":                 "write the command that it sends",
		"0084000008\nseed 1":     "seed comes first",
		"0084????08":             "hidden",
		"ekrona\ninstall F050524F420201\n0084000008": "without install",
	} {
		_, err := NewScript("probe", strings.NewReader(text), card.P71, false, []byte{1})
		assert.ErrorContains(t, err, want, text)
	}
	_, err := NewScript("probe", strings.NewReader("0084000008"), card.P71, false)
	assert.ErrorContains(t, err, "needs a CAP file")
}

func TestNames(t *testing.T) {
	skip, err := fault.ModelNamed("skip")
	require.NoError(t, err)
	one, two := fault.Fault{Model: skip, N: 12}, fault.Fault{Model: skip, N: 15}
	for _, named := range []string{"PAY", "script active/pin", "a #3 case, with 2/3 of it"} {
		for _, faults := range [][]fault.Fault{{one}, {one, two}} {
			name := NameOf(named, 7, faults...)
			gotCase, exchange, got, err := ParseName(name)
			require.NoError(t, err, name)
			assert.Equal(t, named, gotCase)
			assert.Equal(t, 7, exchange)
			assert.Equal(t, name, NameOf(gotCase, exchange, got...))
			assert.Equal(t, len(faults) > 1, isPair(name))
		}
	}
	for _, bad := range []string{"", "skip", "skip@PAY", "skip@PAY#1", "skip@PAY/0#1",
		"leap@PAY/1#1", "skip@PAY/1#x", "skip@PAY/1#1,zero"} {
		_, _, _, err := ParseName(bad)
		assert.Error(t, err, bad)
	}
}
