package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moves are the commands that move or ask for money and do it again when they are repeated, each
// with another amount under the same name; later ones stand on earlier ones.
var moves = []struct{ line, other []string }{
	{[]string{"wallet", "buy", "anna", "100"}, []string{"wallet", "buy", "anna", "101"}},
	{[]string{"wallet", "load", "anna", "200"}, []string{"wallet", "load", "anna", "201"}},
	{[]string{"wallet", "unload", "anna", "20"}, []string{"wallet", "unload", "anna", "21"}},
	{[]string{"wallet", "ask", "bertil", "5"}, []string{"wallet", "ask", "bertil", "6"}},
	{[]string{"wallet", "pay", "anna", "bertil", "10"},
		[]string{"wallet", "pay", "anna", "bertil", "11"}},
	{[]string{"terminal", "sell", "cafe", "45", "--card", "anna"},
		[]string{"terminal", "sell", "cafe", "46", "--card", "anna"}},
	{[]string{"terminal", "refund", "cafe", "SENORDICC0000001/3", "7"},
		[]string{"terminal", "refund", "cafe", "SENORDICC0000001/3", "8"}},
}

// TestAnOrderWithANameIsDoneOnce: each command given three times under a name does its work once,
// answers each time what it has done, and refuses the name for another amount.
func TestAnOrderWithANameIsDoneOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "box")
	_, err := ekrona(t, "sandbox", "found", folder)
	require.NoError(t, err)
	run := func(line ...string) (map[string]any, error) {
		out, err := ekrona(t, append(line, "--state", folder, "--json")...)
		var answer map[string]any
		if err == nil {
			require.NoError(t, json.Unmarshal([]byte(out), &answer), "%v: %s", line, out)
		}
		return answer, err
	}
	for _, m := range moves {
		if m.line[1] == "refund" { // of a settled payment
			_, err := run("terminal", "sync", "cafe")
			require.NoError(t, err)
			_, err = run("wallet", "sync", "anna")
			require.NoError(t, err)
		}
		line := append(m.line, "--order", "rent in december")
		first, err := run(line...)
		require.NoError(t, err, "%v", line)
		require.Equal(t, "rent in december", first["order"])
		for range 2 {
			again, err := run(line...)
			require.NoError(t, err, "%v", line)
			for key, value := range first {
				if key != "instructions" { // a repeated load needs none
					assert.Equal(t, value, again[key], "%v: %s", line, key)
				}
			}
		}
		_, err = run(append(m.other, "--order", "rent in december")...)
		require.ErrorContains(t, err, "this name was given to", "%v", m.other)
		for _, name := range []string{"", "a\x00b", string(make([]byte, 101))} {
			_, err = run(append(m.line, "--order", name)...)
			require.ErrorContains(t, err, "--order", "%v", m.line)
		}
	}
	anna, err := run("wallet", "balance", "anna")
	require.NoError(t, err)
	assert.EqualValues(t, 20000-2000-1000-4500, anna["offline_ore"], "each was done once")
	assert.EqualValues(t, 100000+10000-20000+2000+700, anna["online_ore"], "each was done once")
}
