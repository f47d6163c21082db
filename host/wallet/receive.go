package wallet

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/envelope"
	"ekrona.example/host/limit"
	"ekrona.example/host/store"
)

// Request has the held card request an amount: the first tap of a payment between cards. payer,
// when not empty, is the only device that may pay.
//
//  1. With the PIN, open Requests that the phone has given to nobody are read from the
//     card: one of this amount and payer is the lost answer of a torn tap, and is taken.
//     The others on the owner's card are kept: [Wallet.Unfinished] has them. The PIN, or
//     the pair of card and phone, is needed where this phone knows of such a tap.
//  2. Otherwise REQUEST. A cut leaves the Request open on the card or not at all;
//     the same call finds out. When open Requests leave no room on the owner's card,
//     the oldest that a torn tap of this phone left there is refused, and the card
//     asked again.
//  3. The Request is kept. A cut before: as in step 2.
//
// Errors: [*limit.Reached] when the card's limits or log could not take it,
// [*client.Refusal], [*client.LinkLost], [ErrPINNeeded], [ErrAltered].
func (w *Wallet) Request(
	ctx context.Context, tap Tap, amount money.Ore, payer message.DeviceID,
) (envelope.Envelope, error) {
	if err := message.CheckAmount(amount); err != nil {
		return envelope.Envelope{}, fmt.Errorf("wallet: %w", err)
	}
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return envelope.Envelope{}, err
	}
	signed, err := w.lostRequest(ctx, h, amount, payer)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if signed == nil {
		signed, err = h.asOwner(ctx,
			func() ([]byte, error) { return w.requestMakingRoom(ctx, h, amount, payer) })
		if err != nil {
			return envelope.Envelope{}, h.tellLimit(ctx, err, limit.Payee)
		}
	}
	requested := w.ownEnvelope(signed)
	request, _, err := readRequest(signed)
	if err != nil || !requests(request, amount, payer) || !signedBy(signed, requested.Certificate) {
		return envelope.Envelope{}, ErrAltered
	}
	if _, err := w.storeRequestOnce(ctx, requested); err != nil {
		return envelope.Envelope{}, err
	}
	if err := w.endAsking(ctx, amount, payer); err != nil {
		return envelope.Envelope{}, err
	}
	return w.withCrisis(ctx, requested)
}

// lostRequest returns the Request that a torn tap has left on the card, nil when there is none. It
// takes the PIN, or the pair of card and phone, to read it; the PIN may be left out while this
// phone knows of no such tap.
func (w *Wallet) lostRequest(
	ctx context.Context, h *cardSession, amount money.Ore, payer message.DeviceID,
) ([]byte, error) {
	taps, err := w.torn(ctx, amount, payer)
	if err != nil || taps == 0 && h.tap.PIN == (pin.Block{}) {
		return nil, err
	}
	if err := h.owner(ctx); err != nil {
		return nil, err
	}
	signed, err := w.unassignedRequest(ctx, h, amount, payer)
	if err == nil && signed == nil {
		err = w.forgetAsking(ctx, amount, payer)
	}
	return signed, err
}

// unassignedRequest returns an open Request on the card, of this amount and payer, that this phone
// has given to nobody; nil when there is none.
func (w *Wallet) unassignedRequest(
	ctx context.Context, h *cardSession, amount money.Ore, payer message.DeviceID,
) ([]byte, error) {
	open, err := h.OpenRequests(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.storeFound(ctx, open); err != nil {
		return nil, err
	}
	for _, signed := range open {
		request, identity, err := readRequest(signed)
		if err != nil {
			return nil, err
		}
		if !requests(request, amount, payer) {
			continue
		}
		t, err := w.transfer(ctx, identity)
		if errors.Is(err, ErrNoTransfer) || err == nil && t.found && t.payment == nil {
			return signed, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Accept gives a Payment to the payee's card: the third tap. The payee is paid
// when the card has accepted.
//
//  1. The Payment is kept, so that it survives this phone's restart.
//  2. ACCEPT. A cut leaves it accepted or not; the same call gets the same
//     Receipt. The PIN is presented only if the card requires it.
//  3. The Receipt is kept, and goes to the payer's phone and, with the next
//     synchronisation, to the notary, together with the payer's certificate: when
//     nobody has registered the payer, nothing else proves what its key signed. A
//     cut before: as in step 2, and the record on the card has the same answer.
//
// Errors: [ErrRefused], [*client.Refusal], [*client.LinkLost], [ErrPINNeeded], [ErrAltered].
func (w *Wallet) Accept(
	ctx context.Context, tap Tap, payment envelope.Envelope,
) (envelope.Envelope, error) {
	if err := w.takeBeside(ctx, payment); err != nil {
		return envelope.Envelope{}, err
	}
	if err := w.takeProvenance(ctx, payment); err != nil {
		return envelope.Envelope{}, err
	}
	t, err := w.receivePayment(ctx, payment)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if t.answer != nil && accepts(t.answer.Message, payment.Message) {
		return w.withCrisis(ctx, *t.answer)
	}
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return envelope.Envelope{}, err
	}
	signed, err := h.asOwner(ctx, func() ([]byte, error) {
		return h.Client.Accept(ctx, payment.Message, payment.Certificate, payment.Authority)
	})
	if client.Is(err, spec.SWReferenceUnknown) && t.answer != nil && !isReceipt(t.answer.Message) {
		return envelope.Envelope{}, ErrRefused
	}
	if err != nil {
		return envelope.Envelope{}, h.tellLimit(ctx, err, limit.Payee)
	}
	// The payee's certificates are those of its Request.
	receipt := envelope.Envelope{Message: signed, Certificate: t.request.Certificate,
		Authority: t.request.Authority}
	if !accepts(signed, payment.Message) || !signedBy(signed, receipt.Certificate) {
		return envelope.Envelope{}, ErrAltered
	}
	if err := w.storePayeeAnswer(ctx, t.identity, receipt, payment.Certificate); err != nil {
		return envelope.Envelope{}, err
	}
	return w.withCrisis(ctx, receipt)
}

// ErrNotRequested says that a Payment is not by the only card that may pay its Request.
var ErrNotRequested = errors.New(
	"wallet: this payment is by another card than the one that was asked: let that one pay")

// receivePayment keeps a Payment that came over any channel. The phone must know its Request; it
// was made on this phone, or read from the card. A Payment of the owner's own card must be signed
// by its key: an unload continues with the one that is kept.
func (w *Wallet) receivePayment(ctx context.Context, payment envelope.Envelope) (transfer, error) {
	paid, err := message.Parse[message.Payment](payment.Message)
	if err != nil {
		return transfer{}, fmt.Errorf("wallet: Payment: %w", err)
	}
	identity, err := message.Identity(&paid.Request)
	if err != nil {
		return transfer{}, fmt.Errorf("wallet: Payment: %w", err)
	}
	switch {
	case paid.Request.Payer != "" && paid.Request.Payer != paid.Payer:
		return transfer{}, ErrNotRequested
	case paid.Payer == w.device && !signedBy(payment.Message, w.certificate):
		return transfer{}, ErrAltered
	}
	// Until the payee has decided the last one received counts: an attacker may have sent a Payment
	// before that no card accepts.
	err = w.store(ctx, `UPDATE transfer SET payment = $1 WHERE request = $2 AND answer IS NULL`,
		identity, payment)
	if err != nil {
		return transfer{}, err
	}
	return w.transfer(ctx, identity)
}

// ErrNotOpen says that a Request cannot be refused any more.
var ErrNotOpen = errors.New("wallet: this Request is open no longer: it was accepted, or refused " +
	"from another phone, which the next synchronisation finds; money that was accepted goes back " +
	"by a payment")

// Refuse closes an open Request of the held card for ever; value that was paid
// into it comes back to the payer's online wallet. The Refusal may be given to the
// payer's phone. One transaction on the card; the same call gets the same Refusal.
// Errors: [ErrNotOpen], [*client.LinkLost], [ErrPINNeeded], [ErrAltered].
func (w *Wallet) Refuse(
	ctx context.Context, tap Tap, requested envelope.Envelope,
) (envelope.Envelope, error) {
	request, _, err := readRequest(requested.Message)
	if err != nil {
		return envelope.Envelope{}, err
	}
	t, err := w.storeRequestOnce(ctx, requested)
	if err != nil {
		return envelope.Envelope{}, err
	}
	switch {
	case t.answer == nil:
	case refuses(t.answer.Message, t.identity):
		return *t.answer, nil
	default:
		return envelope.Envelope{}, ErrNotOpen
	}
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return envelope.Envelope{}, err
	}
	signed, err := h.asOwner(ctx,
		func() ([]byte, error) { return h.Client.Refuse(ctx, request.Number) })
	if client.Is(err, spec.SWReferenceUnknown) {
		return envelope.Envelope{}, fmt.Errorf("%w (%w)", ErrNotOpen, err)
	}
	if err != nil {
		return envelope.Envelope{}, err
	}
	if !refuses(signed, t.identity) || !signedBy(signed, t.request.Certificate) {
		return envelope.Envelope{}, ErrAltered
	}
	refusal := envelope.Envelope{Message: signed, Certificate: t.request.Certificate,
		Authority: t.request.Authority}
	return refusal, w.storePayeeAnswer(ctx, t.identity, refusal)
}

// TakeAnswer keeps a payee's Receipt or Refusal that was given to the payer's phone: with it the
// payment is decided as soon as this phone synchronises, even before the payee's device does. That
// of a payment at a terminal, which did not pass through this phone, is only carried to the
// intermediary. The certificates are those of the Request. Errors: [ErrAltered] when the payee has
// not signed it.
func (w *Wallet) TakeAnswer(ctx context.Context, answer envelope.Envelope) error {
	if err := w.takeBeside(ctx, answer); err != nil {
		return err
	}
	t, err := w.transferOf(ctx, answer.Message)
	if errors.Is(err, ErrNoTransfer) {
		return store.InTx(ctx, w.db,
			func(tx *sql.Tx) error { return queue(ctx, tx, answer.Message) })
	}
	if err != nil {
		return err
	}
	if !signedBy(answer.Message, t.request.Certificate) {
		return ErrAltered
	}
	answer.Certificate, answer.Authority = t.request.Certificate, t.request.Authority
	return w.storePayeeAnswer(ctx, t.identity, answer)
}

// transferOf returns the transfer that a payee's decision belongs to.
func (w *Wallet) transferOf(ctx context.Context, signed []byte) (transfer, error) {
	if refusal, err := message.Parse[message.Refusal](signed); err == nil {
		return w.transfer(ctx, refusal.Request)
	}
	if _, err := message.Parse[message.Receipt](signed); err != nil {
		return transfer{}, fmt.Errorf("wallet: neither a Receipt nor a Refusal: %w", err)
	}
	transfers, err := w.transfers(ctx)
	if err != nil {
		return transfer{}, err
	}
	for _, t := range transfers {
		if t.payment != nil && accepts(signed, t.payment.Message) {
			return t, nil
		}
	}
	return transfer{}, ErrNoTransfer
}
