// Package archive takes the signed bodies of settled payments out of the central bank's database
// and into files. Rows, identities, amounts, verdicts and sums stay where they are: a payment that
// comes again is answered as before, by its identity, and a second body of its number is still
// evidence.
//
// Start at [Write]. [Verify] proves a file's bodies against what has stayed, and [Find] shows those
// of one payment.
//
// It trusts the disk of the file to keep what was synced. A body leaves the database after the file
// was synced and the database knows its hash, and triggers let it leave in no other way.
package archive

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/host/clock"
	"ekrona.example/host/durable"
	"ekrona.example/host/notary"
	"ekrona.example/host/progress"
	"ekrona.example/host/store"
)

// Plan says what is archived, and where.
type Plan struct {
	// Before is the day before whose beginning, in UTC, a payment had its final verdict.
	Before message.Date
	To     string      // file
	DryRun bool        // only count
	Clock  clock.Clock // nil is the system's
	Show   progress.Show
}

// Result is what an archive has.
type Result struct {
	File     string `json:"file"`
	Before   string `json:"before"`
	Payments int64  `json:"payments"`
	Bytes    int64  `json:"bytes"`            // of bodies, of Payments and Receipts
	SHA256   string `json:"sha256,omitempty"` // of the file but for its last line
}

// Errors of Write.
var (
	// ErrFuture says that payments are archived that are not of the past.
	ErrFuture = errors.New("give today or an earlier day")
	// ErrUnfinished says that another archive was begun and has not ended.
	ErrUnfinished = errors.New("an archive has begun and not ended")
	// ErrTaken says that there is another archive, or another file, of that name.
	ErrTaken = errors.New("the name is taken: name another file")
)

// Steps in which rows are read and changed.
const (
	scanned = 5_000 // rows
	emptied = 500   // payments in a transaction
)

// Write archives, or goes on with an archive of the same plan that was cut off:
//
//  1. The database knows that the archive has begun, under the name of its file. A cut leaves that.
//  2. The file is written beside its name and synced, and gets its name. A cut leaves no file, or
//     the whole one; the same call writes it anew, or takes it.
//  3. The database knows that the file is written, with its hash.
//  4. The bodies leave their rows, some in each transaction: each only where it is the one in the
//     file. A cut leaves the rest for the same call.
//  5. The database knows that the archive has ended.
//
// What is archived is settled from its payer's wallet on its Receipt, and nothing hangs on it: its
// payer and payee are not reported lost, and there is no evidence about them.
// A plan that has ended is answered as when it did. Errors: [ErrFuture], [ErrUnfinished],
// [ErrTaken], [ErrFile].
func Write(ctx context.Context, db *sql.DB, p Plan) (Result, error) {
	p.Clock = clock.OrSystem(p.Clock)
	if p.Before.After(message.DateOf(p.Clock.Now())) {
		return Result{}, fmt.Errorf("before %s: %w", p.Before, ErrFuture)
	}
	r := Result{File: p.To, Before: p.Before.String()}
	if p.DryRun {
		err := each(ctx, db, p, func(e *Entry) error { r.add(e); return nil })
		return r, err
	}
	there, err := durable.Exists(p.To)
	if err != nil {
		return r, err
	}
	var w *writer
	if !there { // where nothing can be written nothing begins
		if w, err = create(p.To, p.Before.String()); err != nil {
			return r, err
		}
	}
	n, err := begin(ctx, db, p)
	if err == nil && !there {
		err = each(ctx, db, p, w.add)
	}
	switch {
	case err != nil && !there:
		return r, errors.Join(err, w.giveUp())
	case err != nil:
		return r, err
	case !there:
		if err := w.finish(); err != nil {
			return r, err
		}
	}
	c, err := read(p.To, func(e *Entry) error { r.add(e); return nil })
	if err != nil {
		return r, err
	}
	if c.before != r.Before {
		return r, fmt.Errorf("%s is of before %s: %w", p.To, c.before, ErrTaken)
	}
	r.SHA256 = fmt.Sprintf("%x", c.sum)
	if err := written(ctx, db, p, n, c); err != nil {
		return r, err
	}
	if err := empty(ctx, db, p, n, c); err != nil {
		return r, err
	}
	return r, store.Exec(ctx, db, `INSERT INTO archive_ended (n, at) VALUES ($1, $2)
		ON CONFLICT DO NOTHING`, n, p.stamp())
}

func (p Plan) stamp() string { return p.Clock.Now().UTC().Format(store.StampLayout) }

func (p Plan) name() string { return filepath.Base(p.To) }

func (r *Result) add(e *Entry) {
	r.Payments++
	r.Bytes += int64(len(e.Payment) + len(e.Receipt))
}

// show reports how far a part is.
func (p Plan) show(stage string, done, total int64) {
	p.Show.Emit(progress.Event{Kind: progress.Counted, Who: "archive", Stage: stage,
		Count: progress.Count{Total: int(total), Done: int(done)},
		Text:  fmt.Sprintf("%s: %d of %d", stage, done, total)})
}

// begin returns the number of the archive with the plan's name.
func begin(ctx context.Context, db *sql.DB, p Plan) (n int64, err error) {
	err = store.InTx(ctx, db, func(tx *sql.Tx) error {
		var before string
		known, err := store.Get(ctx, tx, store.Into{&n, &before},
			`SELECT n, before_day FROM archive_begun WHERE name = $1`, p.name())
		if err != nil {
			return err
		}
		if known {
			if before != p.Before.String() {
				return fmt.Errorf("archive %s is of before %s: %w", p.name(), before, ErrTaken)
			}
			return nil
		}
		var open string
		unfinished, err := store.Get(ctx, tx, store.Into{&open, &before},
			`SELECT name, before_day FROM archive_begun b WHERE NOT EXISTS
				(SELECT 1 FROM archive_ended e WHERE e.n = b.n) ORDER BY n`)
		if err != nil {
			return err
		}
		if unfinished {
			return fmt.Errorf("%s, before %s: %w: give its day and the path of its file again "+
				"first", open, before, ErrUnfinished)
		}
		return store.Must(ctx, tx, store.Into{&n}, `INSERT INTO archive_begun
			(name, before_day, at) VALUES ($1, $2, $3) RETURNING n`, p.name(), p.Before.String(),
			p.stamp())
	})
	return n, err
}

// archivable are the payments between two numbers that go into an archive, in order.
const archivable = `SELECT p.payer, p.atc, p.identity, p.bytes, a.identity, a.bytes FROM payment p
	JOIN payee_decision w ON w.payee = p.payee AND w.request = p.request
		AND w.payment = p.identity
	JOIN payee_answer a ON a.payee = w.payee AND a.request = w.request AND a.identity = w.answer
	WHERE p.n > $1 AND p.n <= $2 AND p.final_at < $3 AND p.verdict = $4 AND p.signature = 0
		AND p.archive IS NULL AND a.archive IS NULL AND a.payment = p.identity
		AND NOT EXISTS (SELECT 1 FROM evidence e WHERE e.device = p.payer OR e.device = p.payee)
		AND NOT EXISTS (SELECT 1 FROM device d WHERE d.id = p.payer AND d.status = $5)
		AND NOT EXISTS (SELECT 1 FROM device d WHERE d.id = p.payee AND d.status = $5)
	ORDER BY p.n`

// each calls do for everything that goes into the archive. An old archive is not read again: its
// rows are passed over by their numbers.
func each(ctx context.Context, db *sql.DB, p Plan, do func(e *Entry) error) error {
	last, err := store.Number(ctx, db, `SELECT max(n) FROM payment`)
	if err != nil {
		return err
	}
	for from := int64(0); from < last; from += scanned {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := store.Each(ctx, db, func(row store.Row) error {
			e := &Entry{}
			if err := row.Scan(&e.Payer, &e.ATC, &e.Identity, &e.Payment, &e.Answer,
				&e.Receipt); err != nil {
				return err
			}
			return do(e)
		}, archivable, from, from+scanned, p.Before.String(), int(notary.Settled),
			int(notary.Reported)); err != nil {
			return err
		}
		p.show("looked at", min(from+scanned, last), last)
	}
	return nil
}

// written notes that the file is written. One that was noted with another hash is not this one.
func written(ctx context.Context, db *sql.DB, p Plan, n int64, c content) error {
	return store.InTx(ctx, db, func(tx *sql.Tx) error {
		var sum []byte
		known, err := store.Get(ctx, tx, store.Into{&sum},
			`SELECT sha256 FROM archive_written WHERE n = $1`, n)
		if err != nil {
			return err
		}
		if known && !bytes.Equal(sum, c.sum) {
			return fmt.Errorf("%s has SHA-256 %x, the archive of this name %x: %w", p.To, c.sum,
				sum, ErrTaken)
		}
		if known {
			return nil
		}
		return store.Exec(ctx, tx, `INSERT INTO archive_written (n, sha256, payments, at)
			VALUES ($1, $2, $3, $4)`, n, c.sum, c.payments, p.stamp())
	})
}

// empty takes the bodies out of their rows.
func empty(ctx context.Context, db *sql.DB, p Plan, n int64, c content) error {
	var some []*Entry
	var done int64
	flush := func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := emptySome(ctx, db, n, some); err != nil {
			return err
		}
		done += int64(len(some))
		some = some[:0]
		p.show("archived", done, c.payments)
		return nil
	}
	_, err := read(p.To, func(e *Entry) error {
		some = append(some, e)
		if len(some) < emptied {
			return nil
		}
		return flush()
	})
	if err == nil && len(some) > 0 {
		err = flush()
	}
	return err
}

// errOther says that a file has not what the database holds.
var errOther = errors.New("the database holds another body: the file is not its archive")

// emptySome takes bodies out of their rows that are in them.
func emptySome(ctx context.Context, db *sql.DB, archive int64, some []*Entry) error {
	// Nothing breaks off a commit that waits.
	ctx = context.WithoutCancel(ctx)
	d := store.DialectOf(db)
	return store.InTx(ctx, db, func(tx *sql.Tx) error {
		abouts := make([]message.Request, len(some))
		for i, e := range some {
			m, err := message.Parse[message.Payment](e.Payment)
			if err != nil {
				return err
			}
			abouts[i] = m.Request
		}
		payments, err := held(ctx, tx, d, "payment", some, abouts,
			func(e *Entry) (identity, body []byte) { return e.Identity, e.Payment })
		if err != nil {
			return err
		}
		receipts, err := held(ctx, tx, d, "payee_answer", some, abouts,
			func(e *Entry) (identity, body []byte) { return e.Answer, e.Receipt })
		if err != nil {
			return err
		}
		gone := store.Set{Columns: append(slices.Clone(found), store.Field{Name: "bytes",
			Type: store.Bytes}, store.Field{Name: "archive", Type: store.BigInt},
			store.Field{Name: "asked", Type: store.Bytes})}
		gone2 := store.Set{Columns: gone.Columns[:len(gone.Columns)-1]}
		for i, e := range some {
			payee, number := string(abouts[i].Payee), int64(abouts[i].Number)
			if payments[string(e.Identity)] {
				asked, err := message.Identity(&abouts[i])
				if err != nil {
					return err
				}
				gone.Add(payee, number, e.Identity, []byte{}, archive, asked[:])
			}
			if receipts[string(e.Answer)] {
				gone2.Add(payee, number, e.Answer, []byte{}, archive)
			}
		}
		if err := gone.Update(ctx, tx, d, "payment", len(found)); err != nil {
			return err
		}
		return gone2.Update(ctx, tx, d, "payee_answer", len(found))
	})
}

// found is by which columns a Payment or Receipt is found.
var found = []store.Field{{Name: "payee", Type: store.Text},
	{Name: "request", Type: store.BigInt}, {Name: "identity", Type: store.Bytes}}

// held returns of which entries, about these Requests, a table still has the body. It is the one in
// the file.
func held(
	ctx context.Context, tx *sql.Tx, d store.Dialect, table string, some []*Entry,
	abouts []message.Request, of func(e *Entry) (identity, body []byte),
) (map[string]bool, error) {
	keys := store.Set{Columns: found}
	bodies, has := map[string][]byte{}, map[string]bool{}
	rows := 0
	for i, e := range some {
		identity, body := of(e)
		keys.Add(string(abouts[i].Payee), int64(abouts[i].Number), identity)
		bodies[string(identity)] = body
	}
	err := keys.Find(ctx, tx, d, func(row store.Row) error {
		var identity, body []byte
		var archive *int64
		if err := row.Scan(&identity, &body, &archive); err != nil {
			return err
		}
		rows++
		if archive != nil {
			return nil
		}
		if !bytes.Equal(body, bodies[string(identity)]) {
			return fmt.Errorf("%x: %w", identity, errOther)
		}
		has[string(identity)] = true
		return nil
	}, "SELECT identity, bytes, archive FROM "+table+
		" WHERE payee = $1 AND request = $2 AND identity = $3")
	if err == nil && rows != len(some) {
		err = fmt.Errorf("%d of %d entries are not in the table %s: %w", len(some)-rows, len(some),
			table, errOther)
	}
	return has, err
}
