package batch

import (
	"context"
	"crypto"
	"crypto/sha256"
	"database/sql/driver"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/progress"
	"ekrona.example/host/store"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch/letter"
	"ekrona.example/personalization/preflight"
)

// Options are the settings with which a job is opened.
type Options struct {
	Job      *Job
	Folder   string   // of the job; made if there is none
	Enrol    Enroller // enrols owners who are not customers; nil enrols nobody
	Line     personalization.Line
	Registry banking.IssuerDesk // takes the place of Line's
	Need     preflight.Need     // what the applet takes of a card
	LogKey   crypto.Signer      // signs the audit log
	Clock    clock.Clock        // nil is the system's
	Driver   driver.Driver      // of the journal; nil is SQLite's
}

// Batch is a job that is being done. Its methods are used by one goroutine.
type Batch struct {
	job      *Job
	line     personalization.Line
	registry banking.IssuerDesk
	journal  *journal
	clock    clock.Clock
	need     preflight.Need

	options Options // with which the job is checked before its first card
	checked bool
}

// Open opens a job, or starts it after [Check], and cleans up after cards that were
// rejected. The caller closes it. Errors: [Problems], lockfile.ErrTaken.
func Open(ctx context.Context, o Options) (_ *Batch, err error) {
	o.Clock = clock.OrSystem(o.Clock)
	found, err := readStarted(ctx, o.Folder)
	if err != nil {
		return nil, err
	}
	var lateCustomers []Card
	// For the same job this is done before its next card, if it is started already.
	if !found.started || found.sameAs(o) != nil {
		if lateCustomers, err = Check(ctx, o); err != nil {
			return nil, err
		}
	}
	b := &Batch{job: o.Job, clock: o.Clock, need: o.Need, options: o, checked: !found.started}
	registry := &guarded{IssuerDesk: o.Registry}
	o.Line.Registry = registry
	if o.Line.FinalVersion == 0 {
		o.Line.FinalVersion = personalization.FinalKeyVersion
	}
	o.Line.Random = &source{Reader: o.Line.Random}
	o.LogKey = &signer{Signer: o.LogKey}
	o.Line.CA.Signer = &signer{Signer: o.Line.CA.Signer}
	b.line, b.registry = o.Line, registry
	if b.journal, err = openJournal(ctx, o); err != nil {
		return nil, err
	}
	if err := errors.Join(enrol(ctx, o.Enrol, o.Job, lateCustomers), b.clear(ctx)); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close releases the job's folder.
func (b *Batch) Close() error { return b.journal.close() }

// Count is how many cards of the job are made and started.
func (b *Batch) Count(ctx context.Context) (progress.Count, error) {
	c := progress.Count{Total: len(b.job.Cards)}
	err := store.Must(ctx, b.journal.db, store.Into{&c.Done, &c.Begun},
		`SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'begun')
			FROM card_order`)
	if err != nil {
		return c, fmt.Errorf("journal: %w", err)
	}
	return c, nil
}

// Waiting is an order whose card is on the way: in a reader, or to be inserted again.
type Waiting struct {
	Device     message.DeviceID
	Owner      string
	CardSerial CardSerial
	Stage      personalization.Stage
}

// Waiting lists the orders that are started, in the order of the job.
func (b *Batch) Waiting(ctx context.Context) ([]Waiting, error) {
	var all []Waiting
	err := b.journal.each(ctx,
		`SELECT device FROM card_order WHERE state = 'begun' ORDER BY position`,
		func(device message.DeviceID) error {
			o, err := b.journal.byDevice(ctx, b.job, device)
			all = append(all, Waiting{o.Device, o.Owner, o.cardSerial, o.stage})
			return err
		})
	return all, err
}

// GiveUp ends an order whose card will not come again: lost, broken or damaged. The
// device is reported lost if it was registered, and the card of the job is free for
// another one. It cannot be undone.
func (b *Batch) GiveUp(ctx context.Context, device message.DeviceID, reason string) error {
	o, err := b.journal.byDevice(ctx, b.job, device)
	switch {
	case errors.Is(err, errNoOrder):
		return fmt.Errorf("%s is no order of this job; see its report", device)
	case err != nil:
		return err
	case o.state == active:
		return fmt.Errorf("%s is active since long: have its owner report it lost, for good, "+
			"at the intermediary", device)
	}
	if o.state == startedCard {
		if err := b.journal.reject(ctx, nil, o, reason); err != nil {
			return err
		}
	}
	return b.clear(ctx)
}

// clear does what a rejection leaves to do: a device that was registered is reported
// lost, a letter is removed. A cut before the last step: it is done again.
func (b *Batch) clear(ctx context.Context) error {
	return b.journal.each(ctx,
		`SELECT device FROM card_order WHERE state = 'rejected' AND NOT cleared ORDER BY device`,
		func(device message.DeviceID) error {
			known, err := b.registry.Device(ctx, device)
			registered := err == nil
			switch {
			case registered:
				// Its registration may have been cut between intermediary and notary.
				if err := b.registry.AddDevice(ctx, known); err != nil {
					return err
				}
				if err := b.registry.ReportLost(ctx, device); err != nil {
					return err
				}
			case !errors.Is(err, banking.ErrNoDevice):
				return err
			}
			if err := letter.Remove(b.journal.path(lettersIn), device); err != nil {
				return err
			}
			return b.journal.write(ctx, func(w *writing) error {
				if err := w.exec(`UPDATE card_order SET cleared = TRUE WHERE device = $1`,
					string(device)); err != nil || !registered {
					return err
				}
				return w.log("reported lost", map[string]string{"device": string(device)})
			})
		})
}

// writeLetter writes the order's PIN letter, unless only a missing one is wanted and
// it is there.
func (b *Batch) writeLetter(o order, onlyMissing bool) error {
	folder := b.journal.path(lettersIn)
	if onlyMissing {
		if there, err := letter.Exists(folder, o.Device); err != nil || there {
			return err
		}
	}
	card := b.job.Cards[o.position-1]
	return letter.Write(folder, letter.Letter{
		Device: o.Device, Owner: o.Owner, Name: card.Name, Address: card.Address,
		PIN: o.secrets.digits.PIN, PUK: o.secrets.digits.PUK,
	}, b.job.Recipients)
}

// fingerprint is the SHA-256 of a registered device's certificate.
func (b *Batch) fingerprint(
	ctx context.Context, device message.DeviceID,
) ([sha256.Size]byte, error) {
	known, err := b.registry.Device(ctx, device)
	return sha256.Sum256(known.Certificate), err
}
