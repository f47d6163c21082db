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
		"break PurseApplet.credit if bal": {"break PurseApplet.credit if balance "},
		"break PurseApplet.java:101 if this.bal": {
			"break PurseApplet.java:101 if this.balance "},
		"break PurseApplet.credit if amount>bal": {
			"break PurseApplet.credit if amount>balance "},
		"break PurseApplet.credit if log.le": {"break PurseApplet.credit if log.length "},
		"break PurseApplet.credit log {amount} of {bal": {
			"break PurseApplet.credit log {amount} of {balance "},
		"break write PurseApplet.balance if ne": {"break write PurseApplet.balance if new "},
		"break Nothing.there if bal":            nil,
		"dump n":                                {"dump nvm "},
		"dump PurseApplet.bal":                  {"dump PurseApplet.balance "},
		"dump nvm PurseApplet.bal":              {"dump nvm PurseApplet.balance "},
		"break write PurseApplet.bal":           {"break write PurseApplet.balance "},
		"break exception ISO":                   {"break exception ISOException "},
		"disassemble PurseApplet.deb":           {"disassemble PurseApplet.debit "},
		"unbreak a":                             {"unbreak all "},
	} {
		assert.Equal(t, want, complete(line), line)
	}
	require.NoError(t, b.Execute(t.Context(), "break PurseApplet.credit").Err())
	assert.Equal(t, []string{"unbreak 1 "}, complete("unbreak 1"))
	require.NoError(t, b.Execute(t.Context(), "debug 80100000020064").Err())
	assert.Equal(t, []string{"print amount "}, complete("print am"))
	assert.Equal(t, []string{"print balance "}, complete("print bal"))
	for line, want := range map[string][]string{
		"print amount + bal":      {"print amount + balance "},
		"print amount+bal":        {"print amount+balance "},
		"print log[ne":            {"print log[next "},
		"print pin.":              {"print pin.limit", "print pin.secret", "print pin.validated"},
		"print this.pin.l":        {"print this.pin.limit "},
		"print log.":              {"print log.length "},
		"print PurseApplet.pin.l": {"print PurseApplet.pin.limit "},
		"print 'APDU":             {"print 'APDU buffer' "},
		"print (amount + 1).":     nil,
		"print 0":                 nil,
		"print nothing.":          nil,
		"print amount.":           nil,
	} {
		assert.Equal(t, want, complete(line), line)
	}
	v := func(line string) string {
		r := b.Execute(t.Context(), line)
		require.NoError(t, r.Err(), line)
		return r.Line()
	}
	assert.NotEmpty(t, v("print 'APDU buffer'"))
	require.NoError(t, b.Execute(t.Context(), "abandon").Err())
}
