package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// Connection is what the connections of both databases can do and the store uses.
type Connection interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnBeginTx
}

// Wrapped is a connection for what stands before it to embed: it passes on what the database's own
// connection can do beyond Connection.
type Wrapped struct{ Connection }

// Wrap returns the connection that a driver opened, to be wrapped. One that cannot be is closed.
func Wrap(opened driver.Conn) (Wrapped, error) {
	full, ok := opened.(Connection)
	if !ok {
		const lacks = "the driver's connection %T lacks a part of what stands before it"
		return Wrapped{}, errors.Join(fmt.Errorf(lacks, opened), opened.Close())
	}
	return Wrapped{full}, nil
}

// Inner returns the connection that stands behind.
func (w Wrapped) Inner() Connection { return w.Connection }

// CheckNamedValue passes values on to the database's own connection, which knows more types.
func (w Wrapped) CheckNamedValue(v *driver.NamedValue) error {
	if own, ok := w.Connection.(driver.NamedValueChecker); ok {
		return own.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession makes the connection ready for its next use.
func (w Wrapped) ResetSession(ctx context.Context) error {
	if own, ok := w.Connection.(driver.SessionResetter); ok {
		return own.ResetSession(ctx)
	}
	return nil
}

// IsValid reports whether the connection can be used again.
func (w Wrapped) IsValid() bool {
	own, ok := w.Connection.(driver.Validator)
	return !ok || own.IsValid()
}

// strictConn is a connection on which a transaction ends with its first statement that fails:
// PostgreSQL has it so, and SQLite goes on as if the statement had never been there.
type strictConn struct {
	Wrapped
	open   bool  // a transaction is
	failed error // of it; nil while all is well
}

// errAfter is the error of what follows a statement that failed.
func (c *strictConn) errAfter(what string) error {
	return fmt.Errorf("%s: an earlier statement of the transaction failed: %w", what, c.failed)
}

// note keeps the first failure of a transaction.
func (c *strictConn) note(err error) {
	if c.open && c.failed == nil && err != nil && !errors.Is(err, io.EOF) {
		c.failed = err
	}
}

// ExecContext executes a statement.
func (c *strictConn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if c.failed != nil {
		return nil, c.errAfter("statement")
	}
	result, err := c.Connection.ExecContext(ctx, query, args)
	c.note(err)
	return result, err
}

// QueryContext executes a query.
func (c *strictConn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	if c.failed != nil {
		return nil, c.errAfter("query")
	}
	rows, err := c.Connection.QueryContext(ctx, query, args)
	c.note(err)
	if err != nil {
		return nil, err
	}
	return &strictRows{rows, c}, nil
}

// BeginTx begins a transaction.
func (c *strictConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	inner, err := c.Connection.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	c.open, c.failed = true, nil
	return strictTx{inner, c}, nil
}

// strictRows are rows of which one that cannot be read fails the transaction.
type strictRows struct {
	driver.Rows
	conn *strictConn
}

// Next reads the next row.
func (r *strictRows) Next(into []driver.Value) error {
	err := r.Rows.Next(into)
	r.conn.note(err)
	return err
}

// strictTx is a transaction that is not committed after a failure.
type strictTx struct {
	driver.Tx
	conn *strictConn
}

// errUndone says that a commit was not asked for.
var errUndone = errors.New("undone")

// Commit commits, or undoes a transaction of which a statement failed.
func (t strictTx) Commit() error {
	if t.conn.failed != nil {
		return errors.Join(fmt.Errorf("%w: %w", errUndone, t.conn.errAfter("commit")), t.Rollback())
	}
	t.conn.open = false
	return t.Tx.Commit()
}

// Rollback undoes the transaction.
func (t strictTx) Rollback() error {
	t.conn.open, t.conn.failed = false, nil
	return t.Tx.Rollback()
}
