package attack

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"ekrona.example/apdu/spec"
)

// states are attacks by commands in a state of the life cycle that is not theirs.
func states() []Attack {
	return []Attack{
		{
			Name:    "command before the card has keys",
			Threat:  "a card without keys signs with zeros, or takes a thief's PIN",
			Defence: "each command is carried out in its own states only",
			Clause:  "REFERENCE.md, commands", Card: Installed, Answers: sw(spec.SWConditions),
			Control: learns, Stranger: true, Ways: outOfState(spec.Installed),
		},
		{
			Name:    "half-personalized card: command before activation",
			Threat:  "a card that nobody has registered pays, or tells what it holds",
			Defence: "each command is carried out in its own states only",
			Clause:  "PROTOCOL.md §7; REFERENCE.md, commands", Card: Personalized,
			Answers: sw(spec.SWConditions), Control: activates, Stranger: true,
			Ways: outOfState(spec.KeysMade),
		},
		{
			Name:    "personalization of an active card",
			Threat:  "a thief gives the card keys, or a PIN, of his own",
			Defence: "each command is carried out in its own states only",
			Clause:  "PROTOCOL.md §7; REFERENCE.md, commands", Card: Active,
			Answers: sw(spec.SWConditions, spec.SWSecurity), Control: draws, Stranger: true,
			Ways: append(outOfState(spec.Active), personalizationAgain()...),
		},
		{
			Name:    "command on a blocked card",
			Threat:  "a card that was reported lost goes on paying",
			Defence: "blocked stops REQUEST, a new PAY and ACCEPT",
			Clause:  "PROTOCOL.md §3", Card: Blocked, Answers: sw(spec.SWBlocked),
			Control: requestsPayment, Ways: stopped(),
		},
		{
			Name:    "command on a closed card",
			Threat:  "a card that has ended goes on paying",
			Defence: "closed stops REQUEST, a new PAY and ACCEPT, for good",
			Clause:  "PROTOCOL.md §3", Card: Closed, Answers: sw(spec.SWClosed),
			Control: requestsPayment, Ways: stopped(),
		},
	}
}

// outOfState is every command that is not carried out in a state, with zeros for data.
func outOfState(state spec.LifeCycle) []Way {
	var ways []Way
	for _, c := range spec.Commands {
		if c.States == nil || slices.Contains(c.States, state) {
			continue
		}
		for _, v := range c.Variants {
			ways = append(ways, Way{fmt.Sprintf("%s (%02X)", v.Title(), c.INS),
				func(*Setup) (Blow, error) { return zeros(v), nil }})
		}
	}
	return ways
}

// zeros is a command with as many zeros for data as it takes at least.
func zeros(v spec.Variant) Blow {
	shortest, _ := spec.SizeOf(v.In)
	return Blow{Variant: v, Data: [][]byte{make([]byte, shortest)}, Heard: true}
}

// personalizationAgain is PUT DATA of what an active card has already.
func personalizationAgain() []Way {
	var ways []Way
	for _, name := range []string{"first PIN", "batch key"} {
		ways = append(ways, Way{name, func(*Setup) (Blow, error) {
			v, found := spec.PutData.Variant(name)
			if !found {
				return Blow{}, fmt.Errorf("attack: PUT DATA has no variant %q", name)
			}
			return zeros(v), nil
		}})
	}
	return ways
}

// stopped is what blocked and closed cards do not do.
func stopped() []Way {
	return []Way{
		{"PAY", pays.Make}, {"REQUEST", requestsPayment.Make}, {"ACCEPT", accepts.Make},
	}
}

// public are what anybody may read (PROTOCOL.md §3).
var public = []string{"batch certificate", "crisis order", "crisis certificate"}

// reads is the attack by which a stranger reads a card.
func reads() Attack {
	a := Attack{
		Name:    "reading without the PIN",
		Threat:  "whoever stands beside the owner reads the balance, or knows the card again",
		Defence: "without PIN and pair key a reader learns what cards of a batch have in common",
		Clause:  "PROTOCOL.md §3", Card: Active, Answers: sw(spec.SWSecurity), Stranger: true,
		Control: Control{PINEntered, func(*Setup) (Blow, error) { return raw(readBalance()), nil }},
	}
	add := func(v spec.Variant) {
		a.Ways = append(a.Ways, Way{v.Title(), func(*Setup) (Blow, error) {
			return Blow{Variant: v}, nil
		}})
	}
	for _, v := range spec.GetData.Variants {
		if !slices.Contains(public, v.Name) {
			add(v)
		}
	}
	for _, v := range spec.ReadRecord.Variants {
		add(v)
	}
	return a
}

// strangers are attacks by whoever meets a card and has nothing.
var strangers = []Attack{
	{
		Name:    "chain that a stranger has made",
		Threat:  "a root, a notary and a bank of the stranger's own become the card's",
		Defence: "the chain begins at the root that the card was installed with",
		Clause:  "PROTOCOL.md §2", Card: Active, Stranger: true, Control: learnsForeign,
		Answers: sw(spec.SWReferenceUnknown, spec.SWCertificate, spec.SWRole),
		Ways: []Way{
			strangeAuthority("CA", func(s *Setup) Subject {
				return Subject{Holder: s.authority("00001"), Role: spec.RoleIntermediary}
			}),
			strangeAuthority("notary", func(*Setup) Subject {
				return Subject{Holder: "SENOTARY00001", Role: spec.RoleNotary}
			}),
			strangeAuthority("instruction key", func(s *Setup) Subject {
				return Subject{Holder: s.authority("00001"), Role: spec.RoleInstructionKey}
			}),
			strangeAuthority("crisis key", func(*Setup) Subject {
				return Subject{Holder: "SECRISIS00001", Role: spec.RoleCrisisKey}
			}),
			strangeAuthority("next root", func(s *Setup) Subject {
				root := string(s.Root.Certificate.Holder[:spec.NameLength])
				return Subject{Holder: root + "00002", Role: spec.RoleRoot}
			}),
		},
	},
	{
		Name:    "session of a phone that the card is not paired with",
		Threat:  "a stranger reads balance and log, and learns whether the card is paired",
		Defence: "the phone proves the key first; one answer, whatever is wrong",
		Clause:  "PROTOCOL.md §5, pairing", Card: Active, Stranger: true,
		Control: authenticates, Answers: sw(spec.SWNotPaired),
		Ways: []Way{authenticateWay("", func(s *Setup) ([]byte, error) {
			return authenticate(s, s.PairKey, s.Nonce)
		})},
	},
	{
		Name:    "PIN enciphered to another key than the card's",
		Threat:  "a stranger blocks the PINs of the cards that pass him",
		Defence: "the MAC is verified before a try is taken",
		Clause:  "PROTOCOL.md §3", Card: Active, Stranger: true, Control: verifiesEnciphered,
		Answers: sw(spec.SWMACWrong),
		Ways:    encipheredToOther(),
	},
	{
		Name:    "crisis order that a stranger has signed",
		Threat:  "a stranger raises the limits of the cards that pass him",
		Defence: "the card knows crisis key and notary by role",
		Clause:  "PROTOCOL.md §8, 12", Card: Active, Stranger: true, Control: takesOrder,
		Answers: sw(spec.SWReferenceUnknown, spec.SWSignature, spec.SWClosed),
		Ways: []Way{{"", func(s *Setup) (Blow, error) {
			crisis := Identity{Signer: s.UnknownRoot.Signer, Certificate: s.Crisis.Certificate}
			notary := Identity{Signer: s.UnknownRoot.Signer, Certificate: s.Notary.Certificate}
			o := s.order()
			o.Number = math.MaxUint32 // later than any that a card which was found may hold
			return s.orderedBy(o, crisis, notary)
		}}},
	},
}

// strangeAuthority is a certificate of an authority by a root that is not the card's, under its
// name.
func strangeAuthority(name string, of func(s *Setup) Subject) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		root := Identity{Signer: s.UnknownRoot.Signer, Certificate: s.Root.Certificate}
		made, err := s.Certify(root, of(s))
		if err != nil {
			return Blow{}, err
		}
		return presented(made.Encoded)
	}}
}

// encipheredToOther are PINs that are enciphered to the key of another card.
func encipheredToOther() []Way {
	var ways []Way
	for _, way := range encipheredFor("", nil, bytes.Clone) {
		ways = append(ways, Way{way.Name, func(s *Setup) (Blow, error) {
			other := *s
			other.PINKey = s.Other.Certificate.PublicKey
			return way.Make(&other)
		}})
	}
	return ways
}
