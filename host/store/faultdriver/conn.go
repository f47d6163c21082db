package faultdriver

import (
	"context"
	"database/sql/driver"
	"errors"

	"ekrona.example/host/store"
)

// conn is a connection whose steps can fail.
type conn struct {
	store.Wrapped
	driver *Driver
}

// ExecContext is one step.
func (c *conn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if err := c.driver.check(ctx, Step{Statement, query}); err != nil {
		return nil, err
	}
	return c.Connection.ExecContext(ctx, query, args)
}

// QueryContext is one step.
func (c *conn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	if err := c.driver.check(ctx, Step{Statement, query}); err != nil {
		return nil, err
	}
	return c.Connection.QueryContext(ctx, query, args)
}

// BeginTx is one step.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.driver.check(ctx, Step{Kind: Begin}); err != nil {
		return nil, err
	}
	inner, err := c.Connection.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &tx{inner, ctx, c.driver}, nil
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
