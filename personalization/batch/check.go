package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch/letter"
)

// Enroller enrols customers of the intermediary.
type Enroller interface {
	// MayEnrol fails as Enrol would, and changes nothing.
	MayEnrol(ctx context.Context, owner string) error
	Enrol(ctx context.Context, owner string) error
}

// Check finds what is wrong with a job before its first card: what the issuer has, the
// last day of the certificates, the letters' recipients, the owners and their cards, the
// folder. Whatever is the job's fault and not a card's is here. [Open] and [Batch.Run] ask
// it too, so that it foretells what a run with the same options does. A job whose cards are
// all made passes.
//
// late customers are the cards whose owners Open would make customers. The error is
// [Problems], or that of the registry.
func Check(ctx context.Context, o Options) (lateCustomers []Card, err error) {
	found, err := readStarted(ctx, o.Folder)
	if err != nil || found.started && found.sameAs(o) == nil && found.done {
		return nil, err
	}
	var problems Problems
	j := o.Job
	if found.started {
		if err := found.sameAs(o); err != nil {
			problems.add(o.Folder, 0, "%v", err)
		}
	}
	for _, fault := range faults(o.Line.Check(message.DateOf(clock.OrSystem(o.Clock).Now()))) {
		field := "bank"
		if errors.Is(fault, personalization.ErrExpiry) && !j.Expiry.IsZero() {
			field = "expiry"
		}
		problems.add(j.File, j.lines[field], "%s: %v", field, fault)
	}
	if err := letter.Check(j.Recipients); err != nil {
		problems.add(j.File, j.lines["letters"], "letters: %v", err)
	}
	for i, c := range j.Cards {
		cards, err := o.Registry.Cards(ctx, c.Owner)
		isLate := errors.Is(err, banking.ErrNoCustomer)
		switch {
		case err != nil && !isLate:
			return nil, err
		case isLate && o.Enrol == nil:
			problems.add(j.CardsFile, c.Line, "owner %.60q is no customer of %s: enrol the "+
				"customer first (--enrol), or correct the name", c.Owner, j.Bank)
			continue
		case isLate:
			lateCustomers = append(lateCustomers, c)
			if err := o.Enrol.MayEnrol(ctx, c.Owner); err != nil {
				problems.add(j.CardsFile, c.Line, "owner %.60q: %v", c.Owner, err)
			}
		}
		if found.reserved[i+1] {
			continue
		}
		if err := found.mayReserve(c, cards); err != nil {
			problems.add(j.CardsFile, c.Line, "%v (column second or replaces)", err)
		}
	}
	return lateCustomers, problems.err()
}

// mayReserve fails as reserving an id for a card of the job would, whose owner has these
// cards; those that the job made are not counted. Once the job is started, the owner may
// have reported lost the card that is replaced.
func (b startedJob) mayReserve(c Card, cards []banking.Card) error {
	cards = slices.DeleteFunc(cards, func(card banking.Card) bool {
		return b.devices[card.Device.ID]
	})
	reservation := c.reservation("check")
	err := reservation.Check(cards)
	if b.started && errors.Is(err, banking.ErrOutOfUse) {
		reservation.Replaces = ""
		err = reservation.Check(cards)
	}
	return err
}

// faults are the errors that were joined to one.
func faults(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// enrol enrols the owners who are not customers. A cut between two of them: those that
// are left are found again by the next run.
func enrol(ctx context.Context, e Enroller, j *Job, lateCustomers []Card) error {
	for _, c := range lateCustomers {
		if err := e.Enrol(ctx, c.Owner); err != nil {
			return fmt.Errorf("%s:%d: enrolling %s: %w", j.CardsFile, c.Line, c.Owner, err)
		}
	}
	return nil
}
