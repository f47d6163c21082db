package terminal

import (
	"context"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/terminal"
)

// sellFlags are those of "ekrona terminal sell".
type sellFlags struct {
	parties.Flags

	order   parties.Order
	whose   string
	entered string
	torn    bool
}

func terminalSellCommand() *cobra.Command {
	f := &sellFlags{}
	c := merchantCommand(&f.Flags, "sell MERCHANT AMOUNT",
		"Sell: ask for an amount, and take it from the card held to the terminal", 1,
		"a merchant and an amount in kronor",
		func(ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, m *sandbox.Merchant,
			arguments []string) error {
			amount, err := parties.AmountOf(arguments[0])
			if err != nil {
				return err
			}
			return f.sell(ctx, c, s, m, amount)
		})
	c.Long = `Sell: the terminal signs a Request for an amount, and takes it from the card that is held to it.
After a torn tap the sale stays open; "ekrona terminal take" goes on with it.
` + parties.AboutOrder + ` The terminal keeps
the names in its journal: one that is restored from a copy does not know later ones, nor does the
terminal that replaces it.`
	c.Flags().StringVar(&f.whose, "card", "",
		"customer whose card is held to the terminal (needed); if several, the inserted one")
	c.Flags().BoolVar(&f.torn, "torn", false,
		"take the card away when it has paid, before its answer reaches the terminal")
	f.order.Flag(c, "sells nothing more")
	parties.PINFlag(c, &f.entered)
	f.PlainFlag(c)
	return c
}

// sell makes a sale, or goes on with the one of the order.
func (f *sellFlags) sell(
	ctx context.Context, c *cobra.Command, s *sandbox.Sandbox, m *sandbox.Merchant,
	amount money.Ore,
) error {
	var known *terminal.NamedSale
	if f.order.Name != "" {
		var err error
		known, err = m.Terminal.Named(ctx, f.order.Name, amount)
		if err != nil || known != nil {
			warnRestored(&f.Flags, c, m)
		}
		if err != nil {
			return err
		}
	}
	if known != nil && known.Paid {
		f.order.Repeated = true
		return f.Answer(c, saleAnswer{Number: known.Number, Amount: known.Amount, Paid: true,
			Payer: string(known.Payer), ATC: known.ATC, Order: f.order},
			"paid: %s has paid %s to the %s, payment %s/%d%s", known.Payer, known.Amount, m.Name,
			known.Payer, known.ATC, &f.order)
	}
	held, err := hold(ctx, &f.Flags, s, f.whose, f.entered) // a wrong one leaves no open sale
	if err != nil {
		return err
	}
	sale := terminal.Sale{Amount: amount}
	if known != nil {
		sale.Number = known.Number
	} else if sale, err = f.ask(ctx, c, m, amount, held); err != nil {
		return err
	}
	if f.torn {
		held.holder.Card.WithdrawAfter(spec.Pay.INS)
	}
	receipt, err := m.Terminal.Take(ctx, sale.Number, held.tap.Card, held.tap.PIN)
	if err != nil {
		explain(ctx, s, held.holder, err)
		return notPaid(ctx, m, sale, err)
	}
	return paid(ctx, &f.Flags, c, s, m, sale, held.holder, receipt, &f.order)
}

// ask starts a new sale.
func (f *sellFlags) ask(
	ctx context.Context, c *cobra.Command, m *sandbox.Merchant, amount money.Ore, held heldCard,
) (terminal.Sale, error) {
	sale, err := m.Terminal.AskNamed(ctx, amount, f.order.Name, held.tap.Card)
	warnRestored(&f.Flags, c, m)
	if err != nil {
		return sale, err
	}
	return sale, warn(ctx, &f.Flags, c, m)
}
