package rehearsal

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/scp03"
)

// Plan is what may be sent.
type Plan struct {
	Cases []Case
}

// Case is the list of commands under one assumption.
type Case struct {
	Assumption string // "nothing of the applet is on the card"
	Steps      []Step
}

// Step is one command of a list.
type Step struct {
	apdu.Exchange
	Estimate Estimate
}

// Shape is what of a command is known beforehand.
type Shape struct {
	CLA, INS, P1, P2 byte
	Length           int // of the data, in bytes
}

// ShapeOf is the shape of a command.
func ShapeOf(c apdu.Command) Shape { return Shape{c.CLA, c.INS, c.P1, c.P2, len(c.Data)} }

// Shapes are those of the commands that go over the wire for an exchange.
func Shapes(e apdu.Exchange) []Shape {
	var all []Shape
	for _, below := range e.OnWire() {
		all = append(all, ShapeOf(below.Command))
	}
	return all
}

// Shapes are those of the commands that go over the wire for the step.
func (s Step) Shapes() []Shape { return Shapes(s.Exchange) }

// optional reports whether a list may omit the step: moving the card's life cycle
// to where it is already.
func (s Step) optional() bool { return s.Command.INS == gpc.InsSetStatus }

// ErrUnplanned is returned if a command was about to be sent that nobody had read before.
var ErrUnplanned = errors.New("this command was not rehearsed and was not sent: the card is in " +
	"another state than it seemed; check it again, and begin anew")

// Guard wraps a card and passes only what the plan has, in its order. More of a
// list that a card returns in parts may be asked for.
func (p Plan) Guard(card apdu.Card) apdu.Card {
	g := &guard{card: card}
	for _, c := range p.Cases {
		g.open = append(g.open, expected{steps: c.Steps})
	}
	return g
}

// guard is a Guard at work.
type guard struct {
	card apdu.Card
	open []expected
	last Shape
}

// expected is what is left of a case.
type expected struct {
	steps []Step
	wire  int // commands of the first step that have gone out
}

// Transmit sends c if it is the next of a list.
func (g *guard) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	shape := ShapeOf(c)
	if isMore(g.last, shape) {
		return g.card.Transmit(ctx, c)
	}
	var left []expected
	for _, e := range g.open {
		if next, found := e.after(shape); found {
			left = append(left, next)
		}
	}
	if left == nil {
		return apdu.Response{}, fmt.Errorf("%02X %02X %02X %02X with %d bytes: %w", c.CLA, c.INS,
			c.P1, c.P2, len(c.Data), ErrUnplanned)
	}
	g.open, g.last = left, shape
	return g.card.Transmit(ctx, c)
}

// after is what is left when a command of this shape has gone out, if it may.
func (e expected) after(shape Shape) (expected, bool) {
	for i, step := range e.steps {
		wire, shapes := 0, step.Shapes()
		if i == 0 {
			wire = e.wire
		}
		if isPlanned(shapes[wire], shape) {
			if wire++; wire < len(shapes) {
				return expected{e.steps[i:], wire}, true
			}
			return expected{e.steps[i+1:], 0}, true
		}
		if wire > 0 || !step.optional() {
			break
		}
	}
	return expected{}, false
}

// isPlanned compares a command with the list. Which of the levels with encryption the
// channel has is the card's offer.
func isPlanned(want, shape Shape) bool {
	if shape.INS == gpc.InsExternalAuthenticate && shape.CLA == gpc.ClassSecure &&
		scp03.Level(shape.P1)&scp03.CMACEncryption == scp03.CMACEncryption {
		want.P1 = shape.P1
	}
	return want == shape
}

// isMore reports whether a command asks for more of the same list (GPC §11.4.2.2).
func isMore(last, shape Shape) bool {
	if last.INS != gpc.InsGetStatus || last.CLA&^gpc.SecureBit != gpc.ClassPlain {
		return false
	}
	last.P2 |= gpc.StatusNext
	return shape == last
}
