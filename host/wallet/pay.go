package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/envelope"
	"ekrona.example/host/limit"
)

// TornTap says that the card was lost during PAY: it may have paid. Paying the same Request again
// finds out, with no second debit.
type TornTap struct{ Err error }

// Error says what to do.
func (t *TornTap) Error() string {
	return fmt.Sprintf("the card was torn off while it paid: hold it to the phone again (%v)",
		client.Cause(t.Err))
}

// Unwrap returns the transport's error.
func (t *TornTap) Unwrap() error { return t.Err }

// ErrOwnRequest says that a card was to pay what it asked for itself.
var ErrOwnRequest = errors.New("wallet: this Request is by the card that would pay it: pay it on " +
	"the payer's phone, with the payer's card")

// Pay has the held card pay a Request: the second tap of a payment between cards,
// or an unload.
//
//  1. The Request is kept. A Payment that is already kept is returned; a Request that
//     its payee has refused is not paid.
//  2. PAY, with the PIN enciphered to the card for this Request alone, or without a PIN if the
//     card was held to the phone for this Request before: a card whose last Payment is of this
//     Request gives it again. A cut leaves the card having paid or not: [TornTap], and Pay again.
//  3. The Payment is kept, and goes to the payee over any channel and, with the
//     next synchronisation, to the notary. A cut before: as in step 2.
//
// Errors: [ErrRefused], [ErrOwnRequest], [*TornTap], [*limit.Reached], [*client.Refusal],
// [*client.LinkLost], [ErrPINNeeded].
func (w *Wallet) Pay(
	ctx context.Context, tap Tap, request envelope.Envelope,
) (envelope.Envelope, error) {
	if err := w.takeBeside(ctx, request); err != nil {
		return envelope.Envelope{}, err
	}
	r, _, err := readRequest(request.Message)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if r.Payee == w.device {
		return envelope.Envelope{}, ErrOwnRequest
	}
	t, err := w.storeRequestOnce(ctx, request)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if t.payment != nil {
		return w.withWhatIsBeside(ctx, *t.payment)
	}
	if t.answer != nil && !isReceipt(t.answer.Message) {
		return envelope.Envelope{}, ErrRefused
	}
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return envelope.Envelope{}, err
	}
	signed, certificate, err := w.collect(ctx, h, t)
	if err != nil {
		return envelope.Envelope{}, h.tellLimit(ctx, err, limit.Payer)
	}
	if !pays(signed, t.identity) || !signedBy(signed, certificate) {
		return envelope.Envelope{}, &TornTap{ErrAltered}
	}
	authority, err := w.authorityOf(certificate)
	if err != nil {
		return envelope.Envelope{}, err
	}
	payment := envelope.Envelope{Message: signed, Certificate: certificate, Authority: authority}
	if err := w.storePayment(ctx, t.identity, payment); err != nil {
		return envelope.Envelope{}, err
	}
	return w.withWhatIsBeside(ctx, payment)
}

// withWhatIsBeside puts beside a Payment what funded it and the crisis order, also when it is
// handed over again.
func (w *Wallet) withWhatIsBeside(
	ctx context.Context, payment envelope.Envelope,
) (envelope.Envelope, error) {
	payment, err := w.withProvenance(ctx, payment)
	if err != nil {
		return envelope.Envelope{}, err
	}
	return w.withCrisis(ctx, payment)
}

// collect does step 2 and returns the Payment and its payer's certificate.
func (w *Wallet) collect(
	ctx context.Context, h *cardSession, t transfer,
) (payment, certificate []byte, err error) {
	if h.tap.PIN == (pin.Block{}) && t.payerCertificate == nil {
		return nil, nil, ErrPINNeeded
	}
	if err := w.storePayer(ctx, t, w.certificate); err != nil {
		return nil, nil, err
	}
	own, err := pin.DrawPoint(w.random)
	if err != nil {
		return nil, nil, fmt.Errorf("wallet: %w", err)
	}
	h.nonce = message.Nonce{}
	payment, certificate, err = h.PayEnciphered(ctx,
		client.PayKey{Own: own, Card: w.pinKey, Application: h.application}, h.tap.PIN,
		t.request.Message, t.request.Certificate, t.request.Authority)
	switch {
	case h.tap.PIN == (pin.Block{}) && client.Is(err, spec.SWSecurity):
		return nil, nil, ErrPINNeeded
	case client.IsSealed(err) && !errors.Is(err, client.ErrPINWrong):
		h.pinRight = true
	case client.IsLost(err), errors.Is(err, pin.ErrPaymentAnswer):
		err = &TornTap{err}
	}
	return payment, certificate, err
}
