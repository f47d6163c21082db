package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Queryer can read: a database or a transaction. What is read on a database itself is returned when
// it lasts, as by [Read].
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Execer can write: a database or a transaction.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Row gives the columns of one row.
type Row interface {
	Scan(into ...any) error
}

// Into are pointers to where the columns of a row go, in their order.
type Into []any

// Failed marks an error as one of the database or its content: nothing was refused, and the same
// call may succeed when it is repeated. It returns nil for nil. Errors: [*AwayError], [ErrNoRoom]
// or [ErrDisk] within one; [ErrDamaged].
func Failed(err error) error {
	if err == nil {
		return nil
	}
	err = withAdvice(err)
	away := errors.Is(err, ErrNoRoom) || errors.Is(err, ErrDisk) || errors.Is(err, errUnsure) ||
		isLost(err)
	if away && !errors.As(err, new(*AwayError)) {
		err = &AwayError{err}
	}
	return fmt.Errorf("database: %w", err)
}

// Each calls do for every row, in the query's order; do must not use q.
func Each(ctx context.Context, q Queryer, do func(Row) error, query string, args ...any) error {
	given := false
	return reading(ctx, q, func() (final bool, err error) {
		err = each(ctx, q, func(row Row) error { given = true; return do(row) }, query, args...)
		return given, err
	})
}

func each(ctx context.Context, q Queryer, do func(Row) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return Failed(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := do(rows); err != nil {
			return Failed(err)
		}
	}
	return Failed(rows.Err())
}

// reading makes a query: on a database itself again when the connection is lost, unless that is
// final, and until what was read lasts; in a transaction once, whose commit waits.
func reading(ctx context.Context, q Queryer, once func() (final bool, err error)) error {
	db, isDatabase := q.(*sql.DB)
	if !isDatabase {
		_, err := once()
		return err
	}
	if err := again(ctx, once); err != nil {
		return err
	}
	return lasts(ctx, db)
}

// All returns all rows, each as scan reads it, in the query's order.
func All[T any](
	ctx context.Context, q Queryer, scan func(Row) (T, error), query string, args ...any,
) ([]T, error) {
	var all []T
	err := reading(ctx, q, func() (final bool, err error) {
		all = nil
		return false, each(ctx, q, func(row Row) error {
			one, err := scan(row)
			all = append(all, one)
			return err
		}, query, args...)
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Column returns the only column of all rows, in the query's order.
func Column[T any](ctx context.Context, q Queryer, query string, args ...any) ([]T, error) {
	return All(ctx, q, func(row Row) (one T, err error) {
		err = row.Scan(&one)
		return one, err
	}, query, args...)
}

// Get reads the first row, and reports whether there was one.
func Get(
	ctx context.Context, q Queryer, into Into, query string, args ...any,
) (found bool, err error) {
	err = reading(ctx, q, func() (final bool, err error) {
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return false, Failed(err)
		}
		defer rows.Close()
		if found = rows.Next(); !found {
			return false, Failed(rows.Err())
		}
		if err := rows.Scan(into...); err != nil {
			return false, Failed(err)
		}
		return false, Failed(rows.Close())
	})
	return found && err == nil, err
}

// errNoRow is for a row that the tables always have.
var errNoRow = errors.New("a row that is always there is missing: have others changed it?")

// Must reads the first row; it is an error if there is none.
func Must(ctx context.Context, q Queryer, into Into, query string, args ...any) error {
	found, err := Get(ctx, q, into, query, args...)
	if err == nil && !found {
		err = Failed(errNoRow)
	}
	return err
}

// Number reads one number: a sum, a count, a maximum. No row, and null, are 0.
func Number(ctx context.Context, q Queryer, query string, args ...any) (int64, error) {
	var n sql.NullInt64
	_, err := Get(ctx, q, Into{&n}, query, args...)
	return n.Int64, err
}

// Exec carries out one statement; on a database itself it is a transaction of its own.
func Exec(ctx context.Context, e Execer, statement string, args ...any) error {
	_, err := Changed(ctx, e, statement, args...)
	return err
}

// Changed is Exec, and returns how many rows were inserted, changed or deleted.
func Changed(ctx context.Context, e Execer, statement string, args ...any) (rows int64, err error) {
	db, isDatabase := e.(*sql.DB)
	if isDatabase && (DialectOf(db) == PostgreSQL || holdingOf(db) != nil) {
		err = InTx(ctx, db, func(tx *sql.Tx) error {
			rows, err = Changed(ctx, tx, statement, args...)
			return err
		})
		return rows, err
	}
	result, err := e.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, Failed(err)
	}
	rows, err = result.RowsAffected()
	return rows, Failed(err)
}
