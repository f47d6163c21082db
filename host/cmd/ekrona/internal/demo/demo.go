// Package demo is the command that tells the story of the pilot. Start at [Command].
package demo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ekrona/emulator/card"
	"ekrona/host/clock"
	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/demo"
	"ekrona/host/sandbox"
)

// Command is "ekrona demo".
func Command() *cobra.Command {
	var state, seed string
	var traced, asJSON bool
	c := &cobra.Command{
		Use: "demo",
		Short: "The story of the pilot, on the real applet: load, pay, a torn tap, card to card, " +
			"settle, unload",
		Long: `Issues three cards and a terminal at two intermediaries and tells the story of the
pilot's report: load, pay at a merchant, a torn tap and its resend, card to card, a refusal,
settlement in any order, unload. It ends with the books: every wallet, issued = online + shadow +
pool, and every invariant of the protocol.

Needs no reader, no server, no network. With --state the cards and ledgers stay in a folder, and
"ekrona wallet", "ekrona terminal", "ekrona card" and "ekrona books" go on from there.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			folder, done, err := folderFor(state)
			if err != nil {
				return err
			}
			options := demo.Options{Trace: traced, Plan: sandbox.Pilot()}
			if seed != "" {
				options.Sandbox.Random = card.SeededRandom(seed)
				options.Sandbox.Clock = clock.Fixed(time.Date(2026, time.January, 15, 12, 0, 0, 0,
					time.UTC))
			}
			out := c.OutOrStdout()
			story := out
			if asJSON {
				story = io.Discard
			}
			books, err := demo.Run(c.Context(), folder, story, options)
			err = errors.Join(err, done())
			if err != nil {
				return err
			}
			if asJSON {
				if err := cli.WriteJSON(out, books); err != nil {
					return err
				}
			} else if state != "" {
				fmt.Fprintf(out, "\nThe sandbox is kept in %s; PIN letters are in %s. Go on "+
					"with: ekrona wallet balance anna --state %s\n",
					state, filepath.Join(state, "letters"), state)
			}
			return cli.Violated(books.Violations)
		},
	}
	c.Flags().StringVar(&state, "state", "", "keep the cards and ledgers in this folder, which "+
		"must be new or empty, but for keys made before")
	c.Flags().StringVar(&seed, "seed", "", "make the run repeat: same keys, same signatures, a "+
		"fixed day (any text; never for real keys)")
	c.Flags().BoolVar(&traced, "trace", false,
		"show every command to a card and its answer, decoded")
	c.Flags().BoolVar(&asJSON, "json", false, "print only the books, as JSON; amounts in ore")
	return c
}

// folderFor gives the folder to found the sandbox in, and what to do at the end.
func folderFor(state string) (string, func() error, error) {
	if state == "" {
		return cli.TemporaryFolder()
	}
	entries, err := os.ReadDir(state)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", nil, fmt.Errorf("--state: %w", err)
	}
	if err := onlyKeys(state, entries); err != nil {
		return "", nil, fmt.Errorf("--state: %w", err)
	}
	return state, func() error { return nil }, nil
}

// onlyKeys checks that nothing but keys of parties to be founded lies in a folder:
// references to a TPM or an HSM, made by "ekrona pki request".
func onlyKeys(folder string, entries []os.DirEntry) error {
	for _, entry := range entries {
		files, err := os.ReadDir(filepath.Join(folder, entry.Name()))
		isKeys := err == nil &&
			(entry.Name() == "root" || len(files) == 1 && files[0].Name() == "keys")
		if !isKeys {
			return fmt.Errorf("%s is not empty: name a new folder, or go on in it with \"ekrona "+
				"wallet\" and \"ekrona terminal\"", folder)
		}
	}
	return nil
}
