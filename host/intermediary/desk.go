package intermediary

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// RequestUnload answers a customer's order to unload a device with the desk's
// Request, which names the device as its only payer:
//
//  1. The Request is signed and kept. A cut before leaves nothing, after it the
//     same order gets the same Request.
//  2. The device pays it, with its PIN, and TakeUnload takes the Payment.
//
// Errors: *order.Refused for an order that is closed, or of more than any device can
// pay; order.ErrSignature; [banking.ErrNoDevice]; [banking.ErrTaken].
func (i *Intermediary) RequestUnload(
	ctx context.Context, o order.Signed,
) (envelope.Envelope, error) {
	d, err := i.verifyOrder(ctx, o, order.Unload)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if err := message.CheckAmount(o.Amount); err != nil {
		return envelope.Envelope{}, &order.Refused{Reason: err}
	}
	request := &message.Request{Payee: i.desk.Device(), Payer: d.ID, Amount: o.Amount,
		Date: message.DateOf(i.clock.Now())}
	if err := entropy.Fill(i.random, request.Random[:]); err != nil {
		return envelope.Envelope{}, fmt.Errorf("intermediary: %w", err)
	}
	digest := o.Digest()
	var signed []byte
	err = store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		var kept, answer []byte
		found, err := store.Get(ctx, tx, store.Into{&kept, &signed, &answer},
			`SELECT digest, request, answer FROM unload WHERE id = $1`, o.Key())
		switch {
		case found && bytes.Equal(kept, digest[:]):
			_, err := receiptIn(answer)
			return err
		case found:
			return fmt.Errorf("unload order %s: %w", o.Key(), banking.ErrTaken)
		case err != nil:
			return fmt.Errorf("intermediary: unload order %s: %w", o.Key(), err)
		}
		if request.Number, err = i.unusedNumber(ctx, tx); err != nil {
			return err
		}
		if signed, err = envelope.Sign(request, i.desk.signer); err != nil {
			return fmt.Errorf("intermediary: the desk's Request: %w", err)
		}
		err = store.Exec(ctx, tx, `INSERT INTO unload (id, number, device, amount, digest, request)
			VALUES ($1, $2, $3, $4, $5, $6)`,
			o.Key(), request.Number, d.ID, int64(o.Amount), digest[:], signed)
		if err != nil {
			return fmt.Errorf("intermediary: unload order %s: %w", o.Key(), err)
		}
		return nil
	})
	return envelope.Envelope{Message: signed, Certificate: i.desk.encoded, Authority: i.ca}, err
}

// TakeUnload takes the Payment of a desk's Request and answers with the desk's
// Receipt:
//
//  1. Payment and Receipt are kept, under the desk's next journal number: the
//     desk has decided, once for each Request. A cut before leaves the Payment with
//     the device, which gives it again.
//  2. Both go to the notary, which settles from the shadow wallet into the owner's
//     online wallet, now or when it is covered. A cut before: the same call, or
//     Start, hands them over.
//  3. The money arrives with the notary's statement.
//
// Errors: *order.Refused, by [banking.ErrUnloadClosed]; [banking.ErrNotForDesk]; the notary's.
func (i *Intermediary) TakeUnload(ctx context.Context, payment []byte) ([]byte, error) {
	paid, err := message.Parse[message.Payment](payment)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", banking.ErrNotForDesk, err)
	}
	if err := i.checkPayer(ctx, paid); err != nil {
		return nil, err
	}
	if err := i.restoreUnload(ctx, paid, payment); err != nil {
		return nil, err
	}
	lastHeld, err := i.lastHeldDecision(ctx)
	if err != nil {
		return nil, err
	}
	var receipt []byte
	err = store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		kept, err := unload(ctx, tx, paid.Request.Number)
		if err != nil {
			return err
		}
		asked, err := requestIdentity(kept.request)
		if err != nil {
			return err
		}
		if answered, err := message.Identity(&paid.Request); err != nil || answered != asked {
			return fmt.Errorf("%w (payer %s)", banking.ErrNotForDesk, paid.Payer)
		}
		if kept.answer != nil {
			receipt, err = sameAnswer(kept.answer, paid)
			return err
		}
		number, err := nextJournal(ctx, tx, lastHeld)
		if err != nil {
			return err
		}
		identity, err := message.Identity(paid)
		if err != nil {
			return fmt.Errorf("intermediary: Payment to the desk: %w", err)
		}
		receipt, err = envelope.Sign(&message.Receipt{
			Payee: i.desk.Device(), ATC: number, Payer: paid.Payer, Number: paid.Request.Number,
			Payment: identity,
		}, i.desk.signer)
		if err != nil {
			return fmt.Errorf("intermediary: the desk's Receipt: %w", err)
		}
		return recordDecision(ctx, tx, paid.Request.Number, number,
			append(bytes.Clone(receipt), payment...))
	})
	if errors.Is(err, banking.ErrUnloadClosed) {
		// The notary voids it and gives the money back.
		if _, submitted := i.HandOver(ctx, [][]byte{payment}); submitted != nil {
			return nil, errors.Join(err, submitted)
		}
		return nil, &order.Refused{Reason: err}
	}
	if err != nil {
		return nil, err
	}
	return receipt, i.handOverDesk(ctx)
}

// UnloadReceipt returns the desk's Receipt for an unload, nil while it is not paid. It also finds a
// Payment that reached the desk in the device's records. An order that was lost with a restored
// backup counts as not paid, until its Payment arrives. Errors: *order.Refused when the desk has
// refused it.
func (i *Intermediary) UnloadReceipt(ctx context.Context, o order.Signed) ([]byte, error) {
	if _, err := i.verifyOrder(ctx, o, order.Unload); err != nil {
		return nil, err
	}
	if err := i.answerDesk(ctx); err != nil {
		return nil, err
	}
	var answer []byte
	if _, err := store.Get(ctx, i.db, store.Into{&answer},
		`SELECT answer FROM unload WHERE id = $1`, o.Key()); err != nil {
		return nil, fmt.Errorf("intermediary: unload order %s: %w", o.Key(), err)
	}
	return receiptIn(answer)
}

// receiptIn returns the Receipt in the desk's answer, nil while there is none. Errors:
// *order.Refused when it is a Refusal.
func receiptIn(answer []byte) ([]byte, error) {
	if answer == nil {
		return nil, nil
	}
	record, err := message.ParseRecord(answer)
	if err != nil {
		return nil, fmt.Errorf("intermediary: the desk's journal: %w", err)
	}
	if record.Receipt == nil {
		return nil, &order.Refused{Reason: banking.ErrUnloadClosed}
	}
	return message.Encode(record.Receipt)
}

// answerDeskFor is answerDesk for the report of a device; mine reports that it brought a Payment to
// the desk. In a crowd one at a time asks for what others have brought that did not come so far.
func (i *Intermediary) answerDeskFor(ctx context.Context, mine bool) error {
	if mine || i.asked == nil {
		return i.answerDesk(ctx)
	}
	return i.asked.alone(ctx, i.answerDesk)
}

// answerDesk decides on the Payments to the desk that the notary received in the records of a
// device, before the device's phone delivered them: the desk is a payee like any other, and must
// decide.
func (i *Intermediary) answerDesk(ctx context.Context) error {
	outstanding, err := i.notary.Outstanding(ctx, i.desk.Device())
	if err != nil {
		return err
	}
	for _, waiting := range outstanding.Handovers {
		if _, err := i.TakeUnload(ctx, waiting.Payment); err != nil &&
			!errors.Is(err, banking.ErrUnloadClosed) && !errors.Is(err, banking.ErrNotForDesk) {
			return err
		}
	}
	return nil
}

// CancelUnload closes an unload that the device has not paid: the desk refuses its Request, and a
// payment that was made nevertheless comes back to the online wallet. Errors: [banking.ErrNoOrder],
// [banking.ErrUnloadClosed] when it was paid.
func (i *Intermediary) CancelUnload(ctx context.Context, id string) error {
	if err := checkTexts(id); err != nil {
		return err
	}
	lastHeld, err := i.lastHeldDecision(ctx)
	if err != nil {
		return err
	}
	err = store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		var number uint32
		found, err := store.Get(ctx, tx, store.Into{&number},
			`SELECT number FROM unload WHERE id = $1`, id)
		if err == nil && !found {
			return fmt.Errorf("unload order %s: %w", id, banking.ErrNoOrder)
		}
		if err != nil {
			return fmt.Errorf("intermediary: unload order %s: %w", id, err)
		}
		kept, err := unload(ctx, tx, number)
		if err != nil {
			return err
		}
		if kept.answer != nil {
			if _, err := message.Parse[message.Refusal](kept.answer); err != nil {
				return fmt.Errorf("unload order %s was paid: %w", id, banking.ErrUnloadClosed)
			}
			return nil
		}
		asked, err := requestIdentity(kept.request)
		if err != nil {
			return err
		}
		journal, err := nextJournal(ctx, tx, lastHeld)
		if err != nil {
			return err
		}
		refusal, err := envelope.Sign(&message.Refusal{
			Payee: i.desk.Device(), ATC: journal, Number: number, Request: asked,
			Payer: kept.device,
		}, i.desk.signer)
		if err != nil {
			return fmt.Errorf("intermediary: the desk's Refusal: %w", err)
		}
		return recordDecision(ctx, tx, number, journal, refusal)
	})
	if err != nil {
		return err
	}
	return i.handOverDesk(ctx)
}
