package verdict

import (
	"context"
	"slices"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
)

// Timing is how long a command takes.
type Timing struct {
	Command string `json:"command"`
	// Measured on the card, with the reader and the wire; nil of a virtual card.
	Measured *Measured `json:"measured"`
	// Model is the estimate for a P71; empty if there is none, and Why says why.
	Model []Part `json:"model"`
	Why   string `json:"no_model,omitempty"`
}

// Measured are the times of a command that was sent several times, in microseconds.
type Measured struct {
	Times    int   `json:"times"`
	LeastUs  int64 `json:"least_us"`
	MedianUs int64 `json:"median_us"`
	MostUs   int64 `json:"most_us"`
}

// Part is a part of an estimate.
type Part struct {
	Group card.CostGroup `json:"group"`
	Us    int64          `json:"us"`
}

// ModelUs is the whole estimate.
func (t Timing) ModelUs() (sum int64) {
	for _, p := range t.Model {
		sum += p.Us
	}
	return sum
}

// groups are those of an estimate, in their order.
var groups = []card.CostGroup{emulated.CostManager, card.CostCrypto, card.CostWrites,
	card.CostBytecode, card.CostWire}

func partsOf(cost card.Cost) []Part {
	parts := []Part{}
	for _, group := range groups {
		if us := cost.Of(group).Microseconds(); us > 0 {
			parts = append(parts, Part{group, us})
		}
	}
	return parts
}

// timed is a command to time, after others.
type timed struct {
	name   string
	before []apdu.Command
	send   apdu.Command
}

// timedCommands are those that any card has, with an application.
func timedCommands(aid []byte) (list []timed) {
	byName := func(name []byte) apdu.Command {
		return apdu.Command{INS: gpc.InsSelect, P1: gpc.P1ByName, Data: name, Ne: apdu.MaxShortNe}
	}
	manager := byName(nil)
	selected := []apdu.Command{manager}
	if len(aid) > 0 {
		list = append(list, timed{"SELECT the application", nil, byName(aid)})
		selected = []apdu.Command{byName(aid)}
	}
	get := func(p1, p2 byte) apdu.Command {
		return apdu.Command{CLA: gpc.ClassPlain, INS: gpc.InsGetData, P1: p1, P2: p2,
			Ne: apdu.MaxShortNe}
	}
	return append(list,
		timed{"SELECT an unknown AID", selected, byName([]byte("\xF0CONFORM"))},
		timed{"an unknown instruction", selected, apdu.Command{INS: 0xFC, Ne: apdu.MaxShortNe}},
		timed{"GET RESPONSE of nothing", selected,
			apdu.Command{INS: apdu.InsGetResponse, Ne: apdu.MaxShortNe}},
		timed{"SELECT the card manager", nil, manager},
		timed{"GET DATA of the production data", []apdu.Command{manager}, get(0x9F, 0x7F)},
		timed{"GET DATA of the card data", []apdu.Command{manager}, get(0, 0x66)},
		timed{"GET DATA of the keys", []apdu.Command{manager}, get(0, 0xE0)},
	)
}

// times times commands. An error is that of a card that is lost, or of ctx.
func times(ctx context.Context, s *Subject, aid []byte) ([]Timing, error) {
	all := []Timing{}
	for _, t := range timedCommands(aid) {
		one := Timing{Command: t.name, Model: []Part{}}
		answered, lost, err := s.measure(ctx, t, &one)
		if err != nil {
			return all, err
		}
		if lost {
			continue
		}
		if s.Model == nil {
			one.Why = "the applet's CAP file is not known: give it with --cap"
		} else if err := s.estimate(ctx, t, answered, &one); err != nil {
			return all, err
		}
		all = append(all, one)
	}
	if s.Suite == nil {
		return all, nil
	}
	more, err := s.timesOfApplet(ctx)
	return append(all, more...), err
}

// measure sends a command as often as it is timed. none reports that the card gave no answer, and
// is there after a reset.
func (s *Subject) measure(
	ctx context.Context, t timed, one *Timing,
) (r apdu.Response, none bool, err error) {
	repeats := max(1, s.Repeats)
	if s.Repeats == 0 {
		repeats = usualRepeats
	}
	if s.Virtual {
		repeats = 1
	}
	var took []time.Duration
	for range repeats {
		if err := s.Card.Reset(); err != nil {
			return r, false, err
		}
		for _, before := range t.before {
			if _, err := s.Card.Card.Transmit(ctx, before); err != nil {
				return r, true, s.unlessRefused(err)
			}
		}
		began := s.now()
		if r, err = s.Card.Card.Transmit(ctx, t.send); err != nil {
			return r, true, s.unlessRefused(err)
		}
		took = append(took, s.now().Sub(began))
	}
	if !s.Virtual {
		one.Measured = measuredOf(took)
	}
	return r, false, nil
}

func measuredOf(took []time.Duration) *Measured {
	slices.Sort(took)
	return &Measured{Times: len(took), LeastUs: took[0].Microseconds(),
		MedianUs: took[len(took)/2].Microseconds(),
		MostUs:   took[len(took)-1].Microseconds()}
}

// estimate has the model do what the card did.
func (s *Subject) estimate(
	ctx context.Context, t timed, answered apdu.Response, one *Timing,
) error {
	if err := s.Model.Reset(); err != nil {
		return err
	}
	for _, before := range t.before {
		if _, err := s.Model.Transmit(ctx, before); err != nil {
			return err
		}
	}
	r, err := s.Model.Transmit(ctx, t.send)
	if err != nil {
		return err
	}
	if r.SW != answered.SW || len(r.Data) != len(answered.Data) {
		one.Why = "the card answers " + answered.SW.String() + ", the model " + r.SW.String()
		if r.SW == answered.SW {
			one.Why = "the card's answer is not as long as the model's"
		}
		return nil
	}
	cost, err := emulated.Estimate(s.Model.LastCommand(), s.Link)
	if err != nil {
		one.Why = err.Error()
		return nil
	}
	one.Model = partsOf(cost)
	return nil
}

// timesOfApplet times every command of the e-krona applet, once.
func (s *Subject) timesOfApplet(ctx context.Context) (all []Timing, err error) {
	profile := card.P71
	if s.Virtual {
		profile = s.Model.Below().Profile()
	}
	accounts, err := suite.Accounts(ctx, profile)
	if err != nil {
		return nil, err
	}
	took := map[string]time.Duration{}
	if !s.Virtual {
		stop := &stopwatch{Target: s.Suite, now: s.now}
		if err := suite.EveryCommand(ctx, stop, func(name string) {
			took[name] = stop.last()
		}); err != nil {
			return nil, err
		}
	}
	for _, a := range accounts {
		one := Timing{Command: a.Name, Model: []Part{}}
		if d, found := took[a.Name]; found {
			one.Measured = measuredOf([]time.Duration{d})
		}
		if cost, err := card.Estimate(a.Stats, s.Link); err != nil {
			one.Why = err.Error()
		} else {
			one.Model = partsOf(cost)
		}
		all = append(all, one)
	}
	return all, nil
}

// stopwatch is a target that times the commands to its cards.
type stopwatch struct {
	suite.Target
	now  func() time.Time
	seen []lap
}

type lap struct {
	ins     byte
	chained bool
	took    time.Duration
}

func (w *stopwatch) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	installed, err := w.Target.Install(ctx, parameters)
	if err != nil {
		return nil, err
	}
	return apdu.Recorder{Card: installed, Now: w.now, Sink: func(e apdu.Exchange) {
		w.seen = append(w.seen, lap{e.Command.INS, e.Command.IsChained(), e.Took})
	}}, nil
}

// last is the time of the last whole command, with the parts of its chain and of its answer.
func (w *stopwatch) last() (sum time.Duration) {
	i := len(w.seen) - 1
	for ; i > 0 && w.seen[i].ins == apdu.InsGetResponse; i-- {
		sum += w.seen[i].took
	}
	if i < 0 {
		return sum
	}
	sum += w.seen[i].took
	for ins := w.seen[i].ins; i > 0 && w.seen[i-1].chained && w.seen[i-1].ins == ins; i-- {
		sum += w.seen[i-1].took
	}
	return sum
}
