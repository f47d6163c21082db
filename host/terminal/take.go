package terminal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/applet/client"
	"ekrona/host/envelope"
	"ekrona/host/limit"
	"ekrona/host/store"
)

// TornTap says that the card was lost during PAY: it may have paid. Taking the same sale again
// finds out, with no second debit and without the PIN when it has.
type TornTap struct {
	Sale uint32
	Err  error
}

// Error says what to do.
func (t *TornTap) Error() string {
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
//  1. SELECT. A cut: nothing has happened.
//  2. If a card was held to the terminal for this sale before, PAY without PIN: a
//     card that has paid gives its Payment again. A cut: the same as in step 4.
//  3. Otherwise VERIFY, and the card's certificate, which is verified, looked for in
//     the revocation list, and kept. A cut costs at most a PIN try.
//  4. PAY. A cut leaves the card having paid or not: [TornTap], and Take again.
//  5. The Payment is verified; Payment, Receipt and the next journal number are
//     kept in one transaction. A cut before: as in step 4. After: the sale is paid.
//  6. Only now the caller learns of it. A paid sale taken again returns the same
//     Receipt without a card.
//
// entered is the PIN, or the zero Block while none was entered. The Receipt is for
// the payer's phone, when there is one. A limit of the card or of the terminal is a
// [*limit.Reached].
// Errors: [*TornTap], [*client.LinkLost], [*client.Refusal], [ErrPINNeeded],
// [ErrPayment], [ErrRevoked], [ErrRefused], [ErrNoSale], [ErrRolledBack].
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
	if _, err := applet.Select(ctx); err != nil {
		return envelope.Envelope{}, err
	}
	payment, payer, err := t.collect(ctx, applet, s, entered)
	if err != nil {
		return envelope.Envelope{}, limit.OfCard(err, limit.Payer)
	}
	return t.accept(ctx, s, payment, payer)
}

// collect does steps 2 to 4 and returns the Payment with its payer's certificate.
func (t *Terminal) collect(
	ctx context.Context, applet *client.Client, s sale, entered pin.Block,
) ([]byte, *cvc.Certificate, error) {
	seen, err := t.presentedCards(ctx, s.request.Number)
	if err != nil {
		return nil, nil, err
	}
	var payment []byte
	if len(seen) > 0 {
		payment, err = t.pay(ctx, applet, s)
		switch {
		case err == nil:
			if payer := payerOf(payment, seen); payer != nil {
				return payment, payer, nil
			}
			// A card that was not held here before: it paid this Request elsewhere.
		case !client.Is(err, spec.SWSecurity):
			return nil, nil, err
		}
	}
	payer, err := t.readPayer(ctx, applet, s, entered)
	if err != nil {
		return nil, nil, err
	}
	if payment == nil {
		payment, err = t.pay(ctx, applet, s)
		if isAnswered(err) {
			err = errors.Join(err, t.settleTaps(ctx, s.request.Number, payer))
		}
	}
	return payment, payer, err
}

// pay gives the card the sale's Request.
func (t *Terminal) pay(ctx context.Context, applet *client.Client, s sale) ([]byte, error) {
	payment, err := applet.Pay(ctx, s.message, t.certificate, t.ca)
	if client.IsLost(err) {
		return nil, &TornTap{s.request.Number, err}
	}
	return payment, err
}

// readPayer verifies the PIN, reads and verifies the card's certificate and keeps it before the
// card pays.
func (t *Terminal) readPayer(
	ctx context.Context, applet *client.Client, s sale, entered pin.Block,
) (*cvc.Certificate, error) {
	if entered == (pin.Block{}) {
		return nil, ErrPINNeeded
	}
	if err := applet.Verify(ctx, entered, client.PINTransport{}); err != nil {
		return nil, err
	}
	encoded, err := applet.Certificate(ctx)
	if err != nil {
		return nil, err
	}
	payer, err := cvc.Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("terminal: the card's certificate: %w", err)
	}
	if err := t.verifyPayer(payer, nil); err != nil {
		return nil, err
	}
	revoked, err := t.isRevoked(ctx, payer)
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, ErrRevoked
	}
	return payer, store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		now, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		if err := t.checkRoom(ctx, tx, now, s); err != nil {
			return err
		}
		var taps uint32
		if err := store.Must(ctx, tx, store.Into{&taps},
			`SELECT count(*) FROM presented WHERE request = $1`, s.request.Number); err != nil {
			return fmt.Errorf("terminal: journal: sale %d: %w", s.request.Number, err)
		}
		sealed, err := t.sealer.seal("presented", s.request.Number, encoded)
		if err != nil {
			return err
		}
		if err := store.Exec(ctx, tx,
			`INSERT INTO presented (request, tap, certificate) VALUES ($1, $2, $3)`,
			s.request.Number, taps+1, sealed); err != nil {
			return fmt.Errorf("terminal: journal: sale %d: %w", s.request.Number, err)
		}
		return nil
	})
}

// presentedCards returns the certificates of the cards that were held here for a sale, the latest
// first.
func (t *Terminal) presentedCards(ctx context.Context, number uint32) ([]*cvc.Certificate, error) {
	rows, err := store.Column[[]byte](ctx, t.db,
		`SELECT certificate FROM presented WHERE request = $1 ORDER BY tap DESC`, number)
	if err != nil {
		return nil, fmt.Errorf("terminal: journal: %w", err)
	}
	var seen []*cvc.Certificate
	for _, sealed := range rows {
		encoded, err := t.sealer.open("presented", number, sealed)
		if err != nil {
			return nil, err
		}
		certificate, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("terminal: journal: sale %d: %w", number, err)
		}
		seen = append(seen, certificate)
	}
	return seen, nil
}

// payerOf returns the certificate of the Payment's payer.
func payerOf(payment []byte, seen []*cvc.Certificate) *cvc.Certificate {
	paid, err := message.Parse[message.Payment](payment)
	if err != nil {
		return nil
	}
	for _, certificate := range seen {
		if message.DeviceID(certificate.Holder) == paid.Payer {
			return certificate
		}
	}
	return nil
}

// verifyPayer checks that a certificate is that of a card or SAM, down from the
// root, today. authority is the CA that came with it, or nil for one that the
// terminal knows.
func (t *Terminal) verifyPayer(payer, authority *cvc.Certificate) error {
	if authority == nil {
		if authority = t.authorities[payer.Authority]; authority == nil {
			return fmt.Errorf("terminal: the card was issued under %s, which this terminal does "+
				"not know: update its list of CAs", payer.Authority)
		}
	}
	if !payer.Role.CanPay() {
		return fmt.Errorf("%w: a %v does not pay", ErrPayment, payer.Role)
	}
	if err := cvc.VerifyChain(t.today(), payer, authority, t.root); err != nil {
		return fmt.Errorf("terminal: the card's certificate: %w", err)
	}
	return nil
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
