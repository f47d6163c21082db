package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/host/card"
	"ekrona/host/sandbox"
	"ekrona/host/wallet"
)

// visit is one command at work for a person.
type visit struct {
	sandbox   *sandbox.Sandbox
	person    *sandbox.Person
	arguments []string // behind the person's name
	pin       string   // file that --pin-file names
}

// tap holds the person's card to a reader, with the PIN entered.
func (v visit) tap(ctx context.Context) (wallet.Tap, error) {
	return heldBy(ctx, v.person, v.pin, ownPIN)
}

// amountAndTap reads the first argument as an amount and holds the card.
func (v visit) amountAndTap(ctx context.Context) (money.Ore, wallet.Tap, error) {
	amount, err := amountOf(v.arguments[0])
	if err != nil {
		return 0, wallet.Tap{}, err
	}
	tap, err := v.tap(ctx)
	return amount, tap, err
}

// The environment's PINs. Each is for one card: a PIN that was tried on another
// costs a try.
const (
	ownPIN   = "EKRONA_PIN"
	payeePIN = "EKRONA_PAYEE_PIN"
)

// heldBy holds the card that is meant to a reader, and no other of the person's.
func heldBy(
	ctx context.Context, p *sandbox.Person, file, environment string,
) (wallet.Tap, error) {
	return held(ctx, p.Holder, p.Phone.Device(), file, environment)
}

// held holds a person's card to a reader, with the PIN of a file, of the PIN letter if
// the sandbox has that of this card, of the environment, or as asked for. With an empty
// device id it is whichever card is in the hand.
func held(
	ctx context.Context, p *sandbox.Holder, wanted message.DeviceID, file, environment string,
) (wallet.Tap, error) {
	if err := atHand(p, wanted); err != nil {
		return wallet.Tap{}, err
	}
	inHand, err := p.InHand(ctx)
	if err != nil {
		return wallet.Tap{}, err
	}
	if wanted != "" && inHand != "" && inHand != wanted {
		return wallet.Tap{}, usage(
			"%s's card that is inserted is %s, and %s is meant: insert that, or name the other with --device",
			p.Name, inHand, wanted)
	}
	entered := p.LetterOf(inHand).PIN
	if file != "" || entered == "" {
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

// atHand fails for a person whose card lies in no sandbox and was not named. With an empty
// device id any card of the person's will do.
func atHand(p *sandbox.Holder, wanted message.DeviceID) error {
	if p.Card.Here() && (wanted == "" || p.Card.MayBe(wanted)) {
		return nil
	}
	return usage("%s's card: %w: --insert %s=reader:READER, or --insert %s=file:FILE for a virtual one", p.Name, sandbox.ErrNoCard, p.Name, p.Name)
}

// personCommand makes a command for a person with a card, whose name is its first
// argument and which takes more arguments behind it.
func personCommand(f *inSandbox, use, short string, more int, what string, do func(c *cobra.Command, v visit) error) *cobra.Command {
	device := ""
	find := func(ctx context.Context, s *sandbox.Sandbox, name string) (*sandbox.Person, error) {
		return withCard(ctx, s, name, device, "--device")
	}
	v := &visit{}
	c := v.command(f, use, short, more, what, find, func(c *cobra.Command, v visit) error {
		err := do(c, v)
		if card.Is(err, spec.SWAddressee) {
			err = fmt.Errorf("%w; the card in the hand may be another of %s's than %s: "+
				"--insert that one, or name the other with --device",
				err, v.person.Name, v.person.Phone.Device())
		}
		return err
	})
	pinFlag(c, &v.pin)
	c.Flags().StringVar(&device, "device", "", "which card, by its device id; needed where a person has several in use")
	return c
}

// withCard finds a person with a card: the one that a flag names.
func withCard(
	ctx context.Context, s *sandbox.Sandbox, name, device, flag string,
) (*sandbox.Person, error) {
	p, err := s.Person(ctx, name, message.DeviceID(device))
	switch {
	case errors.Is(err, sandbox.ErrSeveralCards):
		return nil, fmt.Errorf("%w: choose one with %s", err, flag)
	case err == nil && p.Phone == nil:
		return nil, fmt.Errorf("%s has no card yet: issue one with \"ekrona issue card\"", name)
	}
	return p, err
}

// customerCommand makes a command for a person, with or without a card.
func customerCommand(f *inSandbox, use, short string, more int, what string, do func(c *cobra.Command, v visit) error) *cobra.Command {
	v := &visit{}
	return v.command(f, use, short, more, what, func(ctx context.Context, s *sandbox.Sandbox, name string) (*sandbox.Person, error) {
		return s.Customer(ctx, name)
	}, do)
}

func (v *visit) command(f *inSandbox, use, short string, more int, what string,
	find func(ctx context.Context, s *sandbox.Sandbox, name string) (*sandbox.Person, error), do func(c *cobra.Command, v visit) error,
) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: exactly(1+more, what),
		RunE: func(c *cobra.Command, arguments []string) error {
			return f.run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				var err error
				v.sandbox, v.arguments = s, arguments[1:]
				if v.person, err = find(ctx, s, arguments[0]); err != nil {
					return err
				}
				return do(c, *v)
			})
		},
	}
	return f.bind(c)
}

func pinFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "pin-file", "", "file with the PIN, which its owner alone may read; without it, that of the PIN letter, of "+ownPIN+", or as asked for")
}
