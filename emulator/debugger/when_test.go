package debugger_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/debugger"
	"ekrona.example/emulator/lines"
)

const pay = "8012000002000A"

// inDebit is a card that stands in debit, where left has a value: the balance is 100.
func inDebit(t testing.TB, tables ...*lines.Table) *bench {
	t.Helper()
	b := newPurse(t, tables...)
	b.ends(b.start(credit), "9000")
	b.ends(b.start("802000000401020304"), "9000")
	return b
}

func (b *bench) when(where string) *debugger.Break {
	b.t.Helper()
	made, err := debugger.ParseBreak(where)
	require.NoError(b.t, err, where)
	added, err := b.Add(made)
	require.NoError(b.t, err, where)
	return added
}

// TestExpressions are what Java would make of them, over the names that the debugger shows.
func TestExpressions(t *testing.T) {
	b := inDebit(t, table(t))
	b.when("PurseApplet.java:115")
	b.at(b.start(pay), debugger.AtBreak, "PurseApplet.debit (PurseApplet.java:115)")
	v := b.View()
	for text, want := range map[string]string{
		"left": "90", "amount + 1": "11", "left == 90 && amount < 11": "true",
		"balance - left == amount":           "true",
		"this.balance":                       "100",
		"PurseApplet.balance":                "100",
		"purses":                             "1",
		"PurseApplet.purses":                 "1",
		"purse.PurseApplet.purses":           "1",
		"log.length":                         "4",
		"log[1]":                             "0",
		"log[next] == 0":                     "true",
		"pin.secret[0]":                      "0x03",
		"pin.secret[2] == 0x01":              "true",
		"'APDU buffer'[0] == 0x80":           "true", // which is a byte, and -128
		"'APDU buffer'[0] == -128":           "true",
		"'APDU buffer'[0] < 0":               "true",
		"('APDU buffer'[0] & 0xFF) == 0x80":  "true",
		"this == PurseApplet":                "true",
		"pin == null":                        "false",
		"pin != null && pin.secret.length>3": "true",
		"used || true":                       "true",
		"true || log[99] == 0":               "true",
		"!used":                              "true",
		"used ^ true":                        "true",
		"(byte) 0x1FF":                       "-1",
		"(short)(balance * 1000)":            "-31072",
		"-2147483648 / -1":                   "-2147483648",
		"-7 % 3":                             "-1",
		"-1 >>> 28":                          "15",
		"1 << 33":                            "2",
		"2 + 3 * 4 == 14 == true":            "true",
		"1 | 6 & 2 ^ 1":                      "3",
		"~0":                                 "-1",
		"PurseApplet.pin":                    "PurseApplet.pin",
	} {
		found, err := v.Evaluate(v.Bytecode(), text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, found.Value, text)
		}
	}
	for text, said := range map[string]string{
		"lfet":                       `nothing is called "lfet" here; nearest: left`,
		"log[4]":                     "log has no element 4: its length is 4",
		"log[-1] == 0":               "log has no element -1",
		"log.size":                   `log has no "size"`,
		"this.blance":                `this has no "blance"; nearest: balance`,
		"amount.length":              "amount is a number (short), and no object",
		"amount[0]":                  "amount is a number (short), and no object",
		"pin[0]":                     "pin is no array",
		"stack0.x":                   `nothing is called "stack0" here`,
		"null.x":                     "null is null",
		"amount && true":             "amount is a number (short), and neither true nor false",
		"used + 1":                   "used is a boolean, and no number",
		"used == 1":                  "used is a boolean and 1 a number (int)",
		"next == 200":                "next is a byte, which is never 200",
		"next == 0x100":              "next is a byte, which is never 0x100",
		"amount == 70000":            "amount is a short, which is never 70000",
		"amount / (amount - 10) > 0": "division by zero",
		"amount = 3":                 "nothing can be assigned: == compares",
		"amount >":                   "something is missing at its end",
		"(amount":                    "a bracket is not closed",
		"log[1":                      "a square bracket is not closed",
		"amount amount":              `"amount" is not expected there`,
		"amount ? 1 : 2":             `"? 1 : 2" is not expected there`,
		"010":                        "octal in Java",
		"99999999999":                "no number of 32 bits",
		"0x123456789":                "no number of 32 bits",
		"left()":                     "left(: nothing can be called",
		"'left":                      "an apostrophe begins a name",
		"":                           "something is missing",
		"purse == null":              "a package cannot be compared",
	} {
		_, err := v.Evaluate(v.Bytecode(), text)
		assert.ErrorContains(t, err, said, text)
	}
	deep := ""
	for range 200 {
		deep += "("
	}
	_, err := v.Evaluate(nil, deep+"1")
	assert.ErrorContains(t, err, "nested deeper")
}

// TestConditions stop only where they hold, and count what held.
func TestConditions(t *testing.T) {
	b := inDebit(t, table(t))
	only := b.when("PurseApplet.debit if amount > 10 && balance >= amount")
	b.ends(b.start(pay), "9000")
	b.at(b.start("8012000002000B"), debugger.AtBreak, "PurseApplet.debit (PurseApplet.java:107)")
	b.ends(b.do(b.Resume), "9000")
	assert.Equal(t, "1: method PurseApplet.debit if amount > 10 && balance >= amount (hit once so "+
		"far)", only.String())
	require.True(t, b.Remove(only.Number))

	third := b.when("PurseApplet.debit if amount == 1 hit 3")
	second := b.when("PurseApplet.java:113 hit % 2")
	for n := 1; n <= 4; n++ {
		b.ends(b.start("80120000020002"), "9000")
		require.Equal(t, n*2-1, second.Hits)
		s := b.start("80120000020001")
		if n == 3 {
			require.Equal(t, []int{third.Number}, s.Breaks)
			s = b.do(b.Resume)
		}
		require.Equal(t, []int{second.Number}, s.Breaks)
		b.ends(b.do(b.Resume), "9000")
	}
	assert.Equal(t, 4, third.Hits)
}

// TestKinds: conditions of writes know what will be, those of commands and exceptions the card.
func TestKinds(t *testing.T) {
	b := inDebit(t, table(t))
	lower := b.when("write PurseApplet.balance if new < old")
	b.ends(b.start(credit), "9000")
	s := b.start(pay)
	b.at(s, debugger.AtWrite, "PurseApplet.debit (PurseApplet.java:115)")
	assert.Equal(t, "PurseApplet.balance 200 -> 190", s.What)
	b.ends(b.do(b.Resume), "9000")
	require.True(t, b.Remove(lower.Number))

	b.when("exception 6A80 if amount > 100")
	b.ends(b.start("80100000020000"), "6A80")
	b.at(b.start("80120000027FFF"), debugger.AtException, "ISOException.throwIt, called by "+
		"PurseApplet.debit (PurseApplet.java:111)")
	b.ends(b.do(b.Resume), "6A80")
	command := b.when("command 8010 if PurseApplet.credited >= 300")
	b.ends(b.start(credit), "9000")
	s = b.start(credit)
	b.at(s, debugger.AtEntry, "PurseApplet.process (PurseApplet.java:55)")
	assert.Equal(t, []int{command.Number}, s.Breaks)
	b.ends(b.do(b.Resume), "9000")
}

// TestLogs are told and stop nothing; after a step back they are not told again.
func TestLogs(t *testing.T) {
	b := inDebit(t, table(t))
	var logged []string
	b.Log = func(_ debugger.Break, m string) { logged = append(logged, m) }
	b.when(`PurseApplet.java:115 log left {left}\{, log {log[next]} of {log.length}: {log[9]} ` +
		`{pin.secret}`)
	b.ends(b.start(pay), "9000")
	const said = "left 90{, log 0 of 4: {log has no element 9: its length is 4} byte[6] " +
		"030401020304"
	assert.Equal(t, []string{said}, logged)
	b.when("PurseApplet.java:117")
	b.start(pay)
	require.Len(t, logged, 2)
	b.at(b.do(b.Back), debugger.AtStep, "PurseApplet.debit (PurseApplet.java:116)")
	b.at(b.do(b.BackToBreak), debugger.AtStep, "PurseApplet.process (PurseApplet.java:55)")
	assert.Len(t, logged, 2, "a break that logs is none to go back to")
	b.do(b.Resume)
	assert.Len(t, logged, 3, "it has come there again")
	b.ends(b.do(b.Resume), "9000")
}

// TestBackCounts: hits that a step back takes back count no more.
func TestBackCounts(t *testing.T) {
	b := newPurse(t, table(t))
	deep := b.when("PurseApplet.depth if of <= 8 hit % 3") // of: 10, 9, 8, ... 0
	of := func(want string) {
		t.Helper()
		v := b.View()
		found, err := v.Evaluate(v.Bytecode(), "of")
		require.NoError(t, err)
		require.Equal(t, want, found.Value)
	}
	b.start("80320A00")
	of("6")
	b.do(b.Resume)
	of("3")
	assert.Equal(t, 6, deep.Hits)
	b.do(b.BackToBreak)
	of("6")
	assert.Equal(t, 3, deep.Hits)
	b.do(b.Resume)
	of("3")
	b.do(b.Resume)
	of("0")
	b.ends(b.do(b.Resume), "9000")
	assert.Equal(t, 9, deep.Hits)
}

// TestWrongConditions are told when a break is made; one that cannot be evaluated at a hit stops
// there and says why.
func TestWrongConditions(t *testing.T) {
	b := inDebit(t, table(t))
	for text, said := range map[string]string{
		"debit if amuont > 3":                    `nothing is called "amuont" at PurseApplet.debit`,
		"debit if left > 3":                      "left has no value yet, or no more, at Purse",
		"PurseApplet.debit if amount":            "neither true nor false: compare it",
		"PurseApplet.debit if amount > 3 &&":     "something is missing",
		"PurseApplet.debit if amount > used":     "used is a boolean, and no number",
		"PurseApplet.debit if next == 300":       "never 300",
		"PurseApplet.debit if this.blance == 0":  "nearest: balance",
		"PurseApplet.debit if log.x == 0":        `log has no "x"`,
		"PurseApplet.debit if log[0].x == 0":     "a number (short), and no object",
		"PurseApplet.debit if amount[0] == 0":    "no object",
		"PurseApplet.debit hit 0":                "from 1 on",
		"PurseApplet.debit hit x":                "from 1 on",
		"PurseApplet.debit hit 3 4":              "not expected",
		"PurseApplet.debit log {amount":          "not closed",
		"PurseApplet.debit log amount}":          "none was opened",
		"PurseApplet.debit log {lft}":            `nothing is called "lft"`,
		"PurseApplet.debit log":                  "something is missing",
		"PurseApplet.debit if amount > 3 log":    "something is missing",
		"command 80 if amuont > 3":               `on the card is called "amuont"; nearest: amount`,
		"command 8012 if PurseApplet.blance > 3": "nearest: balance",
		"write PurseApplet.balance if new":       "neither true nor false",
	} {
		made, err := debugger.ParseBreak(text)
		if err == nil {
			_, err = b.Add(made)
		}
		assert.ErrorContains(t, err, said, text)
	}
	for _, one := range b.Breaks() {
		b.Remove(one.Number)
	}
	b.when("PurseApplet.debit if log[amount] != 0")
	b.ends(b.start("80120000020001"), "9000")
	s := b.start(pay)
	b.at(s, debugger.AtBreak, "PurseApplet.debit (PurseApplet.java:107)")
	assert.Equal(t, "the condition of break 1, log[amount] != 0, cannot be evaluated: log has no "+
		"element 10: its length is 4", s.What)
	b.ends(b.do(b.Resume), "9000")
}

// TestConditionsWithoutNames are over cells, and fields by their place.
func TestConditionsWithoutNames(t *testing.T) {
	b := inDebit(t)
	s, err := b.Start(bytesOf(t, pay), true)
	require.NoError(t, err)
	v := b.View()
	found, err := v.Evaluate(v.Bytecode(), "field4 == 100 && local1 != null && local0.field4 > 99")
	require.NoError(t, err)
	assert.Equal(t, "true", found.Value)
	require.NoError(t, b.Abandon())
	var start int
	_, err = fmt.Sscanf(s.Where, "class0.method@%d+0", &start)
	require.NoError(t, err)
	b.when(fmt.Sprintf("method@%d if local0 == null", start))
	b.when(fmt.Sprintf("method@%d if field4 < 100", start))
	b.ends(b.start(pay), "9000")
	b.at(b.start(pay), debugger.AtBreak, s.Where)
	b.ends(b.do(b.Resume), "9000")
}

// FuzzBreak: what is taken as a break is, written as the shell has it, the same break; what is
// taken as an expression means the same with all its brackets; and evaluating ends.
func FuzzBreak(f *testing.F) {
	for _, s := range []string{"PurseApplet.debit if amount > 10 && !used hit >= 3 log {left}\\{",
		"A.java:7 hit % 2", "command 80 12 if 'APDU buffer'[0] == -0x80", "write log log {new}",
		"exception if ((byte) -1 >>> 2) * -3 != ~x[1].y.length || false == null", "if if if",
		"exception 6A8* log a -> b"} {
		f.Add(s)
	}
	b := inDebit(f, table(f))
	b.when("PurseApplet.java:115")
	b.at(b.start(pay), debugger.AtBreak, "PurseApplet.debit (PurseApplet.java:115)")
	v := b.View()
	f.Fuzz(func(t *testing.T, text string) {
		if made, err := debugger.ParseBreak(text); err == nil {
			again := string(made.Kind) + " " + made.Where
			if made.Kind == debugger.OnLine {
				again = fmt.Sprintf("%s:%d", made.Where, made.Line)
			}
			second, err := debugger.ParseBreak(again + made.When.String())
			require.NoError(t, err)
			assert.Equal(t, made, second)
			_, err = debugger.ParseExpression(made.Condition)
			assert.Equal(t, made.Condition == "", err != nil)
		}
		made, err := debugger.ParseExpression(text)
		if err != nil {
			return
		}
		second, err := debugger.ParseExpression(made.String())
		require.NoError(t, err)
		assert.Equal(t, made.String(), second.String())
		one, failed := v.Evaluate(v.Bytecode(), text)
		two, failedToo := v.Evaluate(v.Bytecode(), made.String())
		assert.Equal(t, failed == nil, failedToo == nil)
		assert.Equal(t, one.Value, two.Value)
	})
}
