package campaign

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Variant is one thing to try.
type Variant[V, C any] struct {
	Name  string // its key in journal and reasons; unique
	Title string // for display; "" if the name will do
	Value V
	Cases []C // in the order in which it is tried on them, until one decides
}

// Trial is the result of a variant on one case.
type Trial struct {
	Verdict Verdict // Open if the case decides nothing, else Held, Finding or Broken
	Detail  string  // what was observed, as text
}

// Try tries a variant on a case. It is called by one worker at a time.
type Try[V, C any] func(ctx context.Context, variant V, on C) Trial

// Campaign is what is tried, and how.
type Campaign[V any, C fmt.Stringer] struct {
	Name     string
	Subject  string // what it is tried on, such as the hash of a CAP file
	Variants []Variant[V, C]

	// Start returns a worker's function to try variants, with the state of that worker.
	Start func() (Try[V, C], error)

	// Undecided is the verdict on a variant that no case decided, Held or Finding.
	Undecided Verdict

	Reasons  Reasons        // of the findings that are accepted
	Journal  string         // file that keeps verdicts on one subject, by one program; "" for none
	Workers  int            // at most; 0 for as many as there are cores
	Progress func(Progress) // unless nil, called after every verdict, never twice at once
}

// Progress is how far a campaign is.
type Progress struct {
	Done, Total int
	Last        Outcome
}

// Run tries every variant that the journal has no verdict on. The report holds them all
// unless the context ended, which is then the error. Other errors are that of the journal, of
// a worker that could not start, and of two variants with one name.
func (c *Campaign[V, C]) Run(ctx context.Context) (*Report, error) {
	report, err := c.run(ctx)
	if err != nil {
		return report, fmt.Errorf("campaign %s: %w", c.Name, err)
	}
	return report, nil
}

func (c *Campaign[V, C]) run(ctx context.Context) (*Report, error) {
	r := &Report{Campaign: c.Name, Outcomes: make([]Outcome, len(c.Variants))}
	places := make(map[string]int, len(c.Variants))
	for i, v := range c.Variants {
		if _, twice := places[v.Name]; twice {
			return nil, fmt.Errorf("two variants are called %q", v.Name)
		}
		places[v.Name] = i
		r.Outcomes[i] = Outcome{Variant: v.Name, Title: v.Title}
	}
	j, err := openJournal(c.Journal, header{Campaign: c.Name, Subject: c.Subject})
	if err != nil {
		return nil, err
	}
	var todo []int
	for _, o := range j.known {
		if i, asked := places[o.Variant]; asked {
			o.Title = c.Variants[i].Title
			r.Outcomes[i] = o
		}
	}
	for i, o := range r.Outcomes {
		if o.Verdict == Open {
			todo = append(todo, i)
		}
	}
	err = errors.Join(c.share(ctx, todo, func(i int, o Outcome) error {
		r.Outcomes[i] = o
		return j.add(o)
	}), j.close(), ctx.Err())
	for i := range r.Outcomes {
		r.Outcomes[i].judge(c.Reasons)
	}
	return r, err
}

// share has workers try the variants, and gives each outcome to keep as it comes.
func (c *Campaign[V, C]) share(
	ctx context.Context, todo []int, keep func(i int, o Outcome) error,
) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := c.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var (
		next    atomic.Int64
		running sync.WaitGroup
		one     sync.Mutex // held while an outcome is kept
		failed  error
	)
	fail := func(err error) {
		one.Lock()
		defer one.Unlock()
		failed = errors.Join(failed, err)
		stop()
	}
	done := len(c.Variants) - len(todo)
	keepOne := func(i int, o Outcome) error {
		one.Lock()
		defer one.Unlock()
		if ctx.Err() != nil {
			return nil // what was seen may come of that
		}
		if err := keep(i, o); err != nil {
			return err
		}
		done++
		if c.Progress != nil {
			o.judge(c.Reasons)
			c.Progress(Progress{done, len(c.Variants), o})
		}
		return nil
	}
	for range min(workers, len(todo)) {
		running.Go(func() {
			try, err := c.Start()
			if err != nil {
				fail(err)
				return
			}
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= len(todo) {
					return
				}
				o := c.decide(ctx, try, c.Variants[todo[n]])
				if err := keepOne(todo[n], o); err != nil {
					fail(err)
				}
			}
		})
	}
	running.Wait()
	return failed
}

// decide tries a variant on its cases until one decides.
func (c *Campaign[V, C]) decide(ctx context.Context, try Try[V, C], v Variant[V, C]) Outcome {
	o := Outcome{Variant: v.Name, Title: v.Title}
	for _, on := range v.Cases {
		o.Tried++
		trial := guarded(ctx, try, v.Value, on)
		if trial.Verdict != Open {
			o.Verdict, o.Case, o.Detail = trial.Verdict, on.String(), trial.Detail
			return o
		}
	}
	o.Verdict = c.Undecided
	return o
}

// guarded is a trial that ends whatever happens.
func guarded[V, C any](ctx context.Context, try Try[V, C], v V, on C) (t Trial) {
	defer func() {
		if broken := recover(); broken != nil {
			t = Trial{Broken, fmt.Sprintf("the trial broke off at %s: %v", panicked(), broken)}
		}
	}()
	return try(ctx, v, on)
}

// panicked names the line that panicked, for the deferred function that recovers: a whole
// stack would differ from run to run.
func panicked() string {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(0, callers[:])])
	raised := false
	for {
		frame, more := frames.Next()
		ours := !strings.HasPrefix(frame.Function, "runtime.")
		if raised && ours {
			return fmt.Sprintf("%s:%d (%s)", filepath.Base(frame.File), frame.Line, frame.Function)
		}
		raised = raised || frame.Function == "runtime.gopanic"
		if !more {
			return "an unknown place"
		}
	}
}
