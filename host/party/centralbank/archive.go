package centralbank

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"

	"ekrona.example/apdu/message"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/party"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/archive"
)

// withLedger opens the database of a central bank's folder beside whoever serves it.
func withLedger(ctx context.Context, path string, do func(db *sql.DB) error) (err error) {
	s, err := ReadSettings(path)
	if err != nil {
		return err
	}
	schemas, err := settlement.Schemas()
	if err != nil {
		return err
	}
	f := party.Peek(path)
	defer func() { err = errors.Join(err, f.Close()) }()
	db, err := f.DatabaseOf(ctx, s.DatabaseOwner, s.Database, schemas...)
	if err != nil {
		return err
	}
	return do(db)
}

// archiveLock is the lock of who archives.
const archiveLock = "archive.lock"

// Archive takes bodies of settled payments out of the database of a central bank's folder and into
// a file, also while it serves. See [archive.Write].
func Archive(ctx context.Context, path string, p archive.Plan) (r archive.Result, err error) {
	err = withLedger(ctx, path, func(db *sql.DB) error {
		release, err := lockfile.Take(filepath.Join(path, archiveLock))
		if err != nil {
			return err
		}
		r, err = archive.Write(ctx, db, p)
		return errors.Join(err, release())
	})
	return r, err
}

// VerifyArchive is [archive.Verify] for the database of a folder.
func VerifyArchive(ctx context.Context, path, file string) (r archive.Result, err error) {
	err = withLedger(ctx, path, func(db *sql.DB) error {
		r, err = archive.Verify(ctx, db, file)
		return err
	})
	return r, err
}

// FindPayment is [archive.Find] for the database of a folder.
func FindPayment(
	ctx context.Context, path string, payer message.DeviceID, atc uint32, file string,
) (f archive.Found, err error) {
	err = withLedger(ctx, path, func(db *sql.DB) error {
		f, err = archive.Find(ctx, db, payer, atc, file)
		return err
	})
	return f, err
}
