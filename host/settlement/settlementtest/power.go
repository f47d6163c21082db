package settlementtest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// ErrPower is what every database call answers after the power was lost.
var ErrPower = errors.New("the power is lost")

// Power is SQLite's driver on a supply that can be cut: before a chosen step, where every statement, begin and commit is one
// step and "committed, and nobody was told" another. After the cut nothing works until Restore; what was open is rolled back.
type Power struct {
	Steps []string // what was done since CutBefore or Restore
	left  int      // steps until the cut; 0 for none
	lost  bool
}

// CutBefore cuts the power before the n-th step from now, counted from 1; 0 for not at all.
func (p *Power) CutBefore(n int) { p.Steps, p.left = nil, n }

// Lost tells whether it was cut.
func (p *Power) Lost() bool { return p.lost }

// Restore gives the power back, for a database opened anew.
func (p *Power) Restore() { p.Steps, p.left, p.lost = nil, 0, false }

func (p *Power) step(what string) error {
	if p.lost {
		return ErrPower
	}
	p.Steps = append(p.Steps, what)
	if p.left > 0 {
		p.left--
		p.lost = p.left == 0
	}
	if p.lost {
		return ErrPower
	}
	return nil
}

// Open opens a connection on the supply.
func (p *Power) Open(source string) (driver.Conn, error) {
	if p.lost {
		return nil, ErrPower
	}
	c, err := (&sqlite.Driver{}).Open(source)
	if err != nil {
		return nil, err
	}
	full, ok := c.(interface {
		driver.Conn
		driver.ExecerContext
		driver.QueryerContext
		driver.ConnBeginTx
	})
	if !ok {
		return nil, fmt.Errorf("SQLite's connection %T lacks a part of what stands before it", c)
	}
	return &conn{full, full, full, full, p}, nil
}

type conn struct {
	driver.Conn
	execer   driver.ExecerContext
	queryer  driver.QueryerContext
	beginner driver.ConnBeginTx
	power    *Power
}

// ExecContext is one step.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.power.step("statement"); err != nil {
		return nil, err
	}
	return c.execer.ExecContext(ctx, query, args)
}

// QueryContext is one step.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.power.step("statement"); err != nil {
		return nil, err
	}
	return c.queryer.QueryContext(ctx, query, args)
}

// BeginTx is one step.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.power.step("begin"); err != nil {
		return nil, err
	}
	tx, err := c.beginner.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &transaction{tx, c.power}, nil
}

type transaction struct {
	driver.Tx
	power *Power
}

// Commit is two steps: the power can go before it, and after it, before anybody is told.
func (t *transaction) Commit() error {
	if err := t.power.step("commit"); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	return t.power.step("committed")
}
