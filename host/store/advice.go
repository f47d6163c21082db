package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// What to do about a database that is not at fault for what was asked of it.
var (
	// ErrNoRoom says that a database could not write because its disk has no room.
	ErrNoRoom = errors.New("the disk is full: make room on it, then repeat the command")
	// ErrDisk says that a disk failed, or does not take what is written, as one whose file system
	// the machine has made read-only after an error.
	ErrDisk = errors.New("the disk fails, or takes no writes: see the machine's log, have it " +
		"repaired and mounted to be written, then repeat the command")
	// ErrDamaged says that a file is no database, or no longer a whole one.
	ErrDamaged = errors.New("the file is damaged: restore it from its backup")

	errClosed = errors.New("is it a file that may be read and written, in a folder that may be?")
)

// sharedSize is SQLITE_IOERR_SHMSIZE: the file that the programs at a database share could not
// grow. SQLite's own text for it is "disk I/O error".
const sharedSize = 10 | 19<<8

// advice says what to do, by SQLite's result codes. The upper bits of a code say how.
var advice = map[int]error{
	8:          errClosed,  // SQLITE_READONLY
	10:         ErrDisk,    // SQLITE_IOERR
	11:         ErrDamaged, // SQLITE_CORRUPT
	13:         ErrNoRoom,  // SQLITE_FULL
	14:         errClosed,  // SQLITE_CANTOPEN
	26:         ErrDamaged, // SQLITE_NOTADB
	sharedSize: ErrNoRoom,
}

// withAdvice adds to an error of the database what to do about it, once.
func withAdvice(err error) error {
	what := adviceOn(err)
	if what == nil || errors.Is(err, what) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, what)
}

func adviceOn(err error) error {
	var postgres *pgconn.PgError
	if errors.As(err, &postgres) {
		switch postgres.Code {
		case "53100": // disk_full
			return ErrNoRoom
		case "58030": // io_error
			return ErrDisk
		}
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return nil
	}
	if what := advice[lite.Code()]; what != nil {
		return what
	}
	return advice[lite.Code()&0xff]
}
