package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/envelope"
	"ekrona/host/store"
)

// Side is one of the two cards of a payment.
type Side string

// The sides.
const (
	Payee Side = "payee"
	Payer Side = "payer"
)

// Holder asks the user to hold a card to the phone.
type Holder func(ctx context.Context, side Side) (Tap, error)

// Transfer is a payment between two cards on this phone, in three taps: the payee's card requests,
// the payer's card pays with its PIN, the payee's card accepts. It returns the payee's Receipt.
//
// After a torn tap or a killed app, [Wallet.ContinueTransfer] with the Request continues where it
// stopped; a Request that no tap has answered yet is found again by the same call.
func (w *Wallet) Transfer(
	ctx context.Context, amount money.Ore, hold Holder,
) (request, receipt envelope.Envelope, err error) {
	payee, err := hold(ctx, Payee)
	if err != nil {
		return request, receipt, err
	}
	if request, err = w.Request(ctx, payee, amount, ""); err != nil {
		return request, receipt, err
	}
	receipt, err = w.ContinueTransfer(ctx, request, hold)
	return request, receipt, err
}

// ErrRefused says that the payee has closed a Request.
var ErrRefused = errors.New("wallet: this Request was refused, and what is paid into it comes " +
	"back to the payer's online wallet: ask again")

// ContinueTransfer continues a payment between two cards from the state in the journal: a Request
// with a kept Payment is not paid again, a kept Receipt is returned. Errors: [ErrRefused], those of
// [Wallet.Pay] and [Wallet.Accept].
func (w *Wallet) ContinueTransfer(
	ctx context.Context, request envelope.Envelope, hold Holder,
) (envelope.Envelope, error) {
	t, err := w.storeRequestOnce(ctx, request)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if t.answer != nil && isReceipt(t.answer.Message) {
		return *t.answer, nil
	}
	if t.answer != nil {
		return envelope.Envelope{}, ErrRefused
	}
	if t.payment == nil {
		payer, err := hold(ctx, Payer)
		if err != nil {
			return envelope.Envelope{}, err
		}
		payment, err := w.Pay(ctx, payer, request)
		if err != nil {
			return envelope.Envelope{}, err
		}
		t.payment = &payment
	}
	payee, err := hold(ctx, Payee)
	if err != nil {
		return envelope.Envelope{}, err
	}
	return w.Accept(ctx, payee, *t.payment)
}

// Unfinished returns the Requests of this phone that have neither Receipt nor Refusal, the oldest
// first.
func (w *Wallet) Unfinished(ctx context.Context) ([]envelope.Envelope, error) {
	transfers, err := w.transfers(ctx)
	if err != nil {
		return nil, err
	}
	var open []envelope.Envelope
	for _, t := range transfers {
		if t.answer == nil {
			open = append(open, t.request)
		}
	}
	return open, nil
}

// transfers returns all transfers, the oldest first.
func (w *Wallet) transfers(ctx context.Context) ([]transfer, error) {
	identities, err := store.Column[[]byte](ctx, w.db,
		`SELECT request FROM transfer ORDER BY position`)
	if err != nil {
		return nil, fmt.Errorf("wallet: journal: %w", err)
	}
	var all []transfer
	for _, identity := range identities {
		t, err := w.transfer(ctx, message.Hash(identity))
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}
