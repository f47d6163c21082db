package lab

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// session opens the purse.
func session(t testing.TB, blind bool) *Bench {
	t.Helper()
	b, err := purse(t, blind).Open(t.Context())
	require.NoError(t, err)
	return b
}

// TestWordsThatLook are one line each, as scripts expect them.
func TestWordsThatLook(t *testing.T) {
	b := session(t, false)
	for _, line := range []string{
		"changes -> error: nothing has been noted*",
		"watch on -> ok",
		"00A4040007F050524F42080100 -> 9000",
		"80100000020064 -> 9000",
		"changes -> 2 changes, 2 writes of 4 bytes, 2 outside a transaction; 0 transactions",
		"changes -> 2 changes,*",
		"802000000401020304 -> 9000",
		"reset -> ok",
		"changes -> *",
		"00A4040007F050524F42080100 -> 9000",
		"802000000401020304 -> 9000",
		"left -> * PurseApplet.key*",
		"8012000002000A -> 9000",
		"changes -> *1 transaction, at most 18 bytes of the commit buffer, which has 5120",
		"dump nvm Purse*.log -> 1 object*",
		"dump a b -> error: *one pattern*",
		"watch off -> ok",
		"profile show -> error: *profile on*",
		"profile on", "coverage on", "80320300 -> 9000",
		"profile show -> * bytecodes: *PurseApplet.depth *",
		"coverage show -> * instructions, * lines, 2 of 10 methods reached",
		"profile on", "80100000020001 -> 9000", "profile show -> 47 bytecodes: *",
		"tear 80100000020001 -> 2 cuts: *", // sets back what was counted too
		"profile show -> 47 bytecodes: *",
		"break PurseApplet.java:102 -> 1: *", "debug 80100000020001 -> stopped *",
		"back -> stopped *", "back -> stopped *", "unbreak 1", "continue -> 9000",
		"profile show -> 94 bytecodes: *",
		"profile off", "coverage off",
		"tear 80100000020064 -> 2 cuts: 1 as before, 0 as after, 1 finding",
		"8040000000 -> 9000 : 005C",
		"tear -> error: *",
		"watch perhaps -> error: *on, off is missing*",
	} {
		require.NoError(t, b.Execute(t.Context(), line).Err(), line)
	}
}

// TestWordsOfTheDebugger stop a command, look and go on; what would disturb the card is refused
// until the command has ended.
func TestWordsOfTheDebugger(t *testing.T) {
	b := session(t, false)
	defer func() {
		require.NoError(t, b.Execute(t.Context(), "debug entry 8040000000").Err())
		require.ErrorContains(t, b.Execute(t.Context(), "8040000000").Err(), "stands still")
		require.NoError(t, b.Execute(t.Context(), "continue -> 012D9000").Err())
	}()
	for _, line := range []string{
		"00A4040007F050524F42080100 -> 9000",
		"where -> error: no command is in progress*",
		"break PurseApplet.credit -> 1: method PurseApplet.credit",
		"break write PurseApplet.credited -> 2: write PurseApplet.credited",
		"break PurseApplet.java:62 -> 3: line PurseApplet.java:62",
		"break command 8040 -> 4: command 8040",
		"break PurseApplet.java:62 if lenght == 2 -> error: *nearest: length",
		"break PurseApplet.credit if amount > 100 hit % 2 -> 5: method * (hit 0 times so far)",
		"break PurseApplet.java:101 log at {balance}, {log.length} -> 6: *",
		"unbreak 6", "unbreak 5",
		"break here and there -> error: *",
		"break PurseApplet.credti -> error: no method * nearest: PurseApplet.credit",
		"break PurseApplet.java:900 -> error: *the last line with code is 159",
		"disassemble nothing -> error: no method *",
		"disassemble -> error: no command is in progress: *",
		"locals -> error: no command is in progress: *",
		"breaks -> 4 breaks: *",
		"unbreak 3 -> ok",
		"unbreak 3 -> error: there is no break 3*",
		"debug 80100000020064 -> stopped by breakpoint at PurseApplet.credit (PurseApplet.java:98)",
		"where -> PurseApplet.credit (PurseApplet.java:98) < " +
			"PurseApplet.process (PurseApplet.java:62)",
		"locals -> this = PurseApplet, amount = 100",
		"locals 1 -> this = PurseApplet, apdu = *, buffer = *, length = 2",
		"locals 7 -> error: there is no frame 7*",
		"stack -> ",
		"reset -> error: the card stands still*",
		"step over -> stopped by step at PurseApplet.credit (PurseApplet.java:101)",
		"print balance -> 0",
		"continue -> stopped by write at *: PurseApplet.credited 0 -> 100",
		"print PurseApplet.balance -> 100",
		"back -> stopped by step at PurseApplet.credit (PurseApplet.java:102)",
		"back stop -> stopped by breakpoint at PurseApplet.credit (PurseApplet.java:98)",
		"back sideways -> error: *",
		"print balance -> 0",
		"print nothing -> error: *",
		"unbreak all",
		"continue -> 9000",
		"debug 8040000000 -> 00649000",
		"debug entry 80100000020064 -> stopped by entry at *",
		"step instruction -> stopped by step at PurseApplet.process (PurseApplet.java:55); " +
			"pc 98, +1 invokevirtual Applet.selectingApplet; stack: *, or PurseApplet",
		"disassemble -> 71 instructions of PurseApplet.process",
		"abandon -> ok",
		"8040000000 -> 9000 : 0064",
		"watch on", "break PurseApplet.java:102", "debug 80100000020064 -> stopped *",
		"back -> stopped *", "back -> stopped *", "unbreak all", "continue -> 9000",
		"changes -> 2 changes, 2 writes of 4 bytes,*", "watch off",
		"debug reset -> error: *",
		"break PurseApplet.java:101 if amount == 0x65 log {amount} to {balance} in {log}",
		"break PurseApplet.java:102 if 'APDU buffer'[1] == 0x10 && amount < 2",
		"debug 80100000020065 -> 9000; logged: 101 to 200 in PurseApplet.log",
		"debug 80100000020001 -> stopped by breakpoint at *(PurseApplet.java:102)",
		"print balance - credited -> 1", "print log[7] -> error: log has no element 7*",
		"abandon", "unbreak all",
		"print PurseApplet.pin.secret -> 030401020304",
	} {
		require.NoError(t, b.Execute(t.Context(), line).Err(), line)
	}
}

// TestWordsWithoutNames: a table can be named later.
func TestWordsWithoutNames(t *testing.T) {
	b := session(t, true)
	for _, line := range []string{
		"watch on", "00A4040007F050524F42080100 -> 9000", "80100000020064 -> 9000",
		"changes -> 2 changes*", "dump *.field4 -> error: nothing is called *",
		"dump ram *.field0 -> error: nothing in RAM is called *",
		"symbols " + probes + "purse.cap.lines -> 10 methods", "dump PurseApplet.log -> 1 object*",
		"symbols absent -> error: *",
		"break credit", "debug 80100000020064 -> stopped by breakpoint at PurseApplet.credit *",
		"continue -> 9000",
	} {
		require.NoError(t, b.Execute(t.Context(), line).Err(), line)
	}
	assert.False(t, b.isCut())
}

// No history keeps the secrets of a command that is debugged or torn.
func TestHistoryOfLinesWithinWords(t *testing.T) {
	b := session(t, false)
	const verify, masked = "00200080 08 241357FFFFFFFFFF", "0020008008****************"
	for line, want := range map[string]string{
		"debug " + verify:                  "debug " + masked,
		"debug entry " + verify:            "debug entry " + masked,
		"debug 0020008008241357FFFFFFFFFZ": "debug **",
		"debug":                            "debug",
		"debug 8040000000":                 "debug 8040000000",
		"tear " + verify:                   "tear " + masked,
		"tear verify 9529":                 "tear verify **",
		"tear cut 3":                       "tear cut 3",
		"break command 8012":               "break command 8012",
		"break command 0020008008241357":   "break command **",
		"break PurseApplet.debit if a > 1": "break PurseApplet.debit if a > 1",
	} {
		assert.Equal(t, want, b.Masked(line), line)
	}
}
