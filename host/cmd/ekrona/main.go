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
)

// Exit codes, for scripts.
const (
	exitFailed   = 1 // what was asked for could not be done
	exitUsage    = 2 // the command line is off
	exitViolated = 3 // it was done, and an invariant of the protocol does not hold
)

func main() { os.Exit(run(os.Args[1:])) }

// run carries out one command line and returns the exit code. Every error of the
// program is rendered here, as one line.
func run(arguments []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootCommand()
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "ekrona: "+strings.Join(strings.Fields(err.Error()), " "))
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return exitFailed
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usage marks an error of the command line.
func usage(format string, arguments ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, arguments...)}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "ekrona",
		Short: "Offline e-krona on Java Cards: issue, pay, settle, test",
		Long: `Offline e-krona on Java Cards: issue, pay, settle, test.

Begin with "ekrona demo". With "ekrona demo --state DIR" its cards, phones, till and
ledgers stay in DIR, and "ekrona wallet", "ekrona terminal", "ekrona card" and
"ekrona books" go on from there.

Exit codes: 0 done; 1 not done, and why on standard error; 2 wrong usage; 3 done,
but an invariant of the protocol does not hold.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return usage("no command %q; see \"ekrona --help\"", arguments[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%w; see %q", err, c.CommandPath()+" --help")
	})
	root.AddCommand(demoCommand(), sandboxCommand(), walletCommand(), terminalCommand(), cardCommand(), issueCommand(), pkiCommand(), booksCommand(), labCommand())
	return root
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return usage("%s: no command %q; see %q", c.CommandPath(), arguments[0], c.CommandPath()+" --help")
			}
			return c.Help()
		},
	}
	c.AddCommand(commands...)
	return c
}

// exactly demands n arguments and names what they are.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		if len(arguments) != n {
			return usage("%s takes %s; see %q", c.CommandPath(), what, c.CommandPath()+" --help")
		}
		return nil
	}
}
