package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// without are command lines of the lab with a flag that would change nothing there, or with a file
// that is none, and what the refusal names.
var without = []struct{ line, names string }{
	{"lab attack --trace", "--trace"},
	{"lab attack --transcript t.txt", "--transcript"},
	{"lab attack --capture c.jsonl", "--capture"},
	{"lab attack --destructive", "--destructive"},
	{"lab attack --list --html a.html", "--html"},
	{"lab attack --list --workers 2", "--workers"},
	{"lab attack --list --keys test", "--keys"},
	{"lab attack --list --card x.card", "--card"},
	{"lab attack --card x.card --workers 2", "--workers"},
	{"lab attack --card x.card --profile p71", "--profile"},
	{"lab attack --reader X --seed 1", "--seed"},
	{"lab attack --reader X --profile p71", "--profile"},
	{"lab attack --keys test --delete-applet --card x.card --destructive", "--destructive"},
	{"lab attack --keys test", "--delete-applet"},
	{"lab attack --delete-applet", "--keys"},
	{"lab attack --attack none-has-this", "--attack"},
	{"lab conform --by 00", "--by"},
	{"lab conform --verify p.html --by zz", "64 hex digits"},
	{"lab conform --verify p.html --by " + strings.Repeat("0", 62), "64 hex digits"},
	{"lab conform --verify p.html --cap a.cap", "--cap"},
	{"lab conform --verify p.html --verbose", "--verbose"},
	{"lab conform --verify p.html --no-suite", "--no-suite"},
	{"lab conform --sign a/b", "--html"},
	{"lab conform --profile p71 --passphrase-file p", "--passphrase-file"},
	{"lab conform --profile p71 --keys test --no-suite", "--keys"},
	{"lab conform --profile p71 --json --verbose", "--verbose"},
	{"lab conform --install 00", "--install"},
	{"lab conform --reader X --seed 1", "--seed"},
	{"lab conform --reader X --profile p71", "--profile"},
	{"lab conform --card x.card --cap a.cap", "--cap"},
	{"lab conform --verify zero", "too long"},
	{"lab conform --cap zero", "too long"},
	{"card cost --profile j3r150", "--profile"},
	{"card cost --install 00", "--install"},
	{"card cost --seed 2", "--seed"},
	{"card cost --symbols x.lines", "--symbols"},
	{"card cost --cap a.cap", "--script"},
	{"card cost --trace", "--trace"},
	{"card cost --transcript t", "--transcript"},
	{"lab glitch --capture t.jsonl", "--capture"},
	{"issue batch j.yaml --state d --check --card a --trace", "--trace"},
	{"issue batch j.yaml --state d --seed a", "--seed"},
	{"card profile a b", "a profile"},
	{"card profile", "a profile"},
	{"card profile --constants p71", "--constants"},
	{"card profile zero.yaml", "too long"},
	{"card profile zero.csv", "too long"},
	{"lab liquidity --sets 1000000", "at most"},
	{"lab liquidity --cards 1000000", "at most"},
	{"lab liquidity --days 1000000", "at most"},
	{"lab liquidity --terminals 1000000", "at most"},
	{"lab liquidity --workers 1000000", "at most"},
	{"lab liquidity --sets 0", "1 or more"},
	{"lab differ --cap a.cap --script s --sources src", "--class"},
	{"lab differ --cap a.cap --script s --class x.X", "--sources"},
}

// A flag is honoured or refused, and no file takes all memory.
func TestNothingIsIgnored(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"zero", "zero.yaml", "zero.csv", "zero.card"} {
		require.NoError(t, os.Symlink("/dev/zero", name))
	}
	for _, c := range without {
		t.Run(c.line, func(t *testing.T) {
			_, err := ekrona(t, strings.Fields(c.line)...)
			require.Error(t, err)
			assert.Equal(t, cli.ExitUsage, cli.Code(err), err)
			assert.Contains(t, err.Error(), c.names)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := ekrona(t, "card", "info", "--card", "zero.card")
	require.ErrorContains(t, err, "too long")
	locks, err := filepath.Glob("*.lock")
	require.NoError(t, err)
	assert.Empty(t, locks, "beside what is no card")
}

// Of a product that does not take the applet no attack is counted.
func TestNoCardCanBeMade(t *testing.T) {
	out, err := ekrona(t, "lab", "attack", "--profile", "j3r150", "--attack", "own cert")
	require.ErrorContains(t, err, "no card can be made")
	assert.Equal(t, cli.ExitFailed, cli.Code(err))
	assert.NotContains(t, out, "NOT REFUSED")
	assert.NotContains(t, err.Error(), ".go:")
}

// Of a page that cannot be written it is said before the card is asked anything.
func TestPageThatCannotBeWritten(t *testing.T) {
	for _, line := range []string{"lab conform --profile p71 --html ", "lab attack --attack " +
		"own --html "} {
		out, err := ekrona(t, strings.Fields(line+t.TempDir())...)
		require.ErrorContains(t, err, "--html")
		assert.Equal(t, cli.ExitUsage, cli.Code(err))
		assert.Empty(t, out)
	}
}

// ekrona runs a command line and returns its output.
func ekrona(t *testing.T, line ...string) (string, error) {
	t.Helper()
	root := program{}.command()
	var out strings.Builder
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(line)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}
