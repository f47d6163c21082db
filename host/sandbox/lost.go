package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/phone"
)

// PersonToEnd starts the phone of a person with the card that [Sandbox.EndCard] shall end: that of
// the device id, or the only one that was reported lost and has not ended when that is empty. A
// card in use is never chosen. Errors: [ErrUnknown], [ErrSeveralCards], [ErrNoneLost].
func (s *Sandbox) PersonToEnd(
	ctx context.Context, name string, device message.DeviceID,
) (*Person, error) {
	if device != "" {
		return s.Person(ctx, name, device)
	}
	app, err := s.phone(ctx, name)
	if err != nil {
		return nil, err
	}
	cards, err := s.askBank(ctx, app)
	if err != nil {
		return nil, err
	}
	inUse := func(c phone.Card) bool { return !c.OutOfUse }
	left := slices.DeleteFunc(slices.Clone(cards), inUse)
	if len(left) == 0 {
		return nil, fmt.Errorf("%s %w; there are: %s", name, ErrNoneLost, idsOf(cards))
	}
	var lost []phone.Card
	for _, c := range left {
		status, err := s.statusOf(ctx, c.Device)
		if err != nil {
			return nil, err
		}
		if status == notary.Reported.String() {
			lost = append(lost, c)
		}
	}
	switch {
	case len(lost) == 1:
		return s.personWith(ctx, app, lost[0])
	case len(lost) == 0 && len(left) == 1: // it has ended: the same again
		return s.personWith(ctx, app, left[0])
	case len(lost) == 0:
		lost = left
	}
	return nil, fmt.Errorf("%s %w: %s", name, ErrSeveralCards, idsOf(lost))
}

// NotRegistered is the status of a device that the notary does not know.
const NotRegistered = "not registered"

// statusOf returns the status of a device at the notary.
func (s *Sandbox) statusOf(ctx context.Context, id message.DeviceID) (string, error) {
	c, err := s.CentralBank(ctx)
	if err != nil {
		return "", err
	}
	switch outstanding, err := c.For(id.Name()).Outstanding(ctx, id); {
	case errors.Is(err, notary.Unknown):
		return NotRegistered, nil
	case err != nil:
		return "", err
	default:
		return outstanding.Status.String(), nil
	}
}

// ReportLost has a person's bank report a card of the person's lost, and returns until when claims
// on it are honoured; zero for a card that has ended.
func (s *Sandbox) ReportLost(ctx context.Context, p *Person) (until time.Time, err error) {
	account := p.phone.Account(s.dialBank)
	if err := account.ReportLost(ctx, p.Phone.Device()); err != nil {
		return until, err
	}
	if until, err = s.HonouredUntil(ctx, p); err != nil {
		return until, err
	}
	return until, s.LearnCards(ctx, p.Name)
}

// HonouredUntil returns until when claims on a person's card are honoured that was reported lost;
// zero for one that was not, or that has ended.
func (s *Sandbox) HonouredUntil(ctx context.Context, p *Person) (time.Time, error) {
	return p.phone.Account(s.dialBank).HonouredUntil(ctx, p.Phone.Device())
}

// EndCard has a person's bank end a card of the person's that was reported lost, when its
// time is over: its money goes to the online wallet.
func (s *Sandbox) EndCard(ctx context.Context, p *Person) error {
	return s.atBank(ctx, p, (*bank.Bank).End)
}

// EndCardNow is EndCard before the time is over: the bank pays what is claimed later.
func (s *Sandbox) EndCardNow(ctx context.Context, p *Person) error {
	return s.atBank(ctx, p, (*bank.Bank).EndNow)
}

// EndDue has the central bank end every device that is due, of every bank, and the banks bring home
// what is left of their money. Given again after a cut, it does what is left to do.
func (s *Sandbox) EndDue(ctx context.Context) ([]notary.EndedDevice, error) {
	c, err := s.CentralBank(ctx)
	if err != nil {
		return nil, err
	}
	banks, err := s.Banks(ctx)
	if err != nil {
		return nil, err
	}
	ended, err := notary.EndAllDue(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, b := range banks {
		if err := b.CollectEnded(ctx); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

// atBank has a person's bank do something with the person's card, and updates the card's status on
// the phone.
func (s *Sandbox) atBank(
	ctx context.Context, p *Person,
	do func(b *bank.Bank, ctx context.Context, id message.DeviceID) error,
) error {
	b, err := s.BankOf(ctx, p)
	if err != nil {
		return err
	}
	if err := do(b, ctx, p.Phone.Device()); err != nil {
		return err
	}
	return s.LearnCards(ctx, p.Name)
}
