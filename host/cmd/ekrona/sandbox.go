package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"ekrona/apdu"
	"ekrona/apdu/money"
	"ekrona/apdu/trace"
	"ekrona/applet/vocabulary"
	"ekrona/emulator/card"
	"ekrona/host/sandbox"
)

// inSandbox are the flags of commands in the folder of a sandbox.
type inSandbox struct {
	state    string
	inserted []string // as on the command line
	traced   bool
	asJSON   bool

	plain    bool            // PINs may go to cards in readers in clear
	inReader map[string]bool // holders whose cards are inserted there
}

// bind adds the flags to a command.
func (f *inSandbox) bind(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&f.state, "state", "", "folder of the sandbox, as made by \"ekrona sandbox found\" or left by \"ekrona demo --state\" (needed)")
	c.Flags().StringArrayVar(&f.inserted, "insert", nil, insertUsage)
	c.Flags().BoolVar(&f.traced, "trace", false, "show every command to a card and its answer on standard error, decoded")
	c.Flags().BoolVar(&f.asJSON, "json", false, "answer as JSON; amounts in ore")
	return c
}

// run opens the sandbox, does something in it and closes it.
func (f *inSandbox) run(c *cobra.Command, do func(ctx context.Context, s *sandbox.Sandbox) error) error {
	if f.state == "" {
		return usage("%s: name the folder of a sandbox: --state DIR; \"ekrona sandbox found DIR\" makes one", c.CommandPath())
	}
	switch founded, err := sandbox.HasParties(f.state); {
	case err != nil:
		return fmt.Errorf("--state: %w", err)
	case !founded:
		return fmt.Errorf("--state: no sandbox in %s: make one with \"ekrona sandbox found %s\"", f.state, f.state)
	}
	options := sandbox.Options{}
	if f.traced {
		options.Observe = func(e apdu.Exchange, _ card.Stats) { traceTo(c.ErrOrStderr(), e) }
	}
	s, err := sandbox.Open(f.state, options)
	if err != nil {
		return err
	}
	release, err := f.insert(c, s)
	if err == nil {
		err = do(c.Context(), s)
	}
	return errors.Join(err, release(), s.Close())
}

func traceTo(out io.Writer, e apdu.Exchange) {
	fmt.Fprintf(out, "%s's card\n%s", e.Label, trace.Text{}.Exchange(vocabulary.Decoder().Exchange(e)))
}

// answer prints one line for a person, or a value for a script.
func (f *inSandbox) answer(c *cobra.Command, value any, format string, arguments ...any) error {
	if f.asJSON {
		return writeJSON(c.OutOrStdout(), value)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), format+"\n", arguments...)
	return err
}

// amountOf reads an amount on the command line.
func amountOf(text string) (money.Ore, error) {
	amount, err := money.Parse(text)
	if err != nil {
		return 0, usage("%w", err)
	}
	if amount <= 0 {
		return 0, usage("amount %q: give more than 0", text)
	}
	return amount, nil
}
