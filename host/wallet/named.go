package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/envelope"
	"ekrona.example/host/order"
	"ekrona.example/host/store"
)

// ErrNameTaken says that an operation has the name of another one. Nothing was done.
var ErrNameTaken = errors.New(
	"this name was given to something else before: choose another one")

// deed is what a phone did under its owner's own name, other than an order.
type deed int

const (
	deedAsked deed = 1 // a Request of the owner's card
	deedPaid  deed = 2 // a payment to another card, with both phones at hand
)

// Did reports whether an order of this name was carried out, as far as this phone knows. Errors:
// [ErrNameTaken].
func (w *Wallet) Did(
	ctx context.Context, kind order.Kind, amount money.Ore, name string,
) (bool, error) {
	k, _, err := w.namedOrder(ctx, kind, amount, name)
	return k.done, err
}

// Asked returns the Request that the owner's card has made under a name, nil where there is none,
// as [Wallet.Give] does, but also when it was accepted or refused, and whether it was. Errors:
// [ErrNameTaken] when it asks for another amount, or another payer.
func (w *Wallet) Asked(
	ctx context.Context, name string, amount money.Ore, payer message.DeviceID,
) (asked *envelope.Envelope, answered bool, err error) {
	t, r, err := w.named(ctx, deedAsked, name)
	if err != nil || t == nil {
		return nil, false, err
	}
	if !requests(r, amount, payer) {
		return nil, false, fmt.Errorf("%w (%s: Request %d for %s)", ErrNameTaken, name, r.Number,
			r.Amount)
	}
	request, err := w.withCrisis(ctx, t.request)
	return &request, t.answer != nil, err
}

// KeepAsked gives a Request of the owner's card its name. A cut before leaves it without one: the
// same name makes another Request then, and the first can be refused.
func (w *Wallet) KeepAsked(ctx context.Context, name string, request envelope.Envelope) error {
	return w.keepName(ctx, deedAsked, name, request)
}

// TransferNamed is [Transfer] under the payer's own name: the same name again finishes that
// payment, and once it is done does nothing but return its Receipt again, and repeated. After a
// payment that the payee has refused, or that the payer's card did not make, the same name pays
// anew. Errors also: [ErrNameTaken].
func TransferNamed(
	ctx context.Context, payer, payee Side, amount money.Ore, name string,
) (request, receipt envelope.Envelope, repeated bool, err error) {
	phone := payer.Phone
	t, r, err := phone.named(ctx, deedPaid, name)
	if err != nil {
		return request, receipt, false, err
	}
	if t != nil {
		if r.Payee != payee.Phone.device || r.Amount != amount {
			return request, receipt, false, fmt.Errorf("%w (%s: %s to %s)", ErrNameTaken, name,
				r.Amount, r.Payee)
		}
		if t.answer != nil && isReceipt(t.answer.Message) {
			return t.request, *t.answer, true, nil
		}
		receipt, err = ContinueTransfer(ctx, payer, payee, t.request)
		if !errors.Is(err, ErrRefused) {
			return t.request, receipt, false, err
		}
	}
	if request, err = requestOf(ctx, payee, amount); err != nil {
		return request, receipt, false, err
	}
	if err := phone.keepName(ctx, deedPaid, name, request); err != nil {
		return request, receipt, false, err
	}
	receipt, err = ContinueTransfer(ctx, payer, payee, request)
	return request, receipt, false, err
}

// named returns the transfer of a name, nil where there is none, and its Request.
func (w *Wallet) named(
	ctx context.Context, done deed, name string,
) (*transfer, *message.Request, error) {
	var identity message.Hash
	var kept []byte
	found, err := store.Get(ctx, w.db, store.Into{&kept},
		`SELECT request FROM named WHERE deed = $1 AND name = $2`, int(done), name)
	if err != nil {
		return nil, nil, fmt.Errorf("wallet: journal: %w", err)
	}
	if !found {
		return nil, nil, nil
	}
	copy(identity[:], kept)
	t, err := w.transfer(ctx, identity)
	if err != nil {
		return nil, nil, err
	}
	r, _, err := readRequest(t.request.Message)
	return &t, r, err
}

// keepName keeps a Request under a name, in place of one that came to nothing.
func (w *Wallet) keepName(
	ctx context.Context, done deed, name string, request envelope.Envelope,
) error {
	t, err := w.storeRequestOnce(ctx, request)
	if err != nil {
		return err
	}
	if err := store.Exec(ctx, w.db, `INSERT INTO named (deed, name, request) VALUES ($1, $2, $3)
		ON CONFLICT (deed, name) DO UPDATE SET request = excluded.request`, int(done), name,
		t.identity[:]); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}
