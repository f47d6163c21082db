package verdict

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/conform"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/symptom"
	"ekrona.example/personalization"
	"ekrona.example/personalization/preflight"
)

// Run judges a card. The report is never nil: after an error it has what was found before. An error
// is that of a card that is lost, or of ctx; a card that does not conform is none.
func Run(ctx context.Context, s *Subject) (*Report, error) {
	began := s.now()
	r := &Report{Form: Form, Made: began.UTC().Format(time.RFC3339), Card: s.Where,
		Virtual: s.Virtual, Checks: []Check{}, Timings: []Timing{}, LeftOut: []LeftOut{},
		Known: []symptom.Symptom{}, TimedBy: s.timedBy(),
		Suite: Suite{Why: "the run did not come so far", Clauses: []Clause{}}}
	below := s.Card.Card
	s.Card.Card = apdu.Recorder{Card: below, Sink: r.recognise}
	err := s.steps(ctx, r)
	s.Card.Card = below
	r.Seconds = s.now().Sub(began).Seconds()
	if err != nil {
		r.Interrupted = err.Error()
		if !errors.Is(err, conform.ErrLost) && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", conform.ErrLost, err)
			r.Interrupted = err.Error()
		}
	}
	r.judge()
	return r, err
}

// steps are the parts of the report in their order.
func (s *Subject) steps(ctx context.Context, r *Report) error {
	if err := s.Card.Reset(); err != nil {
		return err
	}
	s.show("what the card is")
	aid, err := s.findAID(ctx)
	if err != nil {
		return err
	}
	r.Application = aid
	options := preflight.Options{ATR: s.Card.ATR(), Today: s.now(),
		FinalVersion: personalization.FinalKeyVersion}
	ours := bytes.Equal(aid, []byte(spec.AppletAID))
	if ours {
		options.Need = s.Need
	}
	identity, err := preflight.Inspect(ctx, s.whole(), options)
	if err == nil {
		r.Identity = &Identity{Report: identity}
		if ours {
			r.Identity.Able = &identity.Able
		}
	} else {
		if lost := s.unlessRefused(err); lost != nil {
			return lost
		}
		r.LeftOut = append(r.LeftOut, LeftOut{"what the card is", err.Error()})
	}
	facts, err := conform.Run(ctx, s.Card, aid, func(result conform.Result) {
		s.show(result.Check.ID)
		r.Checks = append(r.Checks, checkOf(result))
	})
	r.Facts = Facts{facts.Channels, facts.Chaining, facts.Partial, s.Card.Extended}
	if err != nil {
		return err
	}
	s.show("times")
	if r.Timings, err = times(ctx, s, aid); err != nil {
		return err
	}
	if r.Suite, err = suiteOf(ctx, s); err != nil {
		return err
	}
	if !r.Suite.Ran {
		r.LeftOut = append(r.LeftOut, LeftOut{"the applet's suite", r.Suite.Why})
	}
	return nil
}

// timedBy says where times come from.
func (s *Subject) timedBy() string {
	if s.Virtual {
		return "The card is virtual: times are estimates for a P71 over " + s.Link.Name +
			", from published measurements. Nothing was measured."
	}
	return "Measured at this reader, with it and the wire. The model is an estimate for a P71 " +
		"over " + s.Link.Name + ", from published measurements."
}

// recognise keeps what others report of an answer, once.
func (r *Report) recognise(e apdu.Exchange) {
	for _, known := range symptom.Of(e.Command, e.Response, e.Err) {
		if !slices.ContainsFunc(r.Known,
			func(s symptom.Symptom) bool { return s.ID == known.ID }) {
			r.Known = append(r.Known, known)
		}
	}
}
