package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ekrona/applet"
	"ekrona/emulator/cap"
	"ekrona/personalization"
	"ekrona/personalization/cardkeys"
	"ekrona/personalization/scp03"
)

func issueCommand() *cobra.Command {
	return group("issue", "Make cards: look at them, load the applet, change keys, personalize",
		issueCheckCommand(), issueCardCommand(), issueContentCommand(), issueDeleteCommand(), issueLockCommand(), issueUnlockCommand(), issueKeyCommand(),
		issueBatchCommand(), issueReportCommand(), issueLogCommand())
}

// cardKeyFlags say which keys card managers have.
type cardKeyFlags struct {
	keys, newKeys string
}

// add gives the flags to a command.
func (f *cardKeyFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.keys, "keys", "", "keys that the card came with: "+cardkeys.Usage)
	c.Flags().StringVar(&f.newKeys, "new-keys", "", fmt.Sprintf("keys that the card gets, or has got, in their place (key version %02X): FILE or shared:FILE", personalization.FinalKeyVersion))
}

// sources reads the keys; final is nil if there are no new ones.
func (f *cardKeyFlags) sources(c *cobra.Command) (initial, final scp03.KeySource, err error) {
	if f.keys == "" && f.newKeys == "" {
		return nil, nil, usage("%s: say which keys the card has: --keys test for the published ones, --keys FILE for others; they are never guessed", c.CommandPath())
	}
	if f.keys != "" {
		if initial, err = cardkeys.Read(f.keys); err != nil {
			return nil, nil, fmt.Errorf("--keys: %w", err)
		}
	} else {
		initial = noKeys{}
	}
	if f.newKeys == cardkeys.Test {
		return nil, nil, usage("--new-keys: everybody knows the test keys; make others with \"ekrona issue key FILE\"")
	}
	if f.newKeys != "" {
		if final, err = cardkeys.Read(f.newKeys); err != nil {
			return nil, nil, fmt.Errorf("--new-keys: %w", err)
		}
	}
	return initial, final, nil
}

// noKeys has none for any card.
type noKeys struct{}

func (noKeys) For(o scp03.Offer) (scp03.Keys, error) {
	return scp03.Keys{}, fmt.Errorf("the card asks for keys of version %02X: name them with --keys", o.KeyVersion)
}

// appletFlag says which applet goes onto cards.
type appletFlag struct{ path string }

func (f *appletFlag) add(c *cobra.Command) {
	c.Flags().StringVar(&f.path, "cap", "", "the applet's CAP file, if not the one in this program")
}

// read reads the CAP file.
func (f *appletFlag) read() ([]byte, *cap.File, error) {
	content := applet.CAP
	if f.path != "" {
		var err error
		if content, err = os.ReadFile(f.path); err != nil {
			return nil, nil, fmt.Errorf("--cap: %w", err)
		}
	}
	file, err := cap.Parse(content)
	if err != nil {
		return nil, nil, fmt.Errorf("--cap: %w", err)
	}
	return content, file, nil
}

// withCard opens the card that the flags name, does something with it and closes it.
func withCard(c *cobra.Command, cards *cardFlags, do func(*openCard) error) error {
	opened, err := cards.open(c.Context(), c)
	if err != nil {
		return err
	}
	return errors.Join(do(opened), opened.Close())
}
