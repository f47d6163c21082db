package wallet

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/store"
)

// ErrNotLater says that a certificate cannot replace the card's.
var ErrNotLater = errors.New("wallet: this is no later certificate of the owner's card: ask the " +
	"intermediary for the renewed one")

// Renew stores a later certificate (7F21) on the owner's card, in one tap and
// without the PIN. An expired card synchronises and unloads; it is renewed to pay
// and to be paid again.
//
//  1. GET STATE, to a Challenge that the intermediary opens for this session: the card
//     then knows that it answers its own intermediary. A cut leaves an unused Challenge.
//  2. PUT DATA. A cut leaves the old certificate on the card or the new one; the
//     same call finds out. The certificate is read back: the card may have received
//     another command, which it also answers.
//  3. The phone keeps it, for what its card signs from now on. A cut before: the
//     same call.
//
// Errors: [ErrNotLater], [ErrAltered], [*client.Refusal], [*client.LinkLost], those of the
// link.
func (w *Wallet) Renew(ctx context.Context, tap Tap, certificate []byte) error {
	if err := w.checkLater(certificate); err != nil {
		return err
	}
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return err
	}
	opening, err := w.intermediary.Open(ctx, w.device, h.nonce)
	if err != nil {
		return err
	}
	if _, err := h.answer(ctx, opening.Challenge, opening.Trust); err != nil {
		return err
	}
	put := h.PutCertificate(ctx, certificate)
	if put != nil && !client.Is(put, spec.SWDate) { // which may mean that it has this one already
		return put
	}
	stored, err := h.Certificate(ctx)
	switch {
	case err != nil:
		return err
	case bytes.Equal(stored, certificate):
	case put != nil:
		return put
	default:
		return ErrAltered
	}
	if err := store.Exec(ctx, w.db, `UPDATE phone SET certificate = $1`, certificate); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	w.certificate = certificate
	return nil
}

// checkLater checks that a certificate is the one in use or a later one of the same
// card, by the same CA.
func (w *Wallet) checkLater(encoded []byte) error {
	own, err := cvc.Parse(w.certificate)
	if err != nil {
		return fmt.Errorf("wallet: the card's certificate: %w", err)
	}
	ca, err := cvc.Parse(w.ca)
	if err != nil {
		return fmt.Errorf("wallet: certificate of the CA: %w", err)
	}
	later, err := cvc.Parse(encoded)
	if err == nil {
		err = later.VerifyBy(ca)
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrNotLater, err)
	}
	if later.Holder != own.Holder || later.Role != own.Role ||
		!later.PublicKey.Equal(own.PublicKey) ||
		!later.Expiry.After(own.Expiry) && !bytes.Equal(encoded, w.certificate) {
		return fmt.Errorf("%w (it is that of the %v %s until %v)", ErrNotLater, later.Role,
			later.Holder, later.Expiry)
	}
	return nil
}

// readRenewed reads the later certificate that was stored on the card after the
// one that the phone was set up with.
func (w *Wallet) readRenewed(ctx context.Context, q store.Queryer) error {
	var renewed []byte
	if err := store.Must(ctx, q, store.Into{&renewed},
		`SELECT certificate FROM phone`); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	if renewed != nil && w.checkLater(renewed) == nil {
		w.certificate = renewed
	}
	return nil
}

// renewBatch gives the card the present certificate of its batch key, in a session in which it has
// answered its intermediary's Challenge. Terminals encipher PINs to that key as long as it lasts. A
// cut leaves the former certificate on the card or this one, and the next synchronisation finds
// out. A card that refuses it synchronises all the same.
func (h *cardSession) renewBatch(ctx context.Context) error {
	w := h.wallet
	present, err := w.intermediary.BatchCertificate(ctx, h.application.Batch)
	if err != nil || present == nil || bytes.Equal(present, w.batch) {
		return err
	}
	stored, err := h.BatchCertificate(ctx)
	if err != nil {
		return err
	}
	if isRenewed(present, stored) {
		err := h.putBatch(ctx, present)
		var refused *client.Refusal
		if errors.As(err, &refused) {
			return nil
		}
		if err != nil {
			return err
		}
		if stored, err = h.BatchCertificate(ctx); err != nil {
			return err
		}
	}
	if !bytes.Equal(stored, present) {
		return nil // altered on its way, or the card has a later one
	}
	if err := store.Exec(ctx, w.db, `UPDATE phone SET batch = $1`, present); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	w.batch = present
	return nil
}

// putBatch stores the certificate of the batch key. Where the card's CA has ended for the card, the
// CA's later certificate is presented first.
func (h *cardSession) putBatch(ctx context.Context, certificate []byte) error {
	err := h.PutCertificate(ctx, certificate)
	if !client.Is(err, spec.SWExpired) {
		return err
	}
	if err := h.VerifyCertificate(ctx, h.wallet.ca); err != nil {
		return err
	}
	return h.PutCertificate(ctx, certificate)
}

func isRenewed(present, stored []byte) bool {
	now, err := cvc.Parse(present)
	if err != nil {
		return false
	}
	former, err := cvc.Parse(stored)
	return err == nil && now.Renews(former)
}
