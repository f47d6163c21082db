package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/envelope"
	"ekrona.example/host/store"
)

// Side is one side of a payment between two cards: the phone of a card's owner, to which no other
// card is held.
type Side struct {
	Phone *Wallet
	// Hold asks the owner to hold the card to the phone, and to enter its PIN first where withPIN
	// says so.
	Hold func(ctx context.Context, withPIN bool) (Tap, error)
}

// Receive calls do with the card, without its PIN. Where the card asks for the PIN it is entered,
// and do is called again: it may be [Wallet.Request], [Wallet.Accept] or [Wallet.Refuse], all of
// which may be called again.
func (s Side) Receive(ctx context.Context, do func(Tap) error) error {
	tap, err := s.Hold(ctx, false)
	if err != nil {
		return err
	}
	if err := do(tap); !errors.Is(err, ErrPINNeeded) {
		return err
	}
	if tap, err = s.Hold(ctx, true); err != nil {
		return err
	}
	return do(tap)
}

// Transfer is a payment between two cards, each at its owner's phone, in three taps: the payee's
// card requests, the payer's card pays with its PIN, the payee's card accepts. It returns the
// payee's Receipt, which the payer's phone may take.
//
// After a torn tap or a killed app, [ContinueTransfer] with the Request continues where it stopped;
// a Request that no tap has answered yet is found again by the same call.
func Transfer(
	ctx context.Context, payer, payee Side, amount money.Ore,
) (request, receipt envelope.Envelope, err error) {
	if request, err = requestOf(ctx, payee, amount); err != nil {
		return request, receipt, err
	}
	receipt, err = ContinueTransfer(ctx, payer, payee, request)
	return request, receipt, err
}

// requestOf is the first tap.
func requestOf(
	ctx context.Context, payee Side, amount money.Ore,
) (request envelope.Envelope, err error) {
	err = payee.Receive(ctx, func(tap Tap) (err error) {
		request, err = payee.Phone.Request(ctx, tap, amount, "")
		return err
	})
	return request, err
}

// ErrRefused says that the payee has closed a Request.
var ErrRefused = errors.New("wallet: this Request was refused, and what is paid into it comes " +
	"back to the payer's online wallet: ask again")

// Unpaid is an error before the payee's phone has a Payment: the payer's card, or its owner, has
// refused to pay, or a [*client.LinkLost] says that nobody knows.
type Unpaid struct{ error }

// Unwrap returns the reason.
func (u *Unpaid) Unwrap() error { return u.error }

// ContinueTransfer continues a payment between two cards from the state in the payee's journal: a
// Request with a kept Payment is not paid again, a kept Receipt is returned. Errors: [ErrRefused],
// [*Unpaid] around those of [Wallet.Pay], those of [Wallet.Accept].
func ContinueTransfer(
	ctx context.Context, payer, payee Side, request envelope.Envelope,
) (receipt envelope.Envelope, err error) {
	t, err := payee.Phone.storeRequestOnce(ctx, request)
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
		tap, err := payer.Hold(ctx, true)
		if err != nil {
			return envelope.Envelope{}, &Unpaid{err}
		}
		payment, err := payer.Phone.Pay(ctx, tap, t.request)
		if err != nil {
			return envelope.Envelope{}, &Unpaid{err}
		}
		t.payment = &payment
	}
	err = payee.Receive(ctx, func(tap Tap) (err error) {
		receipt, err = payee.Phone.Accept(ctx, tap, *t.payment)
		return err
	})
	return receipt, err
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

// expected returns how many Requests of the owner's card are unfinished, and what they ask for.
func (w *Wallet) expected(ctx context.Context) (open int, sum money.Ore, err error) {
	unfinished, err := w.Unfinished(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, e := range unfinished {
		request, _, err := readRequest(e.Message)
		if err != nil {
			return 0, 0, err
		}
		if request.Payee == w.device {
			open, sum = open+1, sum+request.Amount
		}
	}
	return open, sum, nil
}

// OwnRequest returns a Request of the owner's card by its number. Errors: [ErrNoTransfer].
func (w *Wallet) OwnRequest(ctx context.Context, number uint32) (envelope.Envelope, error) {
	transfers, err := w.transfers(ctx)
	if err != nil {
		return envelope.Envelope{}, err
	}
	for _, t := range transfers {
		request, _, err := readRequest(t.request.Message)
		if err != nil {
			return envelope.Envelope{}, err
		}
		if request.Payee == w.device && request.Number == number {
			return t.request, nil
		}
	}
	return envelope.Envelope{}, ErrNoTransfer
}

// Give returns a Request of the owner's card that is still open, to be given to a payer: again, or
// for the first time when only the card had it. Errors: [ErrNoTransfer], [ErrAnswered].
func (w *Wallet) Give(ctx context.Context, number uint32) (envelope.Envelope, error) {
	request, err := w.OwnRequest(ctx, number)
	if err != nil {
		return envelope.Envelope{}, err
	}
	t, err := w.storeRequestOnce(ctx, request)
	if err != nil {
		return request, err
	}
	if t.answer != nil {
		return request, ErrAnswered
	}
	return w.withCrisis(ctx, request)
}

// ErrAnswered says that a Request was accepted or refused.
var ErrAnswered = errors.New("wallet: this Request was accepted or refused already: ask again")

// Complete adds to an envelope the certificate of a CA that a QR code leaves out: the app has it.
func (w *Wallet) Complete(e envelope.Envelope) (envelope.Envelope, error) {
	if len(e.Authority) > 0 || len(e.Certificate) == 0 {
		return e, nil
	}
	authority, err := w.authorityOf(e.Certificate)
	if err != nil {
		return e, fmt.Errorf("%w, or take the message as a file or text, which has it all", err)
	}
	e.Authority = authority
	return e, nil
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
