package debugger_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/debugger"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
)

const purseFile = "../testdata/probe/purse.cap"

type bench struct {
	*debugger.Debugger
	card *card.Card
	t    testing.TB
}

func newPurse(t testing.TB, tables ...*lines.Table) *bench {
	t.Helper()
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom(t.Name())})
	require.NoError(t, err)
	file, err := os.ReadFile(purseFile)
	require.NoError(t, err)
	p, err := c.Load(file)
	require.NoError(t, err)
	_, err = c.Install(p.Modules[0], p.Modules[0], nil)
	require.NoError(t, err)
	b := &bench{debugger.New(c, c.Machine(), inspect.NewNames(tables...)), c, t}
	b.ends(b.start("00A4040007F050524F42080100"), "9000")
	return b
}

func table(t testing.TB) *lines.Table {
	t.Helper()
	text, err := os.ReadFile(purseFile + ".lines")
	require.NoError(t, err)
	made, err := lines.Parse(text)
	require.NoError(t, err)
	return made
}

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}

func (b *bench) start(command string) debugger.Stop {
	b.t.Helper()
	s, err := b.Start(bytesOf(b.t, command), false)
	require.NoError(b.t, err)
	return s
}

func (b *bench) do(step func() (debugger.Stop, error)) debugger.Stop {
	b.t.Helper()
	s, err := step()
	require.NoError(b.t, err)
	return s
}

func (b *bench) ends(s debugger.Stop, answer string) {
	b.t.Helper()
	require.Equal(b.t, debugger.Ended, s.Reason, s.Where)
	require.NoError(b.t, s.Err)
	require.Equal(b.t, answer, strings.ToUpper(hex.EncodeToString(s.Response)))
}

func (b *bench) add(kind debugger.BreakKind, where string, line int) *debugger.Break {
	b.t.Helper()
	made, err := b.Add(debugger.Break{Kind: kind, Where: where, Line: line})
	require.NoError(b.t, err)
	return made
}

func (b *bench) at(s debugger.Stop, reason debugger.Reason, where string) {
	b.t.Helper()
	require.Equal(b.t, reason, s.Reason, "%s %v", s.Where, s.Err)
	require.Equal(b.t, where, s.Where)
}

const credit = "80100000020064"

// TestBreaks stop at a method, a line, a command, a write and an exception.
func TestBreaks(t *testing.T) {
	b := newPurse(t, table(t))
	method := b.add(debugger.OnMethod, "PurseApplet.credit", 0)
	assert.Equal(t, "1: method PurseApplet.credit", method.String())
	line := b.add(debugger.OnLine, "probe/purse/PurseApplet.java", 100)
	assert.Equal(t, 101, line.Found, "the next line with code")
	write := b.add(debugger.OnWrite, "PurseApplet.credited", 0)
	b.at(b.start(credit), debugger.AtBreak, "PurseApplet.credit (PurseApplet.java:98)")
	b.at(b.do(b.Resume), debugger.AtBreak, "PurseApplet.credit (PurseApplet.java:101)")
	s := b.do(b.Resume)
	b.at(s, debugger.AtWrite, "PurseApplet.credit (PurseApplet.java:102)")
	assert.Equal(t, []int{write.Number}, s.Breaks)
	assert.Equal(t, "PurseApplet.credited 0 -> 100", s.What)
	b.ends(b.do(b.Resume), "9000")
	for _, one := range []*debugger.Break{method, line, write} {
		require.True(t, b.Remove(one.Number))
	}
	require.False(t, b.Remove(line.Number))

	b.add(debugger.OnException, "ISOException 6A8*", 0)
	b.at(b.start("80100000020000"), debugger.AtException,
		"ISOException.throwIt, called by PurseApplet.credit (PurseApplet.java:99)")
	b.ends(b.do(b.Resume), "6A80")
	b.ends(b.start("8010000001AA"), "6700")
	reason := b.add(debugger.OnException, "67*", 0)
	b.at(b.start("8010000001AA"), debugger.AtException, "ISOException.throwIt, called by "+
		"PurseApplet.amountIn (PurseApplet.java:91)")
	b.ends(b.do(b.Resume), "6700")
	require.True(t, b.Remove(reason.Number))
	b.add(debugger.OnCommand, "80 12", 0)
	b.ends(b.start(credit), "9000")
	b.at(b.start("8012000002FFFF"), debugger.AtEntry, "PurseApplet.process (PurseApplet.java:55)")
	b.ends(b.do(b.Resume), "6982")

	nothing := b.add(debugger.OnLine, "Other.java", 1)
	assert.Equal(t, "7: line Other.java:1 (nothing there yet)", nothing.String())
	assert.Equal(t, "2: line probe/purse/PurseApplet.java:100 (has no code; it stops at the next "+
		"that has, 101)", line.String())
	for _, one := range []struct {
		b    debugger.Break
		said string
	}{
		{debugger.Break{Kind: debugger.OnMethod, Where: "PurseApplet.credti"},
			`no method on the card is called "PurseApplet.credti"; nearest: PurseApplet.credit`},
		{debugger.Break{Kind: debugger.OnLine, Where: "PurseApplte.java", Line: 3},
			`nothing on the card comes from "PurseApplte.java"; nearest: PurseApplet.java`},
		{debugger.Break{Kind: debugger.OnLine, Where: "PurseApplet.java", Line: 9000},
			"PurseApplet.java has no code at line 9000, nor behind it; the last line with code is"},
		{debugger.Break{Kind: debugger.OnException, Where: "ISOExeption 6A80"},
			`no exception is called "ISOExeption"; nearest: ISOException`},
	} {
		made, err := b.Add(one.b)
		require.NoError(t, err, "it may come with another CAP file")
		assert.ErrorContains(t, b.Missing(made), one.said)
		require.True(t, b.Remove(made.Number))
	}
	assert.NoError(t, b.Missing(line))
	_, err := b.AddFound(debugger.Break{Kind: debugger.OnMethod, Where: "PurseApplet.credti"})
	require.ErrorContains(t, err, "nearest: PurseApplet.credit")
	before := b.Breaks()
	next, err := b.AddFound(debugger.Break{Kind: debugger.OnMethod, Where: "PurseApplet.credit"})
	require.NoError(t, err)
	assert.Equal(t, lastOf(before)+5, next.Number, "one that is refused has no number")
	require.True(t, b.Remove(next.Number))
	for _, bad := range []debugger.Break{{Kind: debugger.OnLine, Where: "A.java"},
		{Kind: debugger.OnMethod}, {Kind: debugger.OnWrite},
		{Kind: debugger.OnCommand, Where: "8G12"}} {
		_, err := b.Add(bad)
		assert.Error(t, err)
	}
}

// lastOf is the number of the break that was made last.
func lastOf(all []*debugger.Break) int { return all[len(all)-1].Number }

// TestSteps go in, over, out and by instruction.
func TestSteps(t *testing.T) {
	b := newPurse(t, table(t))
	b.add(debugger.OnLine, "PurseApplet.java", 62)
	b.at(b.start(credit), debugger.AtBreak, "PurseApplet.process (PurseApplet.java:62)")
	b.at(b.do(b.StepIn), debugger.AtStep, "PurseApplet.amountIn (PurseApplet.java:90)")
	b.at(b.do(b.StepOver), debugger.AtStep, "PurseApplet.amountIn (PurseApplet.java:93)")
	b.at(b.do(b.StepOut), debugger.AtStep, "PurseApplet.process (PurseApplet.java:62)")
	b.at(b.do(b.StepIn), debugger.AtStep, "PurseApplet.credit (PurseApplet.java:98)")
	before := b.do(b.StepInstruction)
	assert.Equal(t, "PurseApplet.credit (PurseApplet.java:98)", before.Where)
	b.at(b.do(b.StepOut), debugger.AtStep, "PurseApplet.process (PurseApplet.java:63)")
	b.at(b.do(b.StepOver), debugger.AtStep, "PurseApplet.process (PurseApplet.java:87)")
	b.ends(b.do(b.StepOver), "9000")
	_, err := b.StepOver()
	assert.EqualError(t, err, "no command is in progress")
}

// TestInstructions are shown where the card stands, and of a whole method: each byte of its code
// belongs to one, and what they work on has the names of the source.
func TestInstructions(t *testing.T) {
	b := newPurse(t, table(t))
	b.add(debugger.OnMethod, "PurseApplet.credit", 0)
	s := b.start(credit)
	v := b.View()
	at, found := v.Instruction(v.Frames[0])
	require.True(t, found)
	assert.Equal(t, "+0 sload_1", at.String())
	assert.Equal(t, s.Site.PC, at.PC)
	list := v.Disassemble(v.Frames[0])
	assert.True(t, list[0].Here)
	texts, next := []string{}, at.PC
	for _, c := range list {
		assert.Equal(t, next, c.PC)
		next += len(c.Bytes)
		texts = append(texts, c.Disassembly.String())
	}
	assert.Subset(t, texts, []string{"ifle +12", "sspush 10000 (0x2710)", "if_scmple +18",
		"getfield_s PurseApplet.balance", "invokestatic ISOException.throwIt", "return"})
	other, err := b.Disassemble("process")
	require.NoError(t, err)
	assert.Equal(t, "PurseApplet.process", other[0].Method)
	listing := b.Listing(at.Address)
	assert.Contains(t, listing, other[0])
	assert.Empty(t, b.Listing(-1))
	_, err = b.Disassemble("proces")
	assert.ErrorContains(t, err, "nearest: PurseApplet.process")
}

// TestNamesOfExceptions: a class alone is each of its reasons, and a reason has number and name.
func TestNamesOfExceptions(t *testing.T) {
	for _, c := range []struct {
		where, command string
		stops          bool
	}{
		{"*", "80100000020000", true}, {"ISOException", "80100000020000", true},
		{"ISOException 6A80", "80100000020000", true}, {"ISO*", "80100000020000", true},
		{"*Exception 6A*", "80100000020000", true}, {"6A80", "80100000020000", true},
		{"ISOException 6A81", "80100000020000", false},
		{"ISOException 6A", "80100000020000", false},
		{"CryptoException", "80100000020000", false},
		{"ArrayIndexOutOfBoundsException", "8030000002FF01", true},
		{"ISOException", "8030000002FF01", false},
		{"TransactionException BUFFER_FULL", "80100000020000", false},
	} {
		b := newPurse(t, table(t))
		b.add(debugger.OnException, c.where, 0)
		s := b.start(c.command)
		assert.Equal(t, c.stops, s.Reason == debugger.AtException, c.where)
		require.NoError(t, b.Abandon())
	}
}

// TestBack goes to the line before and further, and the command ends as it would have.
func TestBack(t *testing.T) {
	b := newPurse(t, table(t))
	first := b.add(debugger.OnMethod, "amountIn", 0)
	b.add(debugger.OnWrite, "PurseApplet.credited", 0)
	b.at(b.start(credit), debugger.AtBreak, "PurseApplet.amountIn (PurseApplet.java:90)")
	b.at(b.do(b.Resume), debugger.AtWrite, "PurseApplet.credit (PurseApplet.java:102)")
	value, err := b.View().Evaluate(nil, "PurseApplet.balance")
	require.NoError(t, err)
	assert.Equal(t, "100", value.Value)
	b.at(b.do(b.Back), debugger.AtStep, "PurseApplet.credit (PurseApplet.java:102)")
	b.at(b.do(b.Back), debugger.AtStep, "PurseApplet.credit (PurseApplet.java:101)")
	value, _ = b.View().Evaluate(nil, "PurseApplet.balance")
	assert.Equal(t, "0", value.Value, "memory is as it was then")
	b.at(b.do(b.Back), debugger.AtStep, "PurseApplet.credit (PurseApplet.java:98)")
	b.at(b.do(b.Back), debugger.AtStep, "PurseApplet.process (PurseApplet.java:62)")
	b.at(b.do(b.Resume), debugger.AtBreak, "PurseApplet.amountIn (PurseApplet.java:90)")
	b.at(b.do(b.Resume), debugger.AtWrite, "PurseApplet.credit (PurseApplet.java:102)")
	s := b.do(b.BackToBreak)
	b.at(s, debugger.AtBreak, "PurseApplet.amountIn (PurseApplet.java:90)")
	assert.Equal(t, []int{first.Number}, s.Breaks)
	b.at(b.do(b.BackToBreak), debugger.AtStep, "PurseApplet.process (PurseApplet.java:55)")
	for range 3 {
		b.do(b.StepInstruction)
	}
	b.at(b.do(b.BackInstruction), debugger.AtStep, "PurseApplet.process (PurseApplet.java:55)")
	require.True(t, b.Remove(1))
	require.True(t, b.Remove(2))
	b.ends(b.do(b.Resume), "9000")
	b.ends(b.start("8040000000"), "00649000")
	_, err = b.Back()
	assert.EqualError(t, err, "no command is in progress")
}

// TestViews show frames, locals, operands and fields by name.
func TestViews(t *testing.T) {
	b := newPurse(t, table(t))
	b.add(debugger.OnLine, "PurseApplet.java", 115)
	b.ends(b.start(credit), "9000")
	b.ends(b.start("802000000401020304"), "9000")
	b.at(b.start("8012000002000A"), debugger.AtBreak, "PurseApplet.debit (PurseApplet.java:115)")
	v := b.View()
	require.Len(t, v.Frames, 2)
	assert.Equal(t, "probe/purse/PurseApplet.java", v.Frames[0].Source)
	assert.Equal(t, []string{"PurseApplet.debit", "PurseApplet.process"},
		[]string{v.Frames[0].Name, v.Frames[1].Name})
	assert.Equal(t, 65, v.Frames[1].Line)
	assert.Equal(t, []debugger.Variable{
		{Name: "this", Type: "PurseApplet", Value: "PurseApplet", Path: "PurseApplet"},
		{Name: "amount", Type: "short", Value: "10"}, {Name: "left", Type: "short", Value: "90"},
	}, v.Locals(v.Frames[0]))
	assert.Equal(t, 1, v.Transaction().Number)
	assert.True(t, v.Transaction().Open)
	balance, err := v.Evaluate(&v.Frames[0], "balance")
	require.NoError(t, err)
	assert.Equal(t, "100", balance.Value)
	length, err := v.Evaluate(&v.Frames[1], "length")
	require.NoError(t, err)
	assert.Equal(t, "2", length.Value)
	apdu, err := v.Evaluate(&v.Frames[1], "apdu")
	require.NoError(t, err)
	assert.Equal(t, "runtime APDU", apdu.Value)
	inside, found := v.Inside("PurseApplet.pin.secret")
	require.True(t, found)
	assert.Equal(t, debugger.Variable{Name: "[0]", Type: "byte", Value: "0x03"}, inside[0])
	assert.Equal(t, "030401020304", v.Bytes("PurseApplet.pin.secret"))
	var roots []string
	for _, o := range v.Objects() {
		roots = append(roots, o.Name)
	}
	assert.Subset(t, roots, []string{"PurseApplet", "purse", "APDU buffer"})
	b.do(b.StepInstruction)
	v = b.View()
	assert.Equal(t, "90", v.Operands(v.Frames[0])[0].Value, "what is to be written is pushed")
	require.NoError(t, b.Abandon())
	b.ends(b.start("8040000000"), "00649000")
	require.False(t, b.Running())
}

// TestWithoutNames: methods are named by their offset, a step is an instruction.
func TestWithoutNames(t *testing.T) {
	b := newPurse(t)
	s, err := b.Start(bytesOf(t, credit), true)
	require.NoError(t, err)
	require.Equal(t, debugger.AtEntry, s.Reason)
	require.Regexp(t, `^class0\.method@\d+\+0$`, s.Where)
	next := b.do(b.StepOver)
	require.NotEqual(t, s.Where, next.Where)
	assert.Equal(t, s.Where, b.do(b.Back).Where)
	v := b.View()
	assert.Equal(t, "local0", v.Locals(v.Frames[0])[0].Name)
	b.add(debugger.OnMethod, "method@"+strings.Split(s.Where, "@")[1][:3], 0)
	b.ends(b.do(b.Resume), "9000")
	_, err = b.Start(bytesOf(t, credit), true)
	require.NoError(t, err)
	_, err = b.Start(bytesOf(t, credit), true)
	require.ErrorContains(t, err, "a command is in progress")
	require.NoError(t, b.Abandon())
}

// BenchmarkOff is a command on a card with a debugger that is not to stop anywhere, and without
// one: it costs nothing.
func BenchmarkOff(b *testing.B) {
	depth := bytesOf(b, "80326400")
	b.Run("without", func(b *testing.B) {
		p := newPurse(b, table(b))
		for b.Loop() {
			_, err := p.card.TransmitBytes(depth)
			require.NoError(b, err)
		}
	})
	b.Run("off", func(b *testing.B) {
		p := newPurse(b, table(b))
		require.True(b, p.Remove(p.add(debugger.OnMethod, "credit", 0).Number))
		for b.Loop() {
			_, err := p.card.TransmitBytes(depth)
			require.NoError(b, err)
		}
	})
	b.Run("elsewhere", func(b *testing.B) {
		p := newPurse(b, table(b))
		p.add(debugger.OnMethod, "credit", 0)
		for b.Loop() {
			p.start("80326400")
		}
	})
}

// TestDebugComponent: a CAP file with debug information needs no table; an installation stops as a
// command does, and what it throws ends it.
func TestDebugComponent(t *testing.T) {
	c, err := card.New(card.Options{Profile: card.P71, Random: card.SeededRandom(t.Name())})
	require.NoError(t, err)
	file, err := os.ReadFile("../cap/testdata/debug.cap")
	require.NoError(t, err)
	p, err := c.Load(file)
	require.NoError(t, err)
	b := &bench{debugger.New(c, c.Machine(), inspect.NewNames()), c, t}
	made := b.add(debugger.OnLine, "debugged/Refuser.java", 20)
	assert.Equal(t, 21, made.Found)
	install := func() ([]byte, error) {
		_, err := c.Install(p.Modules[0], p.Modules[0], nil)
		return nil, err
	}
	s, err := b.StartAction(nil, install, false)
	require.NoError(t, err)
	b.at(s, debugger.AtBreak, "Refuser.refuse (Refuser.java:21)")
	b.at(b.do(b.Back), debugger.AtStep, "Refuser.install (Refuser.java:17)")
	b.at(b.do(b.Resume), debugger.AtBreak, "Refuser.refuse (Refuser.java:21)")
	v := b.View()
	reason, err := v.Evaluate(&v.Frames[0], "reason")
	require.NoError(t, err)
	assert.Equal(t, "27013", reason.Value)
	s = b.do(b.Resume)
	require.Equal(t, debugger.Ended, s.Reason)
	require.ErrorContains(t, s.Err, "0x6985")
}
