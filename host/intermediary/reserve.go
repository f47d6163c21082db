package intermediary

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/remote"
	"ekrona.example/host/store"
)

// ReserveDevice gives an id to a device that is still to be made: the same intent again gives the
// same id, and no id is given to two intents, whether the device is made or not. A customer with a
// card in use gets another one only where the reservation says so (see [banking.Reservation]).
func (i *Intermediary) ReserveDevice(
	ctx context.Context, r banking.Reservation,
) (message.DeviceID, error) {
	if err := r.Kind.Check(); err != nil {
		return "", err
	}
	if err := checkTexts(r.Intent, r.Owner, string(r.Replaces)); err != nil {
		return "", err
	}
	id, found, err := i.reserved(ctx, i.db, r)
	if err == nil && found && r.Second { // it may not have said so before
		err = store.Exec(ctx, i.db, `UPDATE device_number SET second = TRUE WHERE intent = $1`,
			r.Intent)
	}
	if err != nil || found {
		return id, err
	}
	var cards []banking.Card
	if r.Owner != "" {
		if cards, err = i.Cards(ctx, r.Owner); err != nil {
			return "", err
		}
	}
	if err := r.Check(cards); err != nil {
		return "", err
	}
	err = store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		if id, found, err = i.reserved(ctx, tx, r); err != nil || found {
			return err
		}
		n, err := i.nextNumber(ctx, tx, r.Kind)
		if err != nil {
			return fmt.Errorf("intermediary: device id for %s: %w", r.Intent, err)
		}
		id = banking.DeviceIDOf(i.name, r.Kind, n)
		if err := store.Exec(ctx, tx, `INSERT INTO device_number
			(intent, kind, number, owner, replaces, second) VALUES ($1, $2, $3, $4, $5, $6)`,
			r.Intent, string(r.Kind), n, r.Owner, string(r.Replaces), r.Second); err != nil {
			return fmt.Errorf("intermediary: device id for %s: %w", r.Intent, err)
		}
		return nil
	})
	return id, err
}

// reserved returns the id that an intent already has. Errors: [banking.ErrTaken].
func (i *Intermediary) reserved(
	ctx context.Context, q store.Queryer, r banking.Reservation,
) (id message.DeviceID, found bool, err error) {
	var kind, owner, replaces string
	var n int
	found, err = store.Get(ctx, q, store.Into{&kind, &n, &owner, &replaces},
		`SELECT kind, number, owner, replaces FROM device_number WHERE intent = $1`, r.Intent)
	switch {
	case err != nil:
		return "", false, fmt.Errorf("intermediary: device id for %s: %w", r.Intent, err)
	case !found:
		return "", false, nil
	case kind != string(r.Kind), owner != "" && owner != r.Owner:
		return "", false, fmt.Errorf("device id for %s: %w", r.Intent, banking.ErrTaken)
	case owner != "" && replaces != string(r.Replaces):
		return "", false, banking.Refuse(banking.ErrTaken, "intermediary: the device id for %s "+
			"was reserved for a card that replaces %s: say the same again",
			r.Intent, cmp.Or(replaces, "none"))
	}
	return banking.DeviceIDOf(i.name, r.Kind, n), true, nil
}

// nextNumber returns a number above every reserved one, which no stored device has.
func (i *Intermediary) nextNumber(
	ctx context.Context, tx *sql.Tx, kind banking.DeviceKind,
) (int, error) {
	var n int
	if err := store.Must(ctx, tx, store.Into{&n},
		`SELECT COALESCE(MAX(number), 0) + 1 FROM device_number WHERE kind = $1`,
		string(kind)); err != nil {
		return 0, err
	}
	for ; n <= banking.MaxDevice; n++ {
		switch _, err := device(ctx, tx, banking.DeviceIDOf(i.name, kind, n)); {
		case errors.Is(err, banking.ErrNoDevice):
			return n, nil
		case err != nil:
			return 0, err
		}
	}
	return 0, fmt.Errorf(
		"all %d numbers of kind %c are used: found another intermediary name for more",
		banking.MaxDevice, kind)
}

// barred says which other cards the owner of a card that is registered for the first time may not
// have: none that is in use. The zero value allows all.
type barred struct {
	any      bool
	number   int              // of the card's reservation
	replaces message.DeviceID // what the card replaces: then only what came in its place is barred
	outOfUse []message.DeviceID
}

// othersBarred finds out whether a card may be one of several. Two cards that were reserved while
// their owner had none in use are not both registered.
func (i *Intermediary) othersBarred(ctx context.Context, d banking.Device) (b barred, err error) {
	number, isNumber := banking.NumberOf(d.ID, banking.KindCard)
	if !isNumber || d.ID.Name() != i.name {
		return barred{}, nil
	}
	b.number = number
	var second bool
	found, err := store.Get(ctx, i.db, store.Into{&second, &b.replaces},
		`SELECT second, replaces FROM device_number WHERE kind = $1 AND number = $2`,
		string(banking.KindCard), b.number)
	switch {
	case err != nil:
		return barred{}, fmt.Errorf("intermediary: device %s: %w", d.ID, err)
	case !found || second:
		return barred{}, nil
	}
	switch _, err := i.notary.Outstanding(ctx, d.ID); {
	case err == nil: // it is registered: the same again
		return barred{}, nil
	case !errors.Is(err, notary.Unknown):
		return barred{}, fmt.Errorf("intermediary: device %s: %w", d.ID, err)
	}
	cards, err := i.Cards(ctx, d.Customer)
	for _, c := range cards {
		if !c.InUse {
			b.outOfUse = append(b.outOfUse, c.Device.ID)
		}
	}
	b.any = true
	return b, err
}

// check refuses a card whose owner has a barred one. Errors: [banking.ErrSecondCard].
func (b barred) check(ctx context.Context, tx *sql.Tx, d banking.Device) error {
	if !b.any {
		return nil
	}
	query, args := `SELECT id FROM device WHERE customer = $1 AND role = $2 AND in_use AND id <> $3
		ORDER BY id`, []any{d.Customer, spec.RoleCard, d.ID}
	others, err := store.Column[message.DeviceID](ctx, tx, query, args...)
	if err != nil {
		return fmt.Errorf("intermediary: device %s: %w", d.ID, err)
	}
	for _, id := range others {
		if slices.Contains(b.outOfUse, id) {
			continue
		}
		if b.replaces != "" {
			instead, err := b.cameInstead(ctx, tx, id)
			if err != nil {
				return err
			}
			if !instead {
				continue
			}
		}
		return banking.Refuse(banking.ErrSecondCard, "intermediary: %s has got the card %s since "+
			"%s was reserved: give that order again as one of a second card, or set its card aside",
			d.Customer, id, d.ID)
	}
	return nil
}

// cameInstead reports whether another card is in the place that the barred one was to take: it was
// reserved to replace the same card, or later, when that was out of use, as the only one.
func (b barred) cameInstead(
	ctx context.Context, q store.Queryer, id message.DeviceID,
) (bool, error) {
	numbers, err := store.Column[int](ctx, q, `SELECT number FROM device_number WHERE kind = $1
		AND (replaces = $2 OR replaces = '' AND NOT second AND number > $3)`,
		string(banking.KindCard), string(b.replaces), b.number)
	if err != nil {
		return false, fmt.Errorf("intermediary: device %s: %w", id, err)
	}
	return slices.ContainsFunc(numbers, func(n int) bool {
		return banking.DeviceIDOf(id.Name(), banking.KindCard, n) == id
	}), nil
}

// Cards returns the cards of a customer, in the order of their ids. While the notary cannot be
// reached, which of them are in use is what it reported last. Errors: [banking.ErrNoCustomer].
func (i *Intermediary) Cards(ctx context.Context, owner string) ([]banking.Card, error) {
	if _, err := customer(ctx, i.db, owner); err != nil {
		return nil, err
	}
	ids, err := store.Column[message.DeviceID](ctx, i.db, `SELECT id FROM device
		WHERE customer = $1 AND role = $2 ORDER BY id`, owner, spec.RoleCard)
	if err != nil {
		return nil, fmt.Errorf("intermediary: cards of %s: %w", owner, err)
	}
	cards := make([]banking.Card, len(ids))
	for n, id := range ids {
		if cards[n].Device, err = i.Device(ctx, id); err != nil {
			return nil, err
		}
		if cards[n].InUse, err = i.inUse(ctx, id); err != nil {
			return nil, err
		}
	}
	return cards, nil
}

// inUse asks the notary whether a device is active, and keeps the answer for when it cannot be
// reached. A device whose registration did not reach the notary is not active.
func (i *Intermediary) inUse(ctx context.Context, id message.DeviceID) (inUse bool, err error) {
	outstanding, err := i.notary.Outstanding(ctx, id)
	switch {
	case errors.Is(err, notary.Unknown):
		return false, nil
	case remote.IsPassing(err):
		err = store.Must(ctx, i.db, store.Into{&inUse},
			`SELECT in_use FROM device WHERE id = $1`, id)
	case err == nil:
		inUse = outstanding.Status == notary.Active
		err = store.Exec(ctx, i.db,
			`UPDATE device SET in_use = $1 WHERE id = $2 AND in_use <> $1`, inUse, id)
	}
	if err != nil {
		return false, fmt.Errorf("intermediary: device %s: %w", id, err)
	}
	return inUse, nil
}
