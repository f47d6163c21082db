package terminal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/store"
)

// Errors of a sale, each with what to do. The first three are the causes of a [*limit.Reached],
// which says the numbers.
var (
	ErrSyncFirst = errors.New("terminal: as much has been taken as may be between two " +
		"synchronisations: synchronise the terminal first")
	ErrTooMuch = errors.New(
		"terminal: the amount is above the limit for one payment: ask for less")
	ErrOpenSales = fmt.Errorf("terminal: %d sales are open that a card may have paid: hold "+
		"those cards to the terminal again, or refuse one of the sales", spec.MaxOpenRequests)
	ErrBlocked = errors.New(
		"terminal: blocked by its intermediary: synchronise, and ask them why")
	ErrExpired = errors.New(
		"terminal: its certificate has expired: have the intermediary issue a later one")
	ErrAccepted = errors.New("terminal: the sale is paid and cannot be refused any more: give " +
		"the money back by a payment, or by a refund at the intermediary")
	ErrRefused = errors.New("terminal: the sale was refused: what is paid into it comes back " +
		"to the payer's online wallet; begin a new sale")
)

// Sale is a Request that a card can pay.
type Sale struct {
	Number  uint32
	Amount  money.Ore
	Request envelope.Envelope // to be shown to the card, here or over any other channel
}

// Ask starts a sale: it signs a Request and keeps it in the journal before any card sees it. A cut
// before leaves nothing; after it the sale is open, and is found again with OpenSales. A sale that
// no card can have paid costs nothing: the oldest of them is refused when its place is needed.
//
// The first sale after a start asks the intermediary, if it can be reached, whether this journal is
// the latest one, and brings it up to date when it was restored from an older copy: see
// [Terminal.Restored].
//
// Errors: [*limit.Reached], [ErrBlocked], [ErrExpired], [ErrRolledBack].
func (t *Terminal) Ask(ctx context.Context, amount money.Ore) (Sale, error) {
	return t.ask(ctx, amount, "")
}

// ask is Ask for a sale with a name, or without one where that is empty: see [Terminal.Named].
func (t *Terminal) ask(ctx context.Context, amount money.Ore, name string) (Sale, error) {
	if amount <= 0 {
		return Sale{}, fmt.Errorf("terminal: a sale of %s: ask for more than 0.00 kr", amount)
	}
	if err := message.CheckAmount(amount); err != nil {
		return Sale{}, fmt.Errorf("terminal: %w", err)
	}
	key, err := pin.DrawPoint(t.random)
	if err != nil {
		return Sale{}, fmt.Errorf("terminal: %w", err)
	}
	request := &message.Request{Payee: t.id, Amount: amount, Date: t.today(),
		Random: pin.RandomOf(key.PublicKey())}
	if err := t.checkStart(ctx); err != nil {
		return Sale{}, err
	}
	var signed []byte
	err = store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		now, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		if err := t.checkLimits(ctx, tx, now, amount); err != nil {
			return err
		}
		if err := t.freePlace(ctx, tx); err != nil {
			return err
		}
		if now, err = readState(ctx, tx); err != nil {
			return err
		}
		if request.Number, err = t.number(ctx, tx); err != nil {
			return err
		}
		if signed, err = envelope.Sign(request, t.signer); err != nil {
			return fmt.Errorf("terminal: Request: %w", err)
		}
		sealed, err := t.sealer.seal("request", request.Number, signed)
		if err != nil {
			return err
		}
		sealedKey, err := t.sealKey(request.Number, key)
		if err != nil {
			return err
		}
		if err := t.keepName(ctx, tx, name, request.Number, amount); err != nil {
			return err
		}
		now.requests++
		if err := store.Exec(ctx, tx,
			`INSERT INTO request (number, amount, made, message, key) VALUES ($1, $2, $3, $4, $5)`,
			request.Number, int64(amount), now.requests, sealed, sealedKey); err != nil {
			return fmt.Errorf("terminal: journal: sale %d: %w", request.Number, err)
		}
		return now.write(ctx, tx)
	})
	if err != nil {
		return Sale{}, err
	}
	return Sale{request.Number, amount, t.envelope(signed)}, nil
}

func (t *Terminal) envelope(signed []byte) envelope.Envelope {
	return envelope.Envelope{Message: signed, Certificate: t.certificate, Authority: t.ca}
}

// OpenSales returns the sales that are neither paid nor refused, the oldest first.
func (t *Terminal) OpenSales(ctx context.Context) ([]Sale, error) {
	numbers, err := store.Column[uint32](ctx, t.db,
		`SELECT number FROM request WHERE open ORDER BY made`)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal: %w", err)
	}
	var sales []Sale
	for _, number := range numbers {
		s, err := t.sale(ctx, t.db, number)
		if err != nil {
			return nil, err
		}
		sales = append(sales, Sale{number, s.request.Amount, t.envelope(s.message)})
	}
	return sales, nil
}

// Refuse closes an open sale with a signed Refusal: its number can never be paid any more, and the
// money of a torn payment into it comes back to the payer's online wallet. The Refusal may be given
// to the payer's phone. One transaction; a refused sale again gives the same Refusal. Errors:
// [ErrAccepted], [ErrNoSale], [ErrRolledBack].
func (t *Terminal) Refuse(ctx context.Context, number uint32) (envelope.Envelope, error) {
	var refusal []byte
	err := store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		s, err := t.sale(ctx, tx, number)
		if err != nil {
			return err
		}
		decision, err := t.recordOf(ctx, tx, number)
		if err != nil {
			return err
		}
		switch {
		case decision != nil && decision.Refusal != nil:
			refusal, err = message.Encode(decision.Refusal)
			return err
		case decision != nil:
			return fmt.Errorf("sale %d: %w", number, ErrAccepted)
		}
		refusal, err = t.refuse(ctx, tx, s)
		return err
	})
	return t.envelope(refusal), err
}

// refuse records a Refusal in the caller's transaction.
func (t *Terminal) refuse(ctx context.Context, tx *sql.Tx, s sale) ([]byte, error) {
	now, err := readState(ctx, tx)
	if err != nil {
		return nil, err
	}
	if now.rolledBack {
		return nil, ErrRolledBack
	}
	identity, err := message.Identity(s.request)
	if err != nil {
		return nil, fmt.Errorf("terminal: Refusal: %w", err)
	}
	refusal := &message.Refusal{Payee: t.id, ATC: now.records + 1, Number: s.request.Number,
		Request: identity, Payer: s.request.Payer}
	signed, err := envelope.Sign(refusal, t.signer)
	if err != nil {
		return nil, fmt.Errorf("terminal: Refusal: %w", err)
	}
	return signed, t.recordDecision(ctx, tx, now, s, message.Record{Refusal: refusal}, nil)
}
