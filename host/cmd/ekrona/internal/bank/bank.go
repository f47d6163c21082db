// Package bank is "ekrona bank": what the staff of a sandbox's banks do. Start at [Command].
package bank

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/cmd/ekrona/internal/parties"
	"ekrona/host/notary"
	"ekrona/host/sandbox"
)

// Command is "ekrona bank".
func Command() *cobra.Command {
	return cli.Group("bank", "A bank's staff: set the limits of cards, end what is due",
		policyCommand(), groupCommand(), sweepCommand())
}

func sweepCommand() *cobra.Command {
	f := &parties.Flags{}
	c := &cobra.Command{
		Use:   "sweep",
		Short: "End every device whose time is over, and bring its money home, at every bank",
		Long: `End every device whose time is over, which cannot be undone, and bring its money to its
owner's online wallet. Nobody need claim it. A device ends by itself

  when claims on it are honoured no longer after it was reported lost;
  when it has been silent since before its certificate ended, and for that time after it;
  when claims have waited on it too long without its synchronising.

The central bank decides this for all banks; a service gives this command once a day. Given
again it does what is left to do.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				ended, err := s.EndDue(ctx)
				if err != nil {
					return err
				}
				if ended == nil {
					ended = []notary.EndedDevice{}
				}
				lines := []string{}
				for _, d := range ended {
					lines = append(lines,
						fmt.Sprintf("%s of %s has ended: %s; what is left of its money is in the "+
							"online wallet", d.Device, d.Owner, d.Why))
				}
				if len(lines) == 0 {
					lines = []string{"nothing is due"}
				}
				return f.Answer(c, map[string]any{"ended": ended}, "%s", strings.Join(lines, "\n"))
			})
		},
	}
	return f.Bind(c)
}
