// Package sandbox is "ekrona sandbox" and "ekrona books": a whole scheme in one folder.
package sandbox

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/sandbox"
)

// Command is "ekrona sandbox".
func Command() *cobra.Command {
	return cli.Group("sandbox",
		"A whole scheme in one folder: central bank, banks, customers, merchants", foundCommand(),
		clockCommand(), rolloverCommand())
}

func foundCommand() *cobra.Command {
	asJSON, world := false, &parties.World{}
	c := &cobra.Command{
		Use:   "found DIR",
		Short: "Found the pilot's scheme in a folder: two banks, three customers, a merchant",
		Long: `Found the pilot's scheme in a folder.

It has the central bank, two banks (SENORDIC and SEFJORDB), three customers (anna, bertil
and cecilia) with a phone and a card each, and a merchant (cafe) with a terminal. Every
party has a folder of its own, with its settings, its keys and its ledger, and is started
from that folder alone: a terminal sells even if all other folders are gone.

After an interruption give the same command again: it goes on where it stopped. Given for a
sandbox that was founded, it names every party that is missing or damaged. Keys that
are in the folder already, as NAME/keys/*.key, are used: references to a TPM or an HSM,
made by "ekrona pki request".

There is no --transcript, as no card is there to do it on again, and no --seed: "ekrona demo --seed
TEXT --state DIR" makes a sandbox whose keys repeat.`,
		Args: cli.Exactly(1, "a folder"),
		RunE: func(c *cobra.Command, arguments []string) error {
			folder := arguments[0]
			options := sandbox.Options{}
			done, err := world.Observe(c, &options)
			if err != nil {
				return err
			}
			s, err := sandbox.Found(c.Context(), folder, sandbox.Pilot(), options)
			if err == nil {
				err = s.Close()
			}
			if err := errors.Join(err, done()); err != nil {
				return err
			}
			if asJSON {
				return cli.WriteJSON(c.OutOrStdout(), map[string]any{"folder": folder})
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "the sandbox is founded in %s; go on with: "+
				"ekrona wallet load anna 200 --state %s\n", folder, folder)
			return err
		},
	}
	world.Add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "answer as JSON")
	return c
}
