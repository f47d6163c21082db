package attack

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// encipheredPayments are attacks on an enciphered PAY by who stands between card and payee, by who
// listens, and by a stranger. None of them may take a try or write anything: a reader in a crowd
// could block the PINs of the cards that pass it.
var encipheredPayments = []Attack{
	{
		Name:    "enciphered PAY with another Request than the PIN was typed for",
		Threat:  "who stands between has the card pay more, or somebody else",
		Defence: "the PIN's proof is over the Request; a batch's point is the Request's",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWMACWrong),
		Ways: sealedAs("", nil, func(p *sealed) {
			p.request.Number++
			p.request.Amount++
		}),
	},
	{
		Name:    "enciphered PAY of a Request whose point is another",
		Threat:  "who stands between, or has heard a Request, takes the payee's place",
		Defence: "the Request that the payee has signed names the point; a phone's is proven",
		Clause:  "PROTOCOL.md §5", Card: Active,
		Answers: sw(spec.SWSignature, spec.SWMACWrong),
		Ways: sealedWays("", func(p *sealed) error {
			genuine, err := p.withPIN()
			if err != nil {
				return err
			}
			if p.own, err = pin.DrawPoint(p.setup.Random); err != nil {
				return err
			}
			if p.batch { // with a PIN of the stranger's
				if genuine, err = p.withPIN(); err != nil {
					return err
				}
			} else {
				copy(genuine[2:], p.own.PublicKey().Bytes())
			}
			return p.sent(genuine)
		}),
	},
	{
		Name:    "enciphered PAY that was heard in another session",
		Threat:  "a PIN that was listened to pays again",
		Defence: "the session's nonce is in keys and proof",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWMACWrong),
		Ways: sealedAs("", func(p *sealed) { p.application.Nonce[0] ^= 1 }, nil),
	},
	{
		Name:    "enciphered PAY after another answer to SELECT",
		Threat:  "who stands between shows another batch, state or capability than the card has",
		Defence: "the proof is over what the card has answered to SELECT",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWMACWrong),
		Ways: slices.Concat(
			sealedAs("another batch, ", func(p *sealed) {
				p.application.Batch = p.application.Batch[:15] + "9"
			}, nil),
			sealedAs("other capabilities, ", func(p *sealed) {
				p.application.Capabilities ^= spec.CapabilityEncipheredPIN
			}, nil),
		),
	},
	{
		Name:    "enciphered PAY whose Request nobody has signed",
		Threat:  "a stranger takes the tries of every card in his reach",
		Defence: "the PIN is looked at after certificate and Request",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWSignature),
		Ways: sealedAs("", nil, func(p *sealed) { p.unsigned = true }),
	},
	{
		Name:    "enciphered PAY of a payee that nobody has certified",
		Threat:  "a stranger takes the tries of every card in his reach",
		Defence: "the PIN is looked at after certificate and Request",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWCertificate),
		Ways: sealedAs("", nil, func(p *sealed) { p.payee.Encoded = flipped(p.payee.Encoded) }),
	},
	{
		Name:    "enciphered PAY with a certificate that is not the payee's",
		Threat:  "a terminal that is certified for itself takes the tries of every card in reach",
		Defence: "the PIN is looked at after certificate and Request",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWAddressee),
		Ways: sealedAs("", func(p *sealed) { p.request.Payee = p.setup.NextID(p.setup.Own) }, nil),
	},
	{
		Name:    "enciphered PAY without a PIN",
		Threat:  "a thief pays with the card, or any reader recognises it by an old Request",
		Defence: "without a PIN the card gives its last Payment again, and nothing else",
		Clause:  "PROTOCOL.md §5", Card: Active, Answers: sw(spec.SWSecurity),
		Ways: sealedWays("", func(p *sealed) error {
			agreement, err := p.agree()
			if err != nil {
				return err
			}
			data, err := agreement.Resend()
			if err != nil {
				return err
			}
			return p.sent(data)
		}),
	},
}

// sealed is an enciphered PAY in the making.
type sealed struct {
	setup       *Setup
	batch       bool
	payee       Identity
	request     *message.Request
	own         *ecdh.PrivateKey
	card        *ecdsa.PublicKey
	application message.FCI
	unsigned    bool
	blow        Blow
}

func (p *sealed) agree() (*pin.Agreement, error) { return pin.Agree(p.own, p.card, p.application) }

// withPIN is the PIN for the Request as it is.
func (p *sealed) withPIN() ([]byte, error) {
	agreement, err := p.agree()
	if err != nil {
		return nil, err
	}
	return agreement.PIN(pin.Block(p.setup.PIN), p.request)
}

// sent makes the blow of the Request as it is, signed, and the data of the PIN.
func (p *sealed) sent(data []byte) error {
	encoded, err := signed(p.request, p.payee)
	if p.unsigned {
		encoded = flipped(encoded)
	}
	p.blow.Data = [][]byte{encoded, p.payee.Encoded, data}
	return err
}

// sealedWays makes the attack on both enciphered forms of PAY.
func sealedWays(name string, make func(p *sealed) error) []Way {
	var ways []Way
	for _, kind := range []string{"own phone", "batch"} {
		ways = append(ways, Way{name + kind, func(s *Setup) (Blow, error) {
			p, err := s.sealed(kind)
			if err == nil {
				err = make(p)
			}
			return p.blow, err
		}})
	}
	return ways
}

// sealedAs makes the attack that changes what the PIN is enciphered for, or what is sent with it.
func sealedAs(name string, before, after func(p *sealed)) []Way {
	return sealedWays(name, func(p *sealed) error {
		if before != nil {
			before(p)
		}
		data, err := p.withPIN()
		if err != nil {
			return err
		}
		if after != nil {
			after(p)
		}
		return p.sent(data)
	})
}

// sealed is a genuine Request of a terminal, with its point.
func (s *Setup) sealed(kind string) (*sealed, error) {
	v, _ := spec.Pay.Variant(kind)
	p := &sealed{setup: s, batch: kind == "batch", card: s.PINKey, application: s.Application,
		blow: Blow{Variant: v}}
	if p.batch {
		p.card = s.Own.Batch.Certificate.PublicKey
	}
	var err error
	if p.own, err = pin.DrawPoint(s.Random); err != nil {
		return p, err
	}
	if p.payee, err = s.device(s.Own, spec.RoleTerminal); err != nil {
		return p, err
	}
	p.request = s.request(p.payee, "")
	p.request.Random = pin.RandomOf(p.own.PublicKey())
	return p, nil
}
