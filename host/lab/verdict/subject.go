package verdict

import (
	"context"
	"errors"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/conform"
	"ekrona.example/apdu/globalplatform"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/personalization/preflight"
)

// Subject is a card to judge.
type Subject struct {
	Card  conform.Card
	Where string // the reader, or what kind of virtual card it is
	// AID is that of the application under test; nil has [Run] look for one.
	AID []byte
	// Need is what the e-krona applet takes, for the card's identity.
	Need preflight.Need

	// Model is a virtual card that does the same as the one under test, whose times are estimates
	// of a P71's; nil for none. Virtual reports that it is the card under test itself.
	Model   *emulated.Card
	Virtual bool
	Link    card.Link // of the estimates

	// Suite is where the applet's suite is run; nil leaves it out, and NoSuite says why.
	Suite   suite.Target
	NoSuite string

	// Repeats is how often each command is timed in a reader; 0 is [usualRepeats].
	Repeats int
	Now     func() time.Time // nil is the system's clock
	// Show receives how far the run has come; nil for nobody.
	Show func(text string)
}

const usualRepeats = 10

func (s *Subject) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Subject) show(text string) {
	if s.Show != nil {
		s.Show(text)
	}
}

// whole is the card for whole commands.
func (s *Subject) whole() apdu.Card {
	return apdu.Framing{Card: s.Card.Card, ExtendedLength: s.Card.Extended}
}

// findAID is the application that is tested: the one that was named, the e-krona applet, the issuer
// security domain, or none.
func (s *Subject) findAID(ctx context.Context) ([]byte, error) {
	if len(s.AID) > 0 {
		return s.AID, nil
	}
	ours := spec.Select.Only().APDU([]byte(spec.AppletAID))
	r, err := s.whole().Transmit(ctx, ours)
	switch {
	case err != nil && !errors.Is(err, apdu.ErrResponse):
		return nil, err
	case err == nil && r.SW == apdu.OK:
		return ours.Data, nil
	}
	if err := s.Card.Reset(); err != nil {
		return nil, err
	}
	domain, err := globalplatform.Select(ctx, s.whole(), nil)
	if err != nil {
		return nil, s.unlessRefused(err)
	}
	return domain.AID, nil
}

// unlessRefused is nil for the error of a card that has answered, and is still there.
func (s *Subject) unlessRefused(err error) error {
	var sw apdu.StatusWord
	if errors.As(err, &sw) || s.Card.Reset() == nil {
		return nil
	}
	return err
}
