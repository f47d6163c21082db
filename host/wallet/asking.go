package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/envelope"
	"ekrona.example/host/store"
)

// requestMakingRoom has the card request an amount. While open Requests leave no room for it on
// the owner's card, it refuses the oldest that a torn tap of this phone left there: nobody was
// given it.
func (w *Wallet) requestMakingRoom(
	ctx context.Context, h *cardSession, amount money.Ore, payer message.DeviceID,
) ([]byte, error) {
	if err := w.beginAsking(ctx, amount, payer); err != nil {
		return nil, err
	}
	for {
		signed, err := h.Client.Request(ctx, amount, payer)
		var refusal *client.Refusal
		if !errors.As(err, &refusal) {
			return signed, err
		}
		if client.Is(err, spec.SWOpenRequests) || client.Is(err, spec.SWBalanceLimit) ||
			client.Is(err, spec.SWTransactionLimit) {
			refused, refusing := w.refuseTorn(ctx, h, amount, payer)
			if refusing != nil {
				return nil, errors.Join(err, refusing, w.endAsking(ctx, amount, payer))
			}
			if refused {
				continue
			}
		}
		return nil, errors.Join(err, w.endAsking(ctx, amount, payer))
	}
}

// beginAsking keeps what the card is asked to request, before it is.
func (w *Wallet) beginAsking(
	ctx context.Context, amount money.Ore, payer message.DeviceID,
) error {
	if err := store.Exec(ctx, w.db, `INSERT INTO asking (position, amount, payer)
		VALUES ((SELECT coalesce(max(position), 0) + 1 FROM asking), $1, $2)`, int64(amount),
		string(payer)); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// endAsking forgets one of the taps that asked for this, the latest: its answer is known.
func (w *Wallet) endAsking(ctx context.Context, amount money.Ore, payer message.DeviceID) error {
	if err := store.Exec(ctx, w.db, `DELETE FROM asking WHERE position = (SELECT max(position)
		FROM asking WHERE amount = $1 AND payer = $2)`, int64(amount),
		string(payer)); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// forgetAsking forgets all taps that asked for this: the card has nothing open that they have left.
func (w *Wallet) forgetAsking(
	ctx context.Context, amount money.Ore, payer message.DeviceID,
) error {
	if err := store.Exec(ctx, w.db, `DELETE FROM asking WHERE amount = $1 AND payer = $2`,
		int64(amount), string(payer)); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// torn returns how many taps of this phone asked for this and got no answer.
func (w *Wallet) torn(
	ctx context.Context, amount money.Ore, payer message.DeviceID,
) (int64, error) {
	n, err := store.Number(ctx, w.db,
		`SELECT count(*) FROM asking WHERE amount = $1 AND payer = $2`, int64(amount),
		string(payer))
	if err != nil {
		return 0, fmt.Errorf("wallet: journal: %w", err)
	}
	return n, nil
}

// refuseTorn refuses the oldest open Request of the owner's card that a torn tap of this phone left
// there, and reports whether there was one. The tap that runs now asks for amount and payer: it has
// left none.
func (w *Wallet) refuseTorn(
	ctx context.Context, h *cardSession, amount money.Ore, payer message.DeviceID,
) (bool, error) {
	switch taps, err := store.Number(ctx, w.db, `SELECT count(*) FROM asking`); {
	case err != nil:
		return false, fmt.Errorf("wallet: journal: %w", err)
	case taps <= 1: // the one that runs now
		return false, nil
	}
	if err := h.owner(ctx); err != nil {
		return false, err
	}
	open, err := h.OpenRequests(ctx)
	if err != nil {
		return false, err
	}
	for _, signed := range open {
		request, identity, err := readRequest(signed)
		if err != nil {
			return false, err
		}
		t, err := w.transfer(ctx, identity)
		if errors.Is(err, ErrNoTransfer) || err == nil && (!t.found || t.payment != nil) {
			continue
		}
		if err != nil {
			return false, err
		}
		taps, err := w.torn(ctx, request.Amount, request.Payer)
		if err != nil {
			return false, err
		}
		if requests(request, amount, payer) {
			taps--
		}
		if taps <= 0 {
			continue // a former phone made it, and may have given it to somebody
		}
		refusal, err := h.Client.Refuse(ctx, request.Number)
		if err != nil {
			return false, err
		}
		if !refuses(refusal, identity) || !signedBy(refusal, t.request.Certificate) {
			return false, ErrAltered
		}
		if err := w.storePayeeAnswer(ctx, identity, envelope.Envelope{Message: refusal,
			Certificate: t.request.Certificate, Authority: t.request.Authority}); err != nil {
			return false, err
		}
		return true, w.endAsking(ctx, request.Amount, request.Payer)
	}
	return false, nil
}
