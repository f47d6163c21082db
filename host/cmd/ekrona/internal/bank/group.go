package bank

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
)

func groupCommand() *cobra.Command {
	f, name, group, cards := &parties.Flags{}, "", uint8(0), []string(nil)
	c := &cobra.Command{
		Use:   "group",
		Short: "Set the group of people that the owners of cards belong to",
		Long: `Set the group of people that the owners of cards belong to: crisis orders may have other limits
for it. What the numbers stand for the central bank writes down; 0 is for nobody in particular. Each
card gets it with its next synchronisation; "ekrona card info" shows the group that a card has.`,
		Example: "  ekrona bank group --state DIR --bank SENORDIC --card SENORDICC0000001 " +
			"--group 1",
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if len(cards) == 0 || !c.Flags().Changed("group") {
				return cli.Usage("%s: say which cards, and which group: --card ID --group N",
					c.CommandPath())
			}
			return f.RunBank(c, name, func(ctx context.Context, b banking.Operator) error {
				for _, card := range cards {
					id, err := message.ParseDeviceID(card)
					if err != nil {
						return cli.Usage("--card: %w", err)
					}
					if err := b.SetGroup(ctx, id, group); err != nil {
						return err
					}
				}
				return f.Answer(c, map[string]any{"cards": cards, "group": group}, "%s",
					fmt.Sprintf("group %d: %s; each gets it with its next synchronisation", group,
						strings.Join(cards, ", ")))
			})
		},
	}
	f.BindStaff(c)
	bankFlag(c, &name)
	c.Flags().StringArrayVar(&cards, "card", nil, "device id of a card (repeat for more)")
	c.Flags().Uint8Var(&group, "group", 0, "number of the group (needed)")
	return c
}
