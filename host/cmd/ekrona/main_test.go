package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"ekrona/applet"
	"ekrona/emulator/card"
	"ekrona/host/cmd/ekrona/internal/cli"
)

func TestMain(m *testing.M) {
	killAtCommit()
	testscript.Main(m, map[string]func(){"ekrona": main})
}

// TestScripts runs the command as its users do; each script has one subject.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			return errors.Join(
				os.WriteFile(filepath.Join(e.WorkDir, "ekrona.cap"), applet.CAP, 0o600),
				blankCard(filepath.Join(e.WorkDir, "blank.card")))
		},
		RequireExplicitExec: true,
	})
}

// blankCard makes a virtual card that nobody has used.
func blankCard(path string) error {
	_, err := cli.OpenManaged(card.Options{Profile: card.P71}, path)
	return err
}

func TestEveryCommandHelps(t *testing.T) {
	for _, c := range (program{}).command().Commands() {
		require.NotEmpty(t, c.Short, c.CommandPath())
		for _, sub := range c.Commands() {
			require.NotEmpty(t, sub.Short, sub.CommandPath())
			root := program{}.command()
			var out strings.Builder
			root.SetOut(&out)
			root.SetArgs([]string{c.Name(), sub.Name(), "--help"})
			require.NoError(t, root.Execute())
			require.Contains(t, out.String(), "Usage:", sub.CommandPath())
		}
	}
}

func TestExitCodes(t *testing.T) {
	for _, row := range []struct {
		arguments []string
		code      int
	}{
		{[]string{"card", "cost", "--help"}, 0},
		{[]string{"wallet", "balance", "anna", "--state", filepath.Join(t.TempDir(), "none")},
			cli.ExitFailed},
		{[]string{"frobnicate"}, cli.ExitUsage},
		{[]string{"card", "frobnicate"}, cli.ExitUsage},
		{[]string{"demo", "frobnicate"}, cli.ExitUsage},
		{[]string{"demo", "--frobnicate"}, cli.ExitUsage},
	} {
		require.Equal(t, row.code, program{}.run(row.arguments), row.arguments)
	}
}
