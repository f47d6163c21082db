package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/host/clock"
	"ekrona.example/host/cmd/ekrona/internal/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/issue"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/sandbox"
)

// sandboxBank is a bank of a sandbox as its cards' issuing needs it.
type sandboxBank struct {
	*bank.Bank
	sandbox *sandbox.Sandbox
}

// MayEnrol is issue.Bank's.
func (b sandboxBank) MayEnrol(_ context.Context, owner string) error {
	return b.sandbox.MayEnrol(b.Bank, owner)
}

// Enrol is issue.Bank's.
func (b sandboxBank) Enrol(ctx context.Context, owner string) error {
	return b.sandbox.Enrol(ctx, b.Bank, owner)
}

// Issued is issue.Bank's.
func (b sandboxBank) Issued(ctx context.Context, owner string) error {
	return b.sandbox.LearnCards(ctx, owner)
}

// Clock is issue.Bank's.
func (b sandboxBank) Clock() clock.Clock { return b.sandbox.Clock() }

// withBank is issue.Wiring's Bank.
func withBank(
	c *cobra.Command, state string, name message.Name,
	do func(ctx context.Context, b issue.Bank) error,
) error {
	f := parties.Flags{State: state}
	return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
		b, err := s.Bank(ctx, string(name))
		if errors.Is(err, sandbox.ErrUnknown) {
			return fmt.Errorf("%w: %w", issue.ErrNoBank, err)
		}
		if err != nil {
			return err
		}
		return do(ctx, sandboxBank{b, s})
	})
}

// withHolder is a card.Holders.
func withHolder(
	c *cobra.Command, at card.Place, do func(ctx context.Context, h card.Holder) error,
) error {
	f := parties.Flags{State: at.State, Trace: at.Trace, Recorded: at.Recorded}
	return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
		people, err := parties.MaybeHeld(ctx, s, at.Name, at.Device, "--device")
		if err != nil {
			return err
		}
		person := people[0]
		holder := card.Holder{
			Away: parties.AtHand(person.Holder, person.Phone.Device()),
			None: sandbox.NoneHeld(at.Name, people),
			Tap: func(opened *cli.OpenCard) apdu.Card {
				if opened != nil {
					person.Card.Insert(opened, opened.Reset)
				}
				return person.Card.Tap()
			},
		}
		for _, p := range people {
			letter := p.LetterOf(p.Phone.Device())
			holder.Cards = append(holder.Cards, card.HolderCard{
				PINKey: p.Phone.PINKey(), PIN: letter.PIN, PUK: letter.PUK,
				Secured: p.Phone.Secured, PairAgain: p.Phone.PairAgain,
				NoteNewPIN: func(digits string) error {
					if letter.PIN == "" {
						return nil
					}
					return s.NoteNewPIN(p.Holder, digits)
				},
			})
		}
		return do(ctx, holder)
	})
}
