package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// Wrong command lines of what works on cards line by line end with exit code 2 and one short line,
// whatever else is wrong.
func TestUsageOfCardsAndTheLab(t *testing.T) {
	t.Chdir(t.TempDir())
	long := strings.Repeat("x", 50_000)
	lines := []string{
		"shell more", "shell --frobnicate", "shell --trace=loud", "shell --profile none",
		"shell --profile none.yaml", "shell --reader a --card b", "shell --capture out.txt",
		"shell --install 00", "shell --install F000000001,F000000001,0",
		"shell --install F000000001,,,", "shell --script=", "shell --keep-going=x",
		"card run more", "card run --script x", "card run --capture x",
		"card decode", "card decode a b", "card decode x --script --json",
		"card emulate more", "card emulate --port 0", "card emulate --port x",
		"card new", "card new a b", "card new x --profile none", "card new x --install 00",
		"shell " + long, "shell --" + long, "shell --profile " + long, "shell --install " + long,
		"card " + long, "card emulate --port " + long, long,
	}
	for _, word := range []string{"tear", "fuzz", "cover"} {
		lines = append(lines, "lab "+word, "lab "+word+" more", "lab "+word+" --cap a.cap",
			"lab "+word+" --script x", "lab "+word+" --cap a.cap --script x --profile none",
			"lab "+word+" --cap a.cap --install 00 --script x", "lab "+word+" --frobnicate",
			"lab "+word+" --cap a.cap --script x --install "+long)
	}
	lines = append(lines, "lab tear --cap a --script b --workers -1",
		"lab fuzz --cap a --script b --workers -1", "lab fuzz --cap a --script b --runs 0",
		"lab fuzz --cap a --script b --for 0s", "lab fuzz --cap a --script b --fuzz-seed -1")
	for _, line := range lines {
		root := program{}.command()
		root.SetArgs(strings.Fields(line))
		err := root.ExecuteContext(t.Context())
		if assert.Error(t, err, line[:min(len(line), 60)]) {
			assert.Equal(t, cli.ExitUsage, cli.Code(err), "%s: %v", line[:min(len(line), 60)], err)
			require.Less(t, len(rendered(t.Context(), err)), 600, line[:min(len(line), 60)])
		}
	}
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, left, "something is left behind")
}

// missing are command lines with a file, a name or a fault that is not there; "a.cap" and "script"
// are.
var missing = []string{
	"card cost --cap nosuch --script script", "card cost --cap a.cap --script nosuch",
	"card cost --card nosuch --script script", "card cost --link nosuch",
	"card cost --cap a.cap --script script --symbols nosuch",
	"card decode nosuch", "card profile nosuch", "card profile nosuch.yaml",
	"card memory --cap nosuch", "card memory --profile nosuch", "card emulate --cap nosuch",
	"card new x.card --cap nosuch", "card info --card nosuch",
	"shell --cap nosuch", "shell --card nosuch", "shell --script nosuch",
	"lab tear --cap nosuch --script script", "lab tear --card nosuch --script script",
	"lab tear --cap a.cap --script script --rules nosuch",
	"lab fuzz --cap a.cap --script script --rules nosuch",
	"lab fuzz --cap a.cap --script script --for 1s --runs 5",
	"lab cover --cap nosuch --script script", "lab cover --card nosuch --script script",
	"lab cover --cap a.cap --script script --html a.cap/below/x",
	"lab cover --cap a.cap --script script --lcov .",
	"lab differ --cap nosuch --script script --sources . --class x.X",
	"lab differ --cap a.cap --script nosuch --sources . --class x.X",
	"lab differ --cap a.cap --script script --sources nosuch --class x.X",
	"lab glitch --cap nosuch --script script", "lab glitch --cap a.cap --script nosuch",
	"lab glitch --fault nonsense", "lab glitch --fault skip@nosuch/1#3",
	"lab glitch --fault skop@PAY/1#3", "lab glitch --case nosuch", "lab glitch --models skop",
	"lab glitch --reasons nosuch", "lab glitch --html a.cap/x", "lab glitch --list .",
	"lab glitch --journal a.cap/x",
	"lab conform --cap nosuch", "lab conform --card nosuch", "lab conform --verify nosuch",
	"lab conform --profile p71 --html h --sign nosuch", "lab conform --profile p71 --keys nosuch",
	"lab attack --card nosuch", "lab attack --profile nosuch", "lab attack --attack nosuch",
	"lab suite --card nosuch --keys nosuch --delete-applet",
	"lab simulate --replay nosuch", "lab simulate --for 1s --steps 5",
	"lab simulate --keep a.cap/x", "lab week --limits nosuch", "lab week --limits pilot,pilot",
	"lab week --plot a.cap/x", "lab week --plot /dev/null", "lab liquidity --plot .",
	"lab debug --listen nosuch",
}

// What a command line names and is not there is wrong usage, of every command, and found before
// any work is done; so is an output that cannot be written.
func TestWhatIsNotThere(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, copyProbes(folder))
	t.Chdir(folder)
	require.NoError(t, os.Rename("purse.cap", "a.cap"))
	require.NoError(t, os.WriteFile("script", []byte("reset\n"), 0o600))
	before, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, line := range missing {
		root := program{}.command()
		root.SetArgs(strings.Fields(line))
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		err := root.ExecuteContext(t.Context())
		if assert.Error(t, err, line) {
			assert.Equal(t, cli.ExitUsage, cli.Code(err), "%s: %v", line, err)
		}
	}
	after, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint(before), fmt.Sprint(after), "something is left behind")
}

// A name that is misspelt is answered with those that are near.
func TestNearestNames(t *testing.T) {
	for line, near := range map[string]string{
		"card memory --profile p17":                      "nearest: p71",
		"lab glitch --models skop":                       "nearest: skip",
		"lab glitch --case pin-blockd":                   "nearest: ",
		"lab glitch --fault skip@pin-blockd/1#3":         "nearest: ",
		"lab attack --attack 'own certificat of anoter'": "nearest: ",
	} {
		_, err := ekrona(t, words(line)...)
		assert.ErrorContains(t, err, near, line)
	}
}

// words takes a line apart as a shell does, as far as quotes go.
func words(line string) (list []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			list = append(list, part)
		} else {
			list = append(list, strings.Fields(part)...)
		}
	}
	return list
}
