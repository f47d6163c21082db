package simulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/client"
	"ekrona.example/host/audit"
	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/terminal"
)

// Options are how a scenario is played, not what happens in it.
type Options struct {
	CAP   []byte    // the applet's CAP file; nil is the one that is built in
	Story io.Writer // receives a line for each event; nil for none

	// Trace is how the story has every exchange with a card; nil is without them.
	Trace *trace.Text
}

// Failure is a violated invariant or another failure.
type Failure struct {
	Step  int      // number of the step after which it was seen; 0 for the end
	Class int      // number of the invariant of protocol §8; 0 when a party failed instead
	Kind  string   // what went wrong, without names and numbers
	What  []string // a line each
}

// Error returns the failure in lines.
func (f *Failure) Error() string {
	when := fmt.Sprintf("after step %d", f.Step)
	if f.Step == 0 {
		when = "at the end"
	}
	return when + ": " + strings.Join(f.What, "\n  ")
}

// partyFailure returns a failure of a party, or of the simulator, rather than of an invariant.
func partyFailure(format string, args ...any) *Failure {
	return failed(0, format, fmt.Sprintf(format, args...))
}

// failed returns a failure of an invariant.
func failed(class int, kind string, what ...string) *Failure {
	return &Failure{Class: class, Kind: kind, What: what}
}

// isSameKind reports whether two failures are of the same kind.
func (f *Failure) isSameKind(other *Failure) bool {
	return f != nil && other != nil && f.Class == other.Class && f.Kind == other.Kind
}

// Outcome is the result of a scenario.
type Outcome struct {
	Failure     *Failure // nil when all held
	Steps       int      // that were played
	APDUs       int
	Struck      map[FaultKind]int
	Done        map[Kind]int // steps of each kind that were not refused
	ClonesEnded int          // devices that the notary ended as clones, with the evidence
	Digest      [32]byte     // of the whole story: the same in every replay
}

// Run plays the scenario. An error means that the world could not be founded; failures in it are in
// the outcome.
func (s Scenario) Run(ctx context.Context, o Options) (Outcome, error) {
	w, err := newWorld(context.WithoutCancel(ctx), s, o) // a step is played to its end
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Struck: w.struck, Done: w.done}
	for n, step := range s.Steps {
		out.Steps = n + 1
		if out.Failure = w.guarded(func() *Failure { return w.play(step) }); out.Failure != nil {
			out.Failure.Step = step.Number
			break
		}
		if err := ctx.Err(); err != nil {
			out.APDUs = w.apdus
			return out, errors.Join(err, w.close())
		}
	}
	if out.Failure == nil {
		out.Failure = w.guarded(w.finish)
	}
	if out.Failure != nil {
		w.note("\n%v", out.Failure)
	}
	out.APDUs = w.apdus
	out.ClonesEnded = w.clonesEnded
	copy(out.Digest[:], w.digest.Sum(nil))
	return out, w.close()
}

// guarded turns a panic into a failure, so that its seed is kept and shortened too.
func (w *world) guarded(do func() *Failure) (f *Failure) {
	defer func() {
		if p := recover(); p != nil {
			f = partyFailure("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// beginStep begins a step: its randomness, and the faults planned for it.
func (w *world) beginStep(s Step) {
	w.random.begin(s.Number)
	w.plan = plan{faults: append([]Fault{}, s.Faults...), disk: map[string]int{},
		busy: map[string]bool{}, calm: s.Number == 0}
}

// calm removes the planned faults: none strikes any more in this step.
func (w *world) calm() {
	w.plan = plan{disk: map[string]int{}, busy: map[string]bool{}, calm: true}
}

// play plays one step, restarts what was killed, and checks everything.
func (w *world) play(s Step) *Failure {
	w.beginStep(s)
	w.note("%4d  %-12s %s", s.Number, w.speaker(s), w.sentence(s))
	err := w.act(s)
	w.noteError(err)
	if err == nil {
		w.done[s.Kind]++
	}
	w.calm()
	if err := w.repair(); err != nil {
		return partyFailure("%v", err)
	}
	return w.check()
}

// failure returns the failure of violations: its kind is the first of the lowest number.
func failure(violations []audit.Violation) *Failure {
	f := failed(violations[0].Number, violations[0].Kind)
	for _, v := range violations {
		if v.Number < f.Class {
			f.Class, f.Kind = v.Number, v.Kind
		}
		f.What = append(f.What, v.String())
	}
	return f
}

// noteError writes to the story the error that a party received, and looks for errors that no party
// may ever receive.
func (w *world) noteError(err error) {
	if err == nil {
		return
	}
	w.note("        %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	if client.Is(err, spec.SWExpired) || errors.Is(err, terminal.ErrExpired) {
		w.recordFault(Expired)
	}
	for _, sign := range []string{"constraint failed", "SQL logic error", "database is locked",
		"no such table"} {
		if strings.Contains(err.Error(), sign) && !errors.Is(err, faultdriver.ErrPowerLost) {
			w.failure = errors.Join(w.failure, err)
		}
	}
}

// check has the auditor check the central bank and the honest devices, and every intermediary its
// own ledger.
func (w *world) check() *Failure {
	if w.failure != nil {
		return partyFailure("%v", w.failure)
	}
	honest, err := w.honestDevices()
	if err != nil {
		return partyFailure("an honest device cannot be read: %v", err)
	}
	touched := w.disks[centralBank].written()
	look := w.auditor.Check
	if !touched[anyRow] {
		look = func(ctx context.Context, q store.Queryer,
			honest map[string]audit.Device) ([]audit.Violation, error) {
			return w.auditor.CheckTouched(ctx, q, honest, slices.Collect(maps.Keys(touched)))
		}
	}
	violations, err := look(w.ctx, w.centralDB, honest)
	if err != nil {
		return partyFailure("audit: %v", err)
	}
	if len(violations) > 0 {
		return failure(violations)
	}
	if f := w.checkCrisis(honest); f != nil {
		return f
	}
	for _, b := range w.banks {
		if len(w.disks[string(b.name)].written()) == 0 {
			continue
		}
		if err := b.Verify(w.ctx); err != nil {
			return partyFailure("%s's ledger: %v", b.name, err)
		}
	}
	return nil
}
