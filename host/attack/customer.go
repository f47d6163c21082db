package attack

import (
	"bytes"
	"context"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/wallet"
)

// HeardMessage is a genuine message that somebody has overheard, given to a service once more or
// where it does not belong. Anybody may hand over a genuine message, any number of times.
var HeardMessage = Attack{
	Name:    "overheard message, sent again or elsewhere",
	Threat:  "a payment or a credit counts twice, or for another",
	Defence: "each message names its signer, its number and its type",
	Clause:  "PROTOCOL.md §8, 5",
	Answers: []error{
		nil, banking.ErrMalformed, banking.ErrNotForDesk, banking.ErrNoDevice, banking.ErrNoOrder,
		notary.Malformed, notary.Signature, notary.Unknown, notary.Sequence,
	},
	Keeps: KeepsRules,
	Ways:  places(bytes.Clone),
}

// AlteredMessage is an altered message, which nobody has signed.
var AlteredMessage = Attack{
	Name:    "message that was altered on its way",
	Threat:  "a payment goes to another, or is of another amount",
	Defence: "every signature is verified with the registered key",
	Clause:  "PROTOCOL.md §8, 11",
	Answers: []error{
		banking.ErrMalformed, banking.ErrNotForDesk, notary.Malformed, notary.Signature,
	},
	Ways: places(func(m []byte) []byte {
		m = bytes.Clone(m)
		flipLast(m)
		return m
	}),
}

// places returns a way for each place where a service takes a message.
func places(change func(m []byte) []byte) []Way {
	place := func(name string, call func(context.Context, Services, *Setup, []byte) error) Way {
		return Way{name, func(s *Setup) (Call, error) {
			if len(s.Message) == 0 {
				return nil, errors.New("attack: no message was overheard yet")
			}
			m := change(s.Message)
			return func(ctx context.Context, on Services) error { return call(ctx, on, s, m) }, nil
		}}
	}
	return []Way{
		place("handed over", func(ctx context.Context, on Services, _ *Setup, m []byte) error {
			answers, err := on.Intermediary.HandOver(ctx, [][]byte{m})
			for _, a := range answers {
				err = errors.Join(err, a.Err)
			}
			return err
		}),
		place("as a Confirmation",
			func(ctx context.Context, on Services, s *Setup, m []byte) error {
				return on.Intermediary.Confirm(ctx, s.Device, m)
			}),
		place("as an unload's Payment", func(
			ctx context.Context, on Services, _ *Setup, m []byte,
		) error {
			_, err := on.Intermediary.TakeUnload(ctx, m)
			return err
		}),
		place("as a Confirmation, to the notary", func(
			ctx context.Context, on Services, _ *Setup, m []byte,
		) error {
			return on.Notary.Confirm(ctx, m)
		}),
	}
}

// FormerPhone is an order that is signed by the key of a phone that its owner has replaced.
var FormerPhone = Attack{
	Name:    "order by a former phone",
	Threat:  "a thief of the phone loads a card or empties it",
	Defence: "the former key signs nothing more, once the next is registered",
	Clause:  "PROTOCOL.md §9",
	Answers: []error{order.ErrSignature},
	Ways: []Way{
		ordered("a load", order.Load, func(ctx context.Context, on Services, o order.Signed) error {
			return on.Intermediary.PlaceLoad(ctx, o)
		}),
		ordered("an unload", order.Unload, func(
			ctx context.Context, on Services, o order.Signed,
		) error {
			_, err := on.Intermediary.RequestUnload(ctx, o)
			return err
		}),
	},
}

// presentPhone is an order by the phone that its owner has now.
var presentPhone = Way{"", func(s *Setup) (Call, error) {
	present := *s
	present.FormerApp = s.App
	return ordered("", order.Load, func(ctx context.Context, on Services, o order.Signed) error {
		return on.Intermediary.PlaceLoad(ctx, o)
	}).Make(&present)
}}

// genuineRefusal is given to the phone of the card that has made it.
var genuineRefusal = Way{"", func(s *Setup) (Call, error) {
	return func(ctx context.Context, on Services) error {
		return on.Phone.TakeAnswer(ctx, s.Refusal)
	}, nil
}}

func ordered(
	name string, kind order.Kind, place func(context.Context, Services, order.Signed) error,
) Way {
	return Way{name, func(s *Setup) (Call, error) {
		if s.FormerApp == nil {
			return nil, errors.New("attack: there is no former phone")
		}
		o, err := order.New(kind, s.Device, s.Amount, s.Random, s.FormerApp)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, on Services) error { return place(ctx, on, o) }, nil
	}}
}

// RefusalOfNobody is given to a customer's phone, for a Request of its own card. A phone that
// took it would never close the Request on the card.
var RefusalOfNobody = Attack{
	Name:    "Refusal that the card has not given",
	Threat:  "a Request stays open on the card for ever, and reserves room there",
	Defence: "the phone verifies the Refusal by its card's certificate",
	Clause:  "PROTOCOL.md §5",
	Answers: []error{wallet.ErrAltered},
	Ways: []Way{{"", func(s *Setup) (Call, error) {
		if s.Request == nil {
			return nil, errors.New("attack: no Request was seen yet")
		}
		identity, err := message.Identity(s.Request)
		if err != nil {
			return nil, err
		}
		refusal := &message.Refusal{
			Payee: s.Request.Payee, ATC: 1, Number: s.Request.Number, Request: identity,
			Payer: s.Request.Payer,
		}
		if err := s.fill(refusal.Signature[:]); err != nil {
			return nil, err
		}
		encoded, err := message.Encode(refusal)
		if err != nil {
			return nil, err
		}
		answer := envelope.Envelope{
			Message: encoded, Certificate: s.Certificate, Authority: s.Authority,
		}
		return func(ctx context.Context, on Services) error {
			return on.Phone.TakeAnswer(ctx, answer)
		}, nil
	}}},
}
