// Package attack lists what someone may try on the parties that are no cards: the notary, an
// intermediary, a customer's phone. Each attack is one value: the threat, the defence and its
// clause, the call, the correct errors, and what must not have changed afterwards. Attacks on cards
// are those of package applet/attack.
//
// Start at [All]. [Attack.Run] makes an attack on any [Services]; a party of a simulated world
// takes the [Call] of one of its ways and makes it over its own links. [Links] are what
// happens to an honest device's reading on its way. The flows run all of them; the simulator
// and the tests of settlement play some.
//
// To add one, write a value into the file of its service and name it in All.
package attack

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
)

// Attack is one attack, in one or several ways that have the same correct answers.
type Attack struct {
	Name string
	// Threat is who does it, and what would be won.
	Threat string
	// Defence is what stops it.
	Defence string
	// Clause is where the defence is written down.
	Clause string
	// Answers are the correct errors, each a kind for errors.Is. With nil among them the service
	// may accept the attack, and the defence is elsewhere.
	Answers []error
	// Keeps is what must be unchanged.
	Keeps Keeps
	// Control is the call without what is wrong with it, which must succeed: a service that refuses
	// it would refuse the attack by accident.
	Control Way
	// Ways are the attack's variants, at least one.
	Ways []Way
}

// Way is one way of making an attack.
type Way struct {
	Name string // what is wrong; empty when the attack has no other way
	Make func(s *Setup) (Call, error)
}

// Call is the call that a service is given. Its error is the service's answer; where the service
// answers each item by itself, it joins the errors of the items.
type Call func(ctx context.Context, on Services) error

// Services are the parties as the attacker reaches them. An attack needs no more of them than
// its ways call.
type Services struct {
	Notary       notary.Participant // as it answers the attacker's own intermediary
	Operator     Operator
	Intermediary banking.Wallet
	Phone        Phone
	Terminal     Terminal
	// Balances are the notary's books, read before and after.
	Balances func(ctx context.Context) (notary.Balances, error)
}

// Operator is what the central bank's staff do with what an intermediary brings.
type Operator interface {
	Join(ctx context.Context, name message.Name, ca, instructionKey []byte) error
}

// Phone is what anybody can give a customer's phone.
type Phone interface {
	TakeAnswer(ctx context.Context, answer envelope.Envelope) error
}

// Keeps is what an attack must leave as it was.
type Keeps uint8

// The kinds.
const (
	KeepsBalances Keeps = iota // every account of the notary's books
	KeepsRules                 // what must hold (PROTOCOL.md §8): the attacker moves his own
)

// Setup is what the attacker has stolen, overheard or can look up. An attack needs no more of it
// than its ways use.
type Setup struct {
	// InstructionKey is the stolen or dishonest intermediary's.
	InstructionKey crypto.Signer
	// Next is the Instruction that is the device's next, without a credit and not signed.
	Next message.Instruction
	// Used is the number of an Instruction that the device has applied.
	Used uint32
	// ATC is the number of the last record that the device has.
	ATC uint32
	// Issued is all the money that there is, Holding what the intermediary has of it online.
	Issued, Holding money.Ore
	// Ceilings are the device's.
	Ceilings message.Policy
	// ForeignDevice and ForeignKey are another intermediary's device and instruction key.
	ForeignDevice message.DeviceID
	ForeignKey    message.AuthorityRef
	// ForeignCertificate is ForeignDevice's.
	ForeignCertificate []byte
	// CA and InstructionCertificate are those with which the attacker's own intermediary joined.
	CA, InstructionCertificate []byte
	// ByEndedRoot are certificates of another CA and instruction key of it by a root that has
	// ended, with a last day that is still to come.
	ByEndedRoot struct{ CA, InstructionKey []byte }
	// Card is the registration of a card of it that is not registered yet, TerminalCertificate that
	// of a terminal.
	Card                notary.Registration
	TerminalCertificate []byte
	// Registered is the registration of a card of it, SecondKey a certificate for another key under
	// the same id.
	Registered notary.Registration
	SecondKey  []byte
	// Amount is what the attacker tries to gain, in öre.
	Amount money.Ore
	// Order is the attacker's key for what he orders, not used before.
	Order notary.OrderKey

	// Device is whose card or terminal it is about.
	Device message.DeviceID
	// FormerApp is the key of a phone that its owner has replaced.
	FormerApp crypto.Signer
	// Sale is a genuine Payment of a sale that a terminal has open, with its certificates.
	Sale envelope.Envelope
	// App is the key of the phone that its owner has now.
	App crypto.Signer
	// Refusal is genuine, by the card of the phone that is attacked.
	Refusal envelope.Envelope
	// Stolen is a device whose key is DeviceKey, Number that of its next message.
	Stolen    message.DeviceID
	DeviceKey crypto.Signer
	Number    uint32
	// Request and Payment are some that the attacker has seen; of Asked the number is what a
	// false answer names.
	Request *message.Request
	Payment *message.Payment
	Receipt *message.Receipt
	Asked   uint32
	// Message is a signed message that was overheard, unchanged or altered.
	Message []byte
	// Certificate and Authority are the certificates that go with what a phone receives.
	Certificate, Authority []byte
	// Random is for ids, and for signatures that nobody made.
	Random io.Reader
}

// All returns the attacks, by the service that they attack, but [EndedRoot] and [Sales].
func All() []Attack {
	return slices.Concat(
		controlled(append(Instructions(), CreditWithoutOrder), credit("", nil)),
		controlled(append(forgedEvidence, StolenDeviceKey, CorruptedRecord), genuinePayment),
		controlled(registrations, registered("", func(*Setup, *notary.Registration) {})),
		controlled(synchronisations, challenged("", func(*Setup, *notary.Opening) {})),
		controlled([]Attack{HeardMessage, AlteredMessage}, places(bytes.Clone)[0]),
		controlled([]Attack{FormerPhone}, presentPhone),
		controlled([]Attack{RefusalOfNobody}, genuineRefusal),
	)
}

// controlled gives attacks a control, but for those that have one of their own.
func controlled(attacks []Attack, control Way) []Attack {
	made := make([]Attack, len(attacks))
	for n, a := range attacks {
		if a.Control.Make == nil {
			a.Control = control
		}
		made[n] = a
	}
	return made
}

// CheckControl makes the control's call. The error says why it did not succeed.
func (a Attack) CheckControl(ctx context.Context, on Services, s *Setup) error {
	call, err := a.Control.Make(s)
	if err != nil {
		return err
	}
	return call(ctx, on)
}

// IsRight reports whether an answer is one of the correct ones.
func (a Attack) IsRight(answer error) bool {
	if answer == nil {
		return a.MaySucceed()
	}
	return slices.ContainsFunc(a.Answers, func(right error) bool {
		return right != nil && errors.Is(answer, right)
	})
}

// MaySucceed reports whether the service may accept the attack: then the defence is elsewhere.
func (a Attack) MaySucceed() bool { return slices.Contains(a.Answers, nil) }

// Run makes the attack on the services in all its ways, and compares the notary's books before and
// after. The error names each way that was not answered correctly, and what has changed.
func (a Attack) Run(ctx context.Context, on Services, s *Setup) error {
	before, err := on.Balances(ctx)
	if err != nil {
		return fmt.Errorf("%s: before the attack: %w", a.Name, err)
	}
	var failed []error
	for _, way := range a.Ways {
		call, err := way.Make(s)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s%s: %w", a.Name, named(way.Name), err))
			continue
		}
		if answer := call(ctx, on); !a.IsRight(answer) {
			failed = append(failed, fmt.Errorf("%s%s: the answer is %w, and %s is right",
				a.Name, named(way.Name), orNone(answer), errors.Join(a.Answers...)))
		}
	}
	after, err := on.Balances(ctx)
	if err == nil && a.Keeps == KeepsBalances && !reflect.DeepEqual(before, after) {
		err = fmt.Errorf("the books have changed from %+v to %+v", before, after)
	}
	if err != nil {
		failed = append(failed, fmt.Errorf("%s: after the attack: %w", a.Name, err))
	}
	return errors.Join(failed...)
}

func named(way string) string {
	if way == "" {
		return ""
	}
	return ", " + way
}

// errNone stands for an answer without an error.
var errNone = errors.New("no error")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// fill reads random bytes.
func (s *Setup) fill(b []byte) error {
	if _, err := io.ReadFull(s.Random, b); err != nil {
		return fmt.Errorf("attack: the source of randomness: %w", err)
	}
	return nil
}
