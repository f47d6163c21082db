// Command ekrona issues, tests and runs offline e-krona on Java Cards and on the
// virtual card. Start with "ekrona demo".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/host/cmd/ekrona/internal/bank"
	"ekrona.example/host/cmd/ekrona/internal/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/crisis"
	"ekrona.example/host/cmd/ekrona/internal/demo"
	"ekrona.example/host/cmd/ekrona/internal/issue"
	"ekrona.example/host/cmd/ekrona/internal/lab"
	"ekrona.example/host/cmd/ekrona/internal/network"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/cmd/ekrona/internal/pki"
	sandboxcmd "ekrona.example/host/cmd/ekrona/internal/sandbox"
	"ekrona.example/host/cmd/ekrona/internal/shell"
	"ekrona.example/host/cmd/ekrona/internal/terminal"
	"ekrona.example/host/cmd/ekrona/internal/wallet"
	"ekrona.example/host/party"
)

func main() { os.Exit(program{}.run(os.Args[1:])) }

// program is the command with what it works with; tests put other things in its place.
type program struct {
	batch issue.Instruments
	party party.Environment
}

// run carries out one command line and returns the exit code. Every error of the
// program is rendered here, as one line.
func (p program) run(arguments []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once: a reader may never answer
	root := p.command()
	root.SetArgs(arguments)
	out := &output{os.Stdout, nil}
	root.SetOut(out)
	err := root.ExecuteContext(parties.WithEnvironment(ctx, p.party))
	if out.failed != nil && !errors.Is(err, out.failed) {
		err = errors.Join(err, out.failed)
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, rendered(ctx, err))
	return cli.Code(err)
}

// output is standard output, and the first error of a write to it: an answer that nobody can read
// is no success, whatever a command makes of it.
type output struct {
	to     *os.File
	failed error
}

// Fd is the file's descriptor, by which a terminal is known.
func (o *output) Fd() uintptr { return o.to.Fd() }

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if o.failed == nil {
		o.failed = err
	}
	return n, err
}

// rendered is the line on standard error for what a command ended with. One that was ended from
// outside says so first: "context canceled" is for programmers.
func rendered(ctx context.Context, err error) string {
	line := apdu.OneLine(err.Error())
	if ctx.Err() != nil &&
		(errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))) {
		line = "interrupted: " + strings.ReplaceAll(line, context.Canceled.Error(),
			"start it again")
	}
	if strings.HasPrefix(line, "ekrona ") || strings.HasPrefix(line, "ekrona: ") {
		return line // it begins with the command that it is about
	}
	return "ekrona: " + line
}

// helpColumns is the width to which the descriptions of flags are wrapped.
const helpColumns = 90

func (p program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "ekrona",
		Short: "Offline e-krona on Java Cards: issue, pay, settle, test",
		Long: `Offline e-krona on Java Cards: issue, pay, settle, test.

Start with "ekrona demo", which needs nothing. Then found a sandbox, a whole scheme in one
folder, and work in it:

  ekrona sandbox found DIR
  ekrona wallet load anna 200 --state DIR
  ekrona terminal sell cafe 45 --card anna --state DIR
  ekrona books --state DIR

Exit codes: 0 done; 1 not done, the reason is on standard error; 2 wrong usage; 3 done,
but an invariant of the protocol does not hold.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return cli.Usage("no command %q; see \"ekrona --help\"",
					apdu.Brief(arguments[0]))
			}
			return nil
		},
		PersistentPreRunE: checkLine,
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.Version = version()
	root.SetVersionTemplate("{{.Version}}")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(),
		".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", helpColumns)))
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		demo.Command(), sandboxcmd.Command(), wallet.Command(), terminal.Command(),
		network.Command(), network.CentralBankCommand(), network.IntermediaryCommand(),
		bank.Command(), crisis.Command(),
		card.Command(withHolder, wallet.RenewCommand(), shell.RunCommand(),
			shell.DecodeCommand(), shell.EmulateCommand(), shell.NewCommand()), shell.Command(),
		issue.Command(issue.Wiring{Bank: withBank, Batch: p.batch}), pki.Command(),
		sandboxcmd.BooksCommand(), lab.Command())
	return root
}
