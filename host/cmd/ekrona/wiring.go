package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/signature"
	"ekrona/host/cmd/ekrona/internal/card"
	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/cmd/ekrona/internal/issue"
	"ekrona/host/town"
	"ekrona/personalization"
)

// bankOfTown is a bank of a town as its cards' issuing needs it.
type bankOfTown struct {
	*town.Bank
	town *town.Town
}

// Issuer is issue.Bank's.
func (b bankOfTown) Issuer() personalization.Issuer { return b.town.Issuer(b.Bank) }

// MayEnrol is issue.Bank's.
func (b bankOfTown) MayEnrol(_ context.Context, owner string) error {
	if b.isAtHome(owner) {
		return nil
	}
	return b.town.MayEnrol(b.Bank, owner)
}

// isAtHome reports whether somebody is a customer of the bank already.
func (b bankOfTown) isAtHome(owner string) bool {
	person, err := b.town.Person(owner)
	return err == nil && person.Bank == b.Bank
}

// Enrol is issue.Bank's.
func (b bankOfTown) Enrol(ctx context.Context, owner string) error {
	if b.isAtHome(owner) {
		return nil
	}
	return b.town.Enrol(ctx, b.Bank, owner)
}

// withBank is issue.Wiring's Bank.
func withBank(
	c *cobra.Command,
	state string,
	name message.Name,
	do func(ctx context.Context, b issue.Bank) error,
) error {
	f := inTown{state: state}
	return f.run(c, func(ctx context.Context, t *town.Town) error {
		bank, err := t.Bank(string(name))
		if err != nil {
			return fmt.Errorf("%w: %w", issue.ErrNoBank, err)
		}
		return do(ctx, bankOfTown{bank, t})
	})
}

// withHolder is a card.Holders.
func withHolder(
	c *cobra.Command,
	state, name string,
	traced bool,
	do func(ctx context.Context, h card.Holder) error,
) error {
	f := inTown{state: state, traced: traced}
	return f.run(c, func(ctx context.Context, t *town.Town) error {
		person, err := t.Person(name)
		if err != nil {
			return err
		}
		device, err := person.Bank.Device(ctx, person.Phone.Device())
		if err != nil {
			return err
		}
		key, err := signature.ParsePoint(device.PINPoint)
		if err != nil {
			return fmt.Errorf("PIN key of %s: %w", device.ID, err)
		}
		return do(ctx, card.Holder{
			Away:   atHand(person),
			PINKey: key, PIN: person.Letter.PIN, PUK: person.Letter.PUK,
			NoteNewPIN: func(digits string) error {
				if person.Letter.PIN == "" {
					return nil
				}
				return t.NoteNewPIN(person, digits)
			},
			Tap: func(opened *cli.OpenCard) apdu.Card {
				if opened != nil {
					person.Card.Insert(opened, opened.Reset)
				}
				return person.Card.Tap()
			},
		})
	})
}
