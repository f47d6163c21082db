package network

import (
	"context"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/notary"
)

// poolAnswer is the pool after an order, for a script.
type poolAnswer struct {
	Pool money.Ore `json:"pool_ore"`
	Lent money.Ore `json:"lent_ore"`
}

func fundPoolCommand() *cobra.Command {
	f := &parties.Flags{}
	order := ""
	c := &cobra.Command{
		Use:   "fund-pool AMOUNT --order KEY",
		Short: "Issue e-krona into the liquidity pool",
		Long: `Issue e-krona into the liquidity pool, which pays claims that a lost card and its
intermediary cannot pay, and, where pool_ahead in the central bank's settings says so, lends to the
wallets of cards that have not synchronised, so that claims on them need not wait.

The order's key is any text; given again with the same amount, nothing more is issued.`,
		Example: "  ekrona centralbank fund-pool 10000 --order pool-2026 --state DIR",
		Args:    cli.Exactly(1, "an amount in kronor"),
		RunE: func(c *cobra.Command, arguments []string) error {
			amount, err := parties.AmountOf(arguments[0])
			if err != nil {
				return err
			}
			key, err := notary.ParseOrderKey(order)
			if err != nil {
				return cli.Usage("--order: %w", err)
			}
			return f.RunCentral(c, func(ctx context.Context, r parties.Room) error {
				if err := r.Central.FundPool(ctx, key, amount); err != nil {
					return err
				}
				b, err := r.Central.Balances(ctx, "", 1) // for its sums
				if err != nil {
					return err
				}
				return f.Answer(c, poolAnswer{b.Pool, b.Lent}, "pool %s; %s is lent", b.Pool,
					b.Lent)
			})
		},
	}
	c.Flags().StringVar(&order, "order", "", "the order's own key, 1 to 100 characters (needed)")
	return f.BindStaff(c)
}
