package session

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/envelope"
)

// Device is a card or a terminal in its synchronisation.
type Device interface {
	// ID returns the device id, 16 characters.
	ID() message.DeviceID
	// Nonce returns what the device's session is named by. A Challenge names it, and is good while
	// it stays the same; a terminal, which has no sessions, has zeros.
	Nonce(ctx context.Context) (message.Nonce, error)
	// Answer hands over a Payment that waits for the device's decision. The device accepts it, or
	// refuses its Request when it cannot take it; its decision is one of the records that Read
	// returns. An error that is [ErrUndecided] means that the device has not decided and that the
	// session continues without its decision.
	Answer(ctx context.Context, payment envelope.Envelope) error
	// Read answers a Challenge with the State and the records after its ackedAtc.
	Read(ctx context.Context, challenge []byte, trust Trust) (Reading, error)
	// LearnCrisis hands over the crisis order in force. One that the device does not take is no
	// error.
	LearnCrisis(ctx context.Context, c crisis.Carried, trust Trust) error
	// Apply gives the device an Instruction and returns its Confirmation.
	Apply(ctx context.Context, instruction []byte, trust Trust) ([]byte, error)
}

// ErrUndecided is matched by the errors of [Device.Answer] that leave a Payment
// waiting, for example because receiving asks for a PIN that nobody has given.
var ErrUndecided = errors.New("session: the device has not answered a Payment that waits for it")

// Trust is the certificates (7F21) that a device needs to verify what its
// intermediary and the notary sign. All are signed by the last root.
type Trust struct {
	InstructionKey []byte `json:"instruction_key,omitempty"`
	Notary         []byte `json:"notary,omitempty"`
	// CA is that of the device's own CA, which it shows to others.
	CA []byte `json:"ca,omitempty"`
	// Authorities are those of the CAs of all intermediaries, whose cards pay and are paid here.
	Authorities [][]byte `json:"authorities,omitempty"`
	// Links lead from root to root, the earliest first: the last root is learned by them. They come
	// before what it has certified.
	Links [][]byte `json:"links,omitempty"`
}

// Reading is a device's State with its records.
type Reading struct {
	State   []byte   `json:"state,omitempty"`   // signed State message
	Records [][]byte `json:"records,omitempty"` // records ackedAtc+1 .. atc, in order, whole
	// Certificates (7F21) of the payers of accepted Payments, as far as they are
	// known. The notary asks for them when nobody has registered a payer.
	Certificates [][]byte `json:"certificates,omitempty"`
	// Provenance are accept records of others, each a Receipt and its Payment, that funded what the
	// device accepted, as its payers' phones gave them.
	Provenance [][]byte `json:"provenance,omitempty"`
}

// Opening starts a session.
type Opening struct {
	Challenge []byte `json:"challenge,omitempty"`
	Trust     Trust  `json:"trust"`
	// Payments that wait for the device's decision
	Pending []envelope.Envelope `json:"waiting,omitempty"`
	// Crisis is the crisis order in force, for the device and those that it meets
	Crisis crisis.Carried `json:"crisis"`
}

// Answer is the intermediary's answer to a Reading.
type Answer struct {
	// Instruction is to be applied and confirmed; nil when nothing is owed.
	Instruction []byte `json:"instruction,omitempty"`
	// Trust is of the keys that the Instruction names, which may be former ones.
	Trust Trust `json:"trust"`
	// Difference is the error of the device's balance, in öre; not zero stops credits until it is
	// explained.
	Difference money.Ore `json:"difference"`
	// Refused says why a load order was not carried out, empty otherwise. The
	// money is back in the online wallet.
	Refused string `json:"refused,omitempty"`
}

// Link connects a device to its own intermediary. Every method may be repeated: a repeat gives the
// same answer.
type Link interface {
	Open(ctx context.Context, device message.DeviceID, nonce message.Nonce) (Opening, error)
	Report(ctx context.Context, device message.DeviceID, reading Reading) (Answer, error)
	Confirm(ctx context.Context, device message.DeviceID, confirmation []byte) error
}

// Result sums up a session.
type Result struct {
	Instructions int            // applied
	Credited     money.Ore      // taken by the device
	Untaken      money.Ore      // offered, but no longer fitting: back in the online wallet
	Unanswered   []error        // Payments still pending: see ErrUndecided
	Refused      string         // see Answer.Refused
	Difference   money.Ore      // see Answer.Difference
	State        *message.State // as last read
}

// ErrAnotherConfirmation says that a device has confirmed another Instruction than the
// one it was given.
var ErrAnotherConfirmation = errors.New(
	"session: what was read from the device confirms another Instruction: synchronise again")

// maxRounds bounds a session: answer, acknowledge, one load, and the round that finds nothing owed
// take three.
const maxRounds = 8

// ErrUnfinished says that a session did not end in maxRounds rounds.
var ErrUnfinished = fmt.Errorf(
	"session: the intermediary still owes an Instruction after %d rounds: synchronise again later",
	maxRounds)

// Run synchronises a device until nothing is owed to it:
//
//  1. The device says what its session is named by. The intermediary opens a Challenge
//     for that session at the notary and hands over the Payments that wait for the
//     device's decision. A cut leaves an unused Challenge, which no later session of the
//     device answers.
//  2. The device accepts or refuses each of them. Its decisions are records: a cut
//     leaves some made, and a repeated Payment gets the same answer again. Where a PIN
//     was asked for, the session has another name, and gets another Challenge.
//     The device gets the crisis order in force; a cut leaves the one before, or this one.
//  3. The device answers the Challenge with State and records; the intermediary
//     submits them to the notary. What the notary holds stays held; a cut before
//     the answer repeats the whole submission, which changes nothing.
//  4. The notary signs the Instruction. A cut leaves it outstanding: the next
//     session gets the same bytes.
//  5. The device applies it in one transaction and confirms. A cut after that
//     loses the Confirmation only: the next State shows the same, and the same
//     Instruction gives the same Confirmation.
//
// and again, since settling what came in can make more due.
func Run(ctx context.Context, device Device, link Link) (Result, error) {
	var result Result
	for range maxRounds {
		due, err := round(ctx, device, link, &result)
		if err != nil || !due {
			return result, err
		}
	}
	return result, ErrUnfinished
}

// round does steps 1 to 5 once and reports whether another round is due.
func round(ctx context.Context, device Device, link Link, result *Result) (bool, error) {
	nonce, opening, err := open(ctx, device, link)
	if err != nil {
		return false, err
	}
	result.Unanswered = nil
	for _, payment := range opening.Pending {
		err := device.Answer(ctx, payment)
		if errors.Is(err, ErrUndecided) {
			result.Unanswered = append(result.Unanswered, err)
		} else if err != nil {
			return false, err
		}
	}
	if opening, err = reopened(ctx, device, link, nonce, opening); err != nil {
		return false, err
	}
	if err := device.LearnCrisis(ctx, opening.Crisis, opening.Trust); err != nil {
		return false, err
	}
	reading, err := device.Read(ctx, opening.Challenge, opening.Trust)
	if err != nil {
		return false, err
	}
	state, err := message.Parse[message.State](reading.State)
	if err != nil {
		return false, fmt.Errorf("session: the device's State: %w", err)
	}
	result.State = state
	answer, err := link.Report(ctx, device.ID(), reading)
	if err != nil {
		return false, err
	}
	result.Difference = answer.Difference
	if answer.Refused != "" {
		result.Refused = answer.Refused
	}
	if answer.Instruction == nil {
		return false, nil
	}
	confirmation, err := device.Apply(ctx, answer.Instruction, answer.Trust)
	if err != nil {
		return false, err
	}
	if err := result.count(answer.Instruction, confirmation); err != nil {
		return false, err
	}
	return true, link.Confirm(ctx, device.ID(), confirmation)
}

func open(
	ctx context.Context, device Device, link Link,
) (nonce message.Nonce, opening Opening, err error) {
	if nonce, err = device.Nonce(ctx); err == nil {
		opening, err = link.Open(ctx, device.ID(), nonce)
	}
	return nonce, opening, err
}

// reopened returns an opening for the device's session, another one if its nonce is another by now.
func reopened(
	ctx context.Context, device Device, link Link, nonce message.Nonce, opening Opening,
) (Opening, error) {
	now, err := device.Nonce(ctx)
	if err != nil || now == nonce {
		return opening, err
	}
	return link.Open(ctx, device.ID(), now)
}

func (r *Result) count(instruction, confirmation []byte) error {
	ordered, err := message.Parse[message.Instruction](instruction)
	if err != nil {
		return fmt.Errorf("session: the intermediary's Instruction: %w", err)
	}
	confirmed, err := message.Parse[message.Confirmation](confirmation)
	if err != nil {
		return fmt.Errorf("session: the device's Confirmation: %w", err)
	}
	if identity, err := message.Identity(ordered); err != nil || identity != confirmed.Instruction {
		return errors.Join(ErrAnotherConfirmation, err)
	}
	r.Instructions++
	switch confirmed.Credit {
	case spec.CreditTaken:
		r.Credited += ordered.Credit
	case spec.CreditNotTaken:
		r.Untaken += ordered.Credit
	case spec.CreditNone:
	}
	return nil
}
