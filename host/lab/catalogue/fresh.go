package catalogue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/attack"
	"ekrona.example/applet/suite"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
)

// Cards are fresh cards for one worker.
type Cards struct {
	// Applet gives cards with the applet, Managed those that are reached through their security
	// domain; they may be the same.
	Applet, Managed suite.Target
	// Keys are those of the security domain.
	Keys scp03.KeySource
}

// Fresh makes fresh cards for one worker.
type Fresh func() (Cards, error)

// VirtualCards are virtual cards of a profile with this program's applet. A seed that is not empty
// makes their randomness repeat.
func VirtualCards(profile card.Profile, seed string) Fresh {
	return func() (c Cards, err error) {
		applet := suite.NewEmulator(profile)
		if seed != "" {
			applet = applet.Seeded(seed)
		}
		c.Applet = applet
		c.Keys, c.Managed, err = managed(profile, seed)
		return c, err
	}
}

// managed makes a virtual card whose security domain has keys that nobody else knows.
func managed(profile card.Profile, seed string) (scp03.Keys, suite.Target, error) {
	random := rand.Reader
	options := card.Options{Profile: profile}
	if seed != "" {
		random = card.SeededRandom(seed + " card manager")
		options.Random = card.SeededRandom(seed)
	}
	keys := scp03.Keys{ENC: make([]byte, 16), MAC: make([]byte, 16), DEK: make([]byte, 16)}
	for _, key := range keys.List() {
		if err := entropy.Fill(random, key); err != nil {
			return keys, nil, err
		}
	}
	below, err := card.New(options)
	if err != nil {
		return keys, nil, err
	}
	managing := globalplatform.Options{Keys: keys, Random: random}
	made, err := globalplatform.New(below, managing)
	if err != nil {
		return keys, nil, err
	}
	target, err := suite.NewManaged(made, made.Reset, keys,
		suite.Capabilities{ShortOnly: !profile.ExtendedLength})
	return keys, target, err
}

// worker plays one attack after the other.
type worker struct {
	plan   Plan
	scheme *scheme
	cards  *Cards
	runner suite.Runner
}

// fresh are the worker's cards.
func (w *worker) fresh() (Cards, error) {
	if w.cards == nil {
		make := w.plan.Fresh
		if make == nil {
			make = VirtualCards(card.P71, w.plan.Seed)
		}
		made, err := make()
		if err != nil {
			return made, err
		}
		w.runner.Seed, w.cards = w.plan.Seed, &made
	}
	return *w.cards, nil
}

// cardEntry is an attack on a card.
func cardEntry(target Target, a attack.Attack) Entry {
	e := Entry{Target: target, Name: a.Name, Threat: a.Threat, Defence: a.Defence, Clause: a.Clause,
		Ways: []string{}, Destroys: a.Destroys}
	for _, way := range a.Ways {
		if way.Name != "" {
			e.Ways = append(e.Ways, way.Name)
		}
	}
	e.play = func(ctx context.Context, w *worker) Result {
		if found := w.plan.Found; found != nil {
			return found.play(ctx, e, a)
		}
		return w.playFresh(ctx, e, a)
	}
	return e
}

// playFresh plays the control on one fresh card and the attack on another.
func (w *worker) playFresh(ctx context.Context, e Entry, a attack.Attack) Result {
	cards, err := w.fresh()
	if err != nil {
		return e.broken("the card", err)
	}
	target := cards.Applet
	if e.Target == Domain {
		target = cards.Managed
	}
	if _, sets := target.(suite.MemorySetter); a.Card.IsSet() && !sets {
		return e.result(NotApplicable, noSetting)
	}
	played, err := w.runner.Stage(ctx, target, a.Name, a.Control.Card, false,
		func(c apdu.Card, s *attack.Setup) error {
			s.DomainKeys = cards.Keys
			return a.Control.Run(ctx, c, s)
		})
	switch {
	case !played:
		return e.broken("the control's card", err)
	case err != nil:
		return e.broken("the control, which must succeed", err)
	}
	cutter, cuts := target.(suite.Cutter)
	if a.Torn && !cuts {
		return e.result(NotApplicable, noPower)
	}
	keeps := a.Keeps == attack.KeepsState || a.Keeps == attack.KeepsMoney
	var failed []error
	played, err = w.runner.Stage(ctx, target, a.Name, a.Card, keeps,
		func(c apdu.Card, s *attack.Setup) error {
			s.DomainKeys = cards.Keys
			if cuts {
				s.Power = &attack.Power{Cut: cutter.Cut,
					Reset: func() error { return cutter.Reset(ctx) }}
			}
			failed = a.Try(ctx, c, s)
			return errors.Join(failed...)
		})
	switch {
	case !played:
		return e.broken("the card", err)
	case len(failed) > 0:
		return e.notRefused(failed)
	case err != nil:
		return e.broken("beside the attack", err)
	case a.Keeps == attack.KeepsNothing:
		return e.result(Elsewhere, "the card cannot notice it: "+a.Defence)
	}
	return e.result(Refused, "")
}

// noPower is why an attack that tears commands is not applicable.
const noPower = "no reader cuts the power within a command: a virtual card's does"

// noSetting is why an attack on a counter that nears its end is not applicable.
const noSetting = "no reader writes a card's memory: a virtual card's can be"

// notRefused is the result of an attack with these failures.
func (e Entry) notRefused(failed []error) Result {
	r := e.result(NotRefused, "")
	for _, err := range failed {
		f := Failure{What: err.Error(), Exchanges: exchangesOf(err)}
		var of *attack.Failure
		if errors.As(err, &of) {
			f.Way, f.What = of.Way, of.Err.Error()
			if !of.Led {
				f.What = "the attack could not be made: " + f.What
			}
		}
		r.Failures = append(r.Failures, f)
	}
	return r
}

// exchangesOf are the exchanges with a card that led to an error, decoded.
func exchangesOf(err error) []trace.Exchange {
	var f *attack.Failure
	if !errors.As(err, &f) {
		return nil
	}
	decoder := vocabulary.Decoder()
	rule := decoder.Follow().Rule()
	exchanges := make([]apdu.Exchange, len(f.Exchanges))
	for n, e := range f.Exchanges {
		e.Masked = rule.Secrets(e.Command, e.Response)
		exchanges[n] = e
	}
	return decoder.Sequence(exchanges)
}

// Text is what was sent and answered, as text.
func (f Failure) Text() string {
	var b strings.Builder
	for _, e := range f.Exchanges {
		fmt.Fprint(&b, trace.Text{Raw: true}.Exchange(e))
	}
	return b.String()
}
