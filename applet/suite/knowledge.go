package suite

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/applet/attack"
	"ekrona.example/emulator/card"
)

// Knowledge is what a case knows of the card under test, secrets included: enough to ask the
// card what it holds, and to judge what it has signed.
type Knowledge struct {
	Device         message.DeviceID
	Public         *ecdsa.PublicKey // verifies what it signs; nil until the keys are made
	PINKey         *ecdsa.PublicKey // PINs are enciphered to it
	InstructionKey attack.Identity
	Token          pin.Token
	PairKey        *pairing.Key // nil if no phone is paired with it
	Activated      bool

	// OpenPayment, if not nil, deciphers the Payment in the answer to an enciphered PAY that the
	// case has just made; it returns nil if there is none.
	OpenPayment func(answer []byte) []byte

	// PIN and PUK of every card, and the PINs that cases set in the place of the first.
	PIN, PUK           pin.Block
	OtherPIN, WrongPIN pin.Block
	WrongPUK           pin.Block
}

// knowledge is what the case knows at the moment. It changes nothing.
func (s *subject) knowledge() *Knowledge {
	block := func(digits string) pin.Block {
		b, err := pin.NewBlock(digits)
		s.c.must(err)
		return b
	}
	k := &Knowledge{Device: s.id(), Public: s.public, PINKey: s.pinKey,
		InstructionKey: s.bank.instructionKey.identity(), Token: s.parameters.Token,
		PIN: block(ownPIN), PUK: block(ownPUK), OtherPIN: block(otherPIN),
		WrongPIN: block(wrongPIN), WrongPUK: block(wrongPUK)}
	if s.phone != nil {
		key := s.phone.key
		k.PairKey = &key
	}
	k.Activated, k.OpenPayment = s.model != nil, s.sealed
	return k
}

// Prepare leaves the target's card active, with 100.00 kr and the usual PIN and PUK; its keys
// follow from the seed.
func Prepare(ctx context.Context, target Target, seed string) error {
	c := &caseRun{ctx: ctx, target: target, coverage: newCoverage(),
		random: card.SeededRandom(seed + " parties")}
	prepared := testCase{run: func(c *caseRun) {
		c.loaded(preparedBalance).newTap()
		c.subject = nil // nobody compares it with the model afterwards
	}}
	if failures := attempt(c, prepared, new(*cardScheme)); len(failures) > 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

const preparedBalance = 10000
