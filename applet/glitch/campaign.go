package glitch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"ekrona.example/applet/campaign"
	"ekrona.example/emulator/fault"
)

// Plan is what a campaign tries.
type Plan struct {
	Subject Subject
	Places  *Places
	Models  []fault.Model // nil for fault.Models
	Sample  int           // of so many faults; 0 for all
	Seed    uint64        // which faults
	Pairs   int           // so many pairs of faults in one command, beside the single ones
	Journal string        // file that keeps what was found, to go on from; "" for none
	Workers int           // 0 for as many as there are cores

	// Show, unless nil, is called after every case.
	Show func(done, total int, r *Result)
}

// Run tries faults on the commands of the subject. A result is there also when the context ended,
// of what was tried by then.
func (p Plan) Run(ctx context.Context) (*Result, error) {
	if len(p.Models) == 0 {
		p.Models = fault.Models()
	}
	targets, err := p.Subject.Find(ctx, p.Models)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, t := range targets {
		total += t.faults()
	}
	if total == 0 {
		return nil, fmt.Errorf("%s: %w", p.Subject.Name(), ErrNoApplet)
	}
	result := &Result{Possible: total}
	c := &campaign.Campaign[*Target, *Target]{
		Name: "glitch", Subject: p.name(), Undecided: campaign.Held,
		Journal: p.Journal, Workers: p.Workers,
		Start: func() (campaign.Try[*Target, *Target], error) {
			b, err := p.Subject.Bench()
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context, t *Target, _ *Target) campaign.Trial {
				return p.try(ctx, b, t, total)
			}, nil
		},
	}
	if p.Show != nil {
		shown := &Result{Possible: total}
		c.Progress = func(at campaign.Progress) {
			if shown.add(at.Last) == nil {
				p.Show(at.Done, at.Total, shown)
			}
		}
	}
	for _, t := range targets {
		c.Variants = append(c.Variants, campaign.Variant[*Target, *Target]{
			Name: t.String(), Value: t, Cases: []*Target{t},
		})
	}
	report, err := c.Run(ctx)
	if report == nil {
		return nil, err
	}
	for _, o := range report.Outcomes {
		err = errors.Join(err, result.add(o))
	}
	return result, err
}

// name names what a journal is of.
func (p Plan) name() string {
	var models []string
	for _, m := range p.Models {
		models = append(models, m.Name)
	}
	return fmt.Sprintf("%s, models %s, sample %d, seed %d, pairs %d", p.Subject.Name(),
		strings.Join(models, " "), p.Sample, p.Seed, p.Pairs)
}

// try tries faults on the commands of one case; total is how many there are of all.
func (p Plan) try(ctx context.Context, b Bench, t *Target, total int) campaign.Trial {
	share := 1.0
	if p.Sample > 0 && p.Sample < total {
		share = float64(p.Sample) / float64(total)
	}
	if t.Broken != nil {
		return campaign.Trial{Verdict: campaign.Broken, Detail: t.Broken.Error()}
	}
	var n counts
	err := b.Run(ctx, t, func(exchange int, e *fault.Experiment, o Oracle) error {
		n.Commands++
		w := &work{plan: p, ctx: ctx, target: t, exchange: exchange, e: e, oracle: o, counts: &n}
		if err := w.singles(share); err != nil {
			return err
		}
		pairs := float64(p.Pairs) * float64(t.Exchanges[exchange]) / float64(total)
		return w.pairs(pairs)
	})
	if err != nil {
		return campaign.Trial{Verdict: campaign.Broken, Detail: err.Error()}
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
