package attack

import (
	"bytes"
	"context"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/host/envelope"
	"ekrona.example/host/session"
)

// Terminal is where a Payment comes that did not reach the terminal at the tap.
type Terminal interface {
	Answer(ctx context.Context, waiting envelope.Envelope) error
}

// sales are attacks on a terminal: somebody leaves with goods for which nobody has paid.
var sales = []Attack{
	{
		Name:    "forged Payment at a terminal",
		Threat:  "a customer leaves with goods that nobody has paid",
		Defence: "the terminal verifies the whole chain, and its own Request within",
		Clause:  "PROTOCOL.md §8, 3",
		Answers: []error{session.ErrUndecided},
		Ways: []Way{
			sold("one bit of the payer's signature", func(_ *Setup, e *envelope.Envelope) error {
				return repaid(e, func(p *message.Payment) { p.Signature[9] ^= 1 })
			}),
			sold("another amount", func(_ *Setup, e *envelope.Envelope) error {
				return repaid(e, func(p *message.Payment) { p.Request.Amount++ })
			}),
			sold("another number of the payer's", func(_ *Setup, e *envelope.Envelope) error {
				return repaid(e, func(p *message.Payment) { p.ATC++ })
			}),
			sold("a Request that the terminal never made", func(_ *Setup,
				e *envelope.Envelope,
			) error {
				return repaid(e, func(p *message.Payment) { p.Request.Number += 70 })
			}),
			sold("a payer whose CA did not sign", func(_ *Setup, e *envelope.Envelope) error {
				e.Certificate = bytes.Clone(e.Certificate)
				flipLast(e.Certificate)
				return nil
			}),
			sold("another payer's certificate", func(s *Setup, e *envelope.Envelope) error {
				e.Certificate, e.Authority = s.ForeignCertificate, s.Authority
				return nil
			}),
			sold("a CA that no root has certified", func(_ *Setup, e *envelope.Envelope) error {
				e.Authority = bytes.Clone(e.Authority)
				flipLast(e.Authority)
				return nil
			}),
			sold("no Payment", func(_ *Setup, e *envelope.Envelope) error {
				e.Message = []byte{1}
				return nil
			}),
		},
	},
	{
		Name:    "Payment of another payee's Request at a terminal",
		Threat:  "one Payment buys goods twice, here and elsewhere",
		Defence: "the terminal takes Payments of its own Requests only",
		Clause:  "PROTOCOL.md §8, 5",
		Answers: []error{session.ErrUndecided},
		Ways: []Way{sold("", func(s *Setup, e *envelope.Envelope) error {
			e.Message = s.Message
			return nil
		})},
	},
}

// sold gives the terminal a Payment of its open sale, changed.
func sold(name string, change func(s *Setup, e *envelope.Envelope) error) Way {
	return Way{name, func(s *Setup) (Call, error) {
		e := s.Sale
		if len(e.Message) == 0 {
			return nil, errors.New("attack: no sale was paid")
		}
		if err := change(s, &e); err != nil {
			return nil, err
		}
		return func(ctx context.Context, on Services) error {
			return on.Terminal.Answer(ctx, e)
		}, nil
	}}
}

// repaid changes the Payment after it was signed.
func repaid(e *envelope.Envelope, change func(p *message.Payment)) error {
	p, err := message.Parse[message.Payment](e.Message)
	if err != nil {
		return err
	}
	change(p)
	e.Message, err = message.Encode(p)
	return err
}

// Sales returns the attacks on a terminal.
func Sales() []Attack {
	return controlled(sales, sold("", func(*Setup, *envelope.Envelope) error { return nil }))
}
