package simulator

import (
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"ekrona.example/host/audit"
	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
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
		return &lentConn{store.KeepStatements(d.one), d}, nil
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
	return &lentConn{store.KeepStatements(full), d}, nil
}

// lentConn is the connection, lent, with statements of its own.
type lentConn struct {
	*store.KeptConn
	disk *disk
}

// Close closes the connection with its statements.
func (c *lentConn) Close() error {
	err := c.Release()
	if c.disk.pooledRows--; c.disk.pooledRows == 0 {
		err = errors.Join(err, c.Inner().Close())
	}
	return err
}
