package session

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/envelope"
)

// randomDevice is a device and its link with arbitrary answers.
type randomDevice struct{ state, instruction, confirmation []byte }

func (randomDevice) ID() message.DeviceID { return device }

func (randomDevice) Nonce(context.Context) (message.Nonce, error) { return message.Nonce{}, nil }

func (randomDevice) Open(context.Context, message.DeviceID, message.Nonce) (Opening, error) {
	return Opening{Pending: make([]envelope.Envelope, 1)}, nil
}

func (randomDevice) Answer(context.Context, envelope.Envelope) error { return ErrUndecided }

func (b randomDevice) Read(context.Context, []byte, Trust) (Reading, error) {
	return Reading{State: b.state}, nil
}

func (b randomDevice) Report(context.Context, message.DeviceID, Reading) (Answer, error) {
	return Answer{Instruction: b.instruction}, nil
}

func (b randomDevice) Apply(context.Context, []byte, Trust) ([]byte, error) {
	return b.confirmation, nil
}

func (randomDevice) LearnCrisis(context.Context, crisis.Carried, Trust) error { return nil }

func (randomDevice) Confirm(context.Context, message.DeviceID, []byte) error { return nil }

// With any answers of device and intermediary a session ends, and counts only messages that parse
// as their type.
func FuzzRun(f *testing.F) {
	day, err := message.ParseDate("2026-11-22")
	require.NoError(f, err)
	var seeds [][]byte
	for _, m := range []message.Message{
		&message.State{Device: device, LifeCycle: spec.Active, Date: day},
		&message.Instruction{InstructionKey: "SENORDIC00002", Notary: "SENOTARY00001",
			Device: device, Sequence: 1, Credit: 500, Date: day},
		&message.Confirmation{Device: device, Sequence: 1, Credit: spec.CreditTaken},
	} {
		encoded, err := message.Encode(m)
		require.NoError(f, err)
		seeds = append(seeds, encoded)
	}
	f.Add(seeds[0], seeds[1], seeds[2])
	f.Add(seeds[0], []byte{}, []byte{})
	f.Add(seeds[2], seeds[0], seeds[1])
	f.Fuzz(func(t *testing.T, state, instruction, confirmation []byte) {
		result, err := Run(t.Context(), randomDevice{state, instruction, confirmation},
			randomDevice{state, instruction, confirmation})
		if err == nil {
			require.Empty(t, instruction, "an Instruction in every round is never at rest")
			require.NotNil(t, result.State)
		}
		require.LessOrEqual(t, result.Instructions, maxRounds)
	})
}
