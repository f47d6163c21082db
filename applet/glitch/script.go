package glitch

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/suite"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/vm"
)

// Script is any applet, with the commands of a script.
//
// A script is of the one grammar (package script), with the commands of the applet and of the
// standards by name, and with the words of "ekrona shell", so that a script for the other tools of
// the lab and a transcript are ones for this too: select, reset, install and seed do what they do
// there, cut leaves the next command out, what only shows something does nothing, and so does load;
// what would leave the card otherwise is refused. What counts is said by gain, and ekrona is for
// the e-krona's applet:
//
//	install MODULE [INSTANCE [PARAMETERS]]   first, AIDs and parameters in hex, as often as there
//	                                         are instances; without it every applet of the last CAP
//	                                         file is installed
//	ekrona               first: the CAP file is the e-krona's applet, and the card is active, has
//	                     100.00 kr and the PIN 2580, and the applet is selected
//	reset                                    takes the power away and gives it back
//	gain accepted        a command that is refused without a fault is carried out, the one that the
//	                     fault hits or a later one; the rule if no other is given
//	gain answer HEX      an answer has these bytes, and has them not without a fault
//	gain memory          persistent memory is left neither as before the command nor as after it
//	gain changed         of the next line: it is carried out, and answers something else
//	gain higher AT LEN   of the next line: the number in its answer, LEN bytes from AT, is higher
//
// After a fault the rest of the script is played on without any. What is answered then is compared
// with runs without a fault: with the command and without it, with the power taken away after it
// and not. A command after which no answer is expected ("-> none") is sent, and not disturbed.
type Script struct {
	FileName string
	Profile  card.Profile

	caps                       [][]byte
	seed                       string
	ekrona                     bool
	instances                  []instance
	lines                      []scriptLine
	accepted, memory, anyRules bool
	patterns                   [][]byte
}

// instance is one that is installed.
type instance struct {
	module, aid card.AID
	parameters  []byte
}

// names is the language of scripts.
var names = func() *script.Vocabulary {
	v := vocabulary.Script()
	v.Words = slices.Concat([]string{"install", "ekrona", "reset", "gain", "select", "cut", "seed"},
		vocabulary.Showing, refused)
	v.Sending = []string{"select", "verify"}
	v.Malformed = true
	return v
}()

// refused are the words of "ekrona shell" that leave the card otherwise than it was.
var refused = []string{"quit", "restore", "delete", "verify", "keys", "secure", "debug", "step",
	"back", "continue", "abandon"}

// scriptLine is a command, or a reset.
type scriptLine struct {
	number  int // in the file
	reset   bool
	step    script.Step
	cut     bool // its power would fail: it is left out
	changed bool
	higher  []span
}

// isMute reports whether the card goes mute at the line, as the script expects: then there is
// nothing that a fault could be told from.
func (l scriptLine) isMute() bool {
	return l.step.Expected != nil && l.step.Expected.None
}

// span is a number in an answer.
type span struct{ at, length int }

// NewScript reads a script, for CAP files in dependency order. ekrona is as if its first line said
// so.
func NewScript(
	fileName string, text io.Reader, profile card.Profile, ekrona bool, caps ...[]byte,
) (*Script, error) {
	s := &Script{FileName: fileName, Profile: profile, ekrona: ekrona, caps: caps, seed: seed}
	if len(caps) == 0 {
		return nil, errors.New("a script needs a CAP file")
	}
	lines, err := names.ParseAll(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileName, err)
	}
	var following scriptLine // rules of the next line
	for _, line := range lines {
		if err := s.read(line, &following); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", fileName, line.Number, err)
		}
	}
	if len(s.lines) == 0 {
		return nil, fmt.Errorf("%s: no command", fileName)
	}
	if s.ekrona && (len(caps) > 1 || len(s.instances) > 0) {
		return nil, fmt.Errorf("%s: ekrona goes with one CAP file, and without install", fileName)
	}
	s.accepted = s.accepted || !s.anyRules
	return s, nil
}

// read takes one line.
func (s *Script) read(line script.Line, following *scriptLine) error {
	step, arguments := line.Step, line.Step.Arguments
	switch {
	case step.Malformed != nil || slices.Contains(vocabulary.Showing, step.Word):
		return nil // nothing of it comes to an applet
	case slices.Contains(refused, step.Word):
		return fmt.Errorf("%s has no place in a script for faults: leave it out, or write the "+
			"command that it sends", step.Word)
	}
	if err := step.Whole(); err != nil {
		return err
	}
	switch step.Word {
	case "seed":
		if len(arguments) != 1 || len(s.lines) > 0 {
			return errors.New("seed comes first, and takes one text")
		}
		s.seed = arguments[0]
		return nil
	case "install":
		return s.readInstall(arguments)
	case "ekrona":
		if len(arguments) > 0 || len(s.lines) > 0 {
			return errors.New("ekrona comes first, and takes nothing")
		}
		s.ekrona = true
		return nil
	case "gain":
		s.anyRules = true
		return s.readRule(arguments, following)
	case "reset":
		if len(arguments) > 0 {
			return errors.New("reset takes nothing")
		}
		s.lines = append(s.lines, scriptLine{number: line.Number, reset: true})
		return nil
	case "cut":
		following.cut = true
		return nil
	case "select":
		command, err := selectCommand(arguments)
		if err != nil {
			return err
		}
		step.Command = command
	}
	next := *following
	if *following = (scriptLine{}); next.cut {
		return nil
	}
	next.number, next.step = line.Number, step
	s.lines = append(s.lines, next)
	return nil
}

func selectCommand(arguments []string) (apdu.Command, error) {
	if len(arguments) != 1 {
		return apdu.Command{}, errors.New("select takes one AID, in hex: faults are in applets, " +
			"not in the card manager")
	}
	aid, err := apdu.ParseHex(arguments[0])
	return apdu.Command{INS: spec.Select.INS, P1: spec.Select.Only().P1, Data: aid,
		Ne: apdu.MaxShortNe}, err
}

func (s *Script) readInstall(words []string) error {
	if len(words) < 1 || len(words) > 3 || len(s.lines) > 0 {
		return errors.New("install comes first: install MODULE [INSTANCE [PARAMETERS]], in hex")
	}
	var i instance
	var err error
	if i.module, err = card.ParseAID(words[0]); err != nil {
		return err
	}
	i.aid = i.module
	if len(words) > 1 {
		if i.aid, err = card.ParseAID(words[1]); err != nil {
			return err
		}
	}
	if len(words) > 2 {
		i.parameters, err = apdu.ParseHex(words[2])
	}
	s.instances = append(s.instances, i)
	return err
}

func (s *Script) readRule(words []string, following *scriptLine) error {
	bad := errors.New("a rule is: gain accepted, gain memory, gain answer HEX, gain changed, or " +
		"gain higher AT LENGTH")
	if len(words) == 0 {
		return bad
	}
	switch {
	case words[0] == "accepted" && len(words) == 1:
		s.accepted = true
	case words[0] == "memory" && len(words) == 1:
		s.memory = true
	case words[0] == "answer" && len(words) > 1:
		pattern, err := apdu.ParseHex(strings.Join(words[1:], " "))
		if err != nil || len(pattern) == 0 {
			return errors.Join(bad, err)
		}
		s.patterns = append(s.patterns, pattern)
	case words[0] == "changed" && len(words) == 1:
		following.changed = true
	case words[0] == "higher" && len(words) == 3:
		var of span
		if n, err := fmt.Sscan(words[1]+" "+words[2], &of.at, &of.length); n != 2 || err != nil ||
			of.at < 0 || of.length < 1 || of.length > maxNumber {
			return bad
		}
		following.higher = append(following.higher, of)
	default:
		return bad
	}
	return nil
}

// maxNumber is how many bytes a number of a rule may have.
const maxNumber = 8

// Name implements [Subject].
func (s *Script) Name() string {
	h := fnv.New64a()
	for _, c := range s.caps {
		_, _ = h.Write(c)
	}
	fmt.Fprintf(h, "%v %v %v %v %v %x", s.seed, s.ekrona, s.instances, s.accepted, s.memory,
		s.patterns)
	for _, line := range s.lines {
		fmt.Fprintln(h, line.reset, line.changed, line.higher, names.Text(line.step))
	}
	return fmt.Sprintf("script %s, %016x on %s", s.FileName, h.Sum64(), s.Profile.Name)
}

// Find implements [Subject].
func (s *Script) Find(ctx context.Context, models []fault.Model) ([]*Target, error) {
	b, err := s.bench()
	if err != nil {
		return nil, err
	}
	var all []*Target
	for i, line := range s.lines {
		if line.reset {
			b.card.Reset()
			continue
		}
		trace, _, err := s.record(ctx, b.card, line)
		switch {
		case errors.Is(err, card.ErrMute):
			return nil, fmt.Errorf("%s:%d, without a fault: %w; if it is to do that, write "+
				"\"-> none\" behind the line", s.FileName, line.number, err)
		case err != nil:
			return nil, fmt.Errorf("%s:%d, without a fault: %w", s.FileName, line.number, err)
		case line.isMute():
			continue
		}
		all = append(all, &Target{Case: s.FileName, Exchanges: map[int]int{
			s.exchangeOf(i): trace.Count(models)}})
	}
	return all, nil
}

// record sends a line's command, records it and checks the answer. Of one that mutes the card
// nothing is recorded: it may run for ever.
func (s *Script) record(
	ctx context.Context, c *card.Card, line scriptLine,
) (trace *fault.Trace, r apdu.Response, err error) {
	transmit := func(ctx context.Context, command apdu.Command) (apdu.Response, error) {
		if line.isMute() {
			trace = &fault.Trace{}
			r, err = c.Transmit(ctx, command)
		} else {
			trace, r, err = fault.Record(ctx, c, command)
		}
		return r, err
	}
	_, err = names.Run(ctx, apdu.CardFunc(transmit), line.step)
	return trace, r, err
}

// Played has what a script played as it is goes to.
type Played interface {
	// Begin gets the card, its seed and the lines that make it what it is, and returns what
	// commands go to.
	Begin(c *card.Card, seed string, lines []string) apdu.Card
	// Reset is told of each reset.
	Reset()
}

// Play sends the script's commands once, without a fault. What fails in it is no error: whoever
// disturbs the script, or compares it, tells of that.
func (s *Script) Play(ctx context.Context, p Played) error {
	b, err := s.bench()
	if err != nil {
		return err
	}
	c := p.Begin(b.card, s.seed, s.head())
	for _, line := range s.lines {
		if line.reset {
			b.card.Reset()
			p.Reset()
			continue
		}
		_, _ = names.Run(ctx, c, line.step)
	}
	return ctx.Err()
}

// head are the lines that a script with the same card begins with.
func (s *Script) head() (lines []string) {
	if s.ekrona {
		lines = append(lines, "ekrona")
	}
	for _, i := range s.instances {
		step := script.Step{Word: "install", Arguments: []string{i.module.String(),
			i.aid.String()}}
		if len(i.parameters) > 0 {
			step.Arguments = append(step.Arguments, fmt.Sprintf("%X", i.parameters))
		}
		lines = append(lines, names.Text(step))
	}
	return lines
}

// exchangeOf is the number of a line's command, from 1.
func (s *Script) exchangeOf(index int) (n int) {
	for _, line := range s.lines[:index+1] {
		if !line.reset {
			n++
		}
	}
	return n
}

// Bench implements [Subject].
func (s *Script) Bench() (Bench, error) { return s.bench() }

// scriptBench has a card with the applet.
type scriptBench struct {
	script    *Script
	card      *card.Card
	installed *card.Snapshot
}

func (s *Script) bench() (*scriptBench, error) {
	b := &scriptBench{script: s}
	prepare := b.install
	if s.ekrona {
		prepare = b.activate
	}
	err := prepare()
	if err != nil {
		return nil, err
	}
	b.installed, err = b.card.Snapshot()
	return b, err
}

// activate has the parties of the suite make an active card of the e-krona.
func (b *scriptBench) activate() error {
	s := b.script
	file, err := cap.Parse(s.caps[0])
	if err != nil {
		return err
	}
	target := suite.NewChangedEmulator(s.Profile, file.LoadFile(), vm.Probe{}).Seeded(s.seed)
	if err := suite.Prepare(context.Background(), target, s.seed); err != nil {
		return fmt.Errorf("%s: ekrona: %w", s.FileName, err)
	}
	b.card = target.Card()
	return nil
}

// install puts the applet onto a card.
func (b *scriptBench) install() error {
	s := b.script
	var err error
	options := card.Options{Profile: s.Profile, Random: card.SeededRandom(s.seed)}
	if b.card, err = card.New(options); err != nil {
		return err
	}
	manager, err := globalplatform.New(b.card,
		globalplatform.Options{Random: card.SeededRandom(s.seed + " card manager")})
	if err != nil {
		return err
	}
	manager.Leave()
	instances := s.instances
	for _, file := range s.caps {
		p, err := b.card.Load(file)
		if err != nil {
			return err
		}
		if len(s.instances) > 0 || len(p.Modules) == 0 {
			continue
		}
		instances = nil // those of the last file that has any
		for _, module := range p.Modules {
			instances = append(instances, instance{module: module, aid: module})
		}
	}
	if len(instances) == 0 {
		return errors.New("the CAP file has no applet to install")
	}
	for _, i := range instances {
		if _, err := b.card.Install(i.module, i.aid, i.parameters); err != nil {
			return fmt.Errorf("%s: %w", s.FileName, err)
		}
	}
	return nil
}

// Run implements [Bench].
func (b *scriptBench) Run(ctx context.Context, t *Target, visit Visit) error {
	if t.Case != b.script.FileName {
		return fmt.Errorf("%w: the script is %s, not %s", ErrNoFault, b.script.FileName,
			apdu.Brief(t.Case))
	}
	if err := b.card.RestoreSnapshot(b.installed); err != nil {
		return err
	}
	exchange := 0
	for i, line := range b.script.lines {
		if line.reset {
			b.card.Reset()
			continue
		}
		exchange++
		if _, asked := t.Exchanges[exchange]; !asked {
			_, err := b.card.Transmit(ctx, line.step.Command)
			if err != nil && !(line.isMute() && errors.Is(err, card.ErrMute)) {
				return fmt.Errorf("%s:%d: %w", b.script.FileName, line.number, err)
			}
			continue
		}
		e, err := fault.NewExperiment(ctx, b.card, line.step.Command)
		if err == nil {
			err = visit(exchange, e, newScriptJudge(ctx, e, b.script, i))
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", b.script.FileName, line.number, err)
		}
		if err := e.Leave(); err != nil {
			return err
		}
	}
	return nil
}
