package batchtest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// Driver is SQLite's with a hook at every commit: before it, and after it before the
// program learns of it.
type Driver struct{ Hook Hook }

// connection is all that SQLite's connection can do and a journal uses.
type connection interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

// Open opens a connection.
func (d Driver) Open(source string) (driver.Conn, error) {
	opened, err := (&sqlite.Driver{}).Open(source)
	if err != nil {
		return nil, err
	}
	full, ok := opened.(connection)
	if !ok {
		return nil, errors.Join(fmt.Errorf("SQLite's connection %T lacks a part of what stands before it", opened), opened.Close())
	}
	return hooked{full, d.Hook}, nil
}

type hooked struct {
	connection
	hook Hook
}

// BeginTx begins a transaction whose commit is told.
func (h hooked) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := h.connection.BeginTx(ctx, options)
	return transaction{tx, h.hook}, err
}

type transaction struct {
	driver.Tx
	hook Hook
}

// Commit is two steps.
func (t transaction) Commit() error {
	if err := t.hook("before a commit"); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.hook("after a commit")
}
