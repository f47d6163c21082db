// Package store opens a party's database and runs its transactions. It knows no tables: each package that has some brings its
// own embedded migrations, so a party puts together what it needs in one file (the central bank: ledger and settlement).
//
// It trusts the disk to keep what was synced, and nothing else: every commit is synced before it is acknowledged (crash-only),
// writers are one at a time, and foreign keys are checked. SQLite serves here; the statements of our packages keep to what
// PostgreSQL understands too ($1 placeholders in order of appearance, RETURNING, ON CONFLICT), triggers and types apart, which
// live in the migrations.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// Memory as a path gives a database that lives as long as its connection: for tests and rehearsals.
const Memory = ":memory:"

// Queryer is what reading needs: a database or a transaction.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Schema is the tables of one package: its migrations are versioned under its own name, so schemas can share a database.
type Schema struct {
	Name  string // letters and underscores
	Files fs.FS  // NNNNN_what.sql at its top, as goose reads them
}

// Open opens or creates the database at path and brings every schema up to date, in the order given.
func Open(ctx context.Context, path string, schemas ...Schema) (*sql.DB, error) {
	return OpenOn(ctx, &sqlite.Driver{}, path, schemas...)
}

// OpenOn is Open on a driver that stands before SQLite's: one that loses power at a chosen moment, or counts.
func OpenOn(ctx context.Context, d driver.Driver, path string, schemas ...Schema) (*sql.DB, error) {
	db := sql.OpenDB(connector{d, source(path)})
	if path == Memory {
		db.SetMaxOpenConns(1) // each connection would be a database of its own
	}
	for _, schema := range schemas {
		if err := migrate(ctx, db, schema); err != nil {
			return nil, errors.Join(fmt.Errorf("database %s, tables of %s: %w (is the file ours, and the disk writable?)", path, schema.Name, err), db.Close())
		}
	}
	return db, nil
}

// connector opens connections to one database on a driver.
type connector struct {
	driver driver.Driver
	source string
}

// Connect opens one connection.
func (c connector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.source) }

// Driver is the driver.
func (c connector) Driver() driver.Driver { return c.driver }

func source(path string) string {
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "trusted_schema(OFF)",
	}}
	if path == Memory {
		return "file::memory:?" + options.Encode()
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options.Encode()}).String()
}

func migrate(ctx context.Context, db *sql.DB, schema Schema) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, schema.Files,
		goose.WithTableName(schema.Name+"_version"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// InTx runs do in one write transaction: committed, and so durable, when it returns nil, undone when it returns an error.
// Everything inside must go through the transaction: the database itself may have no second connection to give.
func InTx(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("database: begin: %w", err)
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("database: commit: %w", err)
	}
	return nil
}
