package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Two roles of PostgreSQL share a database: its owner makes the tables, and the service's role may
// do in them what the rules of their triggers leave: insert, and change or delete where no rule
// forbids it for every row. The server holds that against whoever has the service's password, who
// could drop triggers as the owner.

// schemaRights takes from the role in $1 what it has on tables, and lets it find them.
const schemaRights = `SELECT format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I',
		current_schema(), $1::text)
	UNION ALL SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), $1::text)`

// grants gives the role in $1 the rights on all tables, as far as no trigger that calls
// store_refuse takes them from everybody: one on UPDATE without columns and condition, or on
// DELETE. It returns the statements to execute.
const grants = `SELECT format('GRANT SELECT, INSERT%s%s ON %I TO %I',
		CASE WHEN bool_or(coalesce(t.tgtype & 16 <> 0 AND t.tgqual IS NULL AND t.tgattr = '',
			FALSE)) THEN '' ELSE ', UPDATE' END,
		CASE WHEN bool_or(coalesce(t.tgtype & 8 <> 0 AND t.tgqual IS NULL, FALSE))
			THEN '' ELSE ', DELETE' END, c.relname, $1::text)
	FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgtype & 2 <> 0
		AND t.tgfoid = 'store_refuse'::regproc
	WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
		AND c.relname NOT LIKE '%\_version' GROUP BY c.relname ORDER BY c.relname`

// versions gives the role in $1 the right to read how far the tables have been brought up to date.
const versions = `SELECT format('GRANT SELECT ON %I TO %I', relname, $1::text) FROM pg_class
	WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
		AND relname LIKE '%\_version' ORDER BY relname`

// mayMigrate is true for a role that may make tables.
const mayMigrate = `SELECT has_schema_privilege(current_schema(), 'CREATE')`

// ErrOlder says that tables are older than the program, or were not given to its role, which may
// not change them.
var ErrOlder = errors.New("they are older than this program, or its role has no rights on them: " +
	"start it once with their owner (database_owner)")

// ErrOwner says that a source names no other role for the tables than for the service.
var ErrOwner = errors.New("the owner of the tables and the service are two roles of one database " +
	"on PostgreSQL: give each its own user in the source")

// Migrate makes the tables of the schemas up to date as their owner, and gives the role of the
// service the rights that it needs on them. owner and service are sources of the same database.
// What the role had before, and is not to have, is taken from it. An empty database is refused, as
// by [OpenMade].
func Migrate(ctx context.Context, owner, service string, schemas ...Schema) (err error) {
	role, err := roleOf(owner, service)
	if err != nil {
		return err
	}
	db, err := OpenMade(ctx, owner, schemas...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return InTx(ctx, db, func(tx *sql.Tx) error {
		for _, query := range []string{schemaRights, grants, versions} {
			statements, err := Column[string](ctx, tx, query, role)
			if err != nil {
				return err
			}
			for _, statement := range statements {
				if err := Exec(ctx, tx, statement); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// roleOf returns the service's role.
func roleOf(owner, service string) (string, error) {
	var users [2]string
	for n, source := range []string{owner, service} {
		if dialectOf(source) != PostgreSQL {
			return "", ErrOwner
		}
		config, err := pgx.ParseConfig(source)
		if err != nil {
			return "", fmt.Errorf("database %s: %w", shown(source), errors.New("no valid source"))
		}
		users[n] = config.User
	}
	if users[0] == users[1] {
		return "", ErrOwner
	}
	return users[1], nil
}
