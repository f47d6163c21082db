package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// spaceTried are the bytes for which a disk has to have room: less than what a database that has
// run out of it needs to go on.
const spaceTried = 1 << 20

// postgresSpace has the server write more than it may keep in memory, where it has the tables, and
// forget it. That takes no right, and leaves nothing behind.
const postgresSpace = `SET LOCAL temp_tablespaces = ''; SET LOCAL work_mem = '64kB';
	SELECT count(*) FROM (SELECT repeat('x', 1000) || n FROM generate_series(1, 1000) n
		ORDER BY 1 OFFSET 0) s`

// Space tries whether a database could write: it returns [ErrNoRoom] where its disk is full, and
// otherwise why it does not answer. Calls that only read, and small ones that write, may find
// nothing wrong with a disk that is full.
func Space(ctx context.Context, db *sql.DB) error {
	if err := db.PingContext(ctx); err != nil {
		return Failed(err)
	}
	c := connectorOf(db)
	switch {
	case c == nil:
		return nil
	case c.dialect == PostgreSQL:
		tx, release, err := begin(ctx, db, c.dialect.reading())
		if err != nil {
			return err
		}
		defer release()
		const severalStatements = pgx.QueryExecModeSimpleProtocol
		_, err = tx.ExecContext(ctx, postgresSpace, severalStatements)
		if err = Failed(err); !errors.As(err, new(*AwayError)) {
			return nil // such as a limit of the role's temporary files
		}
		return err
	case c.file != "":
		return Failed(tryFile(c.file + "-space"))
	}
	return nil
}

// tryFile writes a file and removes it. One that a crash has left is written over.
func tryFile(path string) error {
	err := os.WriteFile(path, make([]byte, spaceTried), 0o600)
	if gone := os.Remove(path); err == nil {
		err = gone
	}
	return noRoom(err)
}

// noRoom says [ErrNoRoom] with an error of the system that means it.
func noRoom(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return fmt.Errorf("%w (%w)", err, ErrNoRoom)
		}
	}
	return err
}
