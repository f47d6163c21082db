package main

import (
	"context"

	"github.com/spf13/cobra"

	"ekrona/apdu/pin"
	"ekrona/host/money"
	"ekrona/host/town"
	"ekrona/host/wallet"
)

// visit is one command at work for a person of an opened town.
type visit struct {
	ctx       context.Context
	town      *town.Town
	person    *town.Person
	arguments []string // behind the person's name
	pin       string   // as entered with --pin
}

// tap holds the person's card to a reader, with the PIN entered or, if none is,
// that of the PIN letter.
func (v visit) tap() (wallet.Tap, error) { return held(v.person, v.pin) }

// amountAndTap reads the first argument as an amount and holds the card.
func (v visit) amountAndTap() (money.Ore, wallet.Tap, error) {
	amount, err := amountOf(v.arguments[0])
	if err != nil {
		return 0, wallet.Tap{}, err
	}
	tap, err := v.tap()
	return amount, tap, err
}

// held holds a person's card to a reader.
func held(p *town.Person, entered string) (wallet.Tap, error) {
	block, err := p.Letter.Block()
	if entered != "" {
		if block, err = pin.NewBlock(entered); err != nil {
			return wallet.Tap{}, usage("--pin: %w", err)
		}
	}
	return wallet.Tap{Card: p.Card.Tap(), PIN: block}, err
}

// personCommand makes a command whose first argument is a person's name and which
// takes more arguments behind it.
func personCommand(f *inTown, use, short string, more int, what string, do func(c *cobra.Command, v visit) error) *cobra.Command {
	v := visit{}
	c := &cobra.Command{
		Use: use, Short: short, Args: exactly(1+more, what),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.run(c, func(ctx context.Context, t *town.Town) error {
				var err error
				v.ctx, v.town, v.arguments = ctx, t, arguments[1:]
				if v.person, err = t.Person(arguments[0]); err != nil {
					return err
				}
				return do(c, v)
			})
		},
	}
	pinFlag(c, &v.pin)
	return f.bind(c)
}

func pinFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "pin", "", "PIN to enter; without it, the one of the PIN letter")
}
