package wallet

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/crisis"
	"ekrona.example/host/envelope"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// crisisKept is what the journal has of crisis orders.
type crisisKept struct {
	carried crisis.Carried
	offered crisis.Carried // by others: the card judges it
	notary  []byte
	shown   uint32 // number of the card for which there was nothing to read
}

func (w *Wallet) readCrisis(ctx context.Context) (k crisisKept, err error) {
	var carried, offered []byte
	if err := store.Must(ctx, w.db, store.Into{&carried, &offered, &k.notary, &k.shown},
		`SELECT carried, offered, notary, shown FROM crisis`); err != nil {
		return k, fmt.Errorf("wallet: journal: crisis order: %w", err)
	}
	for kept, into := range map[*[]byte]*crisis.Carried{&carried: &k.carried,
		&offered: &k.offered} {
		if *kept == nil {
			continue
		}
		if *into, err = crisis.Parse(*kept); err != nil {
			return k, fmt.Errorf("wallet: journal: crisis order: %w", err)
		}
	}
	return k, nil
}

func (w *Wallet) writeCrisis(ctx context.Context, k crisisKept) error {
	file := func(c crisis.Carried) []byte {
		if c.IsEmpty() {
			return nil
		}
		return c.Bytes()
	}
	if err := store.Exec(ctx, w.db, `UPDATE crisis SET carried = $1, offered = $2, notary = $3,
		shown = $4`, file(k.carried), file(k.offered), k.notary, k.shown); err != nil {
		return fmt.Errorf("wallet: journal: crisis order: %w", err)
	}
	return nil
}

// CarriedCrisis returns the crisis order that the phone carries, for other phones, terminals and
// files.
func (w *Wallet) CarriedCrisis(ctx context.Context) (crisis.Carried, error) {
	k, err := w.readCrisis(ctx)
	return k.carried, err
}

// TakeCrisis takes a crisis order that somebody has offered: the owner's card verifies it at its
// next tap, and the phone carries it from then on. One that the phone carries already changes
// nothing. Errors: [message.ErrMalformed].
func (w *Wallet) TakeCrisis(ctx context.Context, c crisis.Carried) error {
	if _, err := crisis.Parse(c.Bytes()); err != nil {
		return err
	}
	k, err := w.readCrisis(ctx)
	if err != nil || bytes.Equal(k.carried.Bytes(), c.Bytes()) {
		return err
	}
	k.offered = c
	return w.writeCrisis(ctx, k)
}

// GiveCrisis gives the owner's card a crisis order from a file, at a tap. Afterwards the phone
// carries it, unless there is an error, which says why the card has not taken it: an order that is
// not genuine, none that is newer than the card's, or one that has not begun while another counts.
// Errors: [crisis.ErrOld], [crisis.ErrOldKey], [crisis.ErrNoKey], [crisis.ErrRoot],
// [crisis.ErrFalse], [crisis.ErrEarly], [*client.LinkLost], [*client.Refusal] of SELECT.
func (w *Wallet) GiveCrisis(
	ctx context.Context, tap Tap, c crisis.Carried, today message.Date,
) error {
	k, err := w.readCrisis(ctx)
	if err != nil {
		return err
	}
	if len(c.Order) > 0 {
		if err := c.CheckAlone(); err != nil {
			return err
		}
		if isOther, err := isAnotherBody(c.Order, k.carried.Order); err != nil || isOther {
			return errors.Join(err, fmt.Errorf("%w (another one of its number is known)",
				crisis.ErrFalse))
		}
		if err := k.checkBegun(c, today); err != nil {
			return err
		}
	}
	if err := w.TakeCrisis(ctx, c); err != nil {
		return err
	}
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return err
	}
	if len(c.Order) == 0 || h.crisisTaken {
		return nil
	}
	if err = whyNotTaken(h.crisisRefused); errors.Is(err, crisis.ErrOld) {
		return k.oldAsFarAsKnown(c, err)
	}
	return err
}

// checkBegun is [crisis.CheckBegun] for an order that is offered and the one that is carried.
func (k crisisKept) checkBegun(c crisis.Carried, today message.Date) error {
	if len(k.carried.Order) == 0 {
		return nil
	}
	order, err := message.Parse[message.CrisisOrder](c.Order)
	if err != nil {
		return err
	}
	carried, err := message.Parse[message.CrisisOrder](k.carried.Order)
	if err != nil || order.Number <= carried.Number {
		return err
	}
	return crisis.CheckBegun(order, carried, today)
}

// oldAsFarAsKnown says of an order that the card calls old, before it looks at signatures, whether
// it is genuine too: the phone has no root key, but the notaries' certificates that its card and
// its intermediary have given it.
func (k crisisKept) oldAsFarAsKnown(c crisis.Carried, old error) error {
	if len(c.Notary) == 0 || bytes.Equal(c.Notary, k.carried.Notary) ||
		bytes.Equal(c.Notary, k.notary) {
		return old
	}
	offered, err := cvc.Parse(c.Notary)
	if err != nil {
		return fmt.Errorf("%w (%w)", crisis.ErrFalse, err)
	}
	for _, encoded := range [][]byte{k.carried.Notary, k.notary} {
		known, err := cvc.Parse(encoded)
		if err == nil && known.Holder == offered.Holder && known.Authority == offered.Authority {
			return fmt.Errorf("%w (the certificate of %s is another one than the phone knows)",
				crisis.ErrFalse, known.Holder)
		}
	}
	return fmt.Errorf("%w; whether this one is genuine the phone cannot tell, as it does not know "+
		"the certificate of %s", old, offered.Holder)
}

// isAnotherBody reports whether two orders have the same number and say different things.
func isAnotherBody(a, b []byte) (bool, error) {
	if len(b) == 0 {
		return false, nil
	}
	offered, err := message.Parse[message.CrisisOrder](a)
	if err != nil {
		return false, err
	}
	carried, err := message.Parse[message.CrisisOrder](b)
	if err != nil || offered.Number != carried.Number {
		return false, err
	}
	first, err := message.Identity(offered)
	if err != nil {
		return false, err
	}
	second, err := message.Identity(carried)
	return first != second, err
}

// whyNotTaken says of a card's refusal what it means. Without one the card was not asked: the
// phone carries the order already.
func whyNotTaken(refused error) error {
	if errors.Is(refused, client.ErrUnknownRoot) {
		return fmt.Errorf("%w (%w)", crisis.ErrRoot, refused)
	}
	for _, r := range []struct {
		sw  apdu.StatusWord
		err error
	}{
		{spec.SWOrderOld, crisis.ErrOld}, {spec.SWExpired, crisis.ErrOldKey},
		{spec.SWReferenceUnknown, crisis.ErrNoKey}, {spec.SWSignature, crisis.ErrFalse},
		{spec.SWCertificate, crisis.ErrFalse}, {spec.SWKeyKnown, crisis.ErrFalse},
		{spec.SWRole, crisis.ErrFalse}, {spec.SWWrongData, crisis.ErrFalse},
		{spec.SWVersion, crisis.ErrFalse},
	} {
		if client.Is(refused, r.sw) {
			return fmt.Errorf("%w (%w)", r.err, refused)
		}
	}
	if refused == nil {
		return fmt.Errorf("%w (it is the one that is carried)", crisis.ErrOld)
	}
	if client.Is(refused, spec.SWDate) { // of the order, or of a signer's certificate
		return fmt.Errorf("%w (%w)", crisis.ErrOldKey, refused)
	}
	return refused
}

// takeBeside takes the crisis order that came beside a message.
func (w *Wallet) takeBeside(ctx context.Context, e envelope.Envelope) error {
	if e.Crisis.IsEmpty() {
		return nil
	}
	return w.TakeCrisis(ctx, e.Crisis)
}

// withCrisis puts the crisis order that the phone carries beside a message. A key without an order
// stays: it spreads by synchronisation and with the orders that it signs.
func (w *Wallet) withCrisis(
	ctx context.Context, e envelope.Envelope,
) (envelope.Envelope, error) {
	c, err := w.CarriedCrisis(ctx)
	if len(c.Order) > 0 {
		e.Crisis = c
	}
	return e, err
}

// exchangeCrisis brings phone and card to the newest crisis order of both, and returns what the
// card answers to SELECT afterwards. What the card refuses stops nothing.
//
//  1. What was offered to the phone goes to the card, which verifies it; then it is carried, or
//     forgotten.
//  2. A card whose number is lower gets what the phone carries.
//  3. From a card whose number is higher, which has met a terminal, the phone reads it.
//
// A cut leaves the card with either order, and the next tap goes on. Errors: [*client.LinkLost].
func (h *cardSession) exchangeCrisis(ctx context.Context) error {
	k, err := h.wallet.readCrisis(ctx)
	if err != nil {
		return err
	}
	given := false
	if !k.offered.IsEmpty() {
		refused, err := h.giveCrisis(ctx, k.offered)
		if err != nil {
			return err
		}
		h.crisisRefused, h.crisisTaken = refused, refused == nil && len(k.offered.Order) > 0
		if given = true; h.crisisTaken {
			k.carried = k.offered
		}
		k.offered = crisis.Carried{}
		if err := h.wallet.writeCrisis(ctx, k); err != nil {
			return err
		}
	}
	if orderNumber(k.carried) > h.application.OrderNumber && !given {
		if _, err := h.giveCrisis(ctx, k.carried); err != nil {
			return err
		}
		given = true
	}
	if given { // its number is another now
		if h.application, err = h.Select(ctx); err != nil {
			return err
		}
		h.nonce = h.application.Nonce
	}
	if number := h.application.OrderNumber; number > max(orderNumber(k.carried), k.shown) {
		return h.readCrisisFromCard(ctx, k, number)
	}
	return nil
}

// giveCrisis gives the card a crisis key, which drops a former key's order, and an order. It
// returns why the card has not taken the order, if there is one.
func (h *cardSession) giveCrisis(
	ctx context.Context, c crisis.Carried,
) (refused, err error) {
	var keyRefused error
	if len(c.CrisisKey) > 0 {
		err := h.VerifyCertificate(ctx, c.CrisisKey)
		if client.IsLost(err) {
			return nil, err
		}
		keyRefused = err
	}
	if len(c.Order) == 0 {
		return nil, nil
	}
	err = h.CrisisOrder(ctx, c.Order, c.CrisisKey, c.Notary)
	if client.IsLost(err) {
		return nil, err
	}
	if err != nil && (client.Is(keyRefused, spec.SWCertificate) ||
		client.Is(keyRefused, spec.SWKeyKnown)) {
		return keyRefused, nil // the key is not genuine, and so is no order by it
	}
	return err, nil
}

// readCrisisFromCard keeps the order that the card has got elsewhere.
func (h *cardSession) readCrisisFromCard(
	ctx context.Context, k crisisKept, number uint32,
) error {
	order, err := h.StoredCrisisOrder(ctx)
	if client.Is(err, spec.SWReferenceUnknown) {
		k.shown = number // it has none
		return h.wallet.writeCrisis(ctx, k)
	}
	if err != nil {
		return lostOnly(err)
	}
	key, err := h.CrisisCertificate(ctx)
	if err != nil {
		return lostOnly(err)
	}
	read := crisis.Carried{Order: order, CrisisKey: key}
	if _, err := crisis.Parse(read.Bytes()); err != nil {
		return nil // altered on its way: it is read again at the next tap
	}
	if orderNumber(read) != number {
		return nil
	}
	if names(read, k.notary) {
		read.Notary = k.notary
	}
	k.carried = read
	return h.wallet.writeCrisis(ctx, k)
}

// heldCrisis returns the crisis order that the card holds, which the phone has too since the card
// was selected; nil for none.
func (h *cardSession) heldCrisis(ctx context.Context) (*message.CrisisOrder, error) {
	k, err := h.wallet.readCrisis(ctx)
	if err != nil || len(k.carried.Order) == 0 {
		return nil, err
	}
	order, err := message.Parse[message.CrisisOrder](k.carried.Order)
	if err != nil || order.Number != h.application.OrderNumber || k.shown == order.Number {
		return nil, err
	}
	return order, nil
}

// lostOnly returns an error only when the card is gone.
func lostOnly(err error) error {
	if client.IsLost(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// orderNumber returns the number of the order that is carried, 0 for none.
func orderNumber(c crisis.Carried) uint32 {
	order, err := message.Parse[message.CrisisOrder](c.Order)
	if err != nil {
		return 0
	}
	return order.Number
}

// names reports whether an order names the notary of a certificate.
func names(c crisis.Carried, notary []byte) bool {
	order, err := message.Parse[message.CrisisOrder](c.Order)
	if err != nil {
		return false
	}
	certificate, err := cvc.Parse(notary)
	return err == nil && string(certificate.Holder) == string(order.Notary)
}

// LearnCrisis keeps the crisis order in force, as the owner's intermediary tells it, in place of
// whatever the phone carried, and gives it to the card, once in a session. It implements
// session.Device.
func (o cardDevice) LearnCrisis(
	ctx context.Context, c crisis.Carried, trust session.Trust,
) error {
	if o.crisisGiven {
		return nil
	}
	if err := o.wallet.learnTrust(ctx, trust); err != nil { // its key may be by the next root
		return err
	}
	if err := o.followRoots(ctx); err != nil {
		return err
	}
	k, err := o.wallet.readCrisis(ctx)
	if err != nil {
		return err
	}
	if !bytes.Equal(k.carried.Bytes(), c.Bytes()) || !bytes.Equal(k.notary, trust.Notary) {
		k.carried, k.notary = c, trust.Notary
		if err := o.wallet.writeCrisis(ctx, k); err != nil {
			return err
		}
	}
	_, err = o.giveCrisis(ctx, c)
	o.crisisGiven = err == nil
	return err
}
