package terminal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/host/store"
)

// ErrRevoked says that the card was reported lost, or has ended. Its Payment was refused.
var ErrRevoked = errors.New("terminal: this card was reported lost or has ended, and its payment " +
	"was refused: the money comes back to its owner's online wallet; ask for another card")

// learnRevoked stores the additions to the revocation list since the last synchronisation. Each
// page is one transaction: a cut leaves whole pages, and the next synchronisation goes on after
// them.
//
// The list is not signed: a terminal trusts its own intermediary with it, which pays for an omitted
// card by its holding, and loses the sales of a wrongly listed one.
func (t *Terminal) learnRevoked(ctx context.Context) error {
	for {
		var after int64
		if err := store.Must(ctx, t.db, store.Into{&after},
			`SELECT coalesce(max(seq), 0) FROM revoked`); err != nil {
			return fmt.Errorf("terminal: revocation list: %w", err)
		}
		page, err := t.link.Revoked(ctx, after)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := store.InTx(ctx, t.db, func(tx *sql.Tx) error {
			last := after
			for _, r := range page {
				if r.Seq <= last {
					return fmt.Errorf("terminal: revocation list: position %d comes after %d: "+
						"the intermediary's list is damaged, tell them", r.Seq, last)
				}
				last = r.Seq
				if err := store.Exec(ctx, tx, `INSERT INTO revoked (seq, device) VALUES ($1, $2)`,
					r.Seq, r.Device); err != nil {
					return fmt.Errorf("terminal: revocation list: %w", err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// isRevoked reports whether the terminal knows that a card must not pay.
func (t *Terminal) isRevoked(
	ctx context.Context, payer *cvc.Certificate,
) (revoked bool, err error) {
	err = store.Must(ctx, t.db, store.Into{&revoked},
		`SELECT EXISTS (SELECT 1 FROM revoked WHERE device = $1)`, string(payer.Holder))
	if err != nil {
		return false, fmt.Errorf("terminal: revocation list: %w", err)
	}
	return revoked, nil
}
