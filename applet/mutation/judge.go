package mutation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"

	"ekrona.example/apdu"
	"ekrona.example/applet/campaign"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// profiles are the cards that cases are carried out on: with and without extended
// length.
var profiles = []card.Profile{card.P71, card.P71Short}

// Case is a case of the suite on a card of one profile.
type Case struct {
	suite.Case
	profile card.Profile
	cost    int // instructions
}

// String names the case in reports.
func (c *Case) String() string { return c.Name + ", on " + c.profile.Name }

// Reach is what the suite reaches of a listing.
type Reach struct {
	by map[int][]*Case // by offset of the instruction: the cases that reach it, cheapest first
}

// FindReach carries out all cases on unchanged cards. The error is that of a case that
// fails there.
func (l *Listing) FindReach(ctx context.Context) (*Reach, error) {
	r := &Reach{by: map[int][]*Case{}}
	starts := map[int]bool{}
	for _, i := range l.Instructions {
		starts[i.At] = true
	}
	for _, profile := range profiles {
		if err := r.find(ctx, profile, l.loadFile(Mutant{})); err != nil {
			return nil, err
		}
	}
	for at, cases := range r.by {
		if !starts[at] {
			return nil, fmt.Errorf("the listing has no instruction at %d, which ran", at)
		}
		sort.SliceStable(cases, func(i, j int) bool { return cases[i].cost < cases[j].cost })
	}
	return r, nil
}

// find carries out all cases on cards of one profile.
func (r *Reach) find(ctx context.Context, profile card.Profile, block []byte) error {
	var now *Case
	reached := map[int]bool{}
	target := changedEmulator(profile, block, vm.Probe{
		Instruction: func(at vm.Site) vm.Action {
			reached[at.PC] = true
			now.cost++
			return vm.Action{}
		},
	})
	var runner suite.Runner
	for _, c := range suite.Cases() {
		now = &Case{Case: c, profile: profile}
		clear(reached)
		if err := runner.Run(ctx, target, c); err != nil {
			return fmt.Errorf("%s, with the CAP file as it is: %w", now, err)
		}
		for at := range reached {
			r.by[at] = append(r.by[at], now)
		}
	}
	return nil
}

// changedEmulator is a target with that load file: contactless, but for a profile of short
// APDUs, which stands for a card in a slot.
func changedEmulator(profile card.Profile, block []byte, probe vm.Probe) *suite.Emulator {
	target := suite.NewChangedEmulator(profile, block, probe)
	if profile.ExtendedLength {
		target = target.Over(card.Contactless)
	}
	return target
}

// Unreached are the instructions that no case reaches.
func (l *Listing) Unreached(r *Reach) []Instruction {
	var unreached []Instruction
	for _, i := range l.Instructions {
		if len(r.by[i.At]) == 0 {
			unreached = append(unreached, i)
		}
	}
	return unreached
}

// maxExchanges bounds the APDUs of one case: the longest takes some thousands on a
// card that works, and a changed card must not hold the suite for ever.
const maxExchanges = 20_000

var errTooMany = errors.New("the card keeps the case going for ever")

// bounded is a target whose cards answer only so many APDUs.
type bounded struct {
	*suite.Emulator
	left int
}

// Install implements [suite.Target].
func (b *bounded) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	fresh, err := b.Emulator.Install(ctx, parameters)
	if err != nil {
		return nil, err
	}
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if b.left--; b.left < 0 {
			return apdu.Response{}, errTooMany
		}
		return fresh.Transmit(ctx, c)
	}), nil
}

// Campaign runs the suite on mutants: each is tried on the cases that reach it, the cheapest
// first, until one fails. A mutant that is killed is held, one that survives all its cases is
// a finding.
func (l *Listing) Campaign(
	r *Reach, mutants []Mutant, survivors campaign.Reasons,
) *campaign.Campaign[Mutant, *Case] {
	c := &campaign.Campaign[Mutant, *Case]{
		Name: "mutants", Subject: fmt.Sprintf("%X", sha256.Sum256(l.loadFile(Mutant{}))),
		Undecided: campaign.Finding, Reasons: survivors,
		Start: func() (campaign.Try[Mutant, *Case], error) {
			w := &worker{listing: l}
			return w.try, nil
		},
	}
	for _, m := range mutants {
		c.Variants = append(c.Variants, campaign.Variant[Mutant, *Case]{
			Name: m.key(), Title: m.String(), Value: m, Cases: r.by[m.At],
		})
	}
	return c
}

// worker tries mutants, one after the other. The cards of one stay from case to case.
type worker struct {
	listing *Listing
	runner  suite.Runner
	mutant  string                     // its key
	targets map[string]*suite.Emulator // of that mutant, by profile
}

func (w *worker) try(ctx context.Context, m Mutant, on *Case) campaign.Trial {
	if w.mutant != m.key() {
		w.mutant, w.targets = m.key(), map[string]*suite.Emulator{}
	}
	target := w.targets[on.profile.Name]
	if target == nil {
		target = changedEmulator(on.profile, w.listing.loadFile(m), vm.Probe{})
		w.targets[on.profile.Name] = target
	}
	if w.runner.Run(ctx, &bounded{target, maxExchanges}, on.Case) != nil {
		return campaign.Trial{Verdict: campaign.Held}
	}
	return campaign.Trial{}
}
