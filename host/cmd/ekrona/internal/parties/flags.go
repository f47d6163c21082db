// Package parties is what commands for the parties of a sandbox share: the flags that
// name its folder and the cards that are inserted, and the steps from a name to a person
// with a card at a reader. Start at [Flags] and [PersonCommand].
package parties

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/party"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/service/link"
)

// Flags are the flags of commands in the folder of a sandbox.
type Flags struct {
	State    string
	inserted []string // as on the command line
	Trace    cli.Trace
	Recorded cli.RecordingFlags
	AsJSON   bool
	banks    []string // as on the command line
	staff    staff

	customers bool     // what is refused is said to a customer or a cashier too
	notices   []Notice // that were given

	plain    bool            // PINs may go to cards in readers in clear
	inReader map[string]bool // holders whose cards are inserted there
}

// Bind adds the flags to a command.
func (f *Flags) Bind(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&f.State, "state", "", "folder of the sandbox, made by \"ekrona "+
		"sandbox found\" or \"ekrona demo --state\" (needed)")
	c.Flags().StringArrayVar(&f.inserted, "insert", nil, insertUsage)
	f.Trace.Add(c)
	f.Recorded.AddSeveral(c, "its holder")
	c.Flags().BoolVar(&f.AsJSON, "json", false, "answer as JSON; amounts in ore")
	return c
}

// Run opens the sandbox, does something in it and closes it.
func (f *Flags) Run(
	c *cobra.Command, do func(ctx context.Context, s *sandbox.Sandbox) error,
) error {
	if f.State == "" {
		return cli.Usage("%s: name the folder of a sandbox: --state DIR; \"ekrona sandbox found "+
			"DIR\" makes one", c.CommandPath())
	}
	switch founded, err := sandbox.HasParties(f.State); {
	case err != nil:
		return fmt.Errorf("--state: %w", err)
	case !founded:
		return fmt.Errorf("--state: no sandbox in %s: make one with \"ekrona sandbox found %s\"",
			f.State, f.State)
	}
	options := sandbox.Options{Environment: Environment(c.Context())}
	options.Log = slog.New(slog.NewTextHandler(c.ErrOrStderr(),
		&slog.HandlerOptions{Level: slog.LevelWarn}))
	options.Observe = observer(c, f.Trace)
	var err error
	if options.Banks, err = f.addresses(); err != nil {
		return err
	}
	f.Recorded.Draw()
	recording, err := f.Recorded.Create()
	if err != nil {
		return err
	}
	return errors.Join(f.runWith(c, options, recording, do), recording.Close())
}

// runWith does Run's work with what its cards are recorded in.
func (f *Flags) runWith(
	c *cobra.Command, options sandbox.Options, recording *cli.Recording,
	do func(ctx context.Context, s *sandbox.Sandbox) error,
) error {
	options.Wire = func(holder string, below apdu.Card) (apdu.Card, func(atr []byte)) {
		recorded := recording.Card(holder, f.Recorded.Of(holder))
		return recorded.Around(below), recorded.Reset
	}
	if f.Recorded.Seed != "" {
		options.CardSeed = f.Recorded.Of
	}
	s, err := sandbox.Open(f.State, options)
	if err != nil {
		return err
	}
	if _, err := s.FoundingEnded(); err != nil {
		return errors.Join(err, s.Close())
	}
	release, err := f.insert(c, s, recording)
	if err == nil {
		err = f.showRefusal(c, do(c.Context(), s))
	}
	return errors.Join(err, release(), s.Close())
}

// environment is the key of what parties receive in a context.
type environment struct{}

// WithEnvironment has the commands that are given with a context start parties with other things
// than the system's: tests do so.
func WithEnvironment(ctx context.Context, e party.Environment) context.Context {
	return context.WithValue(ctx, environment{}, e)
}

// Environment is what parties receive that are started by a command.
func Environment(ctx context.Context) party.Environment {
	e, _ := ctx.Value(environment{}).(party.Environment)
	return e
}

// BindCaller adds the flags to a command of a phone or a terminal, which may reach its bank over
// the network.
func (f *Flags) BindCaller(c *cobra.Command) *cobra.Command {
	c.Flags().StringArrayVar(&f.banks, "bank", nil, bankUsage)
	return f.BindRead(c)
}

// BindRead adds the flags to a command whose refusals a customer or a cashier reads.
func (f *Flags) BindRead(c *cobra.Command) *cobra.Command {
	f.customers = true
	return f.Bind(c)
}

const bankUsage = "https://HOST:PORT where phones and terminals reach their bank as a service, " +
	"or NAME=https://HOST:PORT for the bank of that name (repeat for more); otherwise it is in " +
	"its folder"

// addresses reads where banks are reached as services.
func (f *Flags) addresses() (map[message.Name]string, error) {
	banks := map[message.Name]string{}
	for _, text := range f.banks {
		name, url, named := strings.Cut(text, "=")
		if !named {
			name, url = "", text
		} else if _, err := message.ParseName(name); err != nil {
			return nil, cli.Usage("--bank %q: %w", link.Shown(text), err)
		}
		if !link.IsURL(url) {
			return nil, cli.Usage("--bank %q: give https://HOST:PORT, or NAME=https://HOST:PORT",
				link.Shown(text))
		}
		if err := link.CheckURL(url); err != nil {
			return nil, cli.Usage("--bank: %w", err)
		}
		banks[message.Name(name)] = url
	}
	return banks, nil
}

// Answer prints one line for a person, or a value for a script.
func (f *Flags) Answer(c *cobra.Command, value any, format string, arguments ...any) error {
	if f.AsJSON {
		return cli.WriteJSON(c.OutOrStdout(), value)
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), format+"\n", arguments...)
	return err
}

// Warn writes one line on standard error about what was not done beside what was asked for.
func (f *Flags) Warn(c *cobra.Command, format string, arguments ...any) {
	text := apdu.Joined(fmt.Errorf(format, arguments...).Error())
	fmt.Fprintln(c.ErrOrStderr(), "ekrona: warning: "+text)
}

// AmountOf reads an amount on the command line.
func AmountOf(text string) (money.Ore, error) {
	amount, err := money.Parse(text)
	if err != nil {
		return 0, cli.Usage("%w", err)
	}
	if amount <= 0 {
		return 0, cli.Usage("amount %q: give more than 0", text)
	}
	return amount, nil
}
