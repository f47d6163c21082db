package lab

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCompletionOfTheDebugger: classes, methods, files, lines, names, and a blank behind what is
// whole.
func TestCompletionOfTheDebugger(t *testing.T) {
	b := session(t, false)
	require.NoError(t, b.Execute(t.Context(), "00A4040007F050524F42080100 -> 9000").Err())
	complete := b.Complete
	assert.ElementsMatch(t, []string{"break PurseApplet.", "break PurseApplet.java:",
		"break probe/purse/PurseApplet.java:", "break command", "break exception", "break write"},
		complete("break "))
	for line, want := range map[string][]string{
		"brea":                 {"break", "breaks"},
		"breaks":               {"breaks "},
		"break com":            {"break command "},
		"break PurseApplet.cr": {"break PurseApplet.credit "},
		"break purseapplet.cr": {"break PurseApplet.credit "},
		"break PurseApplet.java:10": {"break PurseApplet.java:101",
			"break PurseApplet.java:102", "break PurseApplet.java:103",
			"break PurseApplet.java:107", "break PurseApplet.java:108"},
		"break probe/purse/PurseApplet.java:90": {
			"break probe/purse/PurseApplet.java:90 "},
		"break probe/p":              {"break probe/purse/PurseApplet.java:"},
		"break credi":                {"break credit "},
		"break PurseApplet.credit i": {"break PurseApplet.credit if "},
		"break PurseApplet.credit if PurseApplet.bal": {
			"break PurseApplet.credit if PurseApplet.balance "},
		"break write PurseApplet.bal": {"break write PurseApplet.balance "},
		"break exception ISO":         {"break exception ISOException "},
		"disassemble PurseApplet.deb": {"disassemble PurseApplet.debit "},
		"unbreak a":                   {"unbreak all "},
	} {
		assert.Equal(t, want, complete(line), line)
	}
	require.NoError(t, b.Execute(t.Context(), "break PurseApplet.credit").Err())
	assert.Equal(t, []string{"unbreak 1 "}, complete("unbreak 1"))
	require.NoError(t, b.Execute(t.Context(), "debug 80100000020064").Err())
	assert.Equal(t, []string{"print amount "}, complete("print am"))
	assert.Equal(t, []string{"print balance "}, complete("print bal"))
	require.NoError(t, b.Execute(t.Context(), "abandon").Err())
}
