package wallet

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/envelope"
	"ekrona.example/host/store"
)

// transfer is an exchange between payer and payee as the phone knows it.
type transfer struct {
	identity         message.Hash
	request          envelope.Envelope
	payerCertificate []byte
	payment          *envelope.Envelope
	answer           *envelope.Envelope
	found            bool // read from the card, and given to nobody yet
}

// storeRequestOnce keeps a Request, once, and returns its transfer.
func (w *Wallet) storeRequestOnce(
	ctx context.Context, request envelope.Envelope,
) (transfer, error) {
	return w.storeRequest(ctx, request, false)
}

// storeRequest keeps a Request, once, and whether it was only found on the card. Until somebody has
// paid or answered it the last one received counts: the phone cannot verify all of another payee's
// certificates, and the first one may have been altered on its way.
func (w *Wallet) storeRequest(
	ctx context.Context, requested envelope.Envelope, found bool,
) (transfer, error) {
	request, identity, err := readRequest(requested.Message)
	if err != nil {
		return transfer{}, err
	}
	if request.Payee == w.device {
		requested = w.ownEnvelope(requested.Message)
	}
	if err := checkEnvelope(requested); err != nil {
		return transfer{}, err
	}
	if !signedBy(requested.Message, requested.Certificate) {
		return transfer{}, ErrAltered
	}
	if err := store.Exec(ctx, w.db, `INSERT INTO transfer (request, position, envelope, found)
		VALUES ($1, (SELECT coalesce(max(position), 0) + 1 FROM transfer), $2, $3) ON CONFLICT
		(request) DO UPDATE
		SET found = transfer.found AND excluded.found,
		envelope = CASE WHEN transfer.payment IS NULL AND transfer.answer IS NULL THEN
		excluded.envelope ELSE transfer.envelope END`,
		identity[:], requested.Bytes(), found); err != nil {
		return transfer{}, fmt.Errorf("wallet: journal: %w", err)
	}
	return w.transfer(ctx, identity)
}

// ErrAltered says that a message cannot be read, is not by its signer, or does not answer the
// command: it is not kept, since the true one would never be read again.
var ErrAltered = errors.New("wallet: a message was altered on its way: hold the card to the " +
	"phone again, or ask the sender for it again")

// checkEnvelope reports whether an envelope can be read again once it is kept.
func checkEnvelope(e envelope.Envelope) error {
	if _, err := envelope.Parse(e.Bytes()); err != nil {
		return fmt.Errorf("%w (%w)", ErrAltered, err)
	}
	return nil
}

func readRequest(signed []byte) (*message.Request, message.Hash, error) {
	request, err := message.Parse[message.Request](signed)
	if err != nil {
		return nil, message.Hash{}, fmt.Errorf("wallet: Request: %w", err)
	}
	identity, err := message.Identity(request)
	return request, identity, err
}

// ErrNoTransfer says that the phone does not know a Request.
var ErrNoTransfer = errors.New("wallet: this phone has not seen the Request: bring it here first")

func (w *Wallet) transfer(ctx context.Context, identity message.Hash) (transfer, error) {
	t := transfer{identity: identity}
	var request, payment, answer []byte
	found, err := store.Get(ctx, w.db, store.Into{&request, &t.payerCertificate, &payment, &answer,
		&t.found},
		`SELECT envelope, payer_certificate, payment, answer, found FROM transfer WHERE request =
			$1`, identity[:])
	if err == nil && !found {
		return t, ErrNoTransfer
	}
	if err != nil {
		return t, fmt.Errorf("wallet: journal: %w", err)
	}
	if t.request, err = envelope.Parse(request); err != nil {
		return t, fmt.Errorf("wallet: journal: %w", err)
	}
	for _, part := range []struct {
		kept []byte
		into **envelope.Envelope
	}{{payment, &t.payment}, {answer, &t.answer}} {
		if part.kept == nil {
			continue
		}
		parsed, err := envelope.Parse(part.kept)
		if err != nil {
			return t, fmt.Errorf("wallet: journal: %w", err)
		}
		*part.into = &parsed
	}
	return t, nil
}

// storePayer records which card is about to pay, before PAY.
func (w *Wallet) storePayer(ctx context.Context, t transfer, certificate []byte) error {
	err := store.Exec(ctx, w.db, `UPDATE transfer SET payer_certificate = $1 WHERE request = $2`,
		certificate, t.identity[:])
	if err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// storePayment keeps the Payment of a Request and puts it into the outbox, so that
// it reaches settlement even if the payee never comes.
func (w *Wallet) storePayment(
	ctx context.Context, identity message.Hash, payment envelope.Envelope,
) error {
	return w.store(ctx, `UPDATE transfer SET payment = $1 WHERE request = $2 AND payment IS NULL`,
		identity, payment)
}

// storePayeeAnswer keeps the payee's decision on a Request and puts it into the outbox, together
// with the proof of the Payment.
func (w *Wallet) storePayeeAnswer(
	ctx context.Context, identity message.Hash, answer envelope.Envelope, proof ...[]byte,
) error {
	return w.store(ctx, `UPDATE transfer SET answer = $1 WHERE request = $2 AND answer IS NULL`,
		identity, answer, proof...)
}

// store fills one column of a transfer and queues the message for the intermediary, after the
// messages that go with it, in one transaction.
func (w *Wallet) store(
	ctx context.Context, statement string, identity message.Hash, e envelope.Envelope,
	with ...[]byte,
) error {
	if err := checkEnvelope(e); err != nil {
		return err
	}
	return store.InTx(ctx, w.db, func(tx *sql.Tx) error {
		changed, err := store.Changed(ctx, tx, statement, e.Bytes(), identity[:])
		if err != nil {
			return fmt.Errorf("wallet: journal: %w", err)
		}
		if changed == 0 {
			return nil // kept before, or not a transfer of this phone
		}
		return queue(ctx, tx, append(with, e.Message)...)
	})
}

// queue puts messages into the outbox, each once.
func queue(ctx context.Context, tx *sql.Tx, messages ...[]byte) error {
	for _, message := range messages {
		err := store.Exec(ctx, tx, `INSERT INTO outbox (message, position)
			VALUES ($1, (SELECT coalesce(max(position), 0) + 1 FROM outbox)) ON CONFLICT (message)
			DO NOTHING`, message)
		if err != nil {
			return fmt.Errorf("wallet: journal: %w", err)
		}
	}
	return nil
}

// forget drops a message that need not be handed over any more.
func (w *Wallet) forget(ctx context.Context, handed []byte) error {
	if err := store.Exec(ctx, w.db, `DELETE FROM outbox WHERE message = $1`, handed); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}
