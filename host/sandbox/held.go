package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/host/party/phone"
	"ekrona.example/host/wallet"
)

// ErrNoneHeld says that the card in the hand is not one of the person's.
var ErrNoneHeld = errors.New("the card in the hand is another's")

// PersonHolding starts the phone of a person with the card that is held to it, so that nobody need
// name one of several. A card tells its id to nobody without PIN: where it was inserted, it is the
// one that the phone is paired with, or that understands a PIN that is enciphered to its key, which
// costs no other card a try. hold holds the card with the PIN entered, and is called only then.
// Where nothing was inserted it is the card of the sandbox's folder, if that is in use, and
// otherwise as with [Sandbox.Person]. Errors: those of Person, [ErrNoneHeld].
func (s *Sandbox) PersonHolding(
	ctx context.Context, name string, hold func(ctx context.Context) (wallet.Tap, error),
) (*Person, error) {
	app, err := s.phone(ctx, name)
	if err != nil {
		return nil, err
	}
	holder, err := s.Holder(name)
	if err != nil {
		return nil, err
	}
	if holder.Card.inserted == nil {
		cards, err := app.Cards()
		isFounding := func(c phone.Card) bool {
			return holder.Card.IsPresent() && c.Device == holder.founding && !c.OutOfUse
		}
		if err != nil || !slices.ContainsFunc(cards, isFounding) {
			return s.Person(ctx, name, "")
		}
		return s.Person(ctx, name, holder.founding)
	}
	inHand, err := holder.InHand(ctx)
	switch {
	case err != nil:
		return nil, err
	case inHand != "":
		return s.Person(ctx, name, inHand)
	}
	return s.recognise(ctx, app, hold)
}

// recognise finds the card in the hand among those of a phone's owner: those that the phone knows,
// and then those that the bank knows.
func (s *Sandbox) recognise(
	ctx context.Context, app *phone.Phone, hold func(ctx context.Context) (wallet.Tap, error),
) (*Person, error) {
	name, tried := app.Settings.Owner, map[*Person]bool{}
	var tap wallet.Tap
	people, err := s.WithEachCard(ctx, name)
	for _, p := range people {
		paired, err := p.Phone.IsPaired(ctx)
		if err == nil && paired {
			paired, err = p.Phone.IsPairedWith(ctx, wallet.Tap{Card: p.Card.Tap()})
		}
		if err != nil || paired {
			return p, err
		}
	}
	for range 2 {
		for _, p := range people {
			if tried[p] {
				continue
			}
			if len(tried) == 0 {
				if tap, err = hold(ctx); err != nil {
					return nil, err
				}
			}
			tried[p] = true
			if held, err := p.Phone.IsHeld(ctx, tap); err != nil || held {
				return p, err
			}
		}
		if err == nil {
			_, err = s.askBank(ctx, app)
		}
		if err == nil {
			people, err = s.WithEachCard(ctx, name)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(people) == 0 {
		return s.Person(ctx, name, "")
	}
	return nil, NoneHeld(name, people)
}

// NoneHeld returns the error that the card in the hand is with none of these people.
func NoneHeld(name string, people []*Person) error {
	cards := make([]phone.Card, len(people))
	for n, p := range people {
		cards[n].Device = p.Phone.Device()
	}
	return fmt.Errorf("%w, and none of %s's: %s", ErrNoneHeld, name, idsOf(cards))
}

// WithEachCard returns a person once with each of the person's cards that the phone knows, those in
// use first. Errors: [ErrUnknown].
func (s *Sandbox) WithEachCard(ctx context.Context, name string) ([]*Person, error) {
	app, err := s.phone(ctx, name)
	if err != nil {
		return nil, err
	}
	cards, err := app.Cards()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(cards, func(a, b phone.Card) int {
		switch {
		case a.OutOfUse == b.OutOfUse:
			return 0
		case a.OutOfUse:
			return 1
		}
		return -1
	})
	var people []*Person
	for _, c := range cards {
		p, err := s.personWith(ctx, app, c)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, nil
}
