package sandbox

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/sandbox"
)

func clockCommand() *cobra.Command {
	days, asJSON := 0, false
	c := &cobra.Command{
		Use:   "clock DIR",
		Short: "Show the clock of a sandbox, or set it forward",
		Long: `Show the clock of a sandbox, or set it forward: that of every party of the sandbox, and not
the computer's. What waits for weeks, such as the end of a lost card, can then be seen at
once. The clock never goes back: cards have seen the later date.`,
		Args: cli.Exactly(1, "the folder of a sandbox"),
		RunE: func(c *cobra.Command, arguments []string) error {
			folder := arguments[0]
			if days < 0 {
				return cli.Usage("--forward %d: the clock goes forward only", days)
			}
			switch founded, err := sandbox.HasParties(folder); {
			case err != nil:
				return err
			case !founded:
				return fmt.Errorf("no sandbox in %s: make one with \"ekrona sandbox found %s\"",
					folder, folder)
			}
			if days > 0 {
				if err := sandbox.Forward(folder, days); err != nil {
					return err
				}
			}
			s, err := sandbox.Open(folder, sandbox.Options{})
			if err != nil {
				return err
			}
			now := s.Clock().Now().UTC().Format(time.RFC3339)
			if err := s.Close(); err != nil {
				return err
			}
			return cli.Answer(c, asJSON, map[string]any{"folder": folder, "now": now},
				"it is %s in %s", now, folder)
		},
	}
	c.Flags().IntVar(&days, "forward", 0, "set the clock forward by this many days")
	cli.JSONFlag(c, &asJSON)
	return c
}
