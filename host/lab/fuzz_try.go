package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// outcome is what one command came to.
type outcome struct {
	answer apdu.StatusWord
	none   bool // no answer came
	err    error
	writes int
	struck *vm.PowerCut // the power was cut as asked for; the card has been reset since
}

// do does one command. A card that stopped is reset.
func (w *fuzzer) do(ctx context.Context, c fuzzed) (o outcome) {
	b := w.bench
	switch {
	case c.words != "":
		b.Machine().SetBudget(0)
		r := b.Execute(ctx, c.words)
		o.err, o.none = r.Failed, true
	case c.raw == nil:
		o.none = true
		o.err = b.Reset(ctx)
		return o
	default:
		b.Machine().SetBudget(w.budget)
		defer b.Machine().SetBudget(0)
		b.Managed.CutBefore(c.cut)
		var response []byte
		response, o.err = b.Managed.TransmitBytes(c.raw)
		b.Managed.CutBefore(0)
		o.none = o.err != nil
		if n := len(response); n >= 2 {
			o.answer = apdu.StatusWord(uint16(response[n-2])<<8 | uint16(response[n-1]))
		}
		o.writes = b.Managed.LastCommand().Writes
	}
	errors.As(o.err, &o.struck)
	if b.isCut() {
		if err := b.Reset(ctx); err != nil && o.err == nil {
			o.err = err
		}
	}
	return o
}

// try does a sequence and looks at what each command came to.
func (w *fuzzer) try(ctx context.Context, q sequence) (found []Finding, commands int, err error) {
	w.stopped = false
	if err := w.bench.Managed.RestoreSnapshot(w.starts[q.from].snapshot); err != nil {
		return nil, 0, err
	}
	for i, c := range q.list {
		var before *card.Snapshot
		if c.cut > 0 {
			if before, err = w.bench.Managed.Snapshot(); err != nil {
				return found, commands, err
			}
		}
		o := w.do(ctx, c)
		commands++
		if w.isBudget(o) {
			if o, err = w.confirm(ctx, q, i, o); err != nil {
				return found, commands, err
			}
		}
		w.stopped = w.stopped || errors.Is(o.err, card.ErrMute)
		f, err := w.look(ctx, q, i, o, before)
		if err != nil {
			return found, commands, err
		}
		if f != nil {
			f.keyed = w.keyOf(f, o)
			found = append(found, *f)
		}
	}
	return found, commands, nil
}

// keyOf is what makes findings one: kind and place, of a loop without end its method, since the
// card ends it anywhere.
func (w *fuzzer) keyOf(f *Finding, o outcome) key {
	var fault *vm.CardFault
	if errors.As(o.err, &fault) && fault.Kind == vm.FaultBudget {
		return key{f.Kind, string(fault.Kind) + " in " + w.bench.Sources().Method(fault.At.Method)}
	}
	return key{f.Kind, f.Where}
}

// isBudget reports whether a command ran more bytecodes than this worker lets one run.
func (w *fuzzer) isBudget(o outcome) bool {
	var fault *vm.CardFault
	return w.budget > 0 && errors.As(o.err, &fault) && fault.Kind == vm.FaultBudget
}

// confirm does a command that ran too long again, with as many bytecodes as the card itself gives.
// If they are enough, this worker gives more from then on.
func (w *fuzzer) confirm(ctx context.Context, q sequence, i int, o outcome) (outcome, error) {
	one := w.keyOf(&Finding{Kind: Mute}, o)
	if w.confirmed[one] {
		return o, nil
	}
	if err := w.bench.Managed.RestoreSnapshot(w.starts[q.from].snapshot); err != nil {
		return o, err
	}
	for _, c := range q.list[:i] {
		w.do(ctx, c)
	}
	was := w.budget
	w.budget = 0
	o = w.do(ctx, q.list[i])
	if w.budget = was; errors.Is(o.err, card.ErrMute) {
		w.confirmed[one] = true
		return o, nil
	}
	w.budget *= 8
	return o, nil
}

// look says what is wrong with what a command came to; nil for nothing.
func (w *fuzzer) look(
	ctx context.Context, q sequence, i int, o outcome, before *card.Snapshot,
) (*Finding, error) {
	var bug *vm.InternalError
	switch {
	case errors.As(o.err, &bug):
		return &Finding{Kind: EmulatorBug, Where: fmt.Sprint(bug.Value)}, nil
	case errors.Is(o.err, card.ErrMute):
		return w.unless(Finding{Kind: Mute, Where: w.mute(o.err)}), nil
	case o.struck != nil && before != nil:
		return w.torn(ctx, q.list[i], o, before)
	case o.none:
		return nil, nil
	case o.answer == apdu.SWUnknown:
		return w.unless(Finding{Kind: Unexplained, Where: w.thrown()}), nil
	case isRefusal(o.answer) && o.writes > 0:
		return w.half(ctx, q, i, o)
	}
	return nil, nil
}

// unless is a finding unless the rules allow it.
func (w *fuzzer) unless(f Finding) *Finding {
	for _, pattern := range w.Rules.allowed {
		if inspect.Matches(pattern, string(f.Kind)+" "+f.Where) {
			return nil
		}
	}
	return &f
}

// mute is why and where a card went mute.
func (w *fuzzer) mute(err error) string {
	var fault *vm.CardFault
	if !errors.As(err, &fault) {
		return err.Error()
	}
	return fmt.Sprintf("%s fault at %s", fault.Kind, w.bench.Sources().Site(fault.At))
}

// isRefusal reports whether a status word says that a command was not done; warnings have done
// it.
func isRefusal(sw apdu.StatusWord) bool { return sw >= 0x6400 && sw < 0x7000 }

// thrown names the exception that came out of the applet last.
func (w *fuzzer) thrown() string {
	thrown := w.bench.Managed.Below().Thrown()
	if thrown == nil {
		return "no exception of an applet"
	}
	return inspect.EscapedName(thrown) + " at " + w.bench.Sources().Site(thrown.At)
}

// looksOfOne is how often refusals of one kind are looked into that had changed nothing.
const looksOfOne = 16

// half looks whether a refused command has changed persistent memory: it does the sequence again
// up to there.
func (w *fuzzer) half(ctx context.Context, q sequence, i int, o outcome) (*Finding, error) {
	at := w.thrown()
	one := key{Half, at}
	if w.looked[one] >= looksOfOne {
		return nil, nil
	}
	w.looked[one]++
	here, err := w.bench.Managed.Snapshot()
	if err != nil {
		return nil, err
	}
	now := w.bench.image()
	if err := w.bench.Managed.RestoreSnapshot(w.starts[q.from].snapshot); err != nil {
		return nil, err
	}
	for _, c := range q.list[:i] {
		w.do(ctx, c)
	}
	left := w.Rules.left(w.bench.image(), now)
	if err := w.bench.Managed.RestoreSnapshot(here); err != nil || len(left) == 0 {
		return nil, err
	}
	names := []string{}
	for _, c := range left {
		if len(names) < maxNamed {
			names = append(names, c.Object+fieldOf(c))
		}
	}
	return w.unless(Finding{Kind: Half, Detail: described("has changed: ", left),
		Where: fmt.Sprintf("%s, with %s changed", at, strings.Join(names, ", "))}), nil
}

// maxNamed is how many changes the place of a finding names.
const maxNamed = 3

// fieldOf is the field of a change, without the offset in an array.
func fieldOf(c inspect.Change) string {
	if c.Field == "" || c.Field[0] == '[' {
		return ""
	}
	return "." + c.Field
}

// torn looks what a power cut has left.
func (w *fuzzer) torn(
	ctx context.Context, c fuzzed, o outcome, before *card.Snapshot,
) (*Finding, error) {
	m := w.bench.Managed
	here, err := m.Snapshot()
	if err != nil {
		return nil, err
	}
	now := w.bench.image()
	if err := m.RestoreSnapshot(before); err != nil {
		return nil, err
	}
	fromBefore := w.Rules.left(w.bench.image(), now)
	if len(fromBefore) == 0 {
		return nil, m.RestoreSnapshot(here)
	}
	c.cut = 0
	w.do(ctx, c)
	toAfter := w.Rules.left(now, w.bench.image())
	if err := m.RestoreSnapshot(here); err != nil || len(toAfter) == 0 {
		return nil, err
	}
	return w.unless(Finding{Kind: TornState, Where: w.bench.Sources().Site(o.struck.At),
		Detail: append(described("has changed: ", fromBefore),
			described("is still: ", toAfter)...)}), nil
}
