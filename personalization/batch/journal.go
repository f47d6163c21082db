package batch

import (
	"context"
	"crypto"
	"database/sql"
	"database/sql/driver"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/host/clock"
	"ekrona.example/host/durable"
	"ekrona.example/host/lockfile"
	"ekrona.example/host/store"
	"ekrona.example/personalization/batch/auditlog"
)

// Files of a job's folder.
const (
	journalFile = "journal.db"
	keyFile     = "journal.key"
	logFile     = "audit.log"
	lockFile    = "lock"
	lettersIn   = "letters"
)

// journal is what a batch has done, in its folder. Every change is in the audit log
// too, in the same transaction.
type journal struct {
	folder  string
	db      *sql.DB
	key     sealKey
	clock   clock.Clock
	random  io.Reader
	logKey  crypto.Signer
	release func() error

	id string // of the job, random

	reserving sync.Mutex // one card gets its order at a time

	mu   sync.Mutex // one writer
	head auditlog.Head
}

//go:embed migrations/*.sql
var migrations embed.FS

func schema() (store.Schema, error) { return store.Embedded("batch", migrations) }

// openJournal opens the journal of a folder, or starts one, and brings the audit
// log's file up to it.
func openJournal(ctx context.Context, o Options) (_ *journal, err error) {
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("job folder: %w", err)
	}
	j := &journal{folder: o.Folder, clock: o.Clock, random: o.Line.Random, logKey: o.LogKey}
	if j.release, err = lockfile.Take(j.path(lockFile)); err != nil {
		return nil, fmt.Errorf("job folder %s: %w", o.Folder, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.close())
		}
	}()
	if err := errors.Join(durable.Sweep(j.folder), durable.Sweep(j.path(lettersIn))); err != nil {
		return nil, fmt.Errorf("job folder %s: %w", o.Folder, err)
	}
	_, missing := os.Stat(j.path(journalFile))
	if j.key, err = openSealKey(j.path(keyFile), errors.Is(missing, fs.ErrNotExist),
		j.random); err != nil {
		return nil, fmt.Errorf("job folder %s: %w", o.Folder, err)
	}
	if j.db, err = openDB(ctx, o.Driver, j.path(journalFile)); err != nil {
		return nil, err
	}
	// One program has the journal. With one connection its reader workers wait for each
	// other here, in turn, and not in SQLite, which makes them sleep.
	j.db.SetMaxOpenConns(1)
	if err := j.mendLog(ctx); err != nil {
		return nil, err
	}
	return j, j.begin(ctx, o)
}

func openDB(ctx context.Context, d driver.Driver, path string) (*sql.DB, error) {
	s, err := schema()
	if err != nil {
		return nil, err
	}
	if d == nil {
		return store.Open(ctx, path, s)
	}
	return store.OpenOn(ctx, d, path, s)
}

func (j *journal) path(name string) string { return filepath.Join(j.folder, name) }

// close releases the folder. What was acknowledged is in it already.
func (j *journal) close() error {
	var failed []error
	if j.db != nil {
		failed = append(failed, j.db.Close())
	}
	return errors.Join(append(failed, j.release())...)
}

// begin records the job, or checks that it is the one that was started.
func (j *journal) begin(ctx context.Context, o Options) error {
	job := o.Job
	keys, err := givenBy(o)
	if err != nil {
		return err
	}
	var b startedJob
	found, err := store.Get(ctx, j.db,
		store.Into{&j.id, &b.name, &b.digest, &b.given.logKey, &b.given.cardKeys},
		`SELECT id, name, digest, log_key, `+keysInCards+` FROM job`)
	switch {
	case found:
		if err := b.sameAs(o); err != nil {
			return fmt.Errorf("job folder %s: %w", j.folder, err)
		}
		return j.write(ctx, func(w *writing) error {
			if err := w.exec(`UPDATE job SET card_keys = $1 WHERE NOT EXISTS (SELECT 1 FROM
				card_order)`, keys.cardKeys); err != nil {
				return err
			}
			return w.log("opened", nil)
		})
	case err != nil:
		return fmt.Errorf("journal: %w", err)
	}
	var id [16]byte
	if err := entropy.Fill(j.random, id[:]); err != nil {
		return err
	}
	j.id = hex.EncodeToString(id[:])
	return j.write(ctx, func(w *writing) error {
		if err := w.exec(`INSERT INTO job (one, id, name, bank, digest, begun, log_key, card_keys)
			VALUES (1, $1, $2, $3, $4, $5, $6, $7)`,
			j.id, job.Name, string(job.Bank), job.Digest[:], j.now(), keys.logKey,
			keys.cardKeys); err != nil {
			return err
		}
		for i, c := range job.Cards {
			if err := w.exec(`INSERT INTO item (position, line, owner, name) VALUES ($1, $2, $3,
				$4)`, i+1, c.Line, c.Owner, c.Name); err != nil {
				return err
			}
		}
		return w.log("begun", map[string]string{
			"job": job.Name, "bank": string(job.Bank), "cards": fmt.Sprint(len(job.Cards)),
			"digest": hex.EncodeToString(job.Digest[:]), "id": j.id,
		})
	})
}

// keysInCards is a column of job: its card_keys, once a card was started with them.
const keysInCards = `CASE WHEN EXISTS (SELECT 1 FROM card_order) THEN card_keys END`

// startedJob is the job that a folder has, if it has one.
type startedJob struct {
	started bool
	name    string
	digest  []byte
	given   given
	done    bool // every card is made

	devices  map[message.DeviceID]bool // ids that it got
	reserved map[int]bool              // positions whose card is made or started
}

// readStarted reads the job that a folder has, if it has one.
func readStarted(ctx context.Context, folder string) (found startedJob, err error) {
	if _, err := os.Stat(filepath.Join(folder, journalFile)); errors.Is(err, fs.ErrNotExist) {
		return found, requireNoLog(folder)
	}
	db, err := openExisting(ctx, folder)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// A folder that was cut before anything was written has none.
	found.started, err = store.Get(ctx, db, store.Into{&found.name, &found.digest,
		&found.given.logKey, &found.given.cardKeys, &found.done},
		`SELECT name, digest, log_key, `+keysInCards+`, (SELECT COUNT(*) FROM item) =
			(SELECT COUNT(*) FROM card_order WHERE state = 'active') FROM job`)
	if err != nil {
		return found, fmt.Errorf("journal: %w", err)
	}
	if !found.started {
		return found, requireNoLog(folder)
	}
	return found, found.readOrders(ctx, db)
}

// readOrders reads the ids that the job got.
func (b *startedJob) readOrders(ctx context.Context, db *sql.DB) error {
	b.devices, b.reserved = map[message.DeviceID]bool{}, map[int]bool{}
	devices, err := store.Column[message.DeviceID](ctx, db, `SELECT device FROM card_order`)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, device := range devices {
		b.devices[device] = true
	}
	positions, err := store.Column[int](ctx, db,
		`SELECT position FROM card_order WHERE state <> 'rejected'`)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, position := range positions {
		b.reserved[position] = true
	}
	return nil
}

// sameAs fails for another job than the one that was started, and for one that is done with other
// keys.
func (b startedJob) sameAs(o Options) error {
	switch {
	case b.name != o.Job.Name:
		return fmt.Errorf("it is that of the job %s: name another folder", b.name)
	case string(b.digest) != string(o.Job.Digest[:]):
		return errors.New("the job file or its table was changed since the job was started: take " +
			"it back as it was, and put what is new into another job")
	}
	now, err := givenBy(o)
	if err != nil {
		return err
	}
	return b.given.sameAs(now)
}

func (j *journal) now() int64 { return j.clock.Now().UnixNano() }

// writing is one transaction of the journal.
type writing struct {
	j     *journal
	ctx   context.Context // lives as long as tx, with which it was started
	tx    *sql.Tx
	head  auditlog.Head
	lines []string
}

// write changes the journal: all that do writes is durable when write returns, the
// audit log's lines in the file too, or nothing is.
func (j *journal) write(ctx context.Context, do func(w *writing) error) error {
	// What is done on a card is recorded even when the program is about to end.
	ctx = context.WithoutCancel(ctx)
	j.mu.Lock()
	defer j.mu.Unlock()
	w := &writing{}
	if err := store.InTx(ctx, j.db, func(tx *sql.Tx) error {
		*w = writing{j: j, ctx: ctx, tx: tx, head: j.head}
		return do(w)
	}); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.head = w.head
	if len(w.lines) == 0 {
		return nil
	}
	return auditlog.Append(j.path(logFile), w.lines...)
}

func (w *writing) exec(query string, arguments ...any) error {
	return store.Exec(w.ctx, w.tx, query, arguments...)
}

// log puts a line into the audit log.
func (w *writing) log(event string, fields map[string]string) error {
	line, head, err := auditlog.Next(w.head, w.j.clock.Now(), event, fields, w.j.logKey)
	if err != nil {
		return err
	}
	if err := w.exec(`INSERT INTO log_line (number, line) VALUES ($1, $2)`, head.Number,
		line); err != nil {
		return err
	}
	w.head, w.lines = head, append(w.lines, line)
	return nil
}
