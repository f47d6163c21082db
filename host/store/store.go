// Package store opens a party's database and runs its transactions. It has no tables: each package
// that has some brings its own embedded migrations, so a party puts together what it needs in one
// database (the central bank: ledger and settlement). Start at Open; write with InTx; read and
// write rows with Get, All, Column, Each, Number, Exec and Changed.
//
// The database is SQLite in a file, or PostgreSQL; what differs between them is in Dialect. The
// statements of our packages mean the same in both: placeholders $1, $2, ... in order of
// appearance, RETURNING, ON CONFLICT, an ORDER BY wherever order matters, booleans as booleans.
//
// The package trusts the disk to keep what was synced, and nothing else: every commit is synced
// before it is acknowledged (crash-only), a database has one writer at a time, and foreign keys are
// checked.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"
)

// Memory as a source gives an SQLite database that lives as long as its connection: for tests and
// rehearsals.
const Memory = ":memory:"

// LargeMemory is Memory for a database of hundreds of megabytes. SQLite in Go takes 8 kB of memory
// for a page of 4 kB; the pages of this one are of 64 kB and take 68, each table and index at least
// one.
const LargeMemory = ":memory:large"

// Schema has the tables of one package: its migrations are versioned under its own name, so schemas
// can share a database.
type Schema struct {
	Name  string // letters and underscores
	Files fs.FS  // NNNNN_what.sql at its top, as goose reads them, see Dialect
}

// Embedded returns the schema whose files a package has embedded in its folder "migrations".
func Embedded(name string, files fs.FS) (Schema, error) {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return Schema{}, fmt.Errorf("%s: migrations: %w", name, err)
	}
	return Schema{Name: name, Files: migrations}, nil
}

// Open opens or creates the database at source and brings every schema up to date, in the order
// given. A source that begins with postgres:// or postgresql:// is that of a database on a
// PostgreSQL server, which has to exist, in UTF-8 and collated by bytes ("C"); every other one is
// the path of an SQLite file.
func Open(ctx context.Context, source string, schemas ...Schema) (*sql.DB, error) {
	return OpenOn(ctx, DriverOf(source), source, schemas...)
}

// ErrEmpty says that a database which was made before has no tables.
var ErrEmpty = errors.New("it is empty, and was not when it was made: restore it from its backup")

// ErrForeign says that a database has tables of others: it is another party's.
var ErrForeign = errors.New("it has the tables of another party: name this one's own database")

// OpenMade is Open for a database that an earlier Open has made with the first of the schemas. One
// without tables has forgotten everything: a file that a full disk or a copy cut off has left, or
// another database on the server. Errors: [ErrEmpty].
func OpenMade(ctx context.Context, source string, schemas ...Schema) (*sql.DB, error) {
	return OpenMadeOn(ctx, DriverOf(source), source, schemas...)
}

// OpenMadeOn is OpenMade on a driver that wraps the database's own, as OpenOn.
func OpenMadeOn(
	ctx context.Context, d driver.Driver, source string, schemas ...Schema,
) (*sql.DB, error) {
	return open(ctx, d, source, true, schemas)
}

// OpenOn is Open on a driver that wraps the database's own: one that loses power at a chosen
// moment, or counts.
func OpenOn(
	ctx context.Context, d driver.Driver, source string, schemas ...Schema,
) (*sql.DB, error) {
	return open(ctx, d, source, false, schemas)
}

func open(
	ctx context.Context, d driver.Driver, source string, made bool, schemas []Schema,
) (*sql.DB, error) {
	c := &connector{driver: d, dialect: dialectOf(source),
		writers: make(places, maxWriters), turn: make(places, 1)}
	var err error
	if c.source, err = c.dialect.options(source); err != nil {
		return nil, fmt.Errorf("database %s: %w", shown(source), err)
	}
	if IsFile(source) && source != LargeMemory {
		c.file = source
	}
	db := sql.OpenDB(c)
	db.SetMaxIdleConns(maxConnections)
	db.SetMaxOpenConns(maxConnections)
	if source == Memory || source == LargeMemory {
		db.SetMaxOpenConns(1) // each connection would be a database of its own
	}
	if source == Memory && !made && len(schemas) > 0 {
		err = beginAsImage(ctx, db, schemas)
	} else {
		err = migrate(ctx, db, c.dialect, made, schemas)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", shown(source), err), db.Close())
	}
	return db, nil
}

const (
	// maxConnections are open at once: a server has room for so many, also of several processes.
	// They stay open: a new one has nothing prepared, and what it reads on a server is proven to
	// last first.
	maxConnections = 32
	// maxWriters are the write transactions that have a connection. The rest wait here, and leave
	// the connections to readers. On a server one of them at a time asks for the lock: those of a
	// process that stands still would get it one after the other, and others wait for each.
	maxWriters = 4
)

// connector opens connections to one database on a driver. It implements driver.Connector.
type connector struct {
	driver  driver.Driver
	dialect Dialect
	source  string
	file    string // of SQLite; empty for none

	once  sync.Once
	inner driver.Connector // of a driver that has connectors
	err   error

	holding atomic.Pointer[Holding] // nil where no lease is held
	lasting lasting
	writers places // for each that writes
	turn    places // for the one that has the lock, or asks for it
}

// places are so many that are taken until they are left.
type places chan struct{}

// enter waits for a place.
func (p places) enter(ctx context.Context) (leave func(), err error) {
	select {
	case p <- struct{}{}:
		return func() { <-p }, nil
	case <-ctx.Done():
		return nil, Failed(ctx.Err())
	}
}

// mayWrite waits for a place among those that write, or for the turn to ask for the lock.
func mayWrite(
	ctx context.Context, db *sql.DB, of func(*connector) places,
) (leave func(), err error) {
	c := connectorOf(db)
	if c == nil { // not opened by this package
		return func() {}, nil
	}
	return of(c).enter(ctx)
}

// Connect opens one connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	wrapped, err := Wrap(opened)
	if err != nil {
		return nil, err
	}
	c.lasting.doubt()
	return &strictConn{Wrapped: wrapped}, nil
}

// connect opens one of the driver's own.
func (c *connector) connect(ctx context.Context) (driver.Conn, error) {
	with, ok := c.driver.(driver.DriverContext)
	if !ok {
		return c.driver.Open(c.source)
	}
	c.once.Do(func() { c.inner, c.err = with.OpenConnector(c.source) })
	if c.err != nil {
		return nil, c.err
	}
	conn, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, oneLine{err}
	}
	return conn, nil
}

// oneLine is an error whose own text has a line for every address that was tried.
type oneLine struct{ error }

// Error returns all of it in one line, with a semicolon between two addresses.
func (o oneLine) Error() string {
	text := strings.ReplaceAll(strings.TrimSpace(o.error.Error()), ":\n", ": ")
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", "; ")), " ")
}

// Unwrap returns the original error.
func (o oneLine) Unwrap() error { return o.error }

// Driver returns the driver, with the dialect of its database.
func (c *connector) Driver() driver.Driver { return speaking{c.driver, c} }

// speaking is a driver with what is known of its database.
type speaking struct {
	driver.Driver
	*connector
}

// connectorOf returns what is known of a database; nil for one that this package has not opened.
func connectorOf(db *sql.DB) *connector {
	s, _ := db.Driver().(speaking)
	return s.connector
}

// DialectOf returns the dialect of a database that this package opened.
func DialectOf(db *sql.DB) Dialect {
	if c := connectorOf(db); c != nil {
		return c.dialect
	}
	return SQLite
}

// migrate brings every schema up to date, one program at a time.
func migrate(
	ctx context.Context, db *sql.DB, d Dialect, made bool, schemas []Schema,
) (err error) {
	release, owner, err := d.prepare(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if made {
		if err := requireTable(ctx, db, d, versionsOf(schemas[0])); err != nil {
			return err
		}
	}
	if err := refuseForeign(ctx, db, d, schemas); err != nil {
		return err
	}
	for _, schema := range schemas {
		if err := up(ctx, db, d, schema, owner); err != nil {
			known := adviceOn(err) != nil || errors.Is(err, ErrOlder) || ctx.Err() != nil
			if known {
				return fmt.Errorf("tables of %s: %w", schema.Name, withAdvice(err))
			}
			const hint = "is the database ours, and writable?"
			return fmt.Errorf("tables of %s: %w (%s)", schema.Name, err, hint)
		}
	}
	return nil
}

// versionsOf returns the name of the table in which goose keeps the version of a schema.
func versionsOf(s Schema) string { return s.Name + "_version" }

func requireTable(ctx context.Context, db *sql.DB, d Dialect, name string) error {
	n, err := Number(ctx, db, d.countTables(), name)
	if err == nil && n == 0 {
		err = ErrEmpty
	}
	return err
}

// refuseForeign returns an error for a database that has tables of other schemas: whoever brings
// tables up to date there, by a wrong line of settings, works in the books of others.
func refuseForeign(ctx context.Context, db *sql.DB, d Dialect, schemas []Schema) error {
	if len(schemas) == 0 {
		return nil
	}
	return each(ctx, db, func(row Row) error {
		var name string
		err := row.Scan(&name)
		if err == nil &&
			!slices.ContainsFunc(schemas, func(s Schema) bool { return versionsOf(s) == name }) {
			err = fmt.Errorf("%w (it has %s)", ErrForeign, strings.TrimSuffix(name, "_version"))
		}
		return err
	}, d.listTables(), `%\_version`)
}

func up(ctx context.Context, db *sql.DB, d Dialect, schema Schema, owner bool) error {
	provider, err := goose.NewProvider(d.goose(), db, rendered{schema.Files, d},
		goose.WithTableName(versionsOf(schema)), goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	if !owner {
		pending := true
		made, err := Number(ctx, db, d.countTables(), versionsOf(schema))
		if err == nil && made > 0 {
			pending, err = provider.HasPending(ctx)
		}
		if isForbidden(err) {
			err = fmt.Errorf("%w (%w)", ErrOlder, err)
		}
		if err == nil && pending {
			err = ErrOlder
		}
		return err
	}
	_, err = provider.Up(ctx)
	return err
}
