package bank

import (
	"context"
	"database/sql"
	"errors"

	"ekrona.example/host/intermediary"
	"ekrona.example/host/party"
)

// BackUp writes a copy of the database of an intermediary's folder, also while it works. The keys
// are not in it.
func BackUp(ctx context.Context, path, to string) error {
	s, err := ReadSettings(path)
	if err != nil {
		return err
	}
	return party.Peek(path).BackUp(ctx, s.Database, to)
}

// Restore makes the database of an intermediary's folder from a copy. What came after it the
// intermediary learns again from the notary and the devices.
func Restore(ctx context.Context, path, from string, e party.Environment) (err error) {
	f, err := party.Enter(ctx, path, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s, err := ReadSettings(path)
	if err != nil {
		return err
	}
	schemas, err := intermediary.Schemas()
	if err != nil {
		return err
	}
	return f.Restore(ctx, s.Database, from, func(ctx context.Context, db *sql.DB) error {
		_, err := intermediary.CheckClaim(ctx, db, s.Name)
		return err
	}, schemas...)
}
