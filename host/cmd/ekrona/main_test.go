package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"ekrona.example/applet"
	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
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
				copyProbes(e.WorkDir),
				blankCard(filepath.Join(e.WorkDir, "blank.card")))
		},
		RequireExplicitExec: true,
	})
}

// copyProbes copies the CAP files of test applets that have nothing to do with money.
func copyProbes(folder string) error {
	emulator := filepath.Join("..", "..", "..", "emulator")
	for name, from := range map[string]string{
		"lib.cap":         filepath.Join(emulator, "testdata", "probe", "lib.cap"),
		"core.cap":        filepath.Join(emulator, "testdata", "probe", "core.cap"),
		"debug.cap":       filepath.Join(emulator, "cap", "testdata", "debug.cap"),
		"purse.cap":       filepath.Join(emulator, "testdata", "probe", "purse.cap"),
		"purse.cap.lines": filepath.Join(emulator, "testdata", "probe", "purse.cap.lines"),
	} {
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
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
		{[]string{"card", "info", "anna", "bertil"}, cli.ExitUsage},
	} {
		require.Equal(t, row.code, program{}.run(row.arguments), row.arguments)
	}
}

// An error is one line; that of a command which was ended from outside says so.
func TestErrorsAreRenderedInOneLine(t *testing.T) {
	ctx, end := context.WithCancelCause(t.Context())
	failed := errors.New("first\n\tsecond")
	require.Equal(t, "ekrona: first; second", rendered(ctx, failed))
	require.Equal(t, "ekrona: context canceled", rendered(ctx, context.Canceled), "by others")
	signalled := errors.New("interrupt signal received")
	end(signalled)
	require.Equal(t, "ekrona: first; second", rendered(ctx, failed))
	require.Equal(t, "ekrona: interrupted: anna: start it again",
		rendered(ctx, fmt.Errorf("anna: %w", context.Canceled)))
	require.Equal(t, "ekrona: interrupted: anna: interrupt signal received",
		rendered(ctx, fmt.Errorf("anna: %w", signalled)))
}

// Whatever is wrong on a command line is said in our words, with exit code 2.
func TestUsageErrors(t *testing.T) {
	for _, row := range []struct {
		line, want string
	}{
		{"wallet frobnicate anna --state d", `ekrona wallet: no command "frobnicate"`},
		{"wallet load anna -5 --state d", "-5: no number here is below 0"},
		{"wallet ask anna 5 --state d --text --json", "choose one: --json or --text"},
		{"wallet ask anna 5 --state d --qr --text", "choose one: --qr or --text"},
		{"sandbox clock d --forward x", `--forward "x": give a whole number`},
		{"lab simulate --seed -1", `--seed "-1": give a whole number, not below 0`},
		{"lab simulate --seed 99999999999999999999", "the number is too large"},
		{"lab simulate --for 1x", `--for "1x": give a time such as 90s`},
		{"demo --json=x", `--json "x": give true or false`},
		{"card info --card=", "--card is empty"},
		{"issue batch j.yaml --state d --card a --card=", "--card is empty"},
		{"issue batch j.yaml --state d --check --readers 0", "--readers: 0; give 1 or more"},
		{"issue batch j.yaml --state d --give-up SENORDICC0000003",
			"give the reason with --reason"},
		{"issue batch j.yaml --state d --reason lost", "name the card that will not come again"},
		{"issue batch j.yaml --state d --give-up anna --reason lost", "--give-up: "},
		{"issue batch j.yaml --state d --check --give-up SENORDICC0000003 --reason lost",
			"a check starts nothing"},
		{"wallet load anna 5 --state=", "--state is empty"},
		{"card info anna bertil", "ekrona card info takes one person's name, or none"},
		{"network up d --listen rubbish", `--listen: "rubbish": give HOST:PORT`},
		{"network up d --listen 127.0.0.1:65535", "the banks have the ports after it"},
		{"network up d --database central-bank=mysql://h/x", "--database: mysql://h/x: give"},
		{"centralbank serve d --listen rubbish", `--listen: "rubbish": give HOST:PORT`},
		{"centralbank serve d --url http://a:1", `--url: "http://a:1": give one https://`},
		{"centralbank serve d --database-owner x.db", `--database-owner: "x.db": give postgres`},
		{"intermediary serve d --central-bank http://a:1", "--central-bank: \"http://a:1\": give"},
	} {
		root := program{}.command()
		root.SetArgs(strings.Fields(row.line))
		err := root.Execute()
		require.ErrorContains(t, err, row.want, row.line)
		require.Equal(t, cli.ExitUsage, cli.Code(err), row.line)
	}
	root := program{}.command()
	root.SetArgs([]string{"issue", "key", ""})
	require.ErrorContains(t, root.Execute(), "an argument is empty")
}
