package attack

import (
	"fmt"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// PaymentOfNobody is a Payment of the card's Request in the name of another device, whose
// certificate anybody can have. Nothing but the signature is wrong with it.
var PaymentOfNobody = Way{"made by nobody", func(s *Setup) (Blow, error) {
	p, err := s.payment(s.Other.id())
	if err != nil {
		return Blow{}, err
	}
	if err := entropy.Fill(s.Random, p.Signature[:]); err != nil {
		return Blow{}, fmt.Errorf("attack: %w", err)
	}
	encoded, err := message.Encode(p)
	return accept(encoded, s.Other.Encoded), err
}}

// acceptances are attacks by ACCEPT: a Payment that the card must not take.
var acceptances = []Attack{
	{
		Name: "Payment with a wrong signature", Threat: "the payee has money that nobody has paid",
		Defence: "the card verifies the Payment by the payer's certificate",
		Clause:  "PROTOCOL.md §8, 3",
		Card:    Asking, Answers: sw(spec.SWSignature),
		Ways: []Way{PaymentOfNobody},
	},
	{
		Name:    "Payment of a Request with a wrong signature",
		Threat:  "the card takes a Request for its own that it has not made",
		Defence: "the card verifies its own signature too", Clause: "PROTOCOL.md §5",
		Card: Asking, Answers: sw(spec.SWSignature),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			return s.paidOther(func(r *message.Request) { r.Signature = broken(r.Signature) })
		}}},
	},
	{
		Name:    "Payment of more than was asked for",
		Threat:  "the payee's balance grows above its limit",
		Defence: "the open Request is kept whole",
		Clause:  "PROTOCOL.md §8, 5", Card: Asking, Answers: sw(spec.SWRequestReused),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			return s.paidOther(func(r *message.Request) { r.Amount += 100000 })
		}}},
	},
	{
		Name:    "Payment of a Request that the card never made",
		Threat:  "a card is credited for what nobody asked, above its limits",
		Defence: "the card knows its open Requests",
		Clause:  "PROTOCOL.md §8, 5", Card: Asking, Answers: sw(spec.SWReferenceUnknown),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			return s.paidOther(func(r *message.Request) { r.Number += 70 })
		}}},
	},
	{
		Name:    "Payment with a certificate that its CA did not sign",
		Threat:  "anybody makes money",
		Defence: "the card verifies the certificate by the CA's key",
		Clause:  "PROTOCOL.md §2", Card: Asking, Answers: sw(spec.SWCertificate),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			blow, err := paid(spec.RoleCard)(s)
			if err == nil {
				blow.Data[1] = flipped(blow.Data[1])
			}
			return blow, err
		}}},
	},
	{
		Name:    "Payment by another device than its certificate's",
		Threat:  "a payer is debited who has not paid",
		Defence: "payer and certificate are one id",
		Clause:  "PROTOCOL.md §5", Card: Asking, Answers: sw(spec.SWAddressee),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			blow, err := paid(spec.RoleCard)(s)
			if err != nil {
				return Blow{}, err
			}
			other, err := s.device(s.Own, spec.RoleCard)
			blow.Data[1] = other.Encoded
			return blow, err
		}}},
	},
	{
		Name:    "Payment of another payee's Request",
		Threat:  "one Payment is taken by two",
		Defence: "the card is the payee, or refuses",
		Clause:  "PROTOCOL.md §8, 5", Card: Asking, Answers: sw(spec.SWAddressee),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			payee, err := s.device(s.Own, spec.RoleCard)
			if err != nil {
				return Blow{}, err
			}
			r := s.request(payee, "")
			if err := message.Sign(r, payee.Signer); err != nil {
				return Blow{}, err
			}
			other := *s
			other.Asked = r
			return paid(spec.RoleCard)(&other)
		}}},
	},
	{
		Name:    "Payment by the card itself",
		Threat:  "money goes in a circle and is counted twice",
		Defence: "payer and payee are two devices",
		Clause:  "PROTOCOL.md §8, 3", Card: Asking, Answers: sw(spec.SWSelf),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			other, err := s.device(s.Own, spec.RoleCard)
			if err != nil {
				return Blow{}, err
			}
			p, err := s.payment(s.Device)
			if err != nil {
				return Blow{}, err
			}
			encoded, err := signed(p, other)
			return accept(encoded, s.Certificate.Encoded), err
		}}},
	},
	{
		Name:    "Payment of a role that is no payer's",
		Threat:  "a stolen terminal's key makes money",
		Defence: "the card looks at role and issuer",
		Clause:  "PROTOCOL.md §8, 11", Card: Asking, Answers: sw(spec.SWRole),
		Ways: []Way{
			{
				"a terminal",
				paid(spec.RoleTerminal),
			}, {"a desk", paid(spec.RoleDesk)}, {"a SAM", paid(spec.RoleSAM)},
			{"a batch of cards", paid(spec.RoleBatch)},
			{"a card of another name than its CA's", func(s *Setup) (Blow, error) {
				payer, err := s.Certify(
					s.Foreign.CA,
					Subject{Holder: string(s.NextID(s.Own)), Role: spec.RoleCard},
				)
				if err != nil {
					return Blow{}, err
				}
				blow, err := s.paidBy(payer)
				blow.Authorities = [][]byte{s.Foreign.CA.Encoded}
				return blow, err
			}},
		},
	},
	{
		Name:    "Payment by a device that has expired",
		Threat:  "a stolen key is used for ever",
		Defence: "the card's date only grows",
		Clause:  "PROTOCOL.md §8, 6", Card: Asking, Answers: sw(spec.SWExpired),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			payer, err := s.expired(spec.RoleCard)
			if err != nil {
				return Blow{}, err
			}
			return s.paidBy(payer)
		}}},
	},
	{
		Name:    "Payment by a payer made up to find out the card's date",
		Threat:  "cards that receive without PIN are told apart by their last synchronisation",
		Defence: "the card verifies a signature before it looks at dates",
		Clause:  "PROTOCOL.md §2", Card: Asking, Answers: sw(spec.SWCertificate),
		Ways: []Way{
			madeUpPayer("before the date", (*Setup).expired),
			madeUpPayer("after it", func(s *Setup, role spec.Role) (Identity, error) {
				return s.device(s.Own, role)
			}),
		},
	},
	{
		Name:    "Payment of a payer whose id is none",
		Threat:  "the card keeps a record that no host can read, and never synchronises again",
		Defence: "the card checks each character of an id", Clause: "PROTOCOL.md §8, 10",
		Card: Asking, Answers: sw(spec.SWWrongData), Ways: strangePayers(),
	},
	{
		Name:    "Payment that is none",
		Threat:  "the parser takes what is not the layout",
		Defence: "every byte is checked before a signature is",
		Clause:  "PROTOCOL.md §4", Card: Asking, Answers: sw(spec.SWWrongData),
		Ways: []Way{
			forgedPayment(
				"record number zero",
				put([]byte{0x9F, 0x36, spec.CounterLength}, 0, 0, 0, 0, 0),
			),
			{"a Request", func(s *Setup) (Blow, error) {
				blow, err := paid(spec.RoleCard)(s)
				if err == nil {
					blow.Data[0], err = message.Encode(s.Asked)
				}
				return blow, err
			}},
			forgedPayment("amount zero", put([]byte{byte(spec.TagAmount), spec.AmountLength}, 0, 0,
				0, 0, 0)),
			cutPayment("cut short", func(good []byte) []byte { return good[:len(good)-1] }),
			cutPayment("nothing", func([]byte) []byte { return nil }),
			{"without a certificate", func(s *Setup) (Blow, error) {
				blow, err := paid(spec.RoleCard)(s)
				if err == nil {
					blow.Data = blow.Data[:1]
				}
				return blow, err
			}},
		},
	},
}

// StolenCA is a Payment by a key that a stolen CA key has certified, for a device that was
// never issued. A card cannot detect it; the intermediary whose key it was pays for it at
// settlement.
var StolenCA = Attack{
	Name:    "Payment by a device that was never issued",
	Threat:  "a stolen CA key makes payers out of nothing",
	Defence: "the payee's limits between two syncs; the intermediary's holding pays first",
	Clause:  "PROTOCOL.md §8, 11",
	Card:    Asking, Answers: sw(spec.SWOK), Keeps: KeepsNothing,
	Ways: []Way{{"", paid(spec.RoleCard)}},
}

func accept(payment, certificate []byte) Blow {
	return Blow{Variant: spec.Accept.Only(), Data: [][]byte{payment, certificate}}
}

// paid is a genuine Payment of the card's Request by a device of the role.
func paid(role spec.Role) func(s *Setup) (Blow, error) {
	return func(s *Setup) (Blow, error) {
		payer, err := s.device(s.Own, role)
		if err != nil {
			return Blow{}, err
		}
		blow, err := s.paidBy(payer)
		blow.Authorities = [][]byte{s.Own.CA.Encoded}
		return blow, err
	}
}

// paidOther is a Payment, genuine itself, of a Request like the card's.
func (s *Setup) paidOther(change func(r *message.Request)) (Blow, error) {
	if s.Asked == nil {
		return Blow{}, errNotAsked
	}
	like, other := *s.Asked, *s
	change(&like)
	other.Asked = &like
	return paid(spec.RoleCard)(&other)
}

func forgedPayment(name string, change func(body []byte) error) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		payer, err := s.device(s.Own, spec.RoleCard)
		if err != nil {
			return Blow{}, err
		}
		blow, err := s.paidBy(payer)
		if err == nil {
			blow.Data[0], err = forge(blow.Data[0], payer.Signer, change)
		}
		return blow, err
	}}
}

// cutPayment is a Payment that loses or gets bytes.
func cutPayment(name string, change func(good []byte) []byte) Way {
	return cut(name, paid(spec.RoleCard), change)
}

// StrangePayer is a card with an id that is not valid.
var StrangePayer = strangePayers()[0]

// strangePayers are cards with ids that are not valid, certified by a stolen CA key.
func strangePayers() []Way {
	var ways []Way
	for _, odd := range besideIDs {
		ways = append(ways, Way{fmt.Sprintf("%02X at the end", odd), func(s *Setup) (Blow, error) {
			payer, err := s.device(s.Own, spec.RoleCard)
			if err != nil {
				return Blow{}, err
			}
			p, err := s.payment(payer.id())
			if err != nil {
				return Blow{}, err
			}
			return s.strangely(payer, p, spec.DeviceIDLength-1, odd, accept)
		}})
	}
	return ways
}

// madeUpPayer is a Payment with a certificate of that payer that its CA has not signed.
func madeUpPayer(name string, payer func(*Setup, spec.Role) (Identity, error)) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		of, err := payer(s, spec.RoleCard)
		if err != nil {
			return Blow{}, err
		}
		blow, err := s.paidBy(of)
		if err == nil {
			blow.Data[1] = flipped(blow.Data[1])
		}
		return blow, err
	}}
}
