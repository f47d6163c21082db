package batch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"ekrona.example/apdu/message"
	"ekrona.example/host/progress"
	"ekrona.example/host/store"
)

// run is one Run.
type run struct {
	*Batch
	readers Readers
	stop    context.CancelCauseFunc

	mu      sync.Mutex // guards show
	show    progress.Show
	workers map[string]*readerWorker
}

// errDone ends a run whose last card is made.
var errDone = errors.New("every card of the job is made")

// Run issues cards at all readers until every card of the job is made or ctx ends,
// neither of which is an error; [Batch.Count] shows which. A job that was started before is
// checked again first ([Check]). show gets what happens, each
// event with how far the job is.
func (b *Batch) Run(ctx context.Context, readers Readers, show progress.Show) error {
	count, err := b.Count(ctx)
	if err != nil || count.Done == count.Total {
		return err
	}
	if !b.checked {
		lateCustomers, err := Check(ctx, b.options)
		if err == nil {
			err = enrol(ctx, b.options.Enrol, b.options.Job, lateCustomers)
		}
		if err != nil {
			return err
		}
		b.checked = true
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &run{Batch: b, readers: readers, stop: stop, show: show,
		workers: map[string]*readerWorker{}}
	var working sync.WaitGroup
	watched := readers.Watch(ctx, func(e Event) {
		s := r.workers[e.Reader]
		if s == nil {
			s = &readerWorker{run: r, reader: e.Reader, inserted: make(chan struct{}, 1)}
			r.workers[e.Reader] = s
			working.Go(func() { s.work(ctx) })
		}
		s.cardMoved(e)
	})
	stop(watched)
	working.Wait()
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errDone), errors.Is(cause, context.Canceled),
		errors.Is(cause, context.DeadlineExceeded):
		return watched
	default:
		return cause
	}
}

// cardMoved notes that a card came or went.
func (s *readerWorker) cardMoved(e Event) {
	select {
	case <-s.inserted: // one that was not taken yet is gone
	default:
	}
	if e.Inserted {
		s.inserted <- struct{}{}
	}
}

// notify shows an event, and ends the run after the last card.
func (r *run) notify(e progress.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	count, err := r.Count(context.Background())
	if err != nil {
		r.stop(err)
		return
	}
	e.Count = count
	r.show.Emit(e)
	if count.Done == count.Total {
		r.stop(errDone)
	}
}

// each does something for every device that a query names.
func (j *journal) each(
	ctx context.Context, query string, do func(device message.DeviceID) error,
) error {
	devices, err := store.Column[message.DeviceID](ctx, j.db, query)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, device := range devices {
		if err := do(device); err != nil {
			return err
		}
	}
	return nil
}
