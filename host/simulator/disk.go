package simulator

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"ekrona/host/audit"
	"ekrona/host/store"
	"ekrona/host/store/faultdriver"
)

// disk is one node's database in memory, which is copied and set back whole. It is a driver,
// wrapped by the faults that kill the node.
type disk struct {
	faults     *faultdriver.Driver
	one        store.Connection // a database in memory has one: another Open lends this one
	pooledRows int
	raw        inner // the same

	watched bool
	touched map[audit.Row]bool // written since the last call of written, while watched
}

// inner is what SQLite's connection offers to copy a database whole, and to see what
// is written.
type inner interface {
	Serialize() ([]byte, error)
	Deserialize([]byte) error
	RegisterPreUpdateHook(sqlite.PreUpdateHookFn)
}

// anyRow stands for every row.
var anyRow = audit.Row{}

// watch has SQLite report every row that is inserted, changed or deleted, also by a transaction
// that is undone afterwards.
func (d *disk) watch() {
	d.watched, d.touched = true, map[audit.Row]bool{anyRow: true}
	d.raw.RegisterPreUpdateHook(func(row sqlite.SQLitePreUpdateData) {
		d.touched[audit.Row{Table: row.TableName, ID: row.OldRowID}] = true
		d.touched[audit.Row{Table: row.TableName, ID: row.NewRowID}] = true
	})
}

// written returns what was written since its last call.
func (d *disk) written() map[audit.Row]bool {
	rows := d.touched
	d.touched = map[audit.Row]bool{}
	return rows
}

// backup copies what the disk holds.
func (d *disk) backup() ([]byte, error) { return d.raw.Serialize() }

// restore sets the disk back to a backup.
func (d *disk) restore(backup []byte) error {
	if d.watched {
		d.touched[anyRow] = true
	}
	return d.raw.Deserialize(backup)
}

// Open opens a connection. It implements driver.Driver.
func (d *disk) Open(source string) (driver.Conn, error) {
	if d.pooledRows > 0 {
		d.pooledRows++
		return &lentConn{Connection: d.one, disk: d, prepared: map[string][]statement{}}, nil
	}
	opened, err := (&sqlite.Driver{}).Open(source)
	if err != nil {
		return nil, err
	}
	full, ok := opened.(store.Connection)
	raw, hasInner := opened.(inner)
	if !ok || !hasInner {
		return nil, fmt.Errorf("SQLite's connection %T lacks a part of what stands before it",
			opened)
	}
	d.one, d.raw, d.pooledRows = full, raw, 1
	return &lentConn{Connection: full, disk: d, prepared: map[string][]statement{}}, nil
}

// lentConn is the connection, lent. It keeps its statements prepared: a world uses the same few a
// thousand times.
type lentConn struct {
	store.Connection
	disk     *disk
	prepared map[string][]statement // those that are not in use
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// maxPrepared bounds how many copies of one statement are kept.
const maxPrepared = 4

func (c *lentConn) prepare(query string) (statement, error) {
	if kept := c.prepared[query]; len(kept) > 0 {
		c.prepared[query] = kept[:len(kept)-1]
		return kept[len(kept)-1], nil
	}
	fresh, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	s, ok := fresh.(statement)
	if !ok {
		return nil, fmt.Errorf("SQLite's statement %T lacks a part of what stands before it", fresh)
	}
	return s, nil
}

// release keeps a statement for its next use.
func (c *lentConn) release(query string, s statement) error {
	if len(c.prepared[query]) >= maxPrepared {
		return s.Close()
	}
	c.prepared[query] = append(c.prepared[query], s)
	return nil
}

// Close closes the connection with its statements.
func (c *lentConn) Close() error {
	var failed []error
	for _, kept := range c.prepared {
		for _, s := range kept {
			failed = append(failed, s.Close())
		}
	}
	if c.disk.pooledRows--; c.disk.pooledRows == 0 {
		failed = append(failed, c.Connection.Close())
	}
	return errors.Join(failed...)
}

// pooledRows are the rows of a statement that is kept when they are closed.
type pooledRows struct {
	driver.Rows
	done func() error
}

// Close closes the rows.
func (l *pooledRows) Close() error { return errors.Join(l.Rows.Close(), l.done()) }

// ExecContext executes a statement.
func (c *lentConn) ExecContext(
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
func (c *lentConn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, c.release(query, s))
	}
	return &pooledRows{rows, func() error { return c.release(query, s) }}, nil
}
