package intermediary

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// storedUnload is one row of the desk.
type storedUnload struct {
	device  message.DeviceID
	request []byte
	answer  []byte // the desk's decision; nil while it has not decided
}

func unload(ctx context.Context, q store.Queryer, number uint32) (storedUnload, error) {
	var kept storedUnload
	found, err := store.Get(ctx, q, store.Into{&kept.device, &kept.request, &kept.answer},
		`SELECT device, request, answer FROM unload WHERE number = $1`, number)
	if err == nil && !found {
		return kept, fmt.Errorf("%w (Request %d was never made)", banking.ErrNotForDesk, number)
	}
	if err != nil {
		return kept, fmt.Errorf("intermediary: the desk's Request %d: %w", number, err)
	}
	return kept, nil
}

func requestIdentity(encoded []byte) (message.Hash, error) {
	request, err := message.Parse[message.Request](encoded)
	if err != nil {
		return message.Hash{}, fmt.Errorf("intermediary: the desk's Request kept: %w", err)
	}
	return message.Identity(request)
}

// restoreUnload puts a Request back into the journal that was lost with a restored backup: the
// desk's signature under it proves that the desk made it. The notary knows whether the desk has
// decided on it since. Errors: *order.Refused, by [banking.ErrUnloadClosed], when it has.
func (i *Intermediary) restoreUnload(
	ctx context.Context, paid *message.Payment, payment []byte,
) error {
	if _, err := unload(ctx, i.db, paid.Request.Number); !errors.Is(err, banking.ErrNotForDesk) {
		return err
	}
	if _, err := i.HandOver(ctx, [][]byte{payment}); err != nil {
		return err
	}
	outstanding, err := i.notary.Outstanding(ctx, i.desk.Device())
	if err != nil {
		return err
	}
	identity, err := message.Identity(paid)
	if err != nil {
		return fmt.Errorf("intermediary: Payment to the desk: %w", err)
	}
	if !slices.ContainsFunc(outstanding.Handovers, func(h notary.Handover) bool {
		waiting, err := message.Parse[message.Payment](h.Payment)
		if err != nil {
			return false
		}
		held, err := message.Identity(waiting)
		return err == nil && held == identity
	}) {
		return &order.Refused{Reason: banking.ErrUnloadClosed}
	}
	request, err := message.Encode(&paid.Request)
	if err != nil {
		return fmt.Errorf("intermediary: Payment to the desk: %w", err)
	}
	err = store.Exec(ctx, i.db, `INSERT INTO unload (id, number, device, amount, digest, request)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO
		NOTHING`, fmt.Sprintf("forgotten %d", paid.Request.Number), paid.Request.Number, paid.Payer,
		int64(paid.Request.Amount), []byte{}, request)
	if err != nil {
		return fmt.Errorf("intermediary: the desk's Request %d: %w", paid.Request.Number, err)
	}
	return nil
}

// sameAnswer returns the Receipt when the desk's decision accepts this Payment.
func sameAnswer(answer []byte, paid *message.Payment) ([]byte, error) {
	record, err := message.ParseRecord(answer)
	if err != nil {
		return nil, fmt.Errorf("intermediary: the desk's journal: %w", err)
	}
	identity, err := message.Identity(paid)
	if err != nil {
		return nil, fmt.Errorf("intermediary: Payment to the desk: %w", err)
	}
	if record.Receipt == nil || record.Receipt.Payment != identity {
		return nil, fmt.Errorf("payment %d of %s: %w", paid.ATC, paid.Payer,
			banking.ErrUnloadClosed)
	}
	return message.Encode(record.Receipt)
}

// unusedNumber draws a number for a Request of the desk. The number is random: a counter restored
// from a backup would use the same numbers again, and a used number already has its decision.
func (i *Intermediary) unusedNumber(ctx context.Context, tx *sql.Tx) (uint32, error) {
	for {
		var raw [4]byte
		if err := entropy.Fill(i.random, raw[:]); err != nil {
			return 0, fmt.Errorf("intermediary: %w", err)
		}
		number := binary.BigEndian.Uint32(raw[:])
		used, err := store.Number(ctx, tx, `SELECT count(*) FROM unload WHERE number = $1`, number)
		if err != nil {
			return 0, fmt.Errorf("intermediary: the desk's request numbers: %w", err)
		}
		if number != 0 && used == 0 {
			return number, nil
		}
	}
}

// lastHeldDecision returns the number of the last decision of the desk that the notary holds. After
// a restored backup it is ahead of the journal, and a number that is used for two decisions proves
// a clone.
func (i *Intermediary) lastHeldDecision(ctx context.Context) (uint32, error) {
	outstanding, err := i.notary.Outstanding(ctx, i.desk.Device())
	return outstanding.HeldATC, err
}

// nextJournal returns the number of the desk's next decision, above those that the notary holds.
func nextJournal(ctx context.Context, tx *sql.Tx, lastHeld uint32) (uint32, error) {
	var last uint32
	if err := store.Must(ctx, tx, store.Into{&last},
		`SELECT coalesce(max(journal), 0) FROM unload`); err != nil {
		return 0, fmt.Errorf("intermediary: the desk's journal: %w", err)
	}
	return max(last, lastHeld) + 1, nil
}

// recordDecision keeps the desk's decision on a Request, once.
func recordDecision(ctx context.Context, tx *sql.Tx, number, journal uint32, answer []byte) error {
	changed, err := store.Changed(ctx, tx,
		`UPDATE unload SET journal = $1, answer = $2 WHERE number = $3 AND answer IS NULL`, journal,
		answer, number)
	if err != nil {
		return fmt.Errorf("intermediary: the desk's journal: %w", err)
	}
	if changed != 1 {
		return banking.ErrUnloadClosed
	}
	return nil
}

// handOverDesk gives the notary every decision of the desk that it does not hold yet, and posts the
// money that arrives by it.
func (i *Intermediary) handOverDesk(ctx context.Context) error {
	numbers, decisions, err := i.pendingDecisions(ctx)
	if err != nil || len(decisions) == 0 {
		return err
	}
	answers, err := i.submit(ctx, decisions)
	if err != nil {
		return err
	}
	var refused error
	for n, answer := range answers {
		if !answer.Held {
			refused = errors.Join(refused, answer.Err)
			continue
		}
		if err := store.Exec(ctx, i.db, `UPDATE unload SET held = TRUE WHERE number = $1`,
			numbers[n]); err != nil {
			return fmt.Errorf("intermediary: the desk's journal: %w", err)
		}
	}
	if refused != nil {
		return refused
	}
	return i.PullStatement(ctx)
}

func (i *Intermediary) pendingDecisions(
	ctx context.Context,
) (numbers []uint32, decisions [][]byte, err error) {
	err = store.Each(ctx, i.db, func(row store.Row) error {
		var number uint32
		var decision []byte
		err := row.Scan(&number, &decision)
		numbers, decisions = append(numbers, number), append(decisions, decision)
		return err
	}, `SELECT number, answer FROM unload WHERE answer IS NOT NULL AND NOT held ORDER BY journal`)
	if err != nil {
		return nil, nil, fmt.Errorf("intermediary: the desk's journal: %w", err)
	}
	return numbers, decisions, nil
}

// checkPayer checks that one of our own devices signed a Payment, over a Request
// that the desk signed: only own devices are unloaded here.
func (i *Intermediary) checkPayer(ctx context.Context, paid *message.Payment) error {
	payer, err := device(ctx, i.db, paid.Payer)
	if errors.Is(err, banking.ErrNoDevice) {
		return fmt.Errorf("%w: %w", banking.ErrNotForDesk, err)
	}
	if err != nil {
		return err
	}
	certificate, err := cvc.Parse(payer.Certificate)
	if err != nil {
		return fmt.Errorf("intermediary: certificate of %s: %w", paid.Payer, err)
	}
	// Our own signature too: a Request may come back under another one, and the
	// notary asks for both.
	if err := errors.Join(message.Verify(paid, certificate.PublicKey),
		message.Verify(&paid.Request, i.desk.PublicKey)); err != nil {
		return fmt.Errorf("%w: %w", banking.ErrNotForDesk, err)
	}
	return nil
}
