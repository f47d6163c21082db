package session

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/envelope"
)

// script is a device and its link that follow a list: what the intermediary owes in each round.
// They record the calls.
type script struct {
	t       *testing.T
	owed    []*message.Instruction // nil is a round in which nothing is owed
	credit  spec.CreditVerdict
	pending int   // Payments in every opening
	decided error // of the device on each of them
	another bool  // it confirms another Instruction than it was given
	failAt  string
	log     []string
	nonce   message.Nonce // of its session
	next    message.Nonce // after it has decided, if not zeros
	opened  message.Nonce // for which a Challenge was opened last
}

const device message.DeviceID = "SENORDIC00000001"

var carried = crisis.Carried{Order: []byte{1}}

var errBroken = errors.New("broken off")

func (s *script) step(name string) error {
	s.log = append(s.log, name)
	if name == s.failAt {
		return errBroken
	}
	return nil
}

func (s *script) encoded(m message.Message) []byte {
	s.t.Helper()
	b, err := message.Encode(m)
	require.NoError(s.t, err)
	return b
}

func (s *script) ID() message.DeviceID { return device }

func (s *script) Nonce(context.Context) (message.Nonce, error) { return s.nonce, nil }

func (s *script) Open(
	_ context.Context, _ message.DeviceID, nonce message.Nonce,
) (Opening, error) {
	s.opened = nonce
	return Opening{Pending: make([]envelope.Envelope, s.pending), Crisis: carried}, s.step("open")
}

func (s *script) Answer(context.Context, envelope.Envelope) error {
	if s.next != (message.Nonce{}) {
		s.nonce = s.next
	}
	return errors.Join(s.decided, s.step("answer"))
}

func (s *script) Read(context.Context, []byte, Trust) (Reading, error) {
	require.Equal(s.t, s.nonce, s.opened, "the Challenge is for this session")
	day, err := message.ParseDate("2026-11-22")
	require.NoError(s.t, err)
	return Reading{State: s.encoded(&message.State{Device: device, LifeCycle: spec.Active,
		Date: day})}, s.step("read")
}

func (s *script) Report(context.Context, message.DeviceID, Reading) (Answer, error) {
	if err := s.step("report"); err != nil || len(s.owed) == 0 || s.owed[0] == nil {
		return Answer{Refused: "for a reason", Difference: 7}, err
	}
	next := s.owed[0]
	s.owed = s.owed[1:]
	return Answer{Instruction: s.encoded(next)}, nil
}

func (s *script) Apply(_ context.Context, instruction []byte, _ Trust) ([]byte, error) {
	ordered, err := message.Parse[message.Instruction](instruction)
	require.NoError(s.t, err)
	if s.another {
		ordered.Sequence--
	}
	identity, err := message.Identity(ordered)
	require.NoError(s.t, err)
	return s.encoded(&message.Confirmation{Device: device, Sequence: ordered.Sequence,
		Instruction: identity, Credit: s.credit}), s.step("apply")
}

func (s *script) LearnCrisis(_ context.Context, c crisis.Carried, _ Trust) error {
	require.Equal(s.t, carried, c)
	return s.step("crisis")
}

func (s *script) Confirm(context.Context, message.DeviceID, []byte) error {
	return s.step("confirm")
}

func instructions(t *testing.T, n int, credit money.Ore) []*message.Instruction {
	t.Helper()
	day, err := message.ParseDate("2026-11-22")
	require.NoError(t, err)
	var all []*message.Instruction
	for i := range n {
		all = append(all, &message.Instruction{
			InstructionKey: "SENORDIC00002", Notary: "SENOTARY00001", Device: device,
			Sequence: uint32(i + 1), Credit: credit, Date: day,
		})
	}
	return all
}

func TestSessionGoesOnUntilNothingIsOwed(t *testing.T) {
	s := &script{t: t, owed: instructions(t, 2, 500), credit: spec.CreditTaken}
	result, err := Run(context.Background(), s, s)
	require.NoError(t, err)
	round := []string{"open", "crisis", "read", "report", "apply", "confirm"}
	assert.Equal(t, append(append(append([]string{}, round...), round...), "open", "crisis", "read",
		"report"), s.log)
	assert.Equal(t, 2, result.Instructions)
	assert.Equal(t, money.Ore(1000), result.Credited)
	assert.Equal(t, "for a reason", result.Refused)
	assert.Equal(t, money.Ore(7), result.Difference)
	assert.Equal(t, device, result.State.Device)
}

func TestSessionThatNeverEndsIsGivenUp(t *testing.T) {
	s := &script{t: t, owed: instructions(t, maxRounds, 100), credit: spec.CreditNotTaken}
	result, err := Run(context.Background(), s, s)
	require.ErrorIs(t, err, ErrUnfinished)
	assert.Equal(t, money.Ore(maxRounds*100), result.Untaken)
	assert.Zero(t, result.Credited)
}

func TestUndecidedPaymentsWaitAndDoNotStopTheSession(t *testing.T) {
	s := &script{t: t, pending: 2, decided: fmt.Errorf("%w: the PIN is needed", ErrUndecided)}
	result, err := Run(context.Background(), s, s)
	require.NoError(t, err)
	assert.Len(t, result.Unanswered, 2)
	assert.Equal(t, []string{"open", "answer", "answer", "crisis", "read", "report"}, s.log)
}

func TestSessionStopsWhereItBreaksOff(t *testing.T) {
	whole := []string{"open", "answer", "crisis", "read", "report", "apply", "confirm"}
	for n, at := range whole {
		t.Run(at, func(t *testing.T) {
			s := &script{t: t, pending: 1, owed: instructions(t, 1, 0), failAt: at}
			_, err := Run(context.Background(), s, s)
			require.ErrorIs(t, err, errBroken)
			assert.Equal(t, whole[:n+1], s.log)
		})
	}
}

// TestConfirmationOfAnotherInstructionCountsForNothing: a reader can replay an earlier answer of
// the card.
func TestConfirmationOfAnotherInstructionCountsForNothing(t *testing.T) {
	s := &script{t: t, owed: instructions(t, 1, 500), credit: spec.CreditTaken, another: true}
	result, err := Run(context.Background(), s, s)
	require.ErrorIs(t, err, ErrAnotherConfirmation)
	assert.Zero(t, result.Credited)
	assert.NotContains(t, s.log, "confirm")
}

// TestRunReopens: a session whose nonce was used up, by a PIN, gets a Challenge for the next
// one, and the Payments are not handed over again.
func TestRunReopens(t *testing.T) {
	s := &script{t: t, pending: 1, nonce: message.Nonce{1}, next: message.Nonce{2}}
	_, err := Run(t.Context(), s, s)
	require.NoError(t, err)
	assert.Equal(t, []string{"open", "answer", "open", "crisis", "read", "report"}, s.log)
}
