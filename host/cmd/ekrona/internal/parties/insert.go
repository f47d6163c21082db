package parties

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/sandbox"
)

// insertion is a card from outside the sandbox's folder, put into its holder's slot.
type insertion struct {
	holder string
	cards  cli.CardFlags
}

const insertUsage = "a customer's card that is not in the sandbox's folder: " +
	"NAME=reader:READER for one in a PC/SC reader, NAME=file:FILE for a virtual one " +
	"(repeat for more)"

func parseInsertion(text string) (insertion, error) {
	holder, where, named := strings.Cut(text, "=")
	kind, place, placed := strings.Cut(where, ":")
	i := insertion{holder: holder}
	switch kind {
	case "reader":
		i.cards.Reader = place
	case "file":
		i.cards.File, i.cards.Flag = place, "--insert "+holder
	default:
		placed = false
	}
	if !named || !placed || holder == "" || place == "" {
		return i, cli.Usage("--insert %q: give NAME=reader:READER or NAME=file:FILE", text)
	}
	return i, nil
}

// insert puts the cards that the command line names into their holders' slots. release
// closes them.
func (f *Flags) insert(
	c *cobra.Command, s *sandbox.Sandbox, recording *cli.Recording,
) (release func() error, err error) {
	var closers []func() error
	release = func() error {
		var failed []error
		for _, closer := range closers {
			failed = append(failed, closer())
		}
		return errors.Join(failed...)
	}
	f.inReader = map[string]bool{}
	for _, text := range f.inserted {
		i, err := parseInsertion(text)
		if err != nil {
			return release, err
		}
		holder, err := s.Holder(i.holder)
		if err != nil {
			return release, err
		}
		i.cards.Recording, i.cards.Label = recording, i.holder
		i.cards.Seed = f.Recorded.Of(i.holder)
		opened, err := i.cards.Open(c.Context(), c)
		if err != nil {
			return release, err
		}
		closers = append(closers, opened.Close)
		if i.cards.Reader != "" {
			f.inReader[i.holder] = true
		}
		holder.Card.Insert(opened, opened.Reset)
	}
	return release, nil
}

// PlainFlag adds the flag that allows a PIN in clear to a command of a terminal.
func (f *Flags) PlainFlag(c *cobra.Command) {
	c.Flags().BoolVar(&f.plain, cli.PlainPINFlag, false, cli.PlainPINUsage)
}

// MayHear fails if a holder's PIN would go to a card in a reader in clear: a terminal
// does not know its key.
func (f *Flags) MayHear(holder string) error {
	if f.plain || !f.inReader[holder] {
		return nil
	}
	return cli.PlainPIN("a terminal does not know the card's key:")
}
