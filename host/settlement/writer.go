package settlement

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// job is what one caller has to be decided: submitted facts, or anything else.
type job struct {
	facts []*fact
	// decide is for a step of a synchronisation: it refuses before it changes anything, so that
	// many callers' are decided together, of which a refused one takes nothing from the others.
	// When what can move has moved by all of them, conclude finds the answer.
	decide, conclude func(t *txn) error
	needs            needs // of both
	// do is for anything else. All three may be called more than once, each time on a new
	// transaction.
	do      func(t *txn) error
	settles bool    // what can move by decide or do is moved after it
	proofs  []proof // for decide or do
	// patient: its caller has more to do than one transaction, and would come before others again
	// and again; it leads when nobody else does, and else joins their batch.
	patient bool

	err   error
	large []message.DeviceID // what its batch left to NetLarge
	done  bool
	wake  chan struct{} // something has changed for the job: it is done, or its caller may lead
}

const (
	// maxBatch bounds the facts of one transaction; a job of another kind counts as many as
	// jobWeight.
	maxBatch  = 2000
	jobWeight = 20

	// maxLeading is how many callers at a time carry a batch out. The database takes one after the
	// other: the next one waits for it and collects what has come until then.
	maxLeading = 2
)

// writer has the jobs of all callers decided together: whoever finds no more than one other at work
// decides what waits by then, for all, in one transaction, and each gets its own answer after the
// commit. So a batch is as large as the last commit was slow, and a caller that is alone waits for
// nobody.
type writer struct {
	turn sync.Mutex // see Config.InTurn

	mu      sync.Mutex
	waiting []*job
	leading int
}

// change runs do in one durable transaction, and moves all money that can then move.
func (n *Notary) change(ctx context.Context, do func(t *txn) error) error {
	return n.write(ctx, &job{do: do, settles: true})
}

// changePart is change for one of many transactions in a row.
func (n *Notary) changePart(ctx context.Context, do func(t *txn) error) error {
	return n.write(ctx, &job{do: do, settles: true, patient: true})
}

// view runs do in a transaction that sees one moment and changes nothing.
func (n *Notary) view(ctx context.Context, do func(t *txn) error) error {
	return store.Read(ctx, n.db, func(tx *sql.Tx) error { return do(n.begin(ctx, tx)) })
}

func (n *Notary) begin(ctx context.Context, tx *sql.Tx) *txn {
	d := store.DialectOf(n.db)
	return &txn{ctx: ctx, tx: tx, dialect: d, now: n.clock.Now().UTC(), terms: n.terms,
		connected: n.connected,
		touched:   newTouched(), work: newWork(), book: ledger.NewBook(tx, d)}
}

// write has a job decided. When ctx ends before it was taken up, nothing has happened.
func (n *Notary) write(ctx context.Context, j *job) error {
	j.wake = make(chan struct{}, 1)
	w := &n.writer
	w.mu.Lock()
	w.waiting = append(w.waiting, j)
	for {
		switch {
		case j.done:
			w.mu.Unlock()
			if j.err == nil {
				n.large.add(j.large)
			}
			return j.err
		case w.mayLead(j) && slices.Contains(w.waiting, j):
			w.leading++
			w.mu.Unlock()
			n.lead(ctx, j)
			w.mu.Lock()
			continue
		}
		w.mu.Unlock()
		select {
		case <-j.wake:
		case <-ctx.Done():
			if w.withdraw(j) {
				return store.Failed(ctx.Err())
			}
			<-j.wake // it is being decided
		}
		w.mu.Lock()
	}
}

// isLed reports whether a batch is being decided.
func (w *writer) isLed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leading > 0
}

// withdraw takes a job back that nobody has taken up.
func (w *writer) withdraw(j *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Index(w.waiting, j)
	if at < 0 {
		return false
	}
	w.waiting = slices.Delete(w.waiting, at, at+1)
	w.callNext()
	return true
}

// callNext has the caller of the first waiting job lead, when one more may.
func (w *writer) callNext() {
	if at := slices.IndexFunc(w.waiting, w.mayLead); at >= 0 {
		w.waiting[at].notify()
	}
}

// mayLead reports whether a job's caller may lead.
func (w *writer) mayLead(j *job) bool {
	return w.leading < maxLeading && (!j.patient || w.leading == 0)
}

func (j *job) notify() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// take takes up what waits, up to a bound.
func (w *writer) take() (batch []*job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	weight := 0
	for len(w.waiting) > 0 {
		j := w.waiting[0]
		if weight += max(len(j.facts), jobWeight); len(batch) > 0 && weight > maxBatch {
			break
		}
		batch, w.waiting = append(batch, j), w.waiting[1:]
	}
	return batch
}

// errNothing ends a transaction for which others have left nothing to do.
var errNothing = errors.New("nothing waits")

// errBroken is the answer of those whose batch ended by a bug.
var errBroken = errors.New("database: the transaction broke off: try again")

// lead decides what waits once the database is ours. own is the job of the caller.
func (n *Notary) lead(ctx context.Context, own *job) {
	var batch []*job
	alone := false
	err, began := errBroken, n.clock.Now()
	defer func() {
		n.writer.end(batch, err)
		n.observed(batch, began, alone)
	}()
	if n.inTurn {
		n.writer.turn.Lock()
		defer n.writer.turn.Unlock()
	}
	err = store.InTx(ctx, n.db, func(tx *sql.Tx) error {
		if batch == nil {
			batch = n.writer.take()
		}
		if len(batch) == 0 {
			return errNothing
		}
		return n.begin(ctx, tx).decide(batch)
	})
	if err == nil || len(batch) == 0 && !errors.Is(err, errNothing) {
		if err != nil { // the database was never ours: the caller's own job fails by it
			if n.writer.withdraw(own) {
				batch = []*job{own}
			}
		}
		return
	}
	if len(batch) > 1 {
		n.oneByOne(ctx, batch)
		err, alone = nil, true
	}
}

// observed reports a batch that was decided.
func (n *Notary) observed(batch []*job, began time.Time, alone bool) {
	if n.observe == nil || len(batch) == 0 {
		return
	}
	b := Batch{Callers: len(batch), Took: n.clock.Now().Sub(began), OneByOne: alone}
	for _, j := range batch {
		b.Facts += len(j.facts)
	}
	n.observe(b)
}

// oneByOne decides each job of a batch by itself, so that one that cannot be carried out takes
// nothing from the others. A leader whose own time is over leaves them to the next.
func (n *Notary) oneByOne(ctx context.Context, batch []*job) {
	always := context.WithoutCancel(ctx)
	for _, j := range batch {
		j.err = store.InTx(always, n.db, func(tx *sql.Tx) error {
			return n.begin(always, tx).decide([]*job{j})
		})
	}
}

// end marks jobs as done, with their own errors or that of all.
func (w *writer) end(batch []*job, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.leading--
	for _, j := range batch {
		if err != nil {
			j.err = err
		}
		j.done = true
		j.notify()
	}
	w.callNext()
}

// decide decides a batch: what was submitted, together, then the steps of synchronisations,
// together, then the other jobs one after the other, each of which is undone by itself when it is
// refused.
func (t *txn) decide(batch []*job) error {
	var facts []*fact
	var steps []*job
	for _, j := range batch {
		j.err = nil
		facts = append(facts, j.facts...)
		if j.decide != nil {
			steps = append(steps, j)
		}
	}
	if len(facts) > 0 {
		if err := t.submit(facts); err != nil {
			return err
		}
	}
	if len(steps) > 0 {
		if err := t.decideSteps(steps, len(batch) > 1); err != nil {
			return err
		}
	}
	for _, j := range batch {
		if j.do == nil {
			continue
		}
		err := t.decideOne(j, len(batch) > 1)
		var refused *notary.Error
		switch {
		case err != nil && len(batch) > 1 && errors.As(err, &refused):
			j.err = err
		case err != nil:
			return err
		}
	}
	for _, j := range batch {
		j.large = t.large
	}
	return t.flush()
}

// decideSteps decides steps of synchronisations. beside reports that the batch has other jobs too.
// An error of what cannot be told from the others' changes ends the whole batch: they are decided
// one by one then.
func (t *txn) decideSteps(steps []*job, beside bool) error {
	t.touched = newTouched()
	if t.dialect == store.PostgreSQL {
		if err := t.preloadNeeds(steps); err != nil {
			return err
		}
	}
	settles := false
	var beyond []beyondKey
	var owed []message.DeviceID
	for _, j := range steps {
		before := t.work.changes
		t.proofs = j.proofs
		err := j.decide(t)
		t.proofs = nil
		var refused *notary.Error
		switch {
		case err == nil:
			settles = settles || j.settles
			beyond = append(beyond, j.needs.beyond...)
			owed = append(owed, j.needs.owed...)
		case beside && t.work.changes == before && errors.As(err, &refused):
			j.err = err
		default:
			return err
		}
	}
	if settles {
		if err := settle(t); err != nil {
			return err
		}
	}
	var err error
	if t.beyond, err = t.loadBeyond(beyond...); err != nil {
		return err
	}
	if t.undecided, err = t.undecidedOf(owed...); err != nil {
		return err
	}
	defer func() { t.beyond, t.undecided = nil, nil }()
	for _, j := range steps {
		if j.err == nil && j.conclude != nil {
			if err := j.conclude(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// decideOne carries out one job; with others beside it, so that it can be undone by itself.
func (t *txn) decideOne(j *job, beside bool) error {
	t.touched = newTouched()
	if beside {
		if err := t.savepoint("SAVEPOINT job"); err != nil {
			return err
		}
	}
	t.proofs = j.proofs
	err := j.do(t)
	t.proofs = nil
	if err == nil && j.settles {
		err = settle(t)
	}
	if err == nil {
		err = t.flush()
	}
	if !beside {
		return err
	}
	if err != nil {
		t.forget() // what is not written never is
		if undone := t.savepoint("ROLLBACK TO SAVEPOINT job"); undone != nil {
			return fmt.Errorf("%w (after: %w)", undone, err)
		}
	}
	return errors.Join(err, t.savepoint("RELEASE SAVEPOINT job"))
}

func (t *txn) savepoint(statement string) error {
	if err := t.flush(); err != nil {
		return err
	}
	return store.Exec(t.ctx, t.tx, statement)
}

// openAccount opens an account of the ledger.
func (t *txn) openAccount(a ledger.Account) error {
	if err := t.flush(); err != nil {
		return err
	}
	t.book.Forget()
	return ledger.Open(t.ctx, t.tx, a)
}
