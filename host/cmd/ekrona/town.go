package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"ekrona/apdu"
	"ekrona/apdu/trace"
	"ekrona/applet/vocabulary"
	"ekrona/emulator/card"
	"ekrona/host/money"
	"ekrona/host/town"
)

// inTown are the flags of commands that go on in the folder of a demo.
type inTown struct {
	state    string
	inserted []string // as on the command line
	traced   bool
	asJSON   bool
}

// bind adds the flags to a command.
func (f *inTown) bind(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&f.state, "state", "", "folder of the town, as left by \"ekrona demo --state\" (needed)")
	c.Flags().StringArrayVar(&f.inserted, "insert", nil, insertUsage)
	c.Flags().BoolVar(&f.traced, "trace", false, "show every command to a card and its answer on standard error, decoded")
	c.Flags().BoolVar(&f.asJSON, "json", false, "answer as JSON; amounts in ore")
	return c
}

// run opens the town, does something in it and closes it.
func (f *inTown) run(c *cobra.Command, do func(ctx context.Context, t *town.Town) error) error {
	if f.state == "" {
		return usage("%s: name the folder of a town: --state DIR; \"ekrona demo --state DIR\" makes one", c.CommandPath())
	}
	if _, err := os.Stat(filepath.Join(f.state, "central-bank.db")); err != nil {
		return fmt.Errorf("--state: no town in %s: make one with \"ekrona demo --state %s\"", f.state, f.state)
	}
	options := town.Options{Plan: town.Pilot()}
	if f.traced {
		options.Observe = func(e apdu.Exchange, _ card.Stats) { traceTo(c.ErrOrStderr(), e) }
	}
	t, err := town.Open(c.Context(), f.state, options)
	if err != nil {
		return err
	}
	release, err := f.insert(c, t)
	if err == nil {
		err = do(c.Context(), t)
	}
	return errors.Join(err, release(), t.Close())
}

func traceTo(out io.Writer, e apdu.Exchange) {
	fmt.Fprintf(out, "%s's card\n%s", e.Label, trace.Text{}.Exchange(vocabulary.Decoder().Exchange(e)))
}

// answer prints one line for a person, or a value for a script.
func (f *inTown) answer(c *cobra.Command, value any, format string, arguments ...any) error {
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
