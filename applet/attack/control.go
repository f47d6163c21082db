package attack

import (
	"bytes"
	"context"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// Control is an attack's command without what is wrong with it. A card must carry it out: one that
// does not would refuse the attack by accident.
type Control struct {
	Card Condition
	Make func(s *Setup) (Blow, error)
}

// Run has the card carry out the control in a session of its own. The error is a [*Failure] if the
// card does not, or the error of Transmit.
func (c Control) Run(ctx context.Context, card apdu.Card, s *Setup) error {
	r := &run{ctx: ctx, below: card, setup: s}
	return r.try(c.Card, Way{"the control", c.Make}, sw(apdu.OK))
}

// Outside is the control of a stranger, who has neither keys nor PIN.
func (a Attack) Outside() Control {
	switch {
	case a.Card <= Issued:
		return offers
	case a.Card < Active:
		return Control{a.Card, selects.Make}
	}
	return Control{a.Card, draws.Make}
}

// controlled gives attacks their control, but for those that have one of their own.
func controlled(attacks []Attack, control Control) []Attack {
	made := make([]Attack, len(attacks))
	for n, a := range attacks {
		if a.Control.Make == nil {
			a.Control = control
		}
		made[n] = a
	}
	return made
}

// The controls: each is what the attacks of its name do, done by those who may.
var (
	verifies = Control{Active, func(s *Setup) (Blow, error) {
		v, _ := spec.Verify.Variant("plaintext")
		return Blow{Variant: v, Data: [][]byte{s.PIN}}, nil
	}}
	resets = Control{Active, func(s *Setup) (Blow, error) {
		v, _ := spec.ResetRetryCounter.Variant("plaintext")
		return Blow{Variant: v, Data: [][]byte{s.PUK, s.PIN}}, nil
	}}
	verifiesEnciphered = Control{Active, encipheredFor("", nil, bytes.Clone)[0].Make}
	draws              = Control{Active, func(*Setup) (Blow, error) {
		return Blow{Variant: spec.GetChallenge.Only()}, nil
	}}
	selects = Control{Installed, func(*Setup) (Blow, error) {
		return Blow{Variant: spec.Select.Only(), Data: [][]byte{[]byte(spec.AppletAID)}}, nil
	}}
	chained = Control{Active, func(s *Setup) (Blow, error) {
		part, whole := partOfPIN(s)
		return Blow{Before: []Step{{part, apdu.OK}}, Raw: &whole}, nil
	}}

	learns = Control{Installed, func(s *Setup) (Blow, error) {
		return presented(s.Own.CA.Encoded)
	}}
	learnsForeign = Control{Active, func(s *Setup) (Blow, error) {
		return presented(s.Foreign.CA.Encoded)
	}}
	learnsCrisisKey = Control{Ordered, byNextRoot(func(*Setup) Subject {
		return Subject{Holder: "SECRISIS00009", Role: spec.RoleCrisisKey}
	})}
	learnsByCurrentRoot = Control{Active, byNextRoot(func(s *Setup) Subject {
		return Subject{Holder: s.authority("00009"), Role: spec.RoleInstructionKey}
	})}

	storesCertificate = Control{KeysMade, own("", func(*Setup, *Subject) {}).Make}
	renews            = Control{PINEntered, own("", func(s *Setup, of *Subject) {
		of.Last = s.Certificate.Certificate.Expiry.AddDays(1)
	}).Make}
	storesFirstPIN = Control{KeysMade, func(s *Setup) (Blow, error) {
		data, err := s.firstPIN(s.PIN, s.PUK)
		return put1("first PIN", data, err)
	}}
	storesBatchKey = Control{KeysMade, func(s *Setup) (Blow, error) {
		data, err := s.batchLoad(s.Own.Batch)
		return put1("batch key", data, err)
	}}
	certifiesBatch = Control{KeysMade, func(s *Setup) (Blow, error) {
		load, err := storesBatchKey.Make(s)
		if err != nil {
			return Blow{}, err
		}
		blow, err := put1("certificate", s.Own.Batch.Encoded, nil)
		blow.Before = []Step{{load.Command(), apdu.OK}}
		return blow, err
	}}
	renewsBatch = Control{PINEntered, batch("", func(*Setup, *Subject) {}).Make}
	activates   = Control{Personalized, func(*Setup) (Blow, error) {
		return Blow{Variant: spec.Activate.Only()}, nil
	}}

	pairsPhone = Control{Paired, pairWays("",
		func(p *pairing.Pairing, s *Setup, nonce message.Nonce) ([]byte, error) {
			return p.Command(pin.Block(s.PIN), nonce)
		})[0].Make}
	authenticates = Control{Paired, func(s *Setup) (Blow, error) {
		data, err := authenticate(s, s.PairKey, s.Nonce)
		return Blow{Variant: spec.MutualAuthenticate.Only(), Data: [][]byte{data}}, err
	}}
	readsSecured = Control{Paired, authenticatedWay("",
		func(channel *pairing.Channel, _ apdu.Command) (Blow, error) {
			command, err := securedCommand(channel, readBalance())
			return Blow{Raw: &command}, err
		}).Make}

	requestsPayment = Control{PINEntered, asking("", func(_ *Setup, good []byte) ([]byte, error) {
		return good, nil
	}).Make}
	refuses = Control{Asking, refusing("", func(number []byte) []byte {
		return number
	}).Make}
	pays           = Control{PINEntered, asked(spec.RoleTerminal, "", nil)}
	paysEnciphered = Control{Active, sealedAs("", nil, nil)[1].Make}
	accepts        = Control{Asking, paid(spec.RoleCard)}

	showsState = Control{Active, func(s *Setup) (Blow, error) {
		return s.challenged(s.Own.InstructionKey, s.Device, nil)
	}}
	applies = Control{Active, func(s *Setup) (Blow, error) {
		return s.twoSigned(s.Next, s.Notary, nil)
	}}
	takesOrder = Control{Ordered, func(s *Setup) (Blow, error) {
		return s.orderedBy(s.order(), s.Crisis, s.Notary)
	}}
)

// linkNext is the root's certificate of the next one's key.
func (s *Setup) linkNext() (Identity, error) {
	next := s.UnknownRoot.Certificate
	return s.Certify(s.Root, Subject{Holder: string(next.Holder), Role: spec.RoleRoot,
		Key: next.PublicKey})
}

// byNextRoot is a certificate by the next root, which the card has learned.
func byNextRoot(of func(s *Setup) Subject) func(s *Setup) (Blow, error) {
	return func(s *Setup) (Blow, error) {
		link, err := s.linkNext()
		if err != nil {
			return Blow{}, err
		}
		made, err := s.Certify(s.UnknownRoot, of(s))
		return Blow{Variant: spec.VerifyCertificate.Only(), Data: [][]byte{made.Encoded},
			Authorities: [][]byte{link.Encoded}}, err
	}
}

// on is the control on a card in another condition.
func (c Control) on(card Condition) Control { return Control{card, c.Make} }

// Failure is a way of an attack that a card has not refused as it must, or a control that it has
// not carried out.
type Failure struct {
	Attack, Way string
	// Exchanges are those of its session, secrets included.
	Exchanges []apdu.Exchange
	// Led reports that all that leads to the blow succeeded; else the attack was not made.
	Led bool
	Err error
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Attack == "" {
		return fmt.Sprintf("%s: %v", f.Way, f.Err)
	}
	return fmt.Sprintf("%s%s: %v", f.Attack, named(f.Way), f.Err)
}

// Unwrap returns what is wrong.
func (f *Failure) Unwrap() error { return f.Err }
