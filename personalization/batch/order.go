package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/store"
	"ekrona.example/personalization"
)

// order is one try at a card: a row of card_order with what is drawn for it.
type order struct {
	personalization.Order
	position   int // of the item in the job, from 1
	attempt    int
	cardSerial CardSerial
	state      string
	stage      personalization.Stage // 0 for none
	failures   int
	secrets    secrets // of one that is started
}

// States of an order.
const (
	startedCard = "begun"
	active      = "active"
	rejected    = "rejected"
)

var (
	errNoOrder  = errors.New("no order for this card")
	errNoneLeft = errors.New("every card of the job is made or started")
)

// orderOf finds the order that a card is bound to: started or active. Errors:
// [errNoOrder].
func (j *journal) orderOf(ctx context.Context, job *Job, cardSerial CardSerial) (order, error) {
	return j.readOrder(ctx, job, `card_serial = $1 AND state <> 'rejected'`, string(cardSerial))
}

// rejectedAs returns as which device a card was rejected last, nothing if it was not.
func (j *journal) rejectedAs(
	ctx context.Context, cardSerial CardSerial,
) (device message.DeviceID, reason string, err error) {
	_, err = store.Get(ctx, j.db, store.Into{&device, &reason},
		`SELECT device, reason FROM card_order WHERE card_serial = $1 AND state = 'rejected' ORDER
			BY device DESC LIMIT 1`, string(cardSerial))
	return device, reason, err
}

func (j *journal) byDevice(ctx context.Context, job *Job, device message.DeviceID) (order, error) {
	return j.readOrder(ctx, job, `device = $1`, string(device))
}

func (j *journal) readOrder(ctx context.Context, job *Job, condition, arg string) (order, error) {
	var o order
	var date, sealed []byte
	var stage string
	found, err := store.Get(ctx, j.db, store.Into{&o.Device, &o.position, &o.attempt, &o.cardSerial,
		&date, &o.state, &stage, &o.failures, &sealed},
		`SELECT device, position, attempt, card_serial, date, state, stage, failures, sealed FROM
			card_order WHERE `+condition, arg)
	if err == nil && !found {
		return o, errNoOrder
	}
	if err == nil {
		o.Date, err = message.DateFromBytes(date)
	}
	if err == nil && stage != "" {
		o.stage, err = personalization.ParseStage(stage)
	}
	if err == nil && (o.position < 1 || o.position > len(job.Cards)) {
		err = fmt.Errorf("position %d of %d", o.position, len(job.Cards))
	}
	if err != nil {
		return o, fmt.Errorf("journal: order %s: %w", o.Device, err)
	}
	card := job.Cards[o.position-1]
	o.Role, o.Limits, o.Owner, o.Batch = spec.RoleCard, card.Limits, card.Owner, job.Batch
	if o.state != startedCard {
		return o, nil
	}
	if o.secrets, err = j.key.open(o.Device, sealed); err != nil {
		return o, err
	}
	o.Token = o.secrets.token
	return o, nil
}

// reserve binds a card to the next one of the job that is not made: nothing must
// have happened on the card before. Errors: [errNoneLeft], those of the registry.
//
//  1. The registry gives a device id for this job, card and try: the same after a cut.
//  2. Token, PIN and PUK are drawn and kept, sealed, with the card's serial. A cut before that
//     leaves an id that nobody has seen, and the next card gets it.
func (j *journal) reserve(
	ctx context.Context, job *Job, registry banking.IssuerDesk, cardSerial CardSerial,
) (order, error) {
	j.reserving.Lock()
	defer j.reserving.Unlock()
	o := order{cardSerial: cardSerial, state: startedCard}
	found, err := store.Get(ctx, j.db, store.Into{&o.position, &o.attempt},
		`SELECT position, (SELECT COUNT(*) FROM card_order WHERE card_order.position =
			item.position) + 1 FROM item
		WHERE NOT EXISTS (SELECT 1 FROM card_order WHERE card_order.position = item.position AND
		state <> 'rejected') ORDER BY position LIMIT 1`)
	if err == nil && !found {
		return o, errNoneLeft
	}
	if err != nil {
		return o, fmt.Errorf("journal: %w", err)
	}
	card := job.Cards[o.position-1]
	reservation := card.reservation(
		fmt.Sprintf("batch %s card %d try %d", j.id, o.position, o.attempt))
	device, err := registry.ReserveDevice(ctx, reservation)
	if reservation.Replaces != "" &&
		(errors.Is(err, banking.ErrOutOfUse) || errors.Is(err, banking.ErrTaken)) {
		// Its owner has reported the former card lost since the job was started.
		reservation.Replaces = ""
		device, err = registry.ReserveDevice(ctx, reservation)
	}
	if err != nil {
		return o, err
	}
	switch _, err := registry.Device(ctx, device); {
	case err == nil:
		return o, fmt.Errorf("the intermediary gave the device id %s, which is registered "+
			"already: its database was set back to a backup; find the newer one", device)
	case !errors.Is(err, banking.ErrNoDevice):
		return o, err
	}
	if o.Order, err = personalization.NewOrder(device, card.Owner, message.DateOf(j.clock.Now()),
		j.random); err != nil {
		return o, err
	}
	o.Limits, o.Batch = card.Limits, job.Batch
	if o.secrets.digits, err = personalization.DrawDigits(j.random); err != nil {
		return o, err
	}
	o.secrets.token = o.Token
	sealed, err := j.key.seal(device, o.secrets, j.random)
	if err != nil {
		return o, err
	}
	date, err := o.Date.Bytes()
	if err != nil {
		return o, err
	}
	return o, j.write(ctx, func(w *writing) error {
		if err := w.exec(`INSERT INTO card_order (device, position, attempt, card_serial, date,
			state, stage, sealed) VALUES ($1, $2, $3, $4, $5, 'begun', '', $6)`,
			string(device), o.position, o.attempt, string(cardSerial), date, sealed); err != nil {
			return err
		}
		return w.log("reserved", map[string]string{"device": string(device), "owner": card.Owner,
			"line": fmt.Sprint(card.Line), "card_serial": string(cardSerial)})
	})
}

// eraseSealed makes SQLite overwrite what a change deletes, in the pages that stay.
const eraseSealed = `PRAGMA secure_delete = ON`

// finish records that the order's card is active, and erases what was drawn for it. replaced
// is the card that was reported lost for it, empty for none.
func (j *journal) finish(
	ctx context.Context, v *cardSession, o *order, certificate [sha256.Size]byte,
	replaced message.DeviceID,
) error {
	took := v.took(j)
	err := j.write(ctx, func(w *writing) error {
		if err := w.exec(eraseSealed); err != nil {
			return err
		}
		if err := v.step(w, *o, personalization.Active, took); err != nil {
			return err
		}
		if err := w.exec(`UPDATE card_order SET state = 'active', sealed = NULL WHERE device = $1
			AND state = 'begun'`,
			string(o.Device)); err != nil {
			return err
		}
		if err := v.end(w, "active", ""); err != nil {
			return err
		}
		if replaced != "" {
			if err := w.log("reported lost", map[string]string{
				"device": string(replaced), "replaced_by": string(o.Device),
			}); err != nil {
				return err
			}
		}
		return w.log("active", map[string]string{"device": string(o.Device), "owner": o.Owner,
			"card_serial": string(o.cardSerial), "certificate": hex.EncodeToString(certificate[:])})
	})
	if err != nil {
		return err
	}
	o.stage = max(o.stage, personalization.Active)
	return j.checkpoint(ctx)
}

// reject records that the order will never be a card, and erases what was drawn for it.
func (j *journal) reject(ctx context.Context, v *cardSession, o order, reason string) error {
	err := j.write(ctx, func(w *writing) error {
		if err := w.exec(eraseSealed); err != nil {
			return err
		}
		if err := w.exec(`UPDATE card_order SET state = 'rejected', reason = $1, sealed = NULL WHERE
			device = $2 AND state = 'begun'`,
			reason, string(o.Device)); err != nil {
			return err
		}
		if v != nil {
			if err := v.end(w, "rejected", reason); err != nil {
				return err
			}
		}
		return w.log("rejected", map[string]string{"device": string(o.Device), "owner": o.Owner,
			"card_serial": string(o.cardSerial), "stage": o.stage.Name(), "reason": reason})
	})
	if err != nil {
		return err
	}
	return j.checkpoint(ctx)
}

// checkpoint moves the write-ahead log into the database and empties it, so that what
// was erased is not left there. If a reader blocks it, the next checkpoint does it.
func (j *journal) checkpoint(ctx context.Context) error {
	var busy, frames, moved int
	if err := store.Must(context.WithoutCancel(ctx), j.db, store.Into{&busy, &frames, &moved},
		`PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
