package sandbox

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/sandbox"
)

func rolloverCommand() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "rollover DIR",
		Short: "Replace the root of a sandbox: central bank and banks follow the next one",
		Long: `Replace the root of a sandbox: the next root is made and certifies again what the present one
has certified; the central bank and the banks follow it. It certifies the next crisis key too, and
an order in force is ordered again by that. Phones, terminals and cards learn it all when they
synchronise. A command that was cut off goes on when it is repeated; given again after that, it
replaces the root once more. "ekrona pki rollover" does this party by party.`,
		Args: cli.Exactly(1, "the folder of a sandbox"),
		RunE: func(c *cobra.Command, arguments []string) (err error) {
			switch founded, err := sandbox.IsFounded(arguments[0]); {
			case err != nil:
				return err
			case !founded:
				return fmt.Errorf("no sandbox in %s: make one with \"ekrona sandbox found %s\"",
					arguments[0], arguments[0])
			}
			s, err := sandbox.Open(arguments[0], sandbox.Options{})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			done, err := s.Rollover(c.Context())
			if err != nil {
				return err
			}
			text := fmt.Sprintf("the root is %s now, and the crisis key %s; phones, terminals and "+
				"cards learn it when they synchronise", done.Root, done.Crisis)
			if done.Order != 0 {
				text += fmt.Sprintf("; what the crisis order said is order %d now", done.Order)
			}
			return cli.Answer(c, asJSON, done, "%s", text)
		},
	}
	cli.JSONFlag(c, &asJSON)
	return c
}
