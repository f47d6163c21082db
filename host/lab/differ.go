package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// Simulated is another implementation of the Java Card API that runs the same applet, such as
// jCardSim.
type Simulated interface {
	apdu.Card
	// Install takes a fresh card with one instance.
	Install(ctx context.Context, aid, parameters []byte) error
	Reset(ctx context.Context) error
}

// Differ does a script on the virtual card and on another implementation of the Java Card API and
// compares every answer, then mutations of it. What virtual cards with other randomness answer
// differently is drawn, and only its length is compared, if that is always the same.
type Differ struct {
	Subject *Subject // its CAP files; Install is its instances, of which the first is compared
	Script  []Line
	Other   Simulated
	// KnownFault is why the other one may answer so, "" if it may not.
	KnownFault func(c Compared) string
	Seed       uint64
	Runs       int // mutated scripts, after the script itself

	instances []Instance // that the script makes, before its first command
}

// Compared is a command with two answers that differ.
type Compared struct {
	Command     apdu.Command
	Before      []apdu.Command // since the reset, in their order
	Card, Other apdu.Response
	Thrown      string // class of the exception that came out of the applet on the card, or ""
	Undone      bool   // the card has undone a transaction, in this command or one before
	Recovered   bool   // it has recovered a message of a signature, in this command or one before
}

// Difference is the first one of a run.
type Difference struct {
	Command string   `json:"command"`
	Card    string   `json:"card"`  // what the virtual card answers
	Other   string   `json:"other"` // what the other one does, or why it does not
	Script  []string `json:"script"`
	Times   int      `json:"times"` // runs that end so
}

// DifferReport is what was compared.
type DifferReport struct {
	Runs        int          `json:"runs"`
	Commands    int          `json:"commands"`
	Differences []Difference `json:"differences"`
	SetAside    []SetAside   `json:"set_aside"`
}

// SetAside is a known fault of the other implementation, and how many runs end at it.
type SetAside struct {
	Reason string `json:"reason"`
	Times  int    `json:"times"`
}

func (r *DifferReport) setAside(reason string) {
	at := slices.IndexFunc(r.SetAside, func(s SetAside) bool { return s.Reason == reason })
	if at < 0 {
		at = len(r.SetAside)
		r.SetAside = append(r.SetAside, SetAside{Reason: reason})
	}
	r.SetAside[at].Times++
}

// silentWords are the words of a script that change nothing in what a card answers, or cut its
// power, which the other one cannot.
var silentWords = append(slices.Clone(vocabulary.Showing), "cut", "gain")

// Run compares. The error is that of a script that cannot be compared.
func (d *Differ) Run(ctx context.Context) (DifferReport, error) {
	report := DifferReport{Differences: []Difference{}, SetAside: []SetAside{}}
	whole, instances, err := d.sequence()
	if err != nil {
		return report, err
	}
	d.instances = instances
	if err := d.tell(ctx); err != nil {
		return report, err
	}
	r := rand.New(rand.NewPCG(d.Seed, 0))
	seen := map[string]int{}
	for run := range d.Runs + 1 {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		q := whole
		if run > 0 {
			q = mutated(r, whole, []sequence{whole}, false)
		}
		found, err := d.play(ctx, q.list, &report)
		if err != nil {
			return report, err
		}
		report.Runs++
		if found == nil {
			continue
		}
		same := found.Card + found.Other + found.Command[:min(len(found.Command), 2*headerBytes)]
		if at, known := seen[same]; known {
			report.Differences[at].Times++
			continue
		}
		seen[same] = len(report.Differences)
		report.Differences = append(report.Differences, *found)
	}
	return report, nil
}

func (d *Differ) installed() []Instance { return slices.Concat(d.Subject.Install, d.instances) }

// Check reports whether the script can be compared.
func (d *Differ) Check() error {
	_, _, err := d.sequence()
	return err
}

// sequence is the script's commands and resets, and the instances that it makes.
func (d *Differ) sequence() (q sequence, instances []Instance, err error) {
	for _, l := range d.Script {
		raw, err := l.Step.Bytes()
		switch {
		case err != nil:
			return q, nil, fmt.Errorf("line %d: %w", l.Number, err)
		case l.Step.Word == "reset":
			q.list = append(q.list, fuzzed{})
		case l.Step.Word == "select" && len(l.Step.Arguments) == 1 && l.Step.Arguments[0] != "next":
			aid, err := apdu.ParseHex(l.Step.Arguments[0])
			if err != nil {
				return q, nil, fmt.Errorf("line %d: %w", l.Number, err)
			}
			c := apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: aid,
				Ne: apdu.MaxShortNe}
			if raw, err = c.Bytes(); err != nil {
				return q, nil, fmt.Errorf("line %d: %w", l.Number, err)
			}
			q.list = append(q.list, fuzzed{raw: raw})
		case l.Step.Word == "install":
			i, err := ParseInstance(l.Step.Arguments)
			if err != nil {
				return q, nil, fmt.Errorf("line %d: %w", l.Number, err)
			}
			instances = append(instances, i)
		case slices.Contains(silentWords, l.Step.Word):
		case l.Step.Word != "":
			return q, nil, fmt.Errorf("line %d: %q is not for a card of another implementation: "+
				"leave it out", l.Number, l.Step.Word)
		default:
			q.list = append(q.list, fuzzed{raw: raw})
		}
	}
	if len(q.list) == 0 {
		return q, nil, errors.New("the script has no command to compare")
	}
	return q, instances, nil
}

// play does commands on two virtual cards and the other one, up to the first difference.
func (d *Differ) play(
	ctx context.Context, list []fuzzed, report *DifferReport,
) (*Difference, error) {
	var cards [2]*card.Card
	var instance Instance
	var names *inspect.Names
	for i := range cards {
		b, err := d.bench(ctx, i+1)
		if err != nil {
			return nil, err
		}
		c := b.Managed.Below()
		names = b.Sources()
		applets := c.Applets()
		if len(applets) == 0 {
			return nil, errors.New("no applet is installed; name one by --install")
		}
		if len(applets) > 1 && len(d.installed()) == 0 {
			return nil, fmt.Errorf("there are %d applets, and the other card runs one: name that "+
				"of the class by --install, such as --install %s", len(applets), applets[0].AID)
		}
		cards[i], instance.AID = c, applets[0].AID
	}
	done, err := note(cards[0])
	if err != nil {
		return nil, err
	}
	for _, i := range d.installed() {
		if slices.Equal(i.AID, instance.AID) {
			instance.Parameters = i.Parameters
		}
	}
	if err := d.Other.Install(ctx, instance.AID, instance.Parameters); err != nil {
		return nil, err
	}
	script := []string{}
	var sent []apdu.Command              // since the reset
	list = append([]fuzzed{{}}, list...) // from the power on
	for n, f := range list {
		if f.raw == nil {
			cards[0].Reset()
			cards[1].Reset()
			if err := d.Other.Reset(ctx); err != nil {
				return nil, err
			}
			script, sent = append(script, "reset"), nil
			continue
		}
		command, err := apdu.ParseCommand(f.raw)
		if err != nil {
			continue // bytes that are no command are a reader's to refuse
		}
		script = append(script, fmt.Sprintf("%X", f.raw))
		var own [2]apdu.Response
		for i, c := range cards {
			own[i], err = c.Transmit(ctx, command)
			if fault, isMute := errors.AsType[*vm.CardFault](err); isMute {
				report.setAside(fmt.Sprintf("where the virtual card goes mute the other one is "+
					"not asked: %s fault at %s: %s", fault.Kind, names.Site(fault.At), fault.What))
				return nil, nil
			}
			if err != nil {
				return nil, fmt.Errorf("%X: %w", f.raw, err)
			}
		}
		report.Commands++
		before := sent
		sent = append(sent, command)
		other, err := d.Other.Transmit(ctx, command)
		text := fmt.Sprint(other)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			text = err.Error()
		case same(own[:], other):
			continue
		case ending(own[0].SW) == ending(other.SW) && len(other.Data) > 0:
			further, err := d.further(ctx, list[:n+1])
			if err != nil {
				return nil, err
			}
			if same(append(own[:], further...), other) {
				continue
			}
		}
		compared := Compared{Command: command, Before: before, Card: own[0], Other: other,
			Undone: done.open > 0, Recovered: done.recovered}
		if thrown := cards[0].Thrown(); thrown != nil {
			compared.Thrown = inspect.Short(thrown.Class)
		}
		if fault := d.KnownFault(compared); fault != "" {
			report.setAside(fault)
			return nil, nil
		}
		return &Difference{fmt.Sprintf("%X", f.raw), fmt.Sprint(own[0]), text, script, 1}, nil
	}
	return nil, nil
}

// noted is what a card has done since it was made that others are known to do otherwise.
type noted struct {
	open      int  // transactions that were begun, and not committed: they were undone
	recovered bool // a message was recovered of a signature
}

// note takes note of it.
func note(c *card.Card) (*noted, error) {
	const (
		system   = "javacard/framework/JCSystem"
		recovers = "beginVerify" // of SignatureMessageRecovery
	)
	done := &noted{}
	return done, c.SetProbe(&vm.Probe{Call: func(i *vm.Invocation) vm.Action {
		class := i.Callee.Class()
		switch {
		case class == nil:
		case i.Callee.Native() && i.Callee.Name() == recovers:
			done.recovered = true
		case class.Name() != system:
		case i.Callee.Name() == "beginTransaction":
			done.open++
		case i.Callee.Name() == "commitTransaction":
			done.open--
		}
		return vm.Action{}
	}})
}

// tell does the script once as it is, for what is to be told of it. What fails in it is compared.
func (d *Differ) tell(ctx context.Context) error {
	b, err := d.bench(ctx, 1)
	if err != nil {
		return err
	}
	for _, l := range d.Script {
		if l.Step.Word != "install" { // which has been done
			_ = b.Play(ctx, d.Subject, l)
		}
	}
	return ctx.Err()
}

// bench has a virtual card with the applet, whose randomness is of that number.
func (d *Differ) bench(ctx context.Context, number int) (*Bench, error) {
	s := *d.Subject
	s.Seed = fmt.Sprint(s.Seed, " ", number)
	s.Install = d.installed()
	b, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	b.Managed.Leave()
	return b, nil
}

// fewDraws is how many virtual cards show what is drawn where two were not enough: of 64 bytes
// that are drawn, two cards have one in common in a fifth of all cases, and the lengths of two
// signatures are the same in a third.
const fewDraws = 10

// further are the answers of more virtual cards to the last command.
func (d *Differ) further(ctx context.Context, list []fuzzed) ([]apdu.Response, error) {
	var all []apdu.Response
	for number := 3; number <= fewDraws; number++ {
		b, err := d.bench(ctx, number)
		if err != nil {
			return nil, err
		}
		c := b.Managed.Below()
		var last apdu.Response
		for _, f := range list {
			command, err := apdu.ParseCommand(f.raw)
			switch {
			case f.raw == nil:
				c.Reset()
				continue
			case err != nil:
				continue
			}
			if last, err = c.Transmit(ctx, command); err != nil {
				return nil, fmt.Errorf("%X: %w", f.raw, err)
			}
		}
		all = append(all, last)
	}
	return all, nil
}

// same reports whether an answer is that of the virtual cards, but for what they draw.
func same(own []apdu.Response, other apdu.Response) bool {
	if ending(own[0].SW) != ending(other.SW) {
		return false
	}
	for _, r := range own {
		if wholeLength(own[0]) != wholeLength(r) { // such as a signature
			return len(own[0].Data) > 0 && len(other.Data) > 0
		}
	}
	if wholeLength(own[0]) != wholeLength(other) || len(own[0].Data) != len(other.Data) {
		return false
	}
	for i, b := range own[0].Data {
		drawn := slices.ContainsFunc(own, func(r apdu.Response) bool { return r.Data[i] != b })
		if !drawn && b != other.Data[i] {
			return false
		}
	}
	return true
}

// ending is a status word without the number of bytes that wait: what is drawn has its length
// there too.
func ending(sw apdu.StatusWord) apdu.StatusWord {
	if sw&0xFF00 == apdu.SWMoreData {
		return apdu.OK
	}
	return sw
}

// wholeLength is that of an answer with the bytes of it that wait.
func wholeLength(r apdu.Response) int {
	if ending(r.SW) == r.SW {
		return len(r.Data)
	}
	if waiting := int(r.SW & 0xFF); waiting > 0 {
		return len(r.Data) + waiting
	}
	return len(r.Data) + apdu.MaxShortNe
}

// WriteText writes the differences, each with the commands that lead there.
func (r DifferReport) WriteText(out io.Writer) {
	for _, f := range r.Differences {
		fmt.Fprintf(out, "%s\n  the virtual card answers  %s\n  the other one             %s\n",
			f.Command, f.Card, f.Other)
		if f.Times > 1 {
			fmt.Fprintf(out, "  (%d times)\n", f.Times)
		}
		for _, line := range f.Script {
			fmt.Fprintf(out, "    %s\n", line)
		}
	}
	for _, s := range r.SetAside {
		fmt.Fprintf(out, "set aside %d times: %s\n", s.Times, s.Reason)
	}
	fmt.Fprintf(out, "%d commands in %d runs, %d differences\n", r.Commands, r.Runs,
		len(r.Differences))
}
