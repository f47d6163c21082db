package mutation

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"ekrona/apdu"
	"ekrona/applet/suite"
	"ekrona/emulator/card"
	"ekrona/emulator/vm"
)

// profiles are the cards that stories are told to: with and without extended
// length.
var profiles = []card.Profile{card.P71, card.P71Short}

// telling is a story told to a card of one profile.
type telling struct {
	suite.Story
	profile card.Profile
	cost    int // instructions
}

// Reach is what the suite reaches of a listing.
type Reach struct {
	by map[int][]*telling // by offset of the instruction: the tellings that reach it, cheapest first
}

// FindReach tells all stories to unchanged cards. The error is that of a story
// that fails there.
func (l *Listing) FindReach(ctx context.Context) (*Reach, error) {
	r := &Reach{by: map[int][]*telling{}}
	block := l.loadFile(Mutant{})
	starts := map[int]bool{}
	for _, i := range l.Instructions {
		starts[i.At] = true
	}
	for _, profile := range profiles {
		var teller suite.Teller
		for _, story := range suite.Stories() {
			t := &telling{Story: story, profile: profile}
			reached := map[int]bool{}
			see := vm.Probe{Instruction: func(at vm.Site) vm.Action {
				reached[at.PC] = true
				t.cost++
				return vm.Action{}
			}}
			if err := teller.Tell(ctx, suite.NewChangedEmulator(profile, block, see), story); err != nil {
				return nil, fmt.Errorf("%s, told to the CAP file as it is on %s: %w", story.Name, profile.Name, err)
			}
			for pc := range reached {
				if !starts[pc] {
					return nil, fmt.Errorf("the listing has no instruction at %d, which ran", pc)
				}
				r.by[pc] = append(r.by[pc], t)
			}
		}
	}
	for _, tellings := range r.by {
		sort.SliceStable(tellings, func(i, j int) bool { return tellings[i].cost < tellings[j].cost })
	}
	return r, nil
}

// Unreached are the instructions that no story reaches.
func (l *Listing) Unreached(r *Reach) []Instruction {
	var unreached []Instruction
	for _, i := range l.Instructions {
		if len(r.by[i.At]) == 0 {
			unreached = append(unreached, i)
		}
	}
	return unreached
}

// maxExchanges bounds the APDUs of one story: the longest takes some thousands on a
// card that works, and a changed card must not hold the suite for ever.
const maxExchanges = 20_000

var errTooMany = errors.New("the card keeps the story going for ever")

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

// Verdict is what the suite made of a mutant.
type Verdict struct {
	Mutant
	Killer string // the story that failed; "" if all passed
	Told   int    // stories told to find out
}

// Judge tells the mutant every story that reaches it, the cheapest first, until one
// fails.
func (l *Listing) Judge(ctx context.Context, teller *suite.Teller, r *Reach, m Mutant) Verdict {
	verdict := Verdict{Mutant: m}
	block := l.loadFile(m)
	for _, t := range r.by[m.At] {
		verdict.Told++
		target := &bounded{suite.NewChangedEmulator(t.profile, block, vm.Probe{}), maxExchanges}
		if err := teller.Tell(ctx, target, t.Story); err != nil {
			verdict.Killer = t.Name
			return verdict
		}
	}
	return verdict
}
