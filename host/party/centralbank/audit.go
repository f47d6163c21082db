package centralbank

import (
	"context"
	"database/sql"
	"fmt"

	"ekrona.example/host/audit"
	"ekrona.example/host/party"
	"ekrona.example/host/store"
	"ekrona.example/personalization/pki"
)

// Audit has the auditor check the database of a central bank's folder as it is at one moment, also
// while it is served: every row, every signature and every sum, by the auditor's own arithmetic.
// The devices are not at hand: what they hold is known from what they have shown. The rows that are
// not archived bodies are in memory meanwhile. With an error it may return what was found before.
func Audit(ctx context.Context, path string) (found []audit.Violation, err error) {
	s, err := ReadSettings(path)
	if err != nil {
		return nil, err
	}
	f := party.Peek(path)
	root, err := f.Trusted("root", s.Root)
	if err != nil {
		return nil, err
	}
	notary, err := pki.Open(f.Path(s.Keys), nil).Certificate(s.Notary)
	if err != nil {
		return nil, f.KeyError("notary", err)
	}
	links, notaries, err := readKeys(f.Path(s.Keys), root, notary)
	if err != nil {
		return nil, err
	}
	auditor, err := s.auditor(root, links, notaries)
	if err != nil {
		return nil, err
	}
	auditor.Sparing = true
	err = withLedger(ctx, path, func(db *sql.DB) error {
		return store.Read(ctx, db, func(tx *sql.Tx) (err error) {
			if found, err = auditor.Rows(ctx, tx); err != nil {
				return err
			}
			sums, err := auditor.Check(ctx, tx, nil)
			if found = append(found, sums...); err != nil && len(found) > 0 {
				err = fmt.Errorf("%w; what moved money cannot be checked before that row, and "+
					"those named above, are what they were: compare them with a copy", err)
			}
			return err
		})
	})
	return found, err
}
