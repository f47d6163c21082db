package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
)

// Fuzz mutates the commands of a script, from a seed until its time is up, and looks what the card
// makes of them. What reaches an instruction for the first time is mutated further.
type Fuzz struct {
	Subject *Subject
	Script  []Line
	Rules   *Rules
	Seed    uint64
	For     time.Duration // how long; 0 for as many sequences as Runs has
	Runs    int           // sequences in all
	Cuts    bool          // cut the power too
	Workers int           // at most; 0 for as many as there are cores
	Now     func() time.Time

	// open makes a card in the place of Subject, unless nil.
	open func(ctx context.Context) (*Bench, error)

	// Progress, unless nil, is called now and then by one worker at a time.
	Progress func(FuzzReport)
}

// Kind is what is wrong.
type Kind string

// The kinds.
const (
	Unexplained Kind = "6F00" // an exception that the applet did not mean to throw
	Mute        Kind = "mute" // the card answers nothing until a reset
	Half        Kind = "half" // a command was refused, and has changed persistent memory
	TornState   Kind = "torn" // a power cut left neither the state before nor that after
	EmulatorBug Kind = "bug"  // of the emulator itself
)

// kinds are all of them.
var kinds = []Kind{Unexplained, Mute, Half, TornState, EmulatorBug}

// Finding is one thing that is wrong, however many sequences show it.
type Finding struct {
	Kind   Kind     `json:"kind"`
	Where  string   `json:"where"`  // method and line, or what the card says
	Detail []string `json:"detail"` // what changed
	Script []string `json:"script"` // a short script that shows it on a fresh card of the subject
	Times  int      `json:"times"`
	keyed  key
	shown  sequence
	by     int // the number of the worker of which shown is
}

// key makes findings one.
type key struct {
	kind  Kind
	where string
}

// FuzzReport is what was found.
type FuzzReport struct {
	Seed     uint64    `json:"seed"`
	Runs     int       `json:"runs"` // sequences of commands
	Commands int       `json:"commands"`
	Reached  int       `json:"instructions_reached"`
	Kept     int       `json:"sequences_kept"` // that reached something new
	Seconds  float64   `json:"-"`              // no seed decides it: for a person, not for a script
	Rate     float64   `json:"-"`              // commands a second
	Findings []Finding `json:"findings"`
}

// time takes in how long it took.
func (r *FuzzReport) time(took time.Duration) {
	r.Seconds = took.Seconds()
	r.Rate = float64(r.Commands) / max(r.Seconds, 0.001)
}

// fuzzing is what the workers share.
type fuzzing struct {
	*Fuzz
	mutex  sync.Mutex
	report FuzzReport
	found  map[key]*Finding
	began  time.Time
	shown  time.Time
}

// progressEvery is how often progress is reported.
const progressEvery = 5 * time.Second

// Run fuzzes. The error is that of a script that cannot be done at all.
func (f *Fuzz) Run(ctx context.Context) (*FuzzReport, error) {
	if f.Rules == nil {
		f.Rules = &Rules{}
	}
	if f.Now == nil {
		f.Now = time.Now
	}
	if err := f.withoutFault(ctx); err != nil {
		return nil, err
	}
	if f.For > 0 {
		timed, done := context.WithTimeout(ctx, f.For)
		defer done()
		ctx = timed
	}
	workers := f.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if f.For == 0 {
		workers = max(1, min(workers, f.Runs))
	}
	s := &fuzzing{Fuzz: f, found: map[key]*Finding{}, began: f.Now(), shown: f.Now(),
		report: FuzzReport{Seed: f.Seed}}
	var running sync.WaitGroup
	failures := make([]error, workers)
	for n := range workers {
		running.Go(func() { failures[n] = s.work(ctx, n, workers) })
	}
	running.Wait()
	if err := errors.Join(failures...); err != nil {
		return nil, err
	}
	return s.finish()
}

// newBench opens the subject's card anew.
func (f *Fuzz) newBench(ctx context.Context) (*Bench, error) {
	if f.open != nil {
		return f.open(ctx)
	}
	return f.Subject.Open(ctx)
}

// withoutFault does the script once as it is. What breaks already then is no finding of mutations.
func (f *Fuzz) withoutFault(ctx context.Context) error {
	b, err := f.newBench(ctx)
	if err != nil {
		return err
	}
	names := f.Rules.names()
	names.look(b)
	for _, l := range f.Script {
		if err := b.Play(ctx, f.Subject, l).Err(); err != nil {
			return fmt.Errorf("line %d, without a fault: %w", l.Number, err)
		}
		names.look(b)
	}
	return names.err()
}

// finish shrinks what was found, each on a card of its own.
func (s *fuzzing) finish() (*FuzzReport, error) {
	s.report.time(s.Now().Sub(s.began))
	s.report.Findings = []Finding{}
	for _, found := range s.found {
		w, err := s.worker(context.Background(), 0)
		if err != nil {
			return nil, err
		}
		found.Script = w.scriptOf(w.shrunk(context.Background(), found))
		s.report.Findings = append(s.report.Findings, *found)
	}
	slices.SortFunc(s.report.Findings, func(a, b Finding) int {
		return strings.Compare(string(a.Kind)+a.Where, string(b.Kind)+b.Where)
	})
	return &s.report, nil
}

// work is one worker's share.
func (s *fuzzing) work(ctx context.Context, number, of int) error {
	w, err := s.worker(ctx, number)
	if err != nil {
		return err
	}
	runs := s.Runs / of
	if number < s.Runs%of {
		runs++
	}
	for n := 0; ctx.Err() == nil && (s.For > 0 || n < runs); n++ {
		var q sequence
		if n < len(w.corpus) && n < w.seeds {
			q = w.corpus[n] // as the script has it
		} else {
			q = mutated(w.random, w.corpus[w.random.IntN(len(w.corpus))], w.corpus, s.Cuts)
		}
		before := w.coverage.Reached()
		found, commands, err := w.try(ctx, q)
		if err != nil {
			return err
		}
		isNew := w.coverage.Reached() > before && !w.stopped
		if isNew {
			w.corpus = append(w.corpus, q)
		}
		s.note(w, found, q, commands, isNew)
	}
	return nil
}

// note takes in what a sequence came to.
func (s *fuzzing) note(w *fuzzer, found []Finding, q sequence, commands int, isNew bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.report.Runs++
	s.report.Commands += commands
	s.report.Reached = max(s.report.Reached, w.coverage.Reached())
	if isNew {
		s.report.Kept++
	}
	for _, f := range found {
		// Of several workers the first one's is kept, whichever was faster.
		known := s.found[f.keyed]
		if known != nil && known.by <= w.number {
			known.Times++
			continue
		}
		f.Times, f.shown, f.by = 1, q.clone(), w.number
		if known != nil {
			f.Times += known.Times
		}
		s.found[f.keyed] = &f
	}
	if s.Progress != nil && s.Now().Sub(s.shown) >= progressEvery {
		s.shown = s.Now()
		report := s.report
		report.time(s.Now().Sub(s.began))
		for _, f := range s.found {
			report.Findings = append(report.Findings, *f)
		}
		s.Progress(report)
	}
}

// fuzzer is a worker: a card, and what it has found worth mutating.
type fuzzer struct {
	*fuzzing
	number    int // of the worker
	bench     *Bench
	random    *rand.Rand
	coverage  *inspect.Coverage
	starts    []start // before each line of the script, until one that leaves the card off
	corpus    []sequence
	seeds     int          // how many of the corpus are the script's own
	looked    map[key]int  // how often a refusal was looked into
	stopped   bool         // the card went mute in the sequence that was tried last
	budget    int          // bytecodes of a command; 0 for as many as the card runs
	confirmed map[key]bool // faults by budget that the card's own budget has shown too
}

// start is the card before a line of the script.
type start struct {
	before   []fuzzed // what leads there
	snapshot *card.Snapshot
}

// A mutated command may run so many times the bytecodes of the longest of the script: a loop
// without end is found long before the card's own budget ends it, which then says whether it is
// one.
const (
	budgetFactor = 64
	leastBudget  = 200_000
)

// partLength is how many commands of the script a sequence begins with.
const partLength = 8

// worker makes a card and the first sequences: parts of the script from each line on.
func (s *fuzzing) worker(ctx context.Context, number int) (*fuzzer, error) {
	b, err := s.newBench(ctx)
	if err != nil {
		return nil, err
	}
	w := &fuzzer{fuzzing: s, number: number, bench: b, coverage: inspect.NewCoverage(b.Sources()),
		random: rand.New(rand.NewPCG(s.Seed, uint64(number))), looked: map[key]int{},
		confirmed: map[key]bool{}}
	longest := 0
	var all []fuzzed
	for _, l := range s.Script {
		f := fuzzed{}
		if f.raw, err = l.Step.Bytes(); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.Number, err)
		}
		if l.Step.Word != "" && l.Step.Word != "reset" {
			step := l.Step
			step.Pattern = nil
			f.words = b.Session.Names().Text(step)
		}
		all = append(all, f)
	}
	for at := range all {
		snapshot, err := b.Managed.Snapshot()
		if err != nil {
			break
		}
		w.starts = append(w.starts, start{all[:at], snapshot})
		part := sequence{at, all[at:min(at+partLength, len(all))]}
		w.corpus = append(w.corpus, part.clone())
		w.do(ctx, all[at])
		longest = max(longest, b.Managed.LastCommand().Bytecodes)
		if b.isCut() {
			break
		}
	}
	w.seeds = len(w.corpus)
	w.budget = max(leastBudget, longest*budgetFactor)
	return w, b.Watch(w.coverage.Probe())
}
