package intermediary

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/host/banking"
	"ekrona/host/store"
)

// ReserveDevice gives a device that is still to be made its id. intent names what
// it is made for, such as a job and a line of it: the same intent again gives the
// same id, and no id is given to two intents, whether the device is made or not.
func (i *Intermediary) ReserveDevice(ctx context.Context, kind banking.DeviceKind, intent string) (id message.DeviceID, err error) {
	if intent == "" {
		return "", banking.Refuse(banking.ErrMalformed, "intermediary: a device id is reserved for something: name it")
	}
	err = store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		var of string
		var n int
		found, err := store.Get(ctx, tx, store.Into{&of, &n}, `SELECT kind, number FROM device_number WHERE intent = $1`, intent)
		switch {
		case err == nil && !found:
			if n, err = i.nextNumber(ctx, tx, kind); err != nil {
				return err
			}
			err = store.Exec(ctx, tx, `INSERT INTO device_number (intent, kind, number) VALUES ($1, $2, $3)`, intent, string(kind), n)
		case found && of != string(kind):
			return fmt.Errorf("device id for %s: %w", intent, banking.ErrTaken)
		}
		if err != nil {
			return fmt.Errorf("intermediary: device id for %s: %w", intent, err)
		}
		id = banking.DeviceIDOf(i.name, kind, n)
		return nil
	})
	return id, err
}

// nextNumber is above every number reserved, and free among the devices kept.
func (i *Intermediary) nextNumber(ctx context.Context, tx *sql.Tx, kind banking.DeviceKind) (int, error) {
	var n int
	if err := store.Must(ctx, tx, store.Into{&n}, `SELECT COALESCE(MAX(number), 0) + 1 FROM device_number WHERE kind = $1`, string(kind)); err != nil {
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
	return 0, fmt.Errorf("all %d numbers of kind %c are used: found another intermediary name for more", banking.MaxDevice, kind)
}

// Cards are the cards of a customer, in the order of their ids. Errors:
// [banking.ErrNoCustomer].
func (i *Intermediary) Cards(ctx context.Context, owner string) ([]banking.Device, error) {
	if _, err := customer(ctx, i.db, owner); err != nil {
		return nil, err
	}
	ids, err := store.Column[message.DeviceID](ctx, i.db, `SELECT id FROM device WHERE customer = $1 AND role = $2 ORDER BY id`, owner, spec.RoleCard)
	if err != nil {
		return nil, fmt.Errorf("intermediary: cards of %s: %w", owner, err)
	}
	cards := make([]banking.Device, len(ids))
	for n, id := range ids {
		if cards[n], err = i.Device(ctx, id); err != nil {
			return nil, err
		}
	}
	return cards, nil
}
