package attack

import (
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
)

// forgedEvidence are attacks that hand the notary a false proof of a payment. The notary keeps
// nothing of it.
var forgedEvidence = []Attack{
	{
		Name:    "item that is not evidence",
		Threat:  "the parser accepts a wrong layout",
		Defence: "every byte is checked before a signature is",
		Clause:  "PROTOCOL.md §4",
		Answers: []error{notary.Malformed},
		Ways: []Way{
			handed("nothing", func(*Setup) ([]byte, error) { return nil, nil }),
			handed("noise", func(*Setup) ([]byte, error) { return []byte{0xE2, 1, 2}, nil }),
			handed("a State among the records", func(s *Setup) ([]byte, error) {
				return envelope.Sign(&message.State{
					Device: s.Stolen, LifeCycle: spec.Active, Date: s.Next.Date,
				}, s.DeviceKey)
			}),
			evidence("a Payment with something behind", func(
				_ *Setup, p message.Payment,
			) ([]byte, error) {
				good, err := message.Encode(&p)
				return append(good, 0), err
			}),
		},
	},
	{
		Name:    "evidence that its named signer has not signed",
		Threat:  "a payer is debited who has not paid, or a payee has decided who has not",
		Defence: "every signature is verified with the registered key of that role",
		Clause:  "PROTOCOL.md §6",
		Answers: []error{notary.Signature},
		Ways: []Way{
			evidence("an altered Payment", func(_ *Setup, p message.Payment) ([]byte, error) {
				p.Request.Amount -= money.Krona
				return message.Encode(&p)
			}),
			evidence("a Payment by a terminal", func(s *Setup, p message.Payment) ([]byte, error) {
				p.Request.Payee, p.Payer, p.ATC = p.Payer, s.Stolen, 1
				return envelope.Sign(&p, s.DeviceKey)
			}),
			evidence("a Receipt by another key", func(s *Setup, p message.Payment) ([]byte, error) {
				return s.receipt(p, p.Request.Payee)
			}),
		},
	},
	{
		Name:    "Payment to its own payer",
		Threat:  "money goes in a circle and is counted twice",
		Defence: "payer and payee are two devices",
		Clause:  "PROTOCOL.md §8, 3",
		Answers: []error{notary.Self},
		Ways: []Way{evidence("", func(s *Setup, p message.Payment) ([]byte, error) {
			p.Request.Payee, p.Payer, p.ATC = s.Stolen, s.Stolen, 7
			return envelope.Sign(&p, s.DeviceKey)
		})},
	},
	{
		Name:    "Receipt of a payee that nobody has registered",
		Threat:  "an invented payee accepts what was refused",
		Defence: "the notary knows payees by their registration",
		Clause:  "PROTOCOL.md §6",
		Answers: []error{notary.Unknown},
		Ways: []Way{evidence("", func(s *Setup, p message.Payment) ([]byte, error) {
			return s.receipt(p, nobodyOf(p.Payer))
		})},
	},
}

// ForgedEvidence returns the attacks that hand over a false proof. Their Payment is one that the
// notary does not hold, their stolen key a terminal's.
func ForgedEvidence() []Attack { return forgedEvidence }

// handed returns an item that is handed to the notary.
func handed(name string, item func(s *Setup) ([]byte, error)) Way {
	return Way{name, func(s *Setup) (Call, error) {
		raw, err := item(s)
		if err != nil {
			return nil, err
		}
		return submit(raw), nil
	}}
}

// evidence returns an item that is made of a Payment.
func evidence(name string, item func(s *Setup, p message.Payment) ([]byte, error)) Way {
	return handed(name, func(s *Setup) ([]byte, error) {
		if s.Payment == nil {
			return nil, errors.New("attack: no Payment was seen yet")
		}
		return item(s, *s.Payment)
	})
}

// genuinePayment is a Payment that its payer has signed.
var genuinePayment = evidence("", func(_ *Setup, p message.Payment) ([]byte, error) {
	return message.Encode(&p)
})

// receipt returns a Receipt in the payee's name, by a key that is not the payee's.
func (s *Setup) receipt(p message.Payment, payee message.DeviceID) ([]byte, error) {
	identity, err := message.Identity(&p)
	if err != nil {
		return nil, err
	}
	return envelope.Sign(&message.Receipt{
		Payee: payee, ATC: 1, Payer: p.Payer, Number: p.Request.Number, Payment: identity,
	}, s.InstructionKey)
}
