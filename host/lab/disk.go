package lab

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"ekrona/host/audit"
)

// errKilled is what every call to a disk answers when its node has been killed.
var errKilled = errors.New("the node was killed")

// disk is one node's database in memory, in front of which the node can be killed:
// before any statement, begin or commit, and after a commit before the node learns
// of it. What was committed stays; a transaction that was open is undone.
type disk struct {
	node    string
	kill    func(node string) bool // asked before each step, and after each commit
	dead    bool
	one     connection // a database in memory has one: whoever opens another is lent this one
	lent    int
	raw     inner                       // the same
	between func()                      // told between two transactions
	commit  func() (before, after bool) // asked at each commit whether the node is killed before or after it

	watched bool
	touched map[audit.Row]bool // what was written since somebody asked, while it is watched
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

// watch has SQLite tell of every row that is inserted, changed or deleted, also by a
// transaction that is undone afterwards.
func (d *disk) watch() {
	d.watched, d.touched = true, map[audit.Row]bool{anyRow: true}
	d.raw.RegisterPreUpdateHook(func(row sqlite.SQLitePreUpdateData) {
		d.touched[audit.Row{Table: row.TableName, ID: row.OldRowID}] = true
		d.touched[audit.Row{Table: row.TableName, ID: row.NewRowID}] = true
	})
}

// written is what was written since it was asked last.
func (d *disk) written() map[audit.Row]bool {
	rows := d.touched
	d.touched = map[audit.Row]bool{}
	return rows
}

func (d *disk) step() error {
	if !d.dead && d.kill != nil && d.kill(d.node) {
		d.dead = true
	}
	if d.dead {
		return errKilled
	}
	return nil
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

// connection is all that SQLite's connection can do and we use.
type connection interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.ConnBeginTx
}

// Open opens a connection. It implements driver.Driver.
func (d *disk) Open(source string) (driver.Conn, error) {
	if d.dead {
		return nil, errKilled
	}
	if d.lent > 0 {
		d.lent++
		return &mortal{connection: d.one, disk: d, prepared: map[string][]statement{}}, nil
	}
	opened, err := (&sqlite.Driver{}).Open(source)
	if err != nil {
		return nil, err
	}
	full, ok := opened.(connection)
	raw, hasInner := opened.(inner)
	if !ok || !hasInner {
		return nil, fmt.Errorf("SQLite's connection %T lacks a part of what stands before it", opened)
	}
	d.one, d.raw, d.lent = full, raw, 1
	return &mortal{connection: full, disk: d, prepared: map[string][]statement{}}, nil
}

// mortal is a connection of a node that can be killed. It keeps its statements
// prepared: a world says the same few a thousand times.
type mortal struct {
	connection
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

func (m *mortal) prepare(query string) (statement, error) {
	if kept := m.prepared[query]; len(kept) > 0 {
		m.prepared[query] = kept[:len(kept)-1]
		return kept[len(kept)-1], nil
	}
	fresh, err := m.Prepare(query)
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
func (m *mortal) release(query string, s statement) error {
	if len(m.prepared[query]) >= maxPrepared {
		return s.Close()
	}
	m.prepared[query] = append(m.prepared[query], s)
	return nil
}

// Close closes the connection with its statements.
func (m *mortal) Close() error {
	var failed []error
	for _, kept := range m.prepared {
		for _, s := range kept {
			failed = append(failed, s.Close())
		}
	}
	if m.disk.lent--; m.disk.lent == 0 {
		failed = append(failed, m.connection.Close())
	}
	return errors.Join(failed...)
}

// lent are the rows of a statement that is kept when they are closed.
type lent struct {
	driver.Rows
	done func() error
}

// Close closes the rows.
func (l *lent) Close() error { return errors.Join(l.Rows.Close(), l.done()) }

// ExecContext is one step.
func (m *mortal) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := m.disk.step(); err != nil {
		return nil, err
	}
	if len(args) == 0 { // it may be several statements, as migrations are
		return m.connection.ExecContext(ctx, query, args)
	}
	s, err := m.prepare(query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	return result, errors.Join(err, m.release(query, s))
}

// QueryContext is one step.
func (m *mortal) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := m.disk.step(); err != nil {
		return nil, err
	}
	s, err := m.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, m.release(query, s))
	}
	return &lent{rows, func() error { return m.release(query, s) }}, nil
}

// BeginTx is one step.
func (m *mortal) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	m.disk.pause()
	if err := m.disk.step(); err != nil {
		return nil, err
	}
	tx, err := m.connection.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &transaction{tx, m.disk}, nil
}

type transaction struct {
	driver.Tx
	disk *disk
}

// Commit is two steps: before it, and after it before anybody is told.
func (t *transaction) Commit() error {
	before, after := t.disk.commits()
	t.disk.dead = t.disk.dead || before
	if err := t.disk.step(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	t.disk.dead = t.disk.dead || after
	t.disk.pause()
	return t.disk.step()
}

// commits tells whether the node is killed before its commit, or after it.
func (d *disk) commits() (before, after bool) {
	if d.dead || d.commit == nil {
		return false, false
	}
	return d.commit()
}

// pause is a point at which the node is in no transaction.
func (d *disk) pause() {
	if d.between != nil {
		d.between()
	}
}
