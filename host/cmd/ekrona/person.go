package main

import (
	"context"
	"fmt"

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
	pin       string   // file that --pin-file names
}

// tap holds the person's card to a reader, with the PIN entered.
func (v visit) tap() (wallet.Tap, error) { return held(v.ctx, v.person, v.pin, ownPIN) }

// amountAndTap reads the first argument as an amount and holds the card.
func (v visit) amountAndTap() (money.Ore, wallet.Tap, error) {
	amount, err := amountOf(v.arguments[0])
	if err != nil {
		return 0, wallet.Tap{}, err
	}
	tap, err := v.tap()
	return amount, tap, err
}

// The environment's PINs. Each is for one card: a PIN that was tried on another
// costs a try.
const (
	ownPIN   = "EKRONA_PIN"
	payeePIN = "EKRONA_PAYEE_PIN"
)

// held holds a person's card to a reader, with the PIN of a file, of the PIN letter if
// the town has it, of the environment, or as asked for.
func held(ctx context.Context, p *town.Person, file, environment string) (wallet.Tap, error) {
	if err := atHand(p); err != nil {
		return wallet.Tap{}, err
	}
	entered := p.Letter.PIN
	if file != "" || entered == "" {
		var err error
		asked := holderSecret{Kind: "PIN", Flag: "--pin-file", File: file, Environment: environment}
		if entered, err = asked.Read(ctx, ""); err != nil {
			return wallet.Tap{}, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	block, err := pin.NewBlock(entered)
	if err != nil {
		return wallet.Tap{}, usage("%w", err)
	}
	return wallet.Tap{Card: p.Card.Tap(), PIN: block}, nil
}

// atHand fails for a person whose card lies in no folder of the town and was not named.
func atHand(p *town.Person) error {
	if p.Card.Here() {
		return nil
	}
	return usage("%s's card: %w: --insert %s=reader:READER, or --insert %s=file:FILE for a virtual one", p.Name, town.ErrNoCard, p.Name, p.Name)
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
	c.Flags().StringVar(into, "pin-file", "", "file with the PIN, which its owner alone may read; without it, that of the PIN letter, of "+ownPIN+", or as asked for")
}
