package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"ekrona.example/host/lockfile"
	"ekrona.example/host/store"
)

// durable is for measurements: a server of tests alone need not survive.
var (
	durable = flag.Bool("durable", false, "have PostgreSQL write to the disk as in earnest, and "+
		"count what it does")
	options = flag.String("postgresql", "", "more options of the server, such as "+
		"\"-c shared_buffers=2GB\"")
)

// errNotInstalled says that there is no PostgreSQL to start.
var errNotInstalled = errors.New("no initdb in /usr/lib/postgresql/*/bin, nor in PATH: " +
	"install Debian's package postgresql")

// postgres is a server of this test alone: in a folder of its own, reached by a socket in it.
type postgres struct {
	folder string
	admin  *sql.DB
	run    *exec.Cmd
	ended  chan error
	said   *output
	unlock func() error // of the folder, for those that come later

	mu        sync.Mutex
	databases int
	free      map[string][]string // databases that no test uses, by their schemas
}

// binaries returns the folder of the newest PostgreSQL on this machine.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errNotInstalled
	}
	return filepath.Dir(path), nil
}

// version returns the number in a path of Debian's; 0 if there is none.
func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// start makes a server's folder and starts the server.
func start(ctx context.Context) (_ *postgres, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	folder, unlock, err := newFolder()
	if err != nil {
		return nil, err
	}
	p := &postgres{folder: folder, unlock: unlock, ended: make(chan error, 1),
		said: &output{ready: make(chan struct{})}, free: map[string][]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop())
		}
	}()
	attributes, err := p.as()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	initialize := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata="+data,
		"--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
		"--no-instructions")
	initialize.SysProcAttr, initialize.Dir = attributes, folder
	if said, err := initialize.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, said)
	}
	syncs, counts := "off", ""
	if *durable {
		syncs, counts = "on", "pg_stat_statements"
	}
	p.run = exec.Command(filepath.Join(bin, "postgres"), append([]string{"-D", data, "-k", folder,
		"-c", "listen_addresses=", "-c", "fsync=" + syncs, "-c", "full_page_writes=" + syncs,
		"-c", "shared_preload_libraries=" + counts, "-c", "max_wal_size=4GB",
		"-c", "shared_buffers=64MB", "-c", "max_connections=200"}, strings.Fields(*options)...)...)
	p.run.SysProcAttr, p.run.Dir, p.run.Stdout, p.run.Stderr = attributes, folder, p.said, p.said
	if err := p.launch(); err != nil {
		return nil, err
	}
	p.admin, err = p.connect(ctx)
	return p, err
}

// as returns attributes with which the server runs as another user when we are root, which it
// refuses, and is ended when we die, for any reason.
func (p *postgres) as() (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{}
	endWithUs(attributes)
	if os.Getuid() != 0 {
		return attributes, nil
	}
	owner, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(owner.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(owner.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attributes, os.Chown(p.folder, int(uid), int(gid))
}

// launch starts the server from a thread that lives as long as the server: the system takes the
// thread for the parent whose death ends the server.
func (p *postgres) launch() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := p.run.Start()
		started <- err
		if err == nil {
			p.ended <- p.run.Wait()
		}
	}()
	err := <-started
	if err != nil {
		p.run = nil
	}
	return err
}

// connect waits until the server takes connections.
func (p *postgres) connect(ctx context.Context) (*sql.DB, error) {
	select {
	case <-p.said.ready:
		return store.Open(ctx, p.source("postgres"))
	case err := <-p.ended:
		p.run = nil
		return nil, fmt.Errorf("the server ended (%v): %s", err, p.said.text.String())
	}
}

// output is the server's output, to be read once it has ended.
type output struct {
	text  bytes.Buffer
	ready chan struct{} // closed when the server takes connections
	once  sync.Once
}

// Write appends.
func (o *output) Write(more []byte) (int, error) {
	n, err := o.text.Write(more)
	if bytes.Contains(o.text.Bytes(), []byte("ready to accept connections")) {
		o.once.Do(func() { close(o.ready) })
	}
	return n, err
}

// stop ends the server and removes its folder.
func (p *postgres) stop() error {
	var failed []error
	if p.admin != nil {
		failed = append(failed, p.admin.Close())
	}
	if p.run != nil {
		failed = append(failed, p.run.Process.Signal(syscall.SIGQUIT))
		<-p.ended
	}
	return errors.Join(append(failed, os.RemoveAll(p.folder), p.unlock())...)
}

const folders = "ekrona-postgresql-" // and a number

// newFolder makes a folder for a server, with a lock beside it as long as this program lives, and
// removes those of programs that were killed.
func newFolder() (folder string, unlock func() error, err error) {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), folders+"*.lock"))
	if err != nil {
		return "", nil, err
	}
	for _, lock := range left {
		release, err := lockfile.Take(lock)
		if err != nil {
			continue // it is in use, or another user's
		}
		folder := strings.TrimSuffix(lock, ".lock")
		if err := errors.Join(os.RemoveAll(folder), os.Remove(lock), release()); err != nil {
			return "", nil, err
		}
	}
	lock, err := os.CreateTemp("", folders+"*.lock")
	if err != nil {
		return "", nil, err
	}
	release, err := lockfile.Take(lock.Name())
	if err := errors.Join(err, lock.Close()); err != nil {
		return "", nil, err
	}
	unlock = func() error { return errors.Join(os.Remove(lock.Name()), release()) }
	folder = strings.TrimSuffix(lock.Name(), ".lock")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", nil, errors.Join(err, unlock())
	}
	return folder, unlock, nil
}

// source returns the address of a database on the server.
func (p *postgres) source(name string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + name,
		RawQuery: url.Values{"host": {p.folder}}.Encode()}).String()
}

// create returns a database that nobody uses, with the tables of the schemas as they were made: a
// cleared one of an earlier test, if there is one.
func (p *postgres) create(ctx context.Context, schemas []store.Schema) (name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := p.free[names(schemas)]
	if len(free) > 0 {
		p.free[names(schemas)] = free[1:]
		return free[0], p.with(ctx, free[0], reset)
	}
	p.databases++
	name = "test" + strconv.Itoa(p.databases)
	if _, err := p.admin.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	return name, p.with(ctx, name, keep, schemas...)
}

// release takes a database back, and closes the connections to it.
func (p *postgres) release(ctx context.Context, name string, schemas []store.Schema) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(schemas) == 0 { // a test without schemas has made its own
		_, err := p.admin.ExecContext(ctx, `DROP DATABASE `+name+` WITH (FORCE)`)
		return err
	}
	p.free[names(schemas)] = append(p.free[names(schemas)], name)
	_, err := p.admin.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1`, name)
	return err
}

// with executes a statement on a database.
func (p *postgres) with(
	ctx context.Context, name, statement string, schemas ...store.Schema,
) error {
	db, err := store.Open(ctx, p.source(name), schemas...)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

const (
	// keep copies what the migrations have put into the tables.
	keep = `CREATE SCHEMA made;
		DO $$ DECLARE t name; BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
				EXECUTE format('CREATE TABLE made.%I AS TABLE public.%I', t, t);
			END LOOP;
		END $$;
		CREATE SCHEMA counted;
		CREATE TABLE counted.sequences AS SELECT sequencename, last_value FROM pg_sequences
			WHERE schemaname = 'public'`

	// reset empties the tables, past their triggers, and puts back what keep has copied.
	reset = `DO $$ DECLARE t name; BEGIN
			SET LOCAL session_replication_role = replica;
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'made' LOOP
				EXECUTE format('DELETE FROM public.%I', t);
				EXECUTE format('INSERT INTO public.%I SELECT * FROM made.%I', t, t);
			END LOOP;
			PERFORM setval(format('public.%I', sequencename)::regclass, coalesce(last_value, 1),
				last_value IS NOT NULL) FROM counted.sequences;
		END $$`
)
