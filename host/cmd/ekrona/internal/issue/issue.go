// Package issue holds the commands that make cards: one, or a job of many; and those that
// look at cards and manage what is on them. They read flags and print; package
// personalization does the work. Start at [Command].
package issue

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/scp03"
	"ekrona.example/applet"
	"ekrona.example/emulator/cap"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/cardkeys"
)

// Bank is what issuing needs of an intermediary.
type Bank interface {
	banking.IssuerDesk
	batch.Enroller
	Issuer(ctx context.Context) (personalization.Issuer, error)
	// Clock is the one by which the bank goes.
	Clock() clock.Clock
	// Issued makes an owner's phone learn that a card was made.
	Issued(ctx context.Context, owner string) error
}

// ErrNoBank is returned if there is no intermediary of the name.
var ErrNoBank = errors.New("there is no such intermediary")

// Wiring is what the commands work with.
type Wiring struct {
	// Bank opens the folder that --state names, finds the intermediary of this name in it
	// and does something with it.
	Bank func(c *cobra.Command, state string, name message.Name,
		do func(ctx context.Context, b Bank) error) error
	// Batch holds what replaces the real things in a batch; nil fields replace nothing.
	Batch Instruments
}

// Command is "ekrona issue".
func Command(w Wiring) *cobra.Command {
	return cli.Group("issue", "Issue cards: check them, load the applet, change keys, personalize",
		checkCommand(), cardCommand(w), contentCommand(), deleteCommand(), lockCommand(),
		unlockCommand(), keyCommand(),
		batchCommand(w), reportCommand(), logCommand(w))
}

// cardKeyFlags name the keys of a card's security domain.
type cardKeyFlags struct {
	keys, newKeys string
}

// add adds the flags to a command.
func (f *cardKeyFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.keys, "keys", "", "keys that the card came with: "+cardkeys.Usage)
	c.Flags().StringVar(&f.newKeys, "new-keys", "", fmt.Sprintf("keys that replace them, or have "+
		"done so (key version %02X): FILE or shared:FILE",
		personalization.FinalKeyVersion))
}

// sources reads the keys; nil are those that are not named.
func (f *cardKeyFlags) sources(c *cobra.Command) (initial, final scp03.KeySource, err error) {
	if f.keys == "" && f.newKeys == "" {
		return nil, nil, cli.Usage("%s: name the keys that the card has: --keys test for the "+
			"published ones, --keys FILE for others; they are never guessed", c.CommandPath())
	}
	if f.keys != "" {
		if initial, err = cardkeys.Read(f.keys); err != nil {
			return nil, nil, fmt.Errorf("--keys: %w", err)
		}
	}
	if f.newKeys == cardkeys.Test {
		return nil, nil, cli.Usage("--new-keys: everybody knows the test keys; make others with " +
			"\"ekrona issue key FILE\"")
	}
	if f.newKeys != "" {
		if final, err = cardkeys.Read(f.newKeys); err != nil {
			return nil, nil, fmt.Errorf("--new-keys: %w", err)
		}
	}
	return initial, final, nil
}

// appletFlag names the applet that goes onto cards.
type appletFlag struct{ path string }

func (f *appletFlag) add(c *cobra.Command) {
	c.Flags().StringVar(&f.path, "cap", "",
		"the applet's CAP file (default: the one in this program)")
}

// read reads the CAP file.
func (f *appletFlag) read() ([]byte, *cap.File, error) {
	content := applet.CAP
	if f.path != "" {
		var err error
		if content, err = durable.Read(f.path); err != nil {
			return nil, nil, fmt.Errorf("--cap: %w", err)
		}
	}
	file, err := cap.Parse(content)
	if err != nil {
		return nil, nil, fmt.Errorf("--cap: %w", err)
	}
	return content, file, nil
}
