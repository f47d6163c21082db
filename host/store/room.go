package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ErrNoRoom says that a database could not write because its disk has no room.
var ErrNoRoom = errors.New("the disk is full: make room on it, then repeat the command")

// withAdvice adds [ErrNoRoom] to an error of a disk without room: SQLite's own text for it says
// "disk I/O error" where the file that the database's programs share could not grow.
func withAdvice(err error) error {
	if !lacksRoom(err) || errors.Is(err, ErrNoRoom) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, ErrNoRoom)
}

func lacksRoom(err error) bool {
	var postgres *pgconn.PgError
	if errors.As(err, &postgres) {
		return postgres.Code == "53100" // disk_full
	}
	const (
		full       = 13             // SQLITE_FULL; the upper bits say how
		sharedSize = 10 | (19 << 8) // SQLITE_IOERR_SHMSIZE
	)
	var lite *sqlite.Error
	return errors.As(err, &lite) && (lite.Code()&0xff == full || lite.Code() == sharedSize)
}
