package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ekrona.example/applet/campaign"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// Tear does each line of a script again for each of its persistent writes, with the power cut
// there, and looks what is left after the restart.
type Tear struct {
	Subject *Subject
	Script  []Line
	Rules   *Rules
	Workers int // at most; 0 for as many as there are cores

	Progress func(done, total int) // unless nil, called after every cut, never twice at once
}

// State is what a cut left.
type State string

// The states.
const (
	AsBefore State = "as before"
	AsAfter  State = "as after"
	Torn     State = "torn"    // neither: a finding
	Broken   State = "broken"  // a rule about what a cut may do: a finding
	NotCut   State = "not cut" // the line made fewer writes than the first time
)

// Cut is one cut of the power.
type Cut struct {
	Line    int      `json:"line"`
	Command string   `json:"command"`
	Write   int      `json:"write"` // the one that did not happen, from 1
	Where   string   `json:"where"` // what would have written
	State   State    `json:"state"`
	Differs []string `json:"differs"` // from before and from after; or the rules that broke
}

// TearReport is what a script left, torn everywhere.
type TearReport struct {
	Lines    []TornLine `json:"lines"`
	Cuts     []Cut      `json:"cuts"`
	Findings int        `json:"findings"`
}

// TornLine is one line of the script.
type TornLine struct {
	Line     int    `json:"line"`
	Command  string `json:"command"`
	Answer   string `json:"answer"`
	Writes   int    `json:"writes"`
	AsBefore int    `json:"as_before"` // cuts that left this
	AsAfter  int    `json:"as_after"`
	Findings int    `json:"findings"`
	Skipped  string `json:"skipped,omitempty"` // why it was not torn
}

// cutAt is a variant: a line, by its place, and a write of it.
type cutAt struct {
	line, write int
	cut         int // its place in the report
}

// whole is the one case that a cut is tried on.
type whole struct{}

func (whole) String() string { return "script" }

// Run tears the script. The error is that of a script that fails without a cut.
func (t *Tear) Run(ctx context.Context) (*TearReport, error) {
	if t.Rules == nil {
		t.Rules = &Rules{}
	}
	report, err := t.reference(ctx)
	if err != nil {
		return nil, err
	}
	c := &campaign.Campaign[cutAt, whole]{Name: "tear", Undecided: campaign.Held,
		Workers: t.Workers}
	for i, l := range report.Lines {
		for n := 1; n <= l.Writes && l.Skipped == ""; n++ {
			at := cutAt{i, n, len(report.Cuts)}
			name := fmt.Sprintf("line %d, write %d", l.Line, n)
			report.Cuts = append(report.Cuts, Cut{Line: l.Line, Command: l.Command, Write: n})
			c.Variants = append(c.Variants, campaign.Variant[cutAt, whole]{Name: name, Value: at,
				Cases: []whole{{}}})
		}
	}
	c.Progress = func(p campaign.Progress) {
		if t.Progress != nil {
			t.Progress(p.Done, p.Total)
		}
	}
	c.Start = func() (campaign.Try[cutAt, whole], error) {
		w, err := t.worker(ctx)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, at cutAt, _ whole) campaign.Trial {
			cut := &report.Cuts[at.cut]
			if err := w.tear(ctx, at, cut); err != nil {
				return campaign.Trial{Verdict: campaign.Broken, Detail: err.Error()}
			}
			if cut.State.isFinding() {
				return campaign.Trial{Verdict: campaign.Finding}
			}
			return campaign.Trial{}
		}, nil
	}
	done, err := c.Run(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range done.Outcomes {
		if o.Verdict == campaign.Broken {
			return nil, fmt.Errorf("%s: %s", o.Variant, o.Detail)
		}
	}
	report.sum()
	return report, nil
}

func (s State) isFinding() bool { return s == Torn || s == Broken }

// sum counts the cuts by line.
func (r *TearReport) sum() {
	byLine := map[int]*TornLine{}
	for i := range r.Lines {
		byLine[r.Lines[i].Line] = &r.Lines[i]
	}
	for _, c := range r.Cuts {
		l := byLine[c.Line]
		switch {
		case c.State.isFinding():
			l.Findings++
			r.Findings++
		case c.State == AsBefore:
			l.AsBefore++
		case c.State == AsAfter:
			l.AsAfter++
		}
	}
}

// reference does the script once, without a cut, and counts the writes.
func (t *Tear) reference(ctx context.Context) (*TearReport, error) {
	b, err := t.Subject.Open(ctx)
	if err != nil {
		return nil, err
	}
	report := &TearReport{Lines: []TornLine{}, Cuts: []Cut{}}
	names := t.Rules.names()
	names.look(b)
	for _, l := range t.Script {
		line, err := t.once(ctx, b, l)
		if err != nil {
			return nil, err
		}
		report.Lines = append(report.Lines, line)
		names.look(b)
	}
	return report, names.err()
}

// once does a line without a cut, and counts its writes.
func (t *Tear) once(ctx context.Context, b *Bench, l Line) (TornLine, error) {
	line := TornLine{Line: l.Number, Command: l.Title()}
	_, resting := b.Managed.Snapshot()
	if resting != nil {
		line.Skipped = "the card is not at rest before it"
	}
	b.Machine().ResetStats()
	r := b.Play(ctx, t.Subject, l)
	if err := r.Err(); err != nil {
		return line, fmt.Errorf("line %d, without a cut: %w", l.Number, err)
	}
	line.Answer = r.Line()
	line.Writes = b.Machine().Stats().Writes
	if l.Step.Word == "" {
		line.Writes = b.Managed.LastCommand().Writes
	}
	if resting == nil && b.isCut() && !b.Machine().Mute() {
		line.Skipped = "it takes the power away itself"
	}
	return line, nil
}

// tearer is a worker: a card that stands before one line of the script.
type tearer struct {
	*Tear
	bench *Bench
	line  int          // that comes next
	back  func() error // sets the card back to before it

	before, after                 *inspect.Image // without a cut, after a reset
	observedBefore, observedAfter []string
}

// tearName is the snapshot before a line that is torn, in a capture.
const tearName = "before-tear"

func (t *Tear) worker(ctx context.Context) (*tearer, error) {
	b, err := t.Subject.Open(ctx)
	if err != nil {
		return nil, err
	}
	w := &tearer{Tear: t, bench: b, line: -1}
	w.back, err = b.Keep(tearName)
	return w, err
}

// goTo takes the card to before a line: lines come in order, or one again.
func (w *tearer) goTo(ctx context.Context, line int) error {
	if err := w.back(); err != nil || w.line == line {
		return err
	}
	from := max(w.line, 0)
	for _, l := range w.Script[from:line] {
		if err := w.bench.Execute(ctx, l.Text).Err(); err != nil {
			return fmt.Errorf("line %d: %w", l.Number, err)
		}
	}
	var err error
	if w.back, err = w.bench.Keep(tearName); err != nil {
		return err
	}
	w.line = line
	if w.before, w.observedBefore, err = w.look(ctx); err != nil {
		return err
	}
	if err := w.back(); err != nil {
		return err
	}
	if err := w.bench.Execute(ctx, w.Script[line].Text).Err(); err != nil {
		return fmt.Errorf("line %d: %w", w.Script[line].Number, err)
	}
	if w.after, w.observedAfter, err = w.look(ctx); err != nil {
		return err
	}
	return w.back()
}

// look resets the card and takes what it holds and what it answers.
func (w *tearer) look(ctx context.Context) (*inspect.Image, []string, error) {
	if err := w.bench.Reset(ctx); err != nil {
		return nil, nil, err
	}
	image := w.bench.image()
	var answers []string
	for _, l := range w.Rules.observed {
		answers = append(answers, l.Title()+": "+w.bench.Execute(ctx, l.Text).Line())
	}
	return image, answers, nil
}

// tear cuts the power at one write and says what is left.
func (w *tearer) tear(ctx context.Context, at cutAt, cut *Cut) error {
	if err := w.goTo(ctx, at.line); err != nil {
		return err
	}
	if r := w.bench.Execute(ctx, fmt.Sprintf("cut %d", at.write)); r.Err() != nil {
		return r.Err()
	}
	r := w.bench.Execute(ctx, w.Script[at.line].Text)
	if err := w.bench.CutBefore(0); err != nil {
		return err
	}
	struck := w.bench.isCut() && !w.bench.Machine().Mute()
	var power *vm.PowerCut
	if errors.As(errors.Join(r.Failed, r.Unanswered), &power) {
		cut.Where = w.bench.Sources().Site(power.At)
	}
	image, answers, err := w.look(ctx)
	if err != nil {
		return err
	}
	cut.State, cut.Differs = w.judge(image, answers)
	if !struck {
		cut.State = NotCut
	}
	return nil
}

// judge says what an image is, and how it differs where it is a finding.
func (w *tearer) judge(now *inspect.Image, answers []string) (State, []string) {
	if broken := w.Rules.broken(w.before, now); len(broken) > 0 {
		return Broken, broken
	}
	if len(w.Rules.observed) > 0 {
		switch {
		case slices.Equal(answers, w.observedBefore):
			return AsBefore, []string{}
		case slices.Equal(answers, w.observedAfter):
			return AsAfter, []string{}
		}
		return Torn, answers
	}
	fromBefore := w.Rules.left(w.before, now)
	if len(fromBefore) == 0 {
		return AsBefore, []string{}
	}
	toAfter := w.Rules.left(now, w.after)
	if len(toAfter) == 0 {
		return AsAfter, []string{}
	}
	return Torn, append(described("has changed: ", fromBefore), described("is still: ", toAfter)...)
}

// maxDescribed is how many changes a report names; the others are counted.
const maxDescribed = 6

func described(prefix string, changes []inspect.Change) (list []string) {
	for i, c := range changes {
		if i == maxDescribed {
			return append(list, fmt.Sprintf("%sand %d more", prefix, len(changes)-i))
		}
		list = append(list, prefix+strings.TrimSpace(fmt.Sprintf("%s %s -> %s", c.Name(),
			short(c.Old), short(c.New))))
	}
	return list
}
