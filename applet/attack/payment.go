package attack

import (
	"bytes"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// payments are attacks by PAY: a Request that the card must not pay. The PIN is verified, so
// that no other check stops them.
var payments = []Attack{
	{
		Name:    "Request of a payee whose id is none",
		Threat:  "the card keeps a record that no host can read, and never synchronises again",
		Defence: "the card checks each character of an id", Clause: "PROTOCOL.md §8, 10",
		Card: PINEntered, Answers: sw(spec.SWWrongData), Ways: strangePayees(),
	},
	{
		Name:    "Request with a wrong signature",
		Threat:  "a payee is paid for what he never asked, under a number of his",
		Defence: "the card verifies the Request by the payee's certificate",
		Clause:  "PROTOCOL.md §8, 11",
		Card:    PINEntered, Answers: sw(spec.SWSignature),
		Ways: []Way{
			{"by another key", func(s *Setup) (Blow, error) {
				payee, err := s.device(s.Own, spec.RoleTerminal)
				if err != nil {
					return Blow{}, err
				}
				other, err := s.device(s.Own, spec.RoleTerminal)
				if err != nil {
					return Blow{}, err
				}
				encoded, err := signed(s.request(payee, ""), other)
				return pay(encoded, payee.Encoded), err
			}},
		},
	},
	{
		Name: "Request with a certificate that its CA did not sign", Threat: "anybody is a payee",
		Defence: "the card verifies the certificate by the CA's key", Clause: "PROTOCOL.md §2",
		Card: PINEntered, Answers: sw(spec.SWCertificate),
		Ways: []Way{
			{
				"one bit",
				asked(
					spec.RoleTerminal,
					"",
					func(_ *Setup, certificate []byte) ([]byte, error) {
						return flipped(certificate), nil
					},
				),
			},
			{
				"signed by a device",
				asked(spec.RoleTerminal, "", func(s *Setup, certificate []byte) ([]byte, error) {
					other, err := s.device(s.Own, spec.RoleTerminal)
					if err != nil {
						return nil, err
					}
					return forgeCertificate(certificate, other, func([]byte) error { return nil })
				}),
			},
		},
	},
	{
		Name: "Request of a payee whose point is none", Threat: "whoever chose the point can sign",
		Defence: "the card takes uncompressed points on the curve alone",
		Clause:  "PROTOCOL.md §2",
		Card:    PINEntered,
		Answers: sw(spec.SWCertificate),
		Ways: noPointWays(func(s *Setup, change func(body []byte) error) (Blow, error) {
			return certifiedAs(change)(s)
		}),
	},
	{
		// A platform may see it when it takes the key or when it computes.
		Name:    "Request of a payee whose point is off the curve",
		Threat:  "whoever chose the point can sign",
		Defence: "the platform refuses the point, and the card says so",
		Clause:  "PROTOCOL.md §2",
		Card:    PINEntered,
		Answers: sw(spec.SWCertificate, spec.SWSignature),
		Ways:    []Way{{"", certifiedAs(offCurve)}},
	},
	{
		Name:    "Request for another payer",
		Threat:  "a Request is paid twice, by two cards",
		Defence: "the card pays what names it, or nobody",
		Clause:  "PROTOCOL.md §8, 5", Card: PINEntered, Answers: sw(spec.SWAddressee),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			payee, err := s.device(s.Own, spec.RoleTerminal)
			if err != nil {
				return Blow{}, err
			}
			return s.requested(payee, s.NextID(s.Own))
		}}},
	},
	{
		Name:    "Request by another device than its certificate's",
		Threat:  "a payee is shown who is not paid",
		Defence: "payee and certificate are one id",
		Clause:  "PROTOCOL.md §5",
		Card:    PINEntered,
		Answers: sw(spec.SWAddressee),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			blow, err := asked(spec.RoleTerminal, "", nil)(s)
			if err != nil {
				return Blow{}, err
			}
			other, err := s.device(s.Own, spec.RoleTerminal)
			blow.Data[1] = other.Encoded
			return blow, err
		}}},
	},
	{
		Name:    "Request by the card itself",
		Threat:  "money goes in a circle and is counted twice",
		Defence: "payer and payee are two devices",
		Clause:  "PROTOCOL.md §8, 3", Card: PINEntered, Answers: sw(spec.SWSelf),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			other, err := s.device(s.Own, spec.RoleCard)
			if err != nil {
				return Blow{}, err
			}
			encoded, err := signed(s.request(s.Certificate, ""), other)
			return pay(encoded, s.Certificate.Encoded), err
		}}},
	},
	{
		Name:    "Request in another currency",
		Threat:  "a small amount of one is a large one of another",
		Defence: "the card has one currency",
		Clause:  "PROTOCOL.md §4", Card: PINEntered, Answers: sw(spec.SWCurrency),
		Ways: []Way{forgedRequest("euro", put([]byte{0x5F, 0x2A, 2}, 0, 0x09, 0x78))},
	},
	{
		Name:    "Request of a day that no calendar has",
		Threat:  "the card keeps a record that no host can read, and never synchronises again",
		Defence: "the card takes days from 2000-01-01 to 2099-12-31 only",
		Clause:  "PROTOCOL.md §8, 10", Card: PINEntered, Answers: sw(spec.SWWrongData),
		Ways: noDays("000000", "260001", "261301", "269901", "260100", "260132", "260229", "990229",
			"280230", "260431", "260631", "260931", "261131", "260732", "260832", "261232"),
	},
	{
		Name:    "Request that is none",
		Threat:  "the parser takes what is not the layout",
		Defence: "every byte is checked before a signature is",
		Clause:  "PROTOCOL.md §4", Card: PINEntered, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			forgedRequest("amount zero", put([]byte{byte(spec.TagAmount), 4}, 0, 0, 0, 0, 0)),
			forgedRequest(
				"a Refusal's tag",
				func(body []byte) error { body[0] = byte(spec.TagRefusal); return nil },
			),
			forgedRequest("a date that is none", noDate(0x25)),
			dated("a terminal's without a date", spec.RoleTerminal),
			dated("a desk's without a date", spec.RoleDesk),
			dated("a card's with a date", spec.RoleCard),
			dated("a SAM's with a date", spec.RoleSAM),
			forgedRequest("a field's tag", put([]byte{0x9F}, 0, 0x38)),
			cutRequest(
				"a byte left out",
				func(good []byte) []byte { return append(bytes.Clone(good[:40]), good[41:]...) },
			),
			cutRequest("nothing", func([]byte) []byte { return nil }),
			cutRequest(
				"only the body",
				func(good []byte) []byte { return good[:len(good)-signatureObject] },
			),
			corruptedPair(
				"without a certificate",
				func(_ *Setup, pair [][]byte) [][]byte { return pair[:1] },
			),
			corruptedPair(
				"a byte behind the certificate",
				func(_ *Setup, pair [][]byte) [][]byte { return append(pair, []byte{0}) },
			),
			corruptedPair("a certificate cut short", func(_ *Setup, pair [][]byte) [][]byte {
				return [][]byte{pair[0], pair[1][:len(pair[1])-1]}
			}),
			corruptedPair(
				"a CA's certificate",
				func(s *Setup, pair [][]byte) [][]byte {
					return [][]byte{pair[0], s.Own.CA.Encoded}
				},
			),
			{"the last day of the certificate is none", certifiedAs(noDate(0x24))},
			{"the first day of the certificate is none", certifiedAs(noDate(0x25))},
			{"a certificate that ends before it begins", certifiedAs(backwards)},
			cutRequest(
				"something between",
				func(good []byte) []byte { return append(bytes.Clone(good), 0x80, 0) },
			),
		},
	},
	{
		Name:    "Request by a device that has expired",
		Threat:  "a stolen terminal takes money for ever",
		Defence: "the card's date only grows",
		Clause:  "PROTOCOL.md §8, 6", Card: PINEntered, Answers: sw(spec.SWExpired),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			payee, err := s.expired(spec.RoleTerminal)
			if err != nil {
				return Blow{}, err
			}
			return s.requested(payee, "")
		}}},
	},
	{
		Name:    "Request above the limit for one payment",
		Threat:  "more moves at once than the policy allows",
		Defence: "the limit is looked at before the balance",
		Clause:  "PROTOCOL.md §8, 7", Card: PINEntered, Answers: sw(spec.SWPaymentLimit),
		Ways: []Way{
			askedFor("by one öre", spec.RoleTerminal, func(s *Setup) money.Ore {
				return s.Next.Policy.MaxPayment + 1
			}),
			askedFor("as far as can be", spec.RoleTerminal, func(*Setup) money.Ore {
				return message.MaxAmount
			}),
		},
	},
	{
		Name:    "Request above the balance",
		Threat:  "a card pays what it has not",
		Defence: "the balance is looked at before the debit",
		Clause:  "PROTOCOL.md §8, 7", Card: PINEntered, Answers: sw(spec.SWFunds),
		Ways: []Way{
			askedFor("of a desk, as far as can be", spec.RoleDesk, func(*Setup) money.Ore {
				return message.MaxAmount
			}),
		},
	},
	{
		Name:    "Request without the PIN",
		Threat:  "a thief pays with the card",
		Defence: "each debit needs a PIN that was verified in the session",
		Clause:  "PROTOCOL.md §3", Card: Active, Answers: sw(spec.SWSecurity),
		Stranger: true,
		Ways:     []Way{{"", asked(spec.RoleTerminal, "", nil)}},
	},
	{
		Name:    "Request of a role that is no payee's",
		Threat:  "a stolen key of another purpose takes money",
		Defence: "the card looks at role and issuer",
		Clause:  "PROTOCOL.md §2", Card: PINEntered, Answers: sw(spec.SWRole),
		Ways: []Way{
			{"a desk", asked(spec.RoleDesk, "", nil)},
			{"a batch of cards", asked(spec.RoleBatch, "", nil)},
			{"a notary's role", asked(spec.RoleCard, "",
				func(s *Setup, certificate []byte) ([]byte, error) {
					return forgeCertificate(certificate, s.Own.CA,
						put([]byte{byte(spec.TagRole), 1}, 0, byte(spec.RoleNotary)))
				})},
			{"another bank's desk, that names the card", func(s *Setup) (Blow, error) {
				desk, err := s.device(s.Foreign, spec.RoleDesk)
				if err != nil {
					return Blow{}, err
				}
				encoded, err := signed(s.request(desk, s.Device), desk)
				blow := pay(encoded, desk.Encoded)
				blow.Authorities = [][]byte{s.Foreign.CA.Encoded}
				return blow, err
			}},
			{"a terminal of another name than its CA's", func(s *Setup) (Blow, error) {
				payee, err := s.Certify(
					s.Foreign.CA,
					Subject{Holder: string(s.NextID(s.Own)), Role: spec.RoleTerminal},
				)
				if err != nil {
					return Blow{}, err
				}
				encoded, err := signed(s.request(payee, ""), payee)
				blow := pay(encoded, payee.Encoded)
				blow.Authorities = [][]byte{s.Foreign.CA.Encoded}
				return blow, err
			}},
		},
	},
}

func pay(request, certificate []byte) Blow {
	return Blow{Variant: spec.Pay.Only(), Data: [][]byte{request, certificate}}
}

// asked is a genuine Request by a device of the role, whose certificate is corrupted.
func asked(
	role spec.Role, payer message.DeviceID,
	corrupt func(s *Setup, certificate []byte) ([]byte, error),
) func(s *Setup) (Blow, error) {
	return func(s *Setup) (Blow, error) {
		payee, err := s.device(s.Own, role)
		if err != nil {
			return Blow{}, err
		}
		blow, err := s.requested(payee, payer)
		if err == nil && corrupt != nil {
			blow.Data[1], err = corrupt(s, blow.Data[1])
		}
		return blow, err
	}
}

// askedFor is a genuine Request over that amount; a desk's names the card.
func askedFor(name string, role spec.Role, amount func(s *Setup) money.Ore) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		other := *s
		other.Amount = amount(s)
		payer := message.DeviceID("")
		if role == spec.RoleDesk {
			payer = s.Device
		}
		return asked(role, payer, nil)(&other)
	}}
}

// certifiedAs is a genuine Request by a device whose CA signs another body.
func certifiedAs(change func(body []byte) error) func(s *Setup) (Blow, error) {
	return asked(spec.RoleTerminal, "", func(s *Setup, certificate []byte) ([]byte, error) {
		return forgeCertificate(certificate, s.Own.CA, change)
	})
}

// dated is a Request of a device that has a date where it may not, or none where it must.
func dated(name string, role spec.Role) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		payee, err := s.device(s.Own, role)
		if err != nil {
			return Blow{}, err
		}
		r := s.request(payee, s.Device)
		if r.Date.IsZero() {
			r.Date = s.Next.Date
		} else {
			r.Date = message.Date{}
		}
		encoded, err := signed(r, payee)
		return pay(encoded, payee.Encoded), err
	}}
}

// forgedRequest is a Request whose payee signs a malformed body.
func forgedRequest(name string, change func(body []byte) error) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		payee, err := s.device(s.Own, spec.RoleTerminal)
		if err != nil {
			return Blow{}, err
		}
		blow, err := s.requested(payee, "")
		if err == nil {
			blow.Data[0], err = forge(blow.Data[0], payee.Signer, change)
		}
		return blow, err
	}}
}

// cutRequest is a Request that loses or gets bytes.
func cutRequest(name string, change func(good []byte) []byte) Way {
	return cut(name, asked(spec.RoleTerminal, "", nil), change)
}

// corruptedPair is a genuine Request whose certificate is not where it should be.
func corruptedPair(name string, change func(s *Setup, pair [][]byte) [][]byte) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		blow, err := asked(spec.RoleTerminal, "", nil)(s)
		if err == nil {
			blow.Data = change(s, blow.Data)
		}
		return blow, err
	}}
}

// StrangePayee is a terminal with an id that is not valid.
var StrangePayee = strangePayees()[0]

// strangePayees are terminals with ids that are not valid, certified by a stolen CA
// key.
func strangePayees() []Way {
	var ways []Way
	for _, odd := range besideIDs {
		for _, at := range []int{spec.DeviceIDLength - 1, spec.NameLength} {
			ways = append(
				ways,
				Way{fmt.Sprintf("%02X at %d", odd, at), func(s *Setup) (Blow, error) {
					payee, err := s.device(s.Own, spec.RoleTerminal)
					if err != nil {
						return Blow{}, err
					}
					return s.strangely(payee, s.request(payee, ""), at, odd, pay)
				}},
			)
		}
	}
	return ways
}

// strangely makes a device's id in its certificate and in its message none.
func (s *Setup) strangely(
	d Identity, m message.Message, at int, odd byte, blow func(message, certificate []byte) Blow,
) (Blow, error) {
	alter := strange(d.id(), at, odd)
	certificate, err := forgeCertificate(d.Encoded, s.Own.CA, alter)
	if err != nil {
		return Blow{}, err
	}
	encoded, err := message.Encode(m)
	if err != nil {
		return Blow{}, err
	}
	if encoded, err = forge(encoded, d.Signer, alter); err != nil {
		return Blow{}, err
	}
	made := blow(encoded, certificate)
	made.Authorities = [][]byte{s.Own.CA.Encoded}
	return made, nil
}

// noDays are Requests with these dates, otherwise genuine.
func noDays(days ...string) (ways []Way) {
	for _, day := range days {
		digits := []byte(day)
		for i := range digits {
			digits[i] -= '0'
		}
		ways = append(ways,
			forgedRequest(day, put([]byte{0x5F, 0x25, spec.DateLength}, 0, digits...)))
	}
	return ways
}
