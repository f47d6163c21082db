package attack

import (
	"context"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
)

// synchronisations are attacks by what an intermediary brings from a device: Challenge, State,
// Confirmation, and items without end.
var synchronisations = []Attack{
	{
		Name:    "Challenge that the intermediary's own key will not sign",
		Threat:  "a State is kept back, and shown later as if it were fresh",
		Defence: "the notary opens it for an instruction key of the caller, and draws its number",
		Clause:  "PROTOCOL.md §4",
		Answers: []error{notary.Signature},
		Ways: []Way{
			challenged("by nobody's key", func(s *Setup, o *notary.Opening) {
				o.InstructionKey = message.AuthorityRef(s.Device.Name() + "99999")
			}),
			challenged("in another's name", func(s *Setup, o *notary.Opening) {
				o.InstructionKey = s.ForeignKey
			}),
		},
	},
	{
		Name:    "State that its device has not signed",
		Threat:  "a false balance explains itself, or an honest card is proven a clone",
		Defence: "the notary verifies it with the registered key",
		Clause:  "PROTOCOL.md §8, 11",
		Answers: []error{notary.Signature},
		Ways: []Way{shown("", func(s *Setup, state *message.State) {
			state.Device = s.Device
		})},
	},
	{
		Name:    "State without a Challenge",
		Threat:  "an old State hides what the card has paid since",
		Defence: "a State counts only as the answer to a Challenge that was opened before",
		Clause:  "PROTOCOL.md §6",
		Answers: []error{notary.Challenge},
		Ways: []Way{
			shown("to none", nil),
			shown("to one that was never opened", func(_ *Setup, state *message.State) {
				state.Challenge = message.Hash{1}
			}),
		},
	},
	{
		Name:    "Challenge or State of another intermediary's device",
		Threat:  "a bank learns what another's customers have, or stops their cards",
		Defence: "devices belong to the intermediary whose name they carry",
		Clause:  "PROTOCOL.md §8, 11",
		Answers: []error{notary.NotYours},
		Ways: []Way{
			challenged("a Challenge", func(s *Setup, o *notary.Opening) {
				o.Device = s.ForeignDevice
			}),
			shown("a State", func(s *Setup, state *message.State) {
				state.Device = s.ForeignDevice
			}),
		},
	},
	{
		Name:    "Challenge, State or Confirmation of nobody",
		Threat:  "an invented device synchronises",
		Defence: "the notary knows devices by their registration",
		Clause:  "PROTOCOL.md §2",
		Answers: []error{notary.Unknown},
		Ways: []Way{
			challenged("a Challenge", func(s *Setup, o *notary.Opening) {
				o.Device = nobodyOf(s.Device)
			}),
			shown("a State", func(s *Setup, state *message.State) {
				state.Device = nobodyOf(s.Device)
			}),
			confirmed("a Confirmation", func(s *Setup, c *message.Confirmation) {
				c.Device = nobodyOf(s.Device)
			}),
		},
	},
	{
		Name:    "Confirmation that its device has not signed",
		Threat:  "a credit counts as not taken, and returns to the bank while the card has it",
		Defence: "the notary verifies it with the registered key",
		Clause:  "PROTOCOL.md §8, 11",
		Answers: []error{notary.Signature},
		Ways: []Way{confirmed("", func(s *Setup, c *message.Confirmation) {
			c.Device, c.Sequence = s.Device, s.Used
		})},
	},
	{
		Name:    "Confirmation of an Instruction that does not exist",
		Threat:  "a credit that was never reserved covers payments",
		Defence: "the notary holds every Instruction that it has signed",
		Clause:  "PROTOCOL.md §8, 6",
		Answers: []error{notary.Sequence},
		Ways:    []Way{confirmed("", nil)},
	},
	{
		Name:    "something else in place of a message of a synchronisation",
		Threat:  "the parser accepts a wrong layout",
		Defence: "every byte is checked before a signature is",
		Clause:  "PROTOCOL.md §4",
		Answers: []error{notary.Malformed},
		Ways: []Way{
			called("as a Challenge", func(ctx context.Context, on Services) error {
				_, err := on.Notary.OpenChallenge(ctx, notary.Opening{})
				return err
			}),
			called("as a State", func(ctx context.Context, on Services) error {
				_, err := on.Notary.SubmitState(ctx, []byte{1})
				return err
			}),
			called("as a Confirmation", func(ctx context.Context, on Services) error {
				return on.Notary.Confirm(ctx, []byte{1})
			}),
		},
	},
	{
		Name:    "more items than one call takes",
		Threat:  "one call keeps the notary busy, and all others wait",
		Defence: "a call has a bound of items and of bytes, and its refusal names it",
		Clause:  "PROTOCOL.md §6",
		Answers: []error{notary.Malformed},
		Ways: []Way{
			called("to the notary", func(ctx context.Context, on Services) error {
				_, err := on.Notary.Submit(ctx, make([][]byte, notary.MaxItems+1))
				return err
			}),
			called("in bytes", func(ctx context.Context, on Services) error {
				_, err := on.Notary.Submit(ctx, [][]byte{make([]byte, notary.MaxItemBytes+1)})
				return err
			}),
			called("to an intermediary", func(ctx context.Context, on Services) error {
				if on.Intermediary == nil {
					return errors.New("attack: no intermediary can be reached")
				}
				_, err := on.Intermediary.HandOver(ctx, make([][]byte, notary.MaxItems+1))
				return err
			}),
		},
	},
}

// Synchronisations returns the attacks by the messages of a synchronisation. Their stolen device is
// of the attacker's own intermediary, and has applied no Instruction.
func Synchronisations() []Attack { return synchronisations }

func nobodyOf(id message.DeviceID) message.DeviceID {
	return message.DeviceID(string(id.Name()) + "0000NONE")
}

func called(name string, call Call) Way {
	return Way{name, func(*Setup) (Call, error) { return call, nil }}
}

// challenged opens a Challenge for the device, changed.
func challenged(name string, change func(s *Setup, o *notary.Opening)) Way {
	return Way{name, func(s *Setup) (Call, error) {
		o := notary.Opening{InstructionKey: s.Next.InstructionKey, Device: s.Device}
		change(s, &o)
		return func(ctx context.Context, on Services) error {
			_, err := on.Notary.OpenChallenge(ctx, o)
			return err
		}, nil
	}}
}

// shown submits a State that the stolen key signs.
func shown(name string, change func(s *Setup, state *message.State)) Way {
	return Way{name, func(s *Setup) (Call, error) {
		state := &message.State{Device: s.Stolen, LifeCycle: spec.Active, Date: s.Next.Date}
		if change != nil {
			change(s, state)
		}
		raw, err := envelope.Sign(state, s.DeviceKey)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, on Services) error {
			_, err := on.Notary.SubmitState(ctx, raw)
			return err
		}, nil
	}}
}

// confirmed brings a Confirmation that the stolen key signs.
func confirmed(name string, change func(s *Setup, c *message.Confirmation)) Way {
	return Way{name, func(s *Setup) (Call, error) {
		c := &message.Confirmation{Device: s.Stolen, Sequence: 9, Credit: spec.CreditTaken}
		if change != nil {
			change(s, c)
		}
		raw, err := envelope.Sign(c, s.DeviceKey)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, on Services) error {
			return on.Notary.Confirm(ctx, raw)
		}, nil
	}}
}
