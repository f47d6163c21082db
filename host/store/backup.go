package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"ekrona.example/host/durable"
)

// errServer says that a copy of a database is the server's business.
var errServer = errors.New("a database on PostgreSQL is copied and restored by the server's own " +
	"means: pg_basebackup with archived WAL")

// partial is the end of the name of a copy that is not whole yet.
const partial = ".part"

// BackUp writes a copy of the SQLite database in a file as it is at one moment, while others use
// it. The new file is there whole or not at all, and never in place of another ([fs.ErrExist]).
func BackUp(ctx context.Context, source, to string) (err error) {
	if !IsFile(source) {
		return errServer
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s: %w: name another file", to, fs.ErrExist), err)
	}
	if _, err := os.Stat(source); err != nil {
		return err
	}
	if to, err = durable.Behind(to); err != nil {
		return err
	}
	if err := removePartial(to); err != nil {
		return err
	}
	defer func() { err = giveUp(to, err) }()
	c := &connector{driver: DriverOf(source), dialect: SQLite}
	if c.source, err = c.dialect.options(source); err != nil {
		return err
	}
	db := sql.OpenDB(c)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := Exec(ctx, db, `VACUUM INTO $1`, to+partial); err != nil {
		return fmt.Errorf("copy of %s: %w", source, err)
	}
	if err := os.Chmod(to+partial, 0o600); err != nil {
		return err
	}
	return put(ctx, to+partial, to)
}

// Restore makes the SQLite database of a file from a copy that [BackUp] wrote. One that is there is
// set aside under the name of the file and ".former", both where a symbolic link leads. Nobody may
// use it meanwhile. A cut leaves the former database or the restored one, or none: the same call
// goes on. check refuses a copy that is another's; nil takes any.
func Restore(
	ctx context.Context, from, source string, check func(ctx context.Context, db *sql.DB) error,
	schemas ...Schema,
) (err error) {
	if !IsFile(source) {
		return errServer
	}
	if source, err = durable.Behind(source); err != nil {
		return err
	}
	defer func() { err = giveUp(source, err) }()
	if err := errors.Join(removePartial(source), copyFile(from, source+partial)); err != nil {
		return noRoom(err)
	}
	db, err := OpenMade(ctx, source+partial, schemas...)
	if err != nil {
		return fmt.Errorf("%s is no copy of such a database: %w", from, err)
	}
	if check != nil {
		if err = check(ctx, db); err != nil {
			err = fmt.Errorf("%s: %w", from, err)
		}
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		_, err := os.Stat(source + end)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		former := source + ".former" + end
		if _, kept := os.Stat(former); kept == nil {
			err = fmt.Errorf("%s: %w: what was set aside before is to be moved away first",
				former, fs.ErrExist)
		}
		if err == nil {
			err = os.Rename(source+end, former)
		}
		if err != nil {
			return err
		}
	}
	return put(ctx, source+partial, source)
}

// giveUp removes what there is of a copy that has failed, so that it does not take the room that
// the others lack, and returns why it has.
func giveUp(to string, why error) error {
	if why == nil {
		return nil
	}
	return errors.Join(why, removePartial(to))
}

// removePartial removes what there is of a copy that is not whole, and what SQLite keeps beside it.
func removePartial(to string) error {
	var failed []error
	for _, end := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(to + partial + end); !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// put gives a copy its name, once it is whole and on disk.
func put(ctx context.Context, part, name string) error {
	db, err := sql.Open("sqlite", part)
	if err != nil {
		return err
	}
	var found string
	err = Must(ctx, db, Into{&found}, `PRAGMA integrity_check`)
	if err == nil && found != "ok" {
		err = fmt.Errorf("copy %s is damaged: %s", part, found)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := syncFile(part); err != nil {
		return err
	}
	return durable.Rename(part, name)
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, in.Close(), out.Close())
}
