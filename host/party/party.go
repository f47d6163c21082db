// Package party starts a party of the scheme from its own folder and from nothing else. The folder
// has its settings, its keys, the certificates that it trusts and its database. The sub-packages
// are the parties: centralbank, bank, phone and pos (a terminal). Each has Found, which makes the
// folder once, and Open, which starts the party from it.
//
// A party connects to the others that its settings name, when it needs them and not before: a
// terminal sells though its bank is unreachable. [remote.ErrUnreachable] says that a needed party
// is not there.
//
// A party trusts its own folder, and no other's. Only one process at a time may have
// a folder open.
package party

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"ekrona.example/host/clock"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
	"ekrona.example/host/store"
	"ekrona.example/personalization/pki"
)

// Caller is who calls another party: what signs its requests where they go over the network, and
// the folder whose roots it trusts there.
type Caller struct {
	link.Signer
	Trust pki.Folder
}

// Dial returns a caller's link to another party from the address in the settings. It opens nothing:
// the first call fails when the party is not there.
type Dial func(address string, by Caller) remote.Transport

// Environment is what a party receives besides its folder.
type Environment struct {
	Clock  clock.Clock // nil is the system's
	Random io.Reader   // nil is the system's
	// Pause returns after the duration, or with the context's error before; nil is the system's.
	Pause func(ctx context.Context, d time.Duration) error
	// Driver, if not nil, is of every database that was made before: the database's own behind what
	// tests put before it.
	Driver driver.Driver
}

// Complete puts the system's clock, randomness and pause in place of what is missing.
func (e Environment) Complete() Environment {
	e.Clock = clock.OrSystem(e.Clock)
	if e.Random == nil {
		e.Random = rand.Reader
	}
	if e.Pause == nil {
		e.Pause = clock.Pause
	}
	return e
}

// Folder is an opened folder of a party, locked against other processes.
type Folder struct {
	path    string
	closers []func() error
	driver  driver.Driver // of databases; nil for their own
}

// How often, and after which pauses, a lock is tried that another program has open: as long as a
// command with a card usually takes, and not as long as one that waits for a person.
const (
	lockTries = 50
	lockPause = 100 * time.Millisecond
)

// Enter opens a folder and locks it. One that another program has open is waited for, but not
// long. Every error names the folder, also that of the lock. Errors: [lockfile.ErrTaken].
func Enter(ctx context.Context, path string, e Environment) (*Folder, error) {
	if err := Peek(path).checkExists(); err != nil {
		return nil, err
	}
	release, err := e.Lock(ctx, filepath.Join(path, "lock"))
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", path, err)
	}
	return &Folder{path: path, closers: []func() error{release}, driver: e.Driver}, nil
}

// Lock takes the lock of a file. One that another program has is waited for, but not long. Errors:
// [lockfile.ErrTaken].
func (e Environment) Lock(ctx context.Context, path string) (release func() error, err error) {
	release, err = lockfile.Take(path)
	for try := 1; errors.Is(err, lockfile.ErrTaken) && try < lockTries; try++ {
		if err = e.Complete().Pause(ctx, lockPause); err == nil {
			release, err = lockfile.Take(path)
		}
	}
	return release, err
}

// Peek returns a folder to read its settings only, without its lock.
func Peek(path string) *Folder { return &Folder{path: path} }

// checkExists returns an error when the folder is gone: its party cannot be reached.
func (f *Folder) checkExists() error {
	_, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder %s is not there: %w", f.path, remote.ErrUnreachable)
	}
	return err
}

// Make makes a folder that only its owner can enter, and enters it.
func Make(ctx context.Context, path string, e Environment) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	return Enter(ctx, path, e)
}

// Path returns the path of a file in the folder; an absolute name is returned unchanged.
func (f *Folder) Path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.path, name)
}

// OnClose registers a function that Close calls, the latest first.
func (f *Folder) OnClose(do func() error) { f.closers = append(f.closers, do) }

// Database opens a database that was made before, until the folder is closed. A file that is gone
// is an error, and so is an empty database: it would have forgotten everything.
func (f *Folder) Database(
	ctx context.Context, name string, schemas ...store.Schema,
) (*sql.DB, error) {
	source := f.source(name)
	if store.IsFile(source) {
		if _, err := os.Stat(source); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is missing: restore it from its backup", source)
		}
	}
	d := f.driver
	if d == nil {
		d = store.DriverOf(source)
	}
	db, err := store.OpenMadeOn(ctx, d, source, schemas...)
	if err == nil {
		f.OnClose(db.Close)
	}
	return db, err
}

// DatabaseOf is Database for one whose tables another role owns; an empty owner is the same role.
func (f *Folder) DatabaseOf(
	ctx context.Context, owner, name string, schemas ...store.Schema,
) (*sql.DB, error) {
	if owner != "" {
		if err := store.Migrate(ctx, owner, f.source(name), schemas...); err != nil {
			return nil, fmt.Errorf("settings %s: database_owner: %w", f.Path(SettingsFile), err)
		}
	}
	return f.Database(ctx, name, schemas...)
}

// MakeDatabase makes a database, at the founding of the party that the folder is for. Once the
// party is founded it does nothing: what is gone then was lost.
func (f *Folder) MakeDatabase(ctx context.Context, name string, schemas ...store.Schema) error {
	if _, err := os.Stat(f.Path(SettingsFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.AddDatabase(ctx, name, schemas...)
}

// AddDatabase makes a database for what a founded party begins to keep. One that is there stays.
func (f *Folder) AddDatabase(ctx context.Context, name string, schemas ...store.Schema) error {
	source := f.source(name)
	if store.IsFile(source) {
		if err := os.MkdirAll(filepath.Dir(source), 0o700); err != nil {
			return err
		}
	}
	db, err := store.Open(ctx, source, schemas...)
	if err != nil {
		return err
	}
	return db.Close()
}

// source returns the database of a name: a file in the folder, or one on a server.
func (f *Folder) source(name string) string {
	if !store.IsFile(name) {
		return name
	}
	return f.Path(name)
}

// CloseAfter closes the folder of a party that could not be started: failed says why, and then for
// which kind of party too. To be deferred.
func (f *Folder) CloseAfter(failed *error, party string) {
	if *failed != nil {
		*failed = errors.Join(fmt.Errorf("%s: %w", party, *failed), f.Close())
	}
}

// Close releases the folder. What was acknowledged is already in its files.
func (f *Folder) Close() error {
	var failed []error
	for i := len(f.closers) - 1; i >= 0; i-- {
		failed = append(failed, f.closers[i]())
	}
	f.closers = nil
	return errors.Join(failed...)
}

// BackUp writes a copy of a database, also while the party works. See [store.BackUp].
func (f *Folder) BackUp(ctx context.Context, name, to string) error {
	return store.BackUp(ctx, f.source(name), to)
}

// Restore makes a database from such a copy; the folder is entered, so that the party does not
// work. See [store.Restore].
func (f *Folder) Restore(
	ctx context.Context, name, from string, check func(ctx context.Context, db *sql.DB) error,
	schemas ...store.Schema,
) error {
	return store.Restore(ctx, from, f.source(name), check, schemas...)
}
