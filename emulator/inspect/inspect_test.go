package inspect_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
	"ekrona.example/emulator/vm"
)

const purseFile = "../testdata/probe/purse.cap"

// purse is a card with the test applet of that name, selected.
type purse struct {
	*card.Card
	t     testing.TB
	names *inspect.Names
}

func newPurse(t testing.TB, tables ...*lines.Table) *purse {
	t.Helper()
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom("inspect")})
	require.NoError(t, err)
	file, err := os.ReadFile(purseFile)
	require.NoError(t, err)
	p, err := c.Load(file)
	require.NoError(t, err)
	_, err = c.Install(p.Modules[0], p.Modules[0], nil)
	require.NoError(t, err)
	card := &purse{c, t, inspect.NewNames(tables...)}
	card.send("00A4040007F050524F42080100", "9000")
	return card
}

func table(t testing.TB) *lines.Table {
	t.Helper()
	text, err := os.ReadFile(purseFile + ".lines")
	require.NoError(t, err)
	made, err := lines.Parse(text)
	require.NoError(t, err)
	return made
}

func (p *purse) send(command, answer string) {
	p.t.Helper()
	raw, err := hex.DecodeString(command)
	require.NoError(p.t, err)
	got, err := p.TransmitBytes(raw)
	require.NoError(p.t, err)
	require.Equal(p.t, answer, strings.ToUpper(hex.EncodeToString(got)), command)
}

func (p *purse) probe(probes ...vm.Probe) {
	p.t.Helper()
	require.NoError(p.t, p.Machine().SetProbe(vm.Probes(probes...)))
}

// TestChangesOfACommand are the fields with old and new and the lines that wrote them.
func TestChangesOfACommand(t *testing.T) {
	p := newPurse(t, table(t))
	r := inspect.NewRecorder(p.names)
	r.Attach(p.Machine())
	p.probe(r.Probe())
	p.send("80100000020064", "9000")
	p.send("802000000401020304", "9000")
	r.Begin()
	p.send("8012000002000A", "9000")
	changes, account := r.End()
	type row struct{ name, memory, old, now, at string }
	var rows []row
	for _, c := range changes {
		require.Len(t, c.Where, 1, c.Name())
		rows = append(rows, row{c.Name(), c.Memory, c.Old, c.New, c.Where[0]})
	}
	assert.Equal(t, []row{
		{"PurseApplet.balance", "persistent", "100", "90",
			"PurseApplet.debit (PurseApplet.java:115)"},
		{"PurseApplet.next", "persistent", "0", "1", "PurseApplet.debit (PurseApplet.java:117)"},
		{"PurseApplet.log[0]", "persistent", "0", "10", "PurseApplet.debit (PurseApplet.java:116)"},
	}, rows)
	assert.Equal(t, inspect.Account{Writes: 3, Bytes: 6, Transactions: 1, Fill: 18,
		Capacity: card.P71.CommitBytes, Thrown: []string{}}, account)

	r.Begin()
	p.send("8012000002FFFF", "6A80")
	changes, account = r.End()
	assert.Empty(t, changes)
	assert.Equal(t, []string{"ISOException 6A80 at ISOException.throwIt, called by " +
		"PurseApplet.debit (PurseApplet.java:111)"}, account.Thrown)
	text := &strings.Builder{}
	inspect.WriteChanges(text, changes)
	assert.Empty(t, text.String())
}

// TestWhatIsLeftInRAM is shown with who wrote it; a deselection clears it.
func TestWhatIsLeftInRAM(t *testing.T) {
	p := newPurse(t, table(t))
	r := inspect.NewRecorder(p.names)
	r.Attach(p.Machine())
	p.probe(r.Probe())
	p.send("802000000401020304", "9000")
	left := inspect.Take(p.Machine(), p.names, inspect.Transient).Left(r)
	byName := map[string]inspect.Shown{}
	for _, s := range left {
		byName[s.Object] = s
	}
	key := byName["PurseApplet.key"]
	assert.Equal(t, "0102030400000000", key.Bytes)
	assert.Equal(t, "Util.arrayCopy, called by PurseApplet.verify (PurseApplet.java:126)",
		key.Writer)
	assert.Equal(t, "clear on deselect", key.Memory)
	p.Reset()
	assert.Empty(t, inspect.Take(p.Machine(), p.names, inspect.Transient).Left(nil))
}

// TestDump shows shorts, booleans, references and static fields.
func TestDump(t *testing.T) {
	p := newPurse(t, table(t))
	p.send("80100000020064", "9000")
	image := inspect.Take(p.Machine(), p.names, inspect.Persistent)
	for name, want := range map[string]string{
		"PurseApplet.balance": "100", "PurseApplet.used": "false", "PurseApplet.limit": "1000",
		"PurseApplet.pin": "PurseApplet.pin", "PurseApplet.pin.secret": "0304010203" + "04",
		"PurseApplet.log[3]": "0", "PurseApplet.pin.secret[2]": "01", "PurseApplet.pin.limit": "3",
		"purse.PurseApplet.purses": "1",
	} {
		value, found := image.Value(name)
		assert.True(t, found, name)
		assert.Equal(t, want, value, name)
	}
	_, found := image.Value("PurseApplet.nothing")
	assert.False(t, found)
	text := &strings.Builder{}
	inspect.WriteDump(text, image.Dump())
	assert.Contains(t, text.String(), "PurseApplet  PurseApplet, persistent, ")
	assert.Contains(t, text.String(), "  balance                  short     100\n")
}

// TestWithoutNames: fields have numbers and the types of the Descriptor component, methods their
// offsets, and all else works.
func TestWithoutNames(t *testing.T) {
	p := newPurse(t)
	r := inspect.NewRecorder(p.names)
	r.Attach(p.Machine())
	p.probe(r.Probe())
	r.Begin()
	p.send("80100000020064", "9000")
	changes, _ := r.End()
	require.Len(t, changes, 2)
	assert.Equal(t, "class0.field4", changes[0].Name())
	assert.Equal(t, [2]string{"0", "100"}, [2]string{changes[0].Old, changes[0].New})
	assert.Regexp(t, `method@\d+\+\d+$`, changes[0].Where[0])
	used, found := inspect.Take(p.Machine(), p.names, inspect.Everything).Value("class0.field8")
	assert.True(t, found)
	assert.Equal(t, "false", used)
}

// TestProfile counts every bytecode once, by the calls that led to it.
func TestProfile(t *testing.T) {
	p := newPurse(t, table(t))
	profile := inspect.NewProfile(p.names)
	profile.Attach(p.Machine())
	p.probe(profile.Probe())
	bytecodes := 0
	for range 3 {
		p.send("80320500", "9000")
		bytecodes += p.LastCommand().Bytecodes
		p.send("8012000002FFFF", "6982")
		bytecodes += p.LastCommand().Bytecodes
	}
	assert.Equal(t, bytecodes, profile.Bytecodes())
	sum, byName := 0, map[string]inspect.Spent{}
	for _, m := range profile.Methods() {
		sum += m.Own
		byName[m.Method] = m
	}
	assert.Equal(t, bytecodes, sum)
	assert.Equal(t, 3*6, byName["PurseApplet.depth"].Calls)
	assert.Equal(t, byName["PurseApplet.depth"].Own, byName["PurseApplet.depth"].All, "recursion")
	assert.Equal(t, bytecodes, byName["PurseApplet.process"].All)
	folded := &strings.Builder{}
	profile.WriteFolded(folded)
	assert.Contains(t, folded.String(), "PurseApplet.process;PurseApplet.depth;PurseApplet.depth ")
	sum = 0
	for _, l := range profile.Lines() {
		sum += l.Bytecodes
	}
	assert.Equal(t, bytecodes, sum)
	flame := &strings.Builder{}
	profile.WriteFlame(flame, "a <b>")
	assert.Contains(t, flame.String(), "a &lt;b&gt;: ")
	assert.Contains(t, flame.String(), "PurseApplet.&lt;init&gt;"[:12])
}

// TestCoverage counts instructions and lines.
func TestCoverage(t *testing.T) {
	p := newPurse(t, table(t))
	coverage := inspect.NewCoverage(p.names)
	p.probe(coverage.Probe())
	p.send("80100000020064", "9000")
	report := coverage.Report(p.Machine().Packages())
	byName := map[string]inspect.Covered{}
	for _, m := range report {
		byName[m.Method] = m
	}
	assert.Len(t, byName, 10)
	credit := byName["PurseApplet.credit"]
	assert.Equal(t, "probe/purse/PurseApplet.java", credit.Source)
	reached := map[int]int{}
	for _, l := range credit.Lines {
		reached[l.Line] = l.Count
	}
	assert.Equal(t, map[int]int{98: 1, 99: 0, 101: 1, 102: 1, 103: 1}, reached)
	assert.Zero(t, byName["PurseApplet.debit"].Reached)
	assert.Equal(t, coverage.Reached(), inspect.SumOf(report).Reached)
	lcov := &strings.Builder{}
	inspect.WriteLCOV(lcov, report, "src/")
	assert.Contains(t, lcov.String(), "SF:src/probe/purse/PurseApplet.java\n")
	assert.Contains(t, lcov.String(), "DA:99,0\n")
	assert.Contains(t, lcov.String(), "DA:101,1\n")
	assert.Contains(t, lcov.String(), "FNDA:0,PurseApplet.debit\n")
	page := &strings.Builder{}
	inspect.WriteCoverHTML(page, "purse", report, func(file string) []byte {
		content, err := os.ReadFile("../testdata/probe/purse/PurseApplet.java")
		require.NoError(t, err)
		return content
	})
	assert.Contains(t, page.String(), `<tr class="n"><td class="c">99<td class="c">0<td>`)
	assert.Contains(t, page.String(), `<tr class="y"><td class="c">101<td class="c">1<td>`)

	blind := inspect.NewCoverage(inspect.NewNames())
	p.probe(blind.Probe())
	p.send("80100000020064", "9000")
	assert.Equal(t, inspect.SumOf(report).Instructions,
		inspect.SumOf(blind.Report(p.Machine().Packages())).Instructions)
}
