package wallet

import (
	"context"
	"database/sql"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/envelope"
	"ekrona.example/host/store"
)

// mostKept is how many records of other cards a phone keeps until it synchronises: what comes
// beyond is left to those who paid.
const mostKept = 8 * envelope.MaxProvenance

// Provenance returns the records of the payments that the owner's card was paid with and that no
// notary holds as far as this phone knows, and those that funded them: what a payee needs so that
// its intermediary can bring the whole chain at once. Nothing where this phone does not hand it
// over. A card's money has no marks, and what it paid at terminals the phone does not know, so that
// all of them count as what it pays by.
func (w *Wallet) Provenance(ctx context.Context) ([][]byte, error) {
	if !w.provenance {
		return nil, nil
	}
	records, err := w.ownAccepted(ctx)
	if err != nil {
		return nil, err
	}
	others, err := store.Column[[]byte](ctx, w.db,
		`SELECT record FROM provenance ORDER BY position`)
	if err != nil {
		return nil, fmt.Errorf("wallet: journal: %w", err)
	}
	return envelope.Funding(w.device, append(records, others...)), nil
}

// ownAccepted returns the accept records of the owner's card that are in the outbox.
func (w *Wallet) ownAccepted(ctx context.Context) (records [][]byte, err error) {
	waiting, err := store.Column[[]byte](ctx, w.db, `SELECT message FROM outbox ORDER BY position`)
	if err != nil {
		return nil, fmt.Errorf("wallet: journal: %w", err)
	}
	payments := map[message.Hash][]byte{}
	for _, handed := range waiting {
		if p, err := message.Parse[message.Payment](handed); err == nil {
			if identity, err := message.Identity(p); err == nil {
				payments[identity] = handed
			}
		}
	}
	for _, handed := range waiting {
		receipt, err := message.Parse[message.Receipt](handed)
		if err != nil || receipt.Payee != w.device {
			continue
		}
		if payment := payments[receipt.Payment]; payment != nil {
			records = append(records, append(handed[:len(handed):len(handed)], payment...))
		}
	}
	return records, nil
}

// withProvenance puts beside a Payment what funded it.
func (w *Wallet) withProvenance(
	ctx context.Context, payment envelope.Envelope,
) (envelope.Envelope, error) {
	var err error
	payment.Provenance, err = w.Provenance(ctx)
	return payment, err
}

// takeProvenance keeps what came beside a Payment, to be handed over: the records that may have
// funded it, where those by which its payer was paid are signed by its payer. The notary verifies
// the others; whatever they are, they stop no payment.
func (w *Wallet) takeProvenance(ctx context.Context, payment envelope.Envelope) error {
	paid, err := message.Parse[message.Payment](payment.Message)
	if err != nil || len(payment.Provenance) == 0 {
		return nil // what is wrong with the Payment is told where it is kept
	}
	var others [][]byte
	for _, encoded := range payment.Provenance {
		record, err := message.ParseRecord(encoded)
		switch {
		case err != nil, record.Receipt == nil, record.Receipt.Payee == w.device:
		case record.Receipt.Payee == paid.Payer && !signedBy(receiptOf(encoded, record),
			payment.Certificate):
		default:
			others = append(others, encoded)
		}
	}
	return store.InTx(ctx, w.db, func(tx *sql.Tx) error {
		kept, err := store.Number(ctx, tx, `SELECT count(*) FROM provenance`)
		if err != nil {
			return fmt.Errorf("wallet: journal: %w", err)
		}
		for _, record := range envelope.Funding(paid.Payer, others) {
			if kept++; kept > mostKept {
				break
			}
			if err := store.Exec(ctx, tx, `INSERT INTO provenance (record, position)
				VALUES ($1, (SELECT coalesce(max(position), 0) + 1 FROM provenance))
				ON CONFLICT (record) DO NOTHING`, record); err != nil {
				return fmt.Errorf("wallet: journal: %w", err)
			}
		}
		return nil
	})
}

// receiptOf returns the Receipt at the beginning of an accept record, as signed.
func receiptOf(encoded []byte, record message.Record) []byte {
	receipt, err := message.Encode(record.Receipt)
	if err != nil {
		return nil
	}
	return encoded[:len(receipt)]
}

// handedProvenance forgets records that were handed over: the notary holds them, or has refused
// them, and their own cards bring them too.
func (w *Wallet) handedProvenance(ctx context.Context, records [][]byte) error {
	for _, record := range records {
		if err := store.Exec(ctx, w.db, `DELETE FROM provenance WHERE record = $1`,
			record); err != nil {
			return fmt.Errorf("wallet: journal: %w", err)
		}
	}
	return nil
}
