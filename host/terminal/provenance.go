package terminal

import (
	"context"
	"database/sql"
	"fmt"

	"ekrona.example/host/envelope"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

// mostProvenance is how many records of other cards the journal keeps until it is handed over:
// those of the thousand sales to whose payers most was paid.
const mostProvenance = 1000 * envelope.MaxProvenance

// TakeProvenance keeps what funded a paid sale, as its payer's phone gives it: the terminal's
// intermediary brings the whole chain at once, so that the claim on the payer need not wait. The
// first answer for a sale counts. Nothing is verified here, and what is no such record is left out:
// it stops no sale. Errors: [ErrNoSale], [ErrRefused].
func (t *Terminal) TakeProvenance(ctx context.Context, number uint32, records [][]byte) error {
	paid, err := t.Paid(ctx, number)
	if err != nil {
		return err
	}
	funding := envelope.Funding(paid.Payer, records)
	if len(funding) == 0 {
		return nil
	}
	return store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		var known, kept, last int64
		if err := store.Must(ctx, tx, store.Into{&known, &kept, &last}, `SELECT
			(SELECT count(*) FROM provenance WHERE sale = $1), count(*),
			coalesce(max(position), 0) FROM provenance`, number); err != nil {
			return fmt.Errorf("terminal: journal: %w", err)
		}
		if known > 0 || kept+int64(len(funding)) > mostProvenance {
			return nil
		}
		for _, record := range funding {
			last++
			sealed, err := t.sealer.seal("provenance", uint32(last), record)
			if err != nil {
				return err
			}
			if err := store.Exec(ctx, tx, `INSERT INTO provenance (position, sale, record)
				VALUES ($1, $2, $3)`, last, number, sealed); err != nil {
				return fmt.Errorf("terminal: journal: %w", err)
			}
		}
		return nil
	})
}

// sealedRecord is a row of the journal.
type sealedRecord struct {
	position int64
	sealed   []byte
}

// handOverProvenance hands over what funded the sales, a portion at a time, and forgets it: the
// notary holds it, or has refused it, and the cards bring it too.
func (t *Terminal) handOverProvenance(ctx context.Context) error {
	for {
		rows, err := store.All(ctx, t.db, func(row store.Row) (r sealedRecord, err error) {
			return r, row.Scan(&r.position, &r.sealed)
		}, `SELECT position, record FROM provenance ORDER BY position LIMIT $1`, portion)
		if err != nil {
			return fmt.Errorf("terminal: journal: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		var reading session.Reading
		for _, r := range rows {
			record, err := t.sealer.open("provenance", uint32(r.position), r.sealed)
			if err != nil {
				return err
			}
			reading.Provenance = append(reading.Provenance, record)
		}
		if err := t.link.TakeRecords(ctx, reading); err != nil {
			return err
		}
		if err := store.Exec(ctx, t.db, `DELETE FROM provenance WHERE position <= $1`,
			rows[len(rows)-1].position); err != nil {
			return fmt.Errorf("terminal: journal: %w", err)
		}
	}
}
