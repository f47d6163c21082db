// Package demo is the command that plays the story of the pilot. Start at [Command].
package demo

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/emulator/card"
	"ekrona.example/host/clock"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/demo"
	"ekrona.example/host/sandbox"
)

// Command is "ekrona demo".
func Command() *cobra.Command {
	var state, seed string
	asJSON, world := false, &parties.World{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play the pilot's story on the real applet, from the first load to the books",
		Long: `Play the pilot's story on the real applet, from the first load to the books.

Two banks issue three cards and a terminal. Then the cards are loaded, pay at a merchant,
are torn and send again, pay each other, refuse, are settled in any order and unloaded.
Then a day without network: every call to a bank or to the notary fails, a card reaches its
limit, and a crisis order that raises it spreads by taps; the morning after all is settled.
The story ends with the books: every wallet, issued = online + shadow + pool, and every
invariant of the protocol.

It needs no reader, no server and no network. With --state the cards, phones, terminal
and ledgers stay in a folder, which is a sandbox: "ekrona wallet", "ekrona terminal",
"ekrona card" and "ekrona books" go on in it, where --transcript keeps a script of what is done to
a card. The demo has none: no card is as it was when it began.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			folder, done, err := folderFor(state)
			if err != nil {
				return err
			}
			options := demo.Options{Plan: sandbox.Pilot()}
			if world.Trace.On {
				text := world.Trace.Text()
				options.Trace = &text
			}
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
			closeFiles, err := world.Wire(&options.Sandbox)
			if err != nil {
				return errors.Join(err, done())
			}
			books, err := demo.Run(c.Context(), folder, story, options)
			if err = errors.Join(err, closeFiles(), done()); err != nil {
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
	c.Flags().StringVar(&state, "state", "", "keep the sandbox in this folder, which must be "+
		"new or empty, apart from keys made before")
	c.Flags().StringVar(&seed, "seed", "", "repeat a run: same keys, same signatures, a "+
		"fixed day (any text; never for real keys)")
	world.Add(c)
	c.Flags().Lookup("trace").Usage = "show every command to a card and its answer in the story, " +
		"decoded, without secrets; --trace=raw with all bytes and nothing cut short"
	c.Flags().BoolVar(&asJSON, "json", false, "print only the books, as JSON; amounts in ore")
	return c
}

// folderFor returns the folder to found the sandbox in, and a function to call at the end.
func folderFor(state string) (string, func() error, error) {
	if state == "" {
		return cli.TemporaryFolder()
	}
	if err := sandbox.CheckVacant(state); err != nil {
		return "", nil, fmt.Errorf("--state: %w: name a new folder, or go on in it with \"ekrona "+
			"wallet\" and \"ekrona terminal\"", err)
	}
	return state, func() error { return nil }, nil
}
