package terminal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/envelope"
	"ekrona.example/host/limit"
	"ekrona.example/host/store"
)

// TornTap says that PAY was sent to a card and that no answer came which only that card can have
// made: it may have paid. Taking the same sale again finds out, with no second debit and without
// the PIN when it has.
type TornTap struct {
	Sale uint32
	Err  error
}

// Error says what to do.
func (t *TornTap) Error() string {
	if errors.Is(t.Err, client.ErrUnknownRoot) {
		return fmt.Sprintf("sale %d is not paid as far as the card says, and it has not proved "+
			"it: %v", t.Sale, client.ErrUnknownRoot)
	}
	return fmt.Sprintf("the card was torn off while it paid sale %d: hold it to the terminal "+
		"again (%v)", t.Sale, client.Cause(t.Err))
}

// Unwrap returns the transport's error.
func (t *TornTap) Unwrap() error { return t.Err }

// ErrPINNeeded says that the card requires its PIN.
var ErrPINNeeded = errors.New(
	"terminal: the card asks for its PIN: enter it and hold the card to the terminal again")

// ErrPayment says that what a card answered is not a valid Payment of the sale.
// Nothing was taken.
var ErrPayment = errors.New(
	"terminal: the card's answer is not a valid payment of this sale: ask for another card")

// Take takes the money of an open sale from a card in one tap:
//
//  1. SELECT. The card names its batch; its certificate is read from the first card of a batch
//     that the terminal meets, and if that is another intermediary's, the terminal presents its
//     CA. A cut: nothing has happened. The card gets the terminal's crisis order, if that is
//     newer than its own and counts; the terminal gets a newer one of the card's after PAY, or
//     before where it has no room for the sale otherwise. Neither stops a sale.
//  2. That PAY goes out is kept, then PAY, with the PIN enciphered for this sale alone. A cut
//     leaves the card having paid or not: [TornTap], and Take again. So does every answer but
//     the card's own, which nobody between can make: a Payment, or a refusal, after which the
//     card has not paid. Without a PIN only the last Payment comes again.
//  3. The answer says which card it is. The Payment of a card that was reported lost, or whose
//     certificate has ended, or that has paid here as much as one card can, is answered by a
//     Refusal: the money comes back to its owner's online wallet.
//  4. The Payment is verified; Payment, Receipt and the next journal number are
//     kept in one transaction. A cut before: as in step 2. After: the sale is paid.
//  5. Only now the caller learns of it. A paid sale taken again returns the same
//     Receipt without a card.
//
// entered is the PIN, or the zero Block while none was entered. The Receipt is for
// the payer's phone, when there is one. A limit of the card or of the terminal is a
// [*limit.Reached].
// Errors: [*TornTap], [*client.LinkLost], [*client.Refusal], [ErrPINNeeded], [ErrBatch],
// [ErrPayment], [ErrRevoked], [ErrPayerExpired], [ErrRefused], [ErrNoSale], [ErrRolledBack].
func (t *Terminal) Take(
	ctx context.Context, number uint32, tap apdu.Card, entered pin.Block,
) (envelope.Envelope, error) {
	s, err := t.sale(ctx, t.db, number)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if !s.open {
		return t.receiptOf(ctx, number)
	}
	now, err := readState(ctx, t.db)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if now.rolledBack {
		return envelope.Envelope{}, ErrRolledBack
	}
	applet := client.New(tap)
	applet.Links = t.links
	application, err := applet.Select(ctx)
	if err != nil {
		return envelope.Envelope{}, err
	}
	if application, err = t.giveCrisis(ctx, applet, application); err != nil {
		return envelope.Envelope{}, err
	}
	if err := t.checkRoom(ctx, t.db, now, s); isRaisable(err) { // the card's order may help
		if err := t.takeFromCard(ctx, applet, application); err != nil {
			return envelope.Envelope{}, err
		}
	}
	payment, payer, err := t.collect(ctx, applet, application, s, entered)
	if err != nil {
		return envelope.Envelope{}, limit.OfCard(err, limit.Payer)
	}
	if err := t.takeFromCard(ctx, applet, application); err != nil {
		return envelope.Envelope{}, err
	}
	if err := t.mayTake(ctx, payer, s.request.Amount); err != nil {
		return envelope.Envelope{}, t.giveBack(ctx, s, payment, payer, err)
	}
	return t.accept(ctx, s, payment, payer)
}

// collect does steps 1 and 2 and returns the Payment with its payer's certificate.
func (t *Terminal) collect(
	ctx context.Context, applet *client.Client, application message.FCI, s sale, entered pin.Block,
) ([]byte, *cvc.Certificate, error) {
	own, err := t.openKey(ctx, s.request.Number)
	if err != nil {
		return nil, nil, err
	}
	batch, met, err := t.batchKey(ctx, applet, application.Batch)
	if err != nil {
		return nil, nil, err
	}
	withPIN := entered != pin.Block{}
	tap := uint32(0)
	if withPIN && !met {
		if err = t.introduce(ctx, applet, application.Batch); err != nil {
			return nil, nil, err
		}
	}
	if withPIN {
		if tap, err = t.keepTap(ctx, s); err != nil {
			return nil, nil, err
		}
	} else if torn, err := t.isTorn(ctx, t.db, s.request.Number); err != nil || !torn {
		return nil, nil, errors.Join(ErrPINNeeded, err)
	}
	payment, encoded, err := applet.PayEnciphered(ctx,
		client.PayKey{Own: own, Card: batch, Batch: true, Application: application}, entered,
		s.message, t.certificate, t.ca)
	switch {
	case client.IsSealed(err):
		return nil, nil, errors.Join(err, t.settleTap(ctx, s, tap))
	case !withPIN && client.Is(err, spec.SWSecurity):
		return nil, nil, ErrPINNeeded
	case err != nil:
		return nil, nil, &TornTap{s.request.Number, err}
	}
	payer, err := cvc.Parse(encoded)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPayment, err)
	}
	return payment, payer, nil
}

// ErrPayerExpired says that the certificate of a card that has paid has ended. Its Payment was
// refused.
var ErrPayerExpired = errors.New("terminal: the card's certificate has ended, and its payment " +
	"was refused: the money comes back to its owner's online wallet; ask for another card")

// mayTake looks for reasons to refuse a Payment that is valid. Errors: [ErrRevoked],
// [ErrPayerExpired], [ErrPayment], [*limit.Reached] by [ErrPayerSum].
func (t *Terminal) mayTake(
	ctx context.Context, payer *cvc.Certificate, amount money.Ore,
) error {
	err := t.verifyPayer(payer, nil)
	if errors.Is(err, cvc.ErrExpired) {
		return fmt.Errorf("%w (%w)", ErrPayerExpired, err)
	}
	if err != nil {
		return err
	}
	revoked, err := t.isRevoked(ctx, payer)
	if err == nil && revoked {
		err = ErrRevoked
	}
	if err != nil {
		return err
	}
	return t.checkPayerSum(ctx, payer.Device(), amount)
}

// giveBack refuses the sale that a card has paid which must not pay. Any other reason leaves it
// open.
func (t *Terminal) giveBack(
	ctx context.Context, s sale, payment []byte, payer *cvc.Certificate, reason error,
) error {
	if !errors.Is(reason, ErrRevoked) && !errors.Is(reason, ErrPayerExpired) &&
		!errors.Is(reason, ErrPayerSum) {
		return reason
	}
	if _, err := t.check(s, payment, payer); err != nil {
		return err
	}
	return errors.Join(reason, store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		_, err := t.refuse(ctx, tx, s)
		return err
	}))
}

// verifyPayer checks that a certificate is that of a card or SAM, down from the
// root, today. authority is the CA that came with it, or nil for one that the
// terminal knows.
func (t *Terminal) verifyPayer(payer, authority *cvc.Certificate) error {
	if authority == nil {
		var err error
		if authority, err = t.authorityOf(payer); err != nil {
			return err
		}
	}
	if !payer.Role.CanPay() {
		return fmt.Errorf("%w: a %v does not pay", ErrPayment, payer.Role)
	}
	if err := t.roots.VerifyDevice(t.today(), payer, authority); err != nil {
		return fmt.Errorf("terminal: the card's certificate: %w", err)
	}
	return nil
}

// ErrIssuer says that a card is of an issuer that this terminal does not know. Nothing was taken.
var ErrIssuer = errors.New("terminal: the card was issued under a CA that this terminal does not " +
	"know: synchronise it, which brings its list of CAs up to date, or take another card")

// authorityOf returns the CA of a card's certificate, or of its batch's.
func (t *Terminal) authorityOf(certificate *cvc.Certificate) (*cvc.Certificate, error) {
	authority := t.authorities[certificate.Authority]
	if authority == nil {
		return nil, fmt.Errorf("%w (%s)", ErrIssuer, certificate.Authority)
	}
	return authority, nil
}

// accept verifies a Payment of an open sale, keeps it, and returns the Receipt.
func (t *Terminal) accept(
	ctx context.Context, s sale, payment []byte, payer *cvc.Certificate,
) (envelope.Envelope, error) {
	paid, err := t.check(s, payment, payer)
	if err != nil {
		return envelope.Envelope{}, err
	}
	identity, err := message.Identity(paid)
	if err != nil {
		return envelope.Envelope{}, fmt.Errorf("terminal: Payment: %w", err)
	}
	var receipt []byte
	err = store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		now, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		receiving := &message.Receipt{Payee: t.id, ATC: now.records + 1, Payer: paid.Payer,
			Number: s.request.Number, Payment: identity}
		if receipt, err = envelope.Sign(receiving, t.signer); err != nil {
			return fmt.Errorf("terminal: Receipt: %w", err)
		}
		return t.recordDecision(ctx, tx, now, s, message.Record{Receipt: receiving, Payment: paid},
			payer)
	})
	return t.envelope(receipt), err
}

// check verifies that a Payment pays exactly this sale, by this payer.
func (t *Terminal) check(s sale, payment []byte, payer *cvc.Certificate) (*message.Payment, error) {
	paid, err := message.Parse[message.Payment](payment)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayment, err)
	}
	// The identity, since a signature has more than one form; and our signature,
	// since the notary will ask for it.
	request, err := message.Identity(s.request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayment, err)
	}
	answered, err := message.Identity(&paid.Request)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrPayment, err)
	case answered != request:
		return nil, fmt.Errorf("%w: it pays another Request", ErrPayment)
	case paid.Payer != message.DeviceID(payer.Holder) || paid.Payer == t.id:
		return nil, fmt.Errorf("%w: its payer is %s", ErrPayment, paid.Payer)
	}
	if err := message.Verify(&paid.Request, t.public); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayment, err)
	}
	if err := message.Verify(paid, payer.PublicKey); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayment, err)
	}
	return paid, nil
}

// receiptOf returns the Receipt of a sale that is no longer open.
func (t *Terminal) receiptOf(ctx context.Context, number uint32) (envelope.Envelope, error) {
	decision, err := t.recordOf(ctx, t.db, number)
	switch {
	case err != nil:
		return envelope.Envelope{}, err
	case decision == nil:
		return envelope.Envelope{}, fmt.Errorf("sale %d: %w", number, ErrNoSale)
	case decision.Receipt == nil:
		return envelope.Envelope{}, fmt.Errorf("sale %d: %w", number, ErrRefused)
	}
	receipt, err := message.Encode(decision.Receipt)
	return t.envelope(receipt), err
}

// Paid returns the Payment of a paid sale, which names payer and number: the terminal's owner keeps
// them with the sale, since a refund is ordered by them and the journal forgets a record that is
// acknowledged. Errors: [ErrNoSale] then, and while the sale is open; [ErrRefused].
func (t *Terminal) Paid(ctx context.Context, number uint32) (*message.Payment, error) {
	if _, err := t.receiptOf(ctx, number); err != nil {
		return nil, err
	}
	decision, err := t.recordOf(ctx, t.db, number)
	if err != nil || decision == nil {
		return nil, errors.Join(ErrNoSale, err)
	}
	return decision.Payment, nil
}
