package glitch

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"

	"ekrona/apdu"
	"ekrona/applet/campaign"
	"ekrona/applet/suite"
	"ekrona/emulator/cap"
	"ekrona/emulator/card"
	"ekrona/emulator/fault"
)

// Plan is what a campaign tries.
type Plan struct {
	CAP     []byte
	Places  *Places
	Profile card.Profile
	Models  []fault.Model
	Case    string // only cases whose name contains this
	Sample  int    // of so many faults; 0 for all
	Seed    uint64
	Journal string
	Workers int
	Show    func(done, total int, last string)
}

// target is a case with those of its commands that no earlier case sends in the same way.
type target struct {
	suite.Case
	exchanges map[int]bool
	faults    int
}

// String names the case in reports.
func (t *target) String() string { return t.Name }

// Found is a gain as a campaign keeps it.
type Found struct {
	Fault    string   `json:"fault"` // its whole name: model@case/exchange#bytecode
	Model    string   `json:"model"`
	Command  string   `json:"command"` // its header
	Kinds    []Kind   `json:"kinds"`
	Details  []string `json:"details"`
	Place    Place    `json:"place"`
	Mnemonic string   `json:"mnemonic"`
	Path     []Place  `json:"path"`
	N        int      `json:"n"` // the bytecode in the command
}

// counts is what a case adds to the sum.
type counts struct {
	Commands int     `json:"commands"`
	Faults   int     `json:"faults"`
	Found    []Found `json:"found"`
}

// Result is what a campaign has found.
type Result struct {
	Cases, Commands, Faults int
	Possible                int // faults, of which Faults are tried
	Found                   []Found
	Broken                  []string
}

// Run tries faults on the commands of the suite's cases.
func (p Plan) Run(ctx context.Context) (*Result, error) {
	file, err := cap.Parse(p.CAP)
	if err != nil {
		return nil, err
	}
	block := file.LoadFile()
	if len(p.Models) == 0 {
		p.Models = fault.Models()
	}
	targets, err := p.targets(ctx, block)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, t := range targets {
		total += t.faults
	}
	choose := p.chooser(total)
	c := &campaign.Campaign[*target, *target]{
		Name: "glitch", Subject: p.subject(block), Undecided: campaign.Held,
		Journal: p.Journal, Workers: p.Workers,
		Start: func() (campaign.Try[*target, *target], error) {
			b := newBench(p.Profile, block)
			return func(ctx context.Context, t *target, _ *target) campaign.Trial {
				return p.try(ctx, b, t, choose)
			}, nil
		},
	}
	if p.Show != nil {
		c.Progress = func(at campaign.Progress) { p.Show(at.Done, at.Total, at.Last.Variant) }
	}
	for _, t := range targets {
		c.Variants = append(c.Variants, campaign.Variant[*target, *target]{
			Name: t.Name, Value: t, Cases: []*target{t},
		})
	}
	report, err := c.Run(ctx)
	if report == nil {
		return nil, err
	}
	result := &Result{Possible: total}
	for _, o := range report.Outcomes {
		var n counts
		switch o.Verdict {
		case campaign.Open:
			continue
		case campaign.Broken:
			result.Broken = append(result.Broken, o.Variant+": "+o.Detail)
			continue
		}
		if err := json.Unmarshal([]byte(o.Detail), &n); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Variant, err)
		}
		result.Cases++
		result.Commands += n.Commands
		result.Faults += n.Faults
		result.Found = append(result.Found, n.Found...)
	}
	return result, err
}

// subject names what a journal is of.
func (p Plan) subject(block []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(block)
	var models []string
	for _, m := range p.Models {
		models = append(models, m.Name)
	}
	return fmt.Sprintf("%x, %s, models %s, case %q, sample %d, seed %d", h.Sum64(),
		p.Profile.Name, strings.Join(models, " "), p.Case, p.Sample, p.Seed)
}

// targets runs the cases without faults, and finds the commands that are worth trying: what
// executes the same bytecodes and is answered alike is tried once.
func (p Plan) targets(ctx context.Context, block []byte) ([]*target, error) {
	type kind struct {
		trace  uint64
		sw     apdu.StatusWord
		length int
	}
	b := newBench(p.Profile, block)
	known := map[kind]bool{}
	var all []*target
	for _, c := range suite.Untorn() {
		if !strings.Contains(c.Name, p.Case) {
			continue
		}
		t := &target{Case: c, exchanges: map[int]bool{}}
		err := b.run(ctx, c, func(s *stand, command apdu.Command) (apdu.Response, error) {
			trace, r, err := s.record(command)
			if err != nil {
				return r, err
			}
			if k := (kind{trace.Hash(), r.SW, len(r.Data)}); !known[k] {
				known[k] = true
				t.exchanges[s.exchange] = true
				for range trace.Faults(p.Models) {
					t.faults++
				}
			}
			return r, nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s, without a fault: %w", c.Name, err)
		}
		if len(t.exchanges) > 0 {
			all = append(all, t)
		}
	}
	return all, nil
}

// chooser picks so many of all faults, by a hash of their name and the seed.
func (p Plan) chooser(total int) func(name string) bool {
	if p.Sample == 0 || p.Sample >= total {
		return func(string) bool { return true }
	}
	share := float64(p.Sample) / float64(total)
	return func(name string) bool {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s", p.Seed, name)
		x := h.Sum64()
		x ^= x >> 33
		x *= 0xff51afd7ed558ccd
		x ^= x >> 33
		return float64(x>>11)/(1<<53) < share
	}
}

// try tries the faults on the commands of one case.
func (p Plan) try(
	ctx context.Context, b *bench, t *target, choose func(string) bool,
) campaign.Trial {
	var n counts
	var broken error
	err := b.run(ctx, t.Case, func(s *stand, command apdu.Command) (apdu.Response, error) {
		if !t.exchanges[s.exchange] || broken != nil {
			return s.send(command)
		}
		name := func(f fault.Fault) string { return faultName(f, t.Name, s.exchange) }
		chosen := func(f fault.Fault) bool { return choose(name(f)) }
		done, err := s.glitch(command, p.Models, chosen)
		if err != nil {
			broken = fmt.Errorf("exchange %d: %w", s.exchange, err)
		}
		n.Commands++
		n.Faults += done.faults
		for _, h := range done.hits {
			n.Found = append(n.Found, p.found(h, name(h.Fault), command))
		}
		return s.send(command)
	})
	if broken == nil {
		broken = err
	}
	if broken != nil {
		return campaign.Trial{Verdict: campaign.Broken, Detail: broken.Error()}
	}
	detail, err := json.Marshal(n)
	if err != nil {
		return campaign.Trial{Verdict: campaign.Broken, Detail: err.Error()}
	}
	verdict := campaign.Held
	if len(n.Found) > 0 {
		verdict = campaign.Finding
	}
	return campaign.Trial{Verdict: verdict, Detail: string(detail)}
}

// faultName is the whole name of a fault: model@case/exchange#bytecode.
func faultName(f fault.Fault, named string, exchange int) string {
	at := strings.IndexByte(f.String(), '#')
	return fmt.Sprintf("%s@%s/%d%s", f.String()[:at], named, exchange, f.String()[at:])
}

func (p Plan) found(h Hit, name string, command apdu.Command) Found {
	f := Found{Fault: name, Model: h.Fault.Model.Name, Place: p.Places.Of(h.Step),
		Mnemonic: h.Step.Mnemonic(), N: h.Fault.N,
		Command: fmt.Sprintf("%02X%02X%02X%02X", command.CLA, command.INS, command.P1, command.P2)}
	for _, g := range h.Gains {
		f.Kinds = append(f.Kinds, g.Kind)
		f.Details = append(f.Details, g.Detail)
	}
	for _, s := range h.Path {
		f.Path = append(f.Path, p.Places.Of(s))
	}
	return f
}
