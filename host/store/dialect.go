package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// Dialect is one of the databases that we run on, with everything that differs for it.
//
// Migrations are written for PostgreSQL. Where SQLite's syntax differs, render.go replaces it, so
// there is one text for both. Rows that may never be changed or deleted are protected by triggers
// that call store_refuse with the reason.
type Dialect int

// The dialects.
const (
	SQLite     Dialect = iota // 3.37 or later
	PostgreSQL                // 15 or later
)

// String returns the database's name.
func (d Dialect) String() string {
	if d == PostgreSQL {
		return "PostgreSQL"
	}
	return "SQLite"
}

func dialectOf(source string) Dialect {
	if strings.HasPrefix(source, "postgres://") || strings.HasPrefix(source, "postgresql://") {
		return PostgreSQL
	}
	return SQLite
}

// IsFile reports whether a source is the path of a file.
func IsFile(source string) bool { return dialectOf(source) == SQLite && source != Memory }

// CheckSource returns an error for a source at which there can be no database. It opens nothing,
// and shows no password.
func CheckSource(source string) error {
	if dialectOf(source) == SQLite {
		if strings.Contains(source, "://") || source == Memory {
			return fmt.Errorf("%s: give a file, or postgres://user@host:port/database",
				redacted(source))
		}
		return nil
	}
	given, err := PostgreSQL.options(source)
	if err == nil {
		if _, err = pgx.ParseConfig(given); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s: give postgres://user@host:port/database", shown(source))
}

// shown returns a source for a message: without a password.
func shown(source string) string {
	if dialectOf(source) == SQLite {
		return source
	}
	return redacted(source)
}

// redacted shows a URL without a password.
func redacted(source string) string {
	u, err := url.Parse(source)
	if err != nil {
		scheme, _, _ := strings.Cut(source, "://")
		return scheme + "://..."
	}
	query := u.Query()
	if query.Has("password") {
		query.Set("password", "xxxxx")
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}

// DriverOf returns the driver of the database at source.
func DriverOf(source string) driver.Driver {
	if dialectOf(source) == PostgreSQL {
		return postgresDriver{}
	}
	return keeping{&sqlite.Driver{}}
}

func (d Dialect) goose() goose.Dialect {
	if d == PostgreSQL {
		return goose.DialectPostgres
	}
	return goose.DialectSQLite3
}

// options adds the options of every connection to a source.
func (d Dialect) options(source string) (string, error) {
	if d == PostgreSQL {
		u, err := url.Parse(source)
		if err != nil {
			return "", errors.New("this is no URL: give postgres://user@host:port/database")
		}
		query := u.Query()
		query.Set("statement_timeout", "0") // it would break off a commit that waits
		query.Set("lock_timeout", "0")      // writers wait for each other
		// Our statements find the rows of a set by index, whatever the tables hold: a plan that
		// reads a table whole, because it is small or most of it belongs to a few, would be kept
		// until it is large. The costs count rows before pages. Compiling (jit) a statement that
		// the server takes for dear takes longer than any of ours.
		for _, setting := range [][2]string{{"plan_cache_mode", "force_generic_plan"},
			{"enable_hashjoin", "off"}, {"enable_mergejoin", "off"}, {"seq_page_cost", "0.1"},
			{"random_page_cost", "0.1"}, {"jit", "off"}} {
			query.Set(setting[0], setting[1])
		}
		u.RawQuery = query.Encode()
		return u.String(), nil
	}
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
		"trusted_schema(OFF)",
		"recursive_triggers(ON)", // else a REPLACE deletes rows without their delete triggers
	}}
	switch source {
	case LargeMemory:
		options["_pragma"] = append([]string{"page_size(65536)"}, options["_pragma"]...)
		fallthrough
	case Memory:
		return "file::memory:?" + options.Encode(), nil
	}
	options["_pragma"] = append(options["_pragma"], sqliteCache)
	path := (&url.URL{Path: source}).EscapedPath()
	return (&url.URL{Scheme: "file", Opaque: path, RawQuery: options.Encode()}).String(), nil
}

const (
	// sqliteCache is how many KiB of a file each connection may keep in memory, in place of 2,000:
	// rows whose keys are hashes lie all over it.
	sqliteCache = "cache_size(-32768)"

	// postgresMigrations is the advisory lock under which one program at a time migrates.
	postgresMigrations = 0x656b726f6e61 // "ekrona"

	// postgresSound is true for a database that compares text like SQLite and our code.
	postgresSound = `SELECT current_setting('server_encoding') = 'UTF8'
		AND 'B' < 'a' AND 'a:b' < 'aa'`

	// postgresOwn is in every database of ours: the lock of its one writer, the function behind the
	// rules of what may never be changed, and one that checks a foreign key for all rows of a
	// statement together. PostgreSQL's own foreign keys look for each row by a query and lock what
	// they find: a third of the time of settling. Only rows that are never deleted, and keep their
	// key, are referred to so.
	postgresOwn = `CREATE TABLE IF NOT EXISTS store_writer ();
		CREATE OR REPLACE FUNCTION store_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION USING MESSAGE = TG_ARGV[0], ERRCODE = 'integrity_constraint_violation';
		END $$;
		CREATE OR REPLACE FUNCTION store_refer() RETURNS trigger LANGUAGE plpgsql AS $$
			DECLARE missing text; BEGIN
			EXECUTE format('SELECT a.%1$I::text FROM (SELECT DISTINCT %1$I FROM added) a '
				'WHERE a.%1$I IS NOT NULL AND NOT EXISTS '
				'(SELECT 1 FROM %2$I r WHERE r.%3$I = a.%1$I) LIMIT 1',
				TG_ARGV[0], TG_ARGV[1], TG_ARGV[2]) INTO missing;
			IF missing IS NOT NULL THEN
				RAISE EXCEPTION USING ERRCODE = 'foreign_key_violation',
					MESSAGE = format('foreign key: %s.%s = %s is not in %s', TG_TABLE_NAME,
						TG_ARGV[0], missing, TG_ARGV[1]);
			END IF;
			RETURN NULL;
		END $$`
)

// prepare makes a database ready for migrations and blocks other programs' migrations until
// released. owner reports whether our role may migrate.
func (d Dialect) prepare(
	ctx context.Context, db *sql.DB,
) (release func() error, owner bool, err error) {
	if d == SQLite {
		return func() error { return nil }, true, nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		hint := "does the server run, and is the database created?"
		if said := new(pgconn.PgError); errors.As(err, &said) && hasLostClass(said) {
			hint = lostAdvice(err)
		}
		return nil, false, fmt.Errorf("%w (%s)", err, hint)
	}
	_, err = conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, postgresMigrations)
	if err != nil {
		return nil, false, errors.Join(err, conn.Close())
	}
	release = func() error {
		always := context.WithoutCancel(ctx)
		_, err := conn.ExecContext(always, `SELECT pg_advisory_unlock($1)`, postgresMigrations)
		return errors.Join(err, conn.Close())
	}
	var sound bool
	err = conn.QueryRowContext(ctx, postgresSound).Scan(&sound)
	if err == nil && !sound {
		err = errors.New("its text is not in UTF-8 or not ordered by bytes: create it by " +
			"CREATE DATABASE name TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
	}
	if err == nil {
		err = conn.QueryRowContext(ctx, mayMigrate).Scan(&owner)
	}
	if err == nil && owner {
		_, err = conn.ExecContext(ctx, postgresOwn)
	}
	if err != nil {
		return nil, false, errors.Join(err, release())
	}
	return release, owner, nil
}

// countTables returns a query for how many tables have the name $1.
func (d Dialect) countTables() string {
	if d == PostgreSQL {
		return `SELECT count(*) FROM pg_class WHERE relkind = 'r'
			AND relnamespace = current_schema()::regnamespace AND relname = $1`
	}
	return `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1`
}

// listTables returns a query for the names of tables that are LIKE $1.
func (d Dialect) listTables() string {
	if d == PostgreSQL {
		return `SELECT relname::text FROM pg_class WHERE relkind = 'r'
			AND relnamespace = current_schema()::regnamespace
			AND relname LIKE $1 ESCAPE '\' ORDER BY relname`
	}
	return `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name LIKE $1 ESCAPE '\' ORDER BY name`
}

// writing returns the options of a transaction that writes. Those of a database come one after the
// other, so what is read needs no locks of its own to be the same at the end.
func (d Dialect) writing() *sql.TxOptions {
	if d == PostgreSQL {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	}
	return nil // SQLite's have one writer, see options
}

// reading returns the options of a transaction that sees one moment.
func (d Dialect) reading() *sql.TxOptions {
	if d == PostgreSQL {
		return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return &sql.TxOptions{ReadOnly: true}
}

// isTransient reports whether the database has undone the transaction because of another one, so
// that it may succeed when it is repeated.
func isTransient(err error) bool {
	var postgres *pgconn.PgError
	if errors.As(err, &postgres) {
		return postgres.Code == "40001" || postgres.Code == "40P01" // serialization, deadlock
	}
	const busy = 5 // SQLITE_BUSY; the upper bits say how
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == busy
}
