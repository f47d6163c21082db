// Package attack lists the attacks on a card, each once and as a value: the threat, the
// defence and its clause, the commands, the right answers, and what must not have changed
// afterwards.
//
// Start at [All]. An attack is made with a scheme's test keys ([Setup]): [Attack.Run] tries
// it on any [apdu.Card], and a party of a simulation takes the [Blow] of one of its ways and
// sends it over its own links. The APDU suite runs all of them; the simulator plays some.
//
// To add one, write a value into the file of its command and name it in All.
package attack

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"fmt"
	"io"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/scp03"
	"ekrona.example/apdu/spec"
)

// Attack is one attack, in one or several ways to which the same answers are right.
type Attack struct {
	Name string
	// Threat is what an attacker would gain.
	Threat string
	// Defence is what stops it.
	Defence string
	// Clause is where the defence is written down.
	Clause string
	// Card is the state that the card must be in.
	Card Condition
	// Answers are the status words that are right, one for nearly all attacks. With 9000
	// the card cannot detect the attack, and another party has to.
	Answers []apdu.StatusWord
	// Keeps is what must be on the card as before.
	Keeps Keeps
	// Control is what the card must carry out.
	Control Control
	// Stranger reports that whoever holds a card can make the attack: without its PIN, and without
	// the keys of its scheme.
	Stranger bool
	// Torn reports that it cuts the power within a command, which no reader can.
	Torn bool
	// Destroys is what it may take from a card that is not set back afterwards; empty for most.
	Destroys string
	// Ways are the attack's variants, at least one.
	Ways []Way
}

// Way is one way of making an attack.
type Way struct {
	Name string // what is wrong; empty when the attack has no other way
	Make func(s *Setup) (Blow, error)
}

// Blow is what the card is given.
type Blow struct {
	Variant spec.Variant
	// Data are the parts of the command's data: the message, then the certificate of the
	// device that it is of, if the command takes one.
	Data [][]byte
	// Authorities are the certificates, all genuine, that the card must know first.
	Authorities [][]byte
	// Before are the commands that lead to it, right before.
	Before []Step
	// ToChallenge makes the data from what GET CHALLENGE has answered right before.
	ToChallenge func(challenge [spec.NonceLength]byte) ([]byte, error)
	// Heard is a command that somebody listened to, and gives to a card outside the session that
	// it was for.
	Heard bool
	// Raw is the command when it is of no variant, such as one of another class.
	Raw *apdu.Command
	// Holds, if not nil, says what is wrong with an answer whose status word is right.
	Holds func(answer []byte) error
	// Act, if not nil, makes the whole attack in the session that has begun, where one command
	// cannot; its error says what was not refused.
	Act func(ctx context.Context, card apdu.Card) error
	// Answers are the right ones for this way alone, where they are not the attack's.
	Answers []apdu.StatusWord
}

// Step is a command that leads to a blow, with its only right answer.
type Step struct {
	Command apdu.Command
	Answer  apdu.StatusWord
}

// Command is the blow as a command.
func (b Blow) Command() apdu.Command {
	if b.Raw != nil {
		return *b.Raw
	}
	return b.Variant.APDU(b.Data...)
}

// title names the command.
func (b Blow) title() string {
	if b.Raw != nil {
		return fmt.Sprintf("%02X%02X%02X%02X", b.Raw.CLA, b.Raw.INS, b.Raw.P1, b.Raw.P2)
	}
	return b.Variant.Title()
}

// sw are status words.
func sw(words ...apdu.StatusWord) []apdu.StatusWord { return words }

// Keeps is what an attack must leave as it was.
type Keeps uint8

// The kinds.
const (
	// KeepsState is the State: balance, records, open Requests, date; and how many tries
	// the PIN has left.
	KeepsState   Keeps = iota
	KeepsMoney         // the same, without the tries
	KeepsLed           // what the commands that lead to it have changed; its answer says the rest
	KeepsNothing       // the card takes it
)

// Identity is a key with its certificate.
type Identity struct {
	Signer      crypto.Signer
	Certificate *cvc.Certificate
	Encoded     []byte // the certificate as it goes over the wire, 7F21
}

func (i Identity) reference() message.AuthorityRef {
	return message.AuthorityRef(i.Certificate.Holder)
}

func (i Identity) id() message.DeviceID { return message.DeviceID(i.Certificate.Holder) }

// Intermediary is a bank of the scheme.
type Intermediary struct {
	CA, InstructionKey Identity
	Batch              Identity // whose key its cards share
}

// Setup is the scheme's test keys, and what an attacker knows about the card or can find
// out. Only the members that an attack's ways use need to be set.
type Setup struct {
	Root, Notary Identity
	Crisis       Identity // the crisis key
	UnknownRoot  Identity // certified by no other, with the number after Root's
	Own, Foreign Intermediary
	Ended        Intermediary // whose CA has ended, without an instruction key
	// Certify makes a key and certifies it with the issuer's, also where an issuer must
	// not.
	Certify func(issuer Identity, s Subject) (Identity, error)
	// NextID gives an id of the intermediary that no device has.
	NextID func(of Intermediary) message.DeviceID

	Device      message.DeviceID // of the card
	Certificate Identity         // of the card, without its key
	PIN         []byte           // PIN block, for conditions that need it
	PUK         []byte           // block of the PUK, for guesses
	Public      *ecdsa.PublicKey // of the card, from KeysMade on
	PINKey      *ecdsa.PublicKey // to which PINs are enciphered
	Token       pin.Token        // of personalization, for KeysMade
	PairKey     pairing.Key      // of the paired phone, for Paired: what it does is heard
	DomainKeys  scp03.KeySource  // of the card's security domain, for those who manage cards
	Amount      money.Ore        // that the attacker asks for or pays
	ATC         uint32           // number of the attacker's Payment
	// Other is a device whose certificate anybody can have; its key is not used.
	Other Identity
	// Random is for Challenges, and for signatures that nobody made.
	Random io.Reader
	// Asked is the card's open Request, for Asking.
	Asked *message.Request
	// Stranger reports that nobody knows the card's keys, so that it is looked at from outside.
	Stranger bool
	// Next is the Instruction that is the card's next, with a credit, not signed.
	Next message.Instruction
	// Paid, Accepted and Applied are what the card has decided on, for Decided.
	Paid, Accepted, Applied Decision
	// Power cuts the card's power; nil where nobody can within a command.
	Power *Power
	// Former is the Instruction that the card had before its last, signed.
	Former []byte
	// Held is the crisis order that the card holds, for Ordered.
	Held *message.CrisisOrder
	// Ceilings are the card's, and its policy's version is above one.
	Ceilings message.Policy
	// Application is what the card has answered to SELECT in the session, and Nonce is the
	// session's, which was within.
	Application message.FCI
	Nonce       message.Nonce
	// Heads are those of the card's records by their number; all but the last are
	// acknowledged, and at least two.
	Heads []message.Hash
}

// Decision is what a card was given, with its answer.
type Decision struct {
	By      Identity // who made the message
	Message message.Message
	Data    [][]byte
	Answer  []byte
}

// Power is the power supply of a card.
type Power struct {
	// Cut has it fail before the n-th persistent write, from 1, of the next command.
	Cut func(n int)
	// Reset switches it off and on.
	Reset func() error
}

// Subject is whom a certificate is for. Without a last day it is valid long enough.
type Subject struct {
	Holder string
	Role   spec.Role
	// Expired has the certificate end before the card's date.
	Expired bool
	// Last is the last day, and Key whose it is; zero for any.
	Last message.Date
	Key  *ecdsa.PublicKey
}

// All are the attacks on the applet, by the command that they use.
func All() []Attack {
	return slices.Concat(
		controlled(personalizations, storesCertificate),
		controlled(batches, renewsBatch),
		controlled(certificates, learns),
		controlled(guesses, verifies),
		controlled(enciphered, verifiesEnciphered),
		controlled([]Attack{PINToNoPoint}, verifiesEnciphered),
		controlled(pairs, pairsPhone),
		controlled(secured, readsSecured),
		controlled(requests, requestsPayment),
		controlled(payments, pays),
		controlled(encipheredPayments, paysEnciphered),
		controlled(acceptances, accepts),
		controlled([]Attack{StolenCA}, accepts),
		controlled(instructions, applies),
		controlled(challenges, showsState),
		controlled(expiries, pays),
		controlled(chains, chained),
		controlled(crisis, takesOrder),
		otherVersionOf(),
		controlled(wire(), draws),
		signatures(),
		layouts(),
		replays,
		controlled(limits, pays),
		controlled(counters, pays),
		controlled(races, pays),
		amounts,
		controlled(strangeChains, pays),
		states(),
		[]Attack{reads()},
		controlled(strangers, draws),
		controlled(torn, verifies),
	)
}

// Domains are the attacks on a card's security domain.
func Domains() []Attack { return controlled(domains, offers) }
