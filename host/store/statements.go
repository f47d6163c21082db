package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// keeping is a driver whose connections keep their statements.
type keeping struct{ driver.Driver }

// Open opens a connection. It implements driver.Driver.
func (d keeping) Open(source string) (driver.Conn, error) {
	opened, err := d.Driver.Open(source)
	if err != nil {
		return nil, err
	}
	inner, err := Wrap(opened)
	if err != nil {
		return nil, err
	}
	return KeepStatements(inner.Connection), nil
}

// KeptConn is a connection that keeps its statements prepared between their uses: SQLite would
// spend most of the time on reading their text. PostgreSQL's own connections keep theirs.
type KeptConn struct {
	Wrapped
	kept map[string][]statement // those that are not in use
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

const (
	maxKept  = 4   // copies of one statement that are kept
	maxTexts = 500 // statements of which copies are kept
)

// KeepStatements returns the connection with its statements kept.
func KeepStatements(c Connection) *KeptConn {
	return &KeptConn{Wrapped: Wrapped{Connection: c}, kept: map[string][]statement{}}
}

func (c *KeptConn) prepare(query string) (statement, error) {
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
func (c *KeptConn) release(query string, s statement) error {
	kept, known := c.kept[query]
	if len(kept) >= maxKept || !known && len(c.kept) >= maxTexts {
		return s.Close()
	}
	c.kept[query] = append(kept, s)
	return nil
}

// Release closes the statements, and leaves the connection open.
func (c *KeptConn) Release() error {
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
func (c *KeptConn) Close() error { return errors.Join(c.Release(), c.Connection.Close()) }

// rows are the rows of a statement that is kept when they are closed.
type rows struct {
	driver.Rows
	done func() error
}

// Close closes the rows.
func (r *rows) Close() error { return errors.Join(r.Rows.Close(), r.done()) }

// ExecContext executes a statement.
func (c *KeptConn) ExecContext(
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
func (c *KeptConn) QueryContext(
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
