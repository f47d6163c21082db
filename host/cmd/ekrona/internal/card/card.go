// Package card holds the commands on cards: what they show without and with the PIN,
// readers, PINs, virtual cards and their speed. Start at [Command].
package card

import (
	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// Command is "ekrona card". holders finds the persons whose cards it works on; more are
// commands from other packages.
func Command(holders Holders, more ...*cobra.Command) *cobra.Command {
	c := cli.Group("card", "Look into a card, change its PIN; list readers; run virtual cards",
		readersCommand(), infoCommand(holders), balanceCommand(holders), logCommand(holders),
		pINCommand(holders),
		costCommand(), memoryCommand(), profileCommand())
	c.AddCommand(more...)
	return c
}
