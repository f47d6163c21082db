package rehearsal

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/personalization"
)

// Rehearse plays the issuing of an order on virtual cards in this state, once for
// each case that the state leaves open, and prices it with a P71 on that link. Of the
// line and the order it uses no secret.
func Rehearse(
	ctx context.Context, l personalization.Line, o personalization.Order, s State, link card.Link,
) (*Plan, error) {
	plan := new(Plan)
	for _, scene := range assumedCases(l, s) {
		steps, err := play(ctx, l, o, s, scene, link)
		if err != nil {
			return nil, fmt.Errorf("rehearsal, if %s: %w", scene.assumption, err)
		}
		plan.Cases = append(plan.Cases, Case{scene.assumption, steps})
	}
	return plan, nil
}

// assumedCase is one case: how far the applet on the card is, and whose.
type assumedCase struct {
	assumption string
	reached    personalization.Stage // by what is on the card; 0 for nothing
	foreign    bool                  // in another order
	outdated   bool                  // with a load file of another version
}

// assumedCases lists the cases that a card's state leaves open.
func assumedCases(l personalization.Line, s State) []assumedCase {
	var specs []assumedCase
	switch {
	case s.Applet == 0:
		specs = []assumedCase{
			{assumption: "nothing of the applet is on the card"},
			{assumption: "its load file is on the card already", reached: personalization.Loaded},
		}
		if l.DeleteApplet {
			specs = append(specs,
				assumedCase{assumption: "a load file of another version is on the card, which goes",
					reached: personalization.Loaded, outdated: true})
		}
	case s.IsStarted():
		reached := personalization.Installed
		if s.Applet == spec.KeysMade {
			reached = personalization.KeysMade
		}
		specs = []assumedCase{{assumption: "the applet on the card is this order's",
			reached: reached}}
		if l.DeleteApplet {
			specs = append(specs,
				assumedCase{assumption: "the applet on the card is another order's, and goes",
					reached: reached, foreign: true},
				assumedCase{assumption: "so it is, and its load file is of another version and " +
					"goes too", reached: reached, foreign: true, outdated: true})
		}
	default:
		specs = []assumedCase{{assumption: "the card is active and this order's",
			reached: personalization.Active}}
	}
	return specs
}

// play records one case.
func play(
	ctx context.Context, l personalization.Line, o personalization.Order, s State,
	scene assumedCase, link card.Link,
) ([]Step, error) {
	stage, err := build(ctx, l, o, s)
	if err != nil {
		return nil, err
	}
	if err := stage.prepare(ctx, scene); err != nil {
		return nil, err
	}
	var steps []Step
	var accounts []emulated.Account
	var failed error
	record := func(e apdu.Exchange) {
		step := Step{Exchange: e}
		for _, account := range accounts {
			cost, err := emulated.Estimate(account, link)
			failed = errors.Join(failed, err)
			step.Estimate = append(step.Estimate, cost...)
		}
		accounts = nil
		steps = append(steps, step)
	}
	wire := apdu.Recorder{Card: stage.card, Sink: func(e apdu.Exchange) {
		accounts = append(accounts, stage.virtual.LastCommand())
		if !e.Carried {
			record(e)
		}
	}}
	line := stage.line
	line.Watch = func(channel apdu.Card) apdu.Card {
		if scene.outdated {
			channel = stage.outdated(channel)
		}
		return apdu.Recorder{Card: channel, Sink: record}
	}
	_, err = line.Issue(ctx, wire, stage.order, stage.secrets, nothing)
	return steps, errors.Join(err, failed)
}

func nothing(personalization.Stage) error { return nil }

// Estimate is what a step takes on a P71, item by item.
type Estimate = card.Cost
