package faultdriver

import (
	"context"
	"database/sql/driver"
	"errors"
)

// connection is what the connections of both databases can do and the store uses. Statements that
// are prepared first are no steps: the store has none.
type connection interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnBeginTx
}

// conn is a connection whose steps can fail.
type conn struct {
	connection
	driver *Driver
}

// ExecContext is one step.
func (c *conn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if err := c.driver.check(ctx, Step{Statement, query}); err != nil {
		return nil, err
	}
	return c.connection.ExecContext(ctx, query, args)
}

// QueryContext is one step.
func (c *conn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	if err := c.driver.check(ctx, Step{Statement, query}); err != nil {
		return nil, err
	}
	return c.connection.QueryContext(ctx, query, args)
}

// BeginTx is one step.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.driver.check(ctx, Step{Kind: Begin}); err != nil {
		return nil, err
	}
	inner, err := c.connection.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &tx{inner, ctx, c.driver}, nil
}

// CheckNamedValue passes values on to the database's own connection, which knows more types.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if own, ok := c.connection.(driver.NamedValueChecker); ok {
		return own.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession makes the connection ready for its next use.
func (c *conn) ResetSession(ctx context.Context) error {
	if own, ok := c.connection.(driver.SessionResetter); ok {
		return own.ResetSession(ctx)
	}
	return nil
}

// IsValid reports whether the connection can be used again.
func (c *conn) IsValid() bool {
	own, ok := c.connection.(driver.Validator)
	return !ok || own.IsValid()
}

// tx is a transaction whose commit can fail.
type tx struct {
	driver.Tx
	ctx    context.Context // since Commit receives none
	driver *Driver
}

// Commit is two steps: before it, and after it but before the program learns of it.
func (t *tx) Commit() error {
	if err := t.driver.check(t.ctx, Step{Kind: Commit}); err != nil {
		return errors.Join(err, t.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.driver.check(t.ctx, Step{Kind: Committed})
}
