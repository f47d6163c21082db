package attack

import (
	"bytes"
	"context"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
)

// registrations are attacks by what an intermediary registers at the notary, and by the
// certificates with which one joins.
var registrations = []Attack{
	{
		Name:    "registration of another intermediary's device",
		Threat:  "a bank takes over a card, and the money that comes in for it",
		Defence: "a device carries the name of its intermediary",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.NotYours},
		Ways: []Way{registered("", func(s *Setup, r *notary.Registration) {
			r.Certificate = s.ForeignCertificate
		})},
	},
	{
		Name:    "registration with a certificate of nobody's",
		Threat:  "an invented card pays, and its bank is not liable",
		Defence: "the notary verifies it by the CA that has joined",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Certificate},
		Ways: []Way{
			registered("an altered signature", func(_ *Setup, r *notary.Registration) {
				r.Certificate = bytes.Clone(r.Certificate)
				flipLast(r.Certificate)
			}),
			registered("a CA's in place of a device's", func(s *Setup, r *notary.Registration) {
				r.Certificate = s.CA
			}),
		},
	},
	{
		Name:    "registration without what it needs, or with more",
		Threat:  "a card has no write-once ceilings, and may be loaded without bounds",
		Defence: "devices that pay have ceilings, others none",
		Clause:  "PROTOCOL.md §8, 10",
		Answers: []error{notary.Malformed},
		Ways: []Way{
			registered("nothing", func(_ *Setup, r *notary.Registration) {
				*r = notary.Registration{}
			}),
			registered("a card without ceilings", func(_ *Setup, r *notary.Registration) {
				r.Ceilings = nil
			}),
			registered("ceilings that are cut short", func(_ *Setup, r *notary.Registration) {
				r.Ceilings = r.Ceilings[:len(r.Ceilings)-1]
			}),
			registered("a card without slots", func(_ *Setup, r *notary.Registration) {
				r.Slots = 0
			}),
			registered("more transactions than slots", func(_ *Setup, r *notary.Registration) {
				r.Slots = spec.MinSlots
				r.Ceilings = []byte(spec.DefaultCeilings)
			}),
			registered("a terminal with ceilings", func(s *Setup, r *notary.Registration) {
				r.Certificate = s.TerminalCertificate
			}),
			registered("an owner that no database keeps", func(_ *Setup, r *notary.Registration) {
				r.Owner = "a\x00b"
			}),
		},
	},
	{
		Name:    "second registration under one id",
		Threat:  "another key spends from a card's shadow wallet, or another owner gets its money",
		Defence: "an id has one key, role, owner, ceilings and slots, for ever",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Taken},
		Ways: []Way{
			registered("another key", func(s *Setup, r *notary.Registration) {
				*r = s.Registered
				r.Certificate = s.SecondKey
			}),
			registered("another owner", func(s *Setup, r *notary.Registration) {
				*r = s.Registered
				r.Owner = "the thief"
			}),
			registered("other ceilings", func(s *Setup, r *notary.Registration) {
				*r = s.Registered
				r.Ceilings = bytes.Clone(r.Ceilings)
				r.Ceilings[len(r.Ceilings)-1] ^= spec.FlagSpendReceived
			}),
			registered("another number of slots", func(s *Setup, r *notary.Registration) {
				*r = s.Registered
				r.Slots++
			}),
		},
	},
	{
		Name:    "joining with certificates that are not the intermediary's two",
		Threat:  "somebody signs devices or Instructions in the name of a bank",
		Defence: "the root has signed both, each for its role and with the bank's name",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Certificate},
		Control: joins,
		Ways: []Way{
			joined("a device's", func(s *Setup) (message.Name, []byte, []byte) {
				return s.ForeignDevice.Name(), s.ForeignCertificate, s.ForeignCertificate
			}),
			joined("the CA's for both", func(s *Setup) (message.Name, []byte, []byte) {
				return s.Device.Name(), s.CA, s.CA
			}),
			joined("under another name", func(s *Setup) (message.Name, []byte, []byte) {
				return s.ForeignDevice.Name(), s.CA, s.InstructionCertificate
			}),
			joined("altered", func(s *Setup) (message.Name, []byte, []byte) {
				altered := bytes.Clone(s.CA)
				flipLast(altered)
				return s.Device.Name(), altered, s.InstructionCertificate
			}),
		},
	},
	{
		Name:    "joining under a name that is none",
		Threat:  "a bank is in the books that no device can name",
		Defence: "names have one form, and certificates one layout",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Malformed},
		Control: joins,
		Ways: []Way{
			joined("too short", func(s *Setup) (message.Name, []byte, []byte) {
				return "tiny", s.CA, s.InstructionCertificate
			}),
			joined("without certificates", func(s *Setup) (message.Name, []byte, []byte) {
				return s.Device.Name(), nil, nil
			}),
		},
	},
}

// EndedRoot is an attack with the key of a root that was put away long ago. It is not among [All]:
// the services' clocks must be past the root's last day.
var EndedRoot = Attack{
	Name:    "joining with keys that a root has certified which has ended",
	Threat:  "who finds an old root's key certifies a bank's keys, and dates them into the future",
	Defence: "what a root certifies is good until the root's own last day at most",
	Clause:  "PROTOCOL.md §2",
	Answers: []error{notary.Certificate},
	Control: joins,
	Ways: []Way{
		joined("both", func(s *Setup) (message.Name, []byte, []byte) {
			return s.Device.Name(), s.ByEndedRoot.CA, s.ByEndedRoot.InstructionKey
		}),
		joined("the instruction key alone", func(s *Setup) (message.Name, []byte, []byte) {
			return s.Device.Name(), s.CA, s.ByEndedRoot.InstructionKey
		}),
	},
}

// joins has an intermediary join again, with the certificates that it has.
var joins = joined("", func(s *Setup) (message.Name, []byte, []byte) {
	return s.Device.Name(), s.CA, s.InstructionCertificate
})

// Registrations returns the attacks by registrations and by joining.
func Registrations() []Attack { return registrations }

// registered returns a registration that would be good, changed.
func registered(name string, change func(s *Setup, r *notary.Registration)) Way {
	return Way{name, func(s *Setup) (Call, error) {
		r := s.Card
		change(s, &r)
		return func(ctx context.Context, on Services) error {
			return on.Notary.Register(ctx, r)
		}, nil
	}}
}

// joined has an intermediary join.
func joined(
	name string, as func(s *Setup) (name message.Name, ca, instructionKey []byte),
) Way {
	return Way{name, func(s *Setup) (Call, error) {
		bank, ca, key := as(s)
		return func(ctx context.Context, on Services) error {
			return on.Operator.Join(ctx, bank, ca, key)
		}, nil
	}}
}
