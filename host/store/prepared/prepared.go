// Package prepared keeps the statements of a connection prepared between their uses: for a program
// that runs the same few a hundred thousand times on a database in memory, where SQLite would
// spend most of the time on reading their text. Start at [Driver].
package prepared

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"ekrona/host/store"
)

// Driver is a driver whose connections keep their statements.
type Driver struct{ driver.Driver }

// Open opens a connection. It implements driver.Driver.
func (d Driver) Open(source string) (driver.Conn, error) {
	opened, err := d.Driver.Open(source)
	if err != nil {
		return nil, err
	}
	inner, err := store.Wrap(opened)
	if err != nil {
		return nil, err
	}
	return Keep(inner.Connection), nil
}

// Conn is a connection that keeps its statements.
type Conn struct {
	store.Wrapped
	kept map[string][]statement // those that are not in use
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxKept bounds how many copies of one statement are kept.
const maxKept = 4

// Keep returns the connection with its statements kept.
func Keep(c store.Connection) *Conn {
	return &Conn{Wrapped: store.Wrapped{Connection: c}, kept: map[string][]statement{}}
}

// Inner returns the database's own connection.
func (c *Conn) Inner() store.Connection { return c.Connection }

func (c *Conn) prepare(query string) (statement, error) {
	if kept := c.kept[query]; len(kept) > 0 {
		c.kept[query] = kept[:len(kept)-1]
		return kept[len(kept)-1], nil
	}
	fresh, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	s, ok := fresh.(statement)
	if !ok {
		return nil, fmt.Errorf("the driver's statement %T lacks a part of what stands before it",
			fresh)
	}
	return s, nil
}

// release keeps a statement for its next use.
func (c *Conn) release(query string, s statement) error {
	if len(c.kept[query]) >= maxKept {
		return s.Close()
	}
	c.kept[query] = append(c.kept[query], s)
	return nil
}

// Release closes the statements, and leaves the connection open.
func (c *Conn) Release() error {
	var failed []error
	for _, kept := range c.kept {
		for _, s := range kept {
			failed = append(failed, s.Close())
		}
	}
	clear(c.kept)
	return errors.Join(failed...)
}

// Close closes the connection with its statements.
func (c *Conn) Close() error { return errors.Join(c.Release(), c.Connection.Close()) }

// rows are the rows of a statement that is kept when they are closed.
type rows struct {
	driver.Rows
	done func() error
}

// Close closes the rows.
func (r *rows) Close() error { return errors.Join(r.Rows.Close(), r.done()) }

// ExecContext executes a statement.
func (c *Conn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if len(args) == 0 { // it may be several statements, as migrations are
		return c.Connection.ExecContext(ctx, query, args)
	}
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	return result, errors.Join(err, c.release(query, s))
}

// QueryContext executes a query.
func (c *Conn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	found, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, c.release(query, s))
	}
	return &rows{found, func() error { return c.release(query, s) }}, nil
}
