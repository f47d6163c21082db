// Package bank is "ekrona bank": what the staff of a sandbox's banks do. Start at [Command].
package bank

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/notary"
	"ekrona.example/host/sandbox"
)

// Command is "ekrona bank".
func Command() *cobra.Command {
	return cli.Group("bank", "A bank's staff: set limits, renew batch keys, end what is due",
		policyCommand(), groupCommand(), sweepCommand(), unpairCommand(),
		renewBatchesCommand())
}

func renewBatchesCommand() *cobra.Command {
	f := &parties.Flags{}
	c := &cobra.Command{
		Use:   "renew-batches BANK",
		Short: "Certify the batch keys of a bank's cards until its CA ends",
		Long: `Certify the batch keys of a bank's cards until its CA ends, once the CA has a certificate
with a later last day. A card gets the certificate when its phone synchronises; terminals
encipher PINs to a batch key as long as its certificate lasts. Given again it does what is
left to do.`,
		Args: cli.Exactly(1, "the name of a bank, such as SENORDIC"),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				b, err := s.Bank(ctx, arguments[0])
				if err != nil {
					return err
				}
				renewed, err := b.RenewBatches(ctx)
				if err != nil {
					return err
				}
				all := append([]message.DeviceID{}, renewed...)
				return f.Answer(c, map[string]any{"batches": all},
					"%d batch key(s) of %s certified anew", len(renewed), arguments[0])
			})
		},
	}
	return f.Bind(c)
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
