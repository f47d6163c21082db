package wallet

import (
	"context"
	"fmt"

	"ekrona/apdu/spec"
	"ekrona/applet/client"
	"ekrona/host/envelope"
	"ekrona/host/limit"
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

// Pay has the held card pay a Request: the second tap of a payment between cards,
// or an unload.
//
//  1. The Request is kept. A Payment that is already kept is returned; a Request that
//     its payee has refused is not paid.
//  2. If a card was held to the phone for this Request before, PAY without PIN: a
//     card that has paid gives its Payment again.
//  3. Otherwise VERIFY, the card's certificate is kept, and PAY. A cut leaves the
//     card having paid or not: [TornTap], and Pay again.
//  4. The Payment is kept, and goes to the payee over any channel and, with the
//     next synchronisation, to the notary. A cut before: as in step 3.
//
// Errors: [ErrRefused], [*TornTap], [*limit.Reached], [*client.Refusal], [*client.LinkLost],
// [ErrPINNeeded].
func (w *Wallet) Pay(
	ctx context.Context, tap Tap, request envelope.Envelope,
) (envelope.Envelope, error) {
	t, err := w.storeRequestOnce(ctx, request)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if t.payment != nil {
		return *t.payment, nil
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
	return payment, w.storePayment(ctx, t.identity, payment)
}

// collect does steps 2 and 3 and returns the Payment and its payer's certificate.
func (w *Wallet) collect(
	ctx context.Context, h *cardSession, t transfer,
) (payment, certificate []byte, err error) {
	if t.payerCertificate != nil {
		payment, err = pay(ctx, h, t)
		if err == nil && signedBy(payment, t.payerCertificate) {
			return payment, t.payerCertificate, nil
		}
		if err != nil && !client.Is(err, spec.SWSecurity) {
			return nil, nil, err
		}
	}
	if err := h.verify(ctx); err != nil {
		return nil, nil, err
	}
	if payment != nil { // altered on its way, or another card's
		return payment, w.certificate, nil
	}
	if err := w.storePayer(ctx, t, w.certificate); err != nil {
		return nil, nil, err
	}
	payment, err = pay(ctx, h, t)
	return payment, w.certificate, err
}

func pay(ctx context.Context, h *cardSession, t transfer) ([]byte, error) {
	payment, err := h.Client.Pay(ctx, t.request.Message, t.request.Certificate, t.request.Authority)
	if client.IsLost(err) {
		return nil, &TornTap{err}
	}
	return payment, err
}
