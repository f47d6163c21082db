package settlement_test

import (
	"database/sql"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

// stepsWorld is a world whose callers are decided together.
type stepsWorld struct {
	*settlementtest.World
	t       *testing.T
	notary  *settlement.Notary
	batches []settlement.Batch
}

func newStepsWorld(t *testing.T) *stepsWorld {
	w := &stepsWorld{World: loaded(t), t: t}
	var mu sync.Mutex
	w.Observe = func(b settlement.Batch) {
		mu.Lock()
		defer mu.Unlock()
		w.batches = append(w.batches, b)
	}
	w.notary = w.Again()
	for _, name := range w.Names { // its gate knows all keys then
		w.Sync(w.Devices[name], settlementtest.Whole, 0)
	}
	return w
}

// together has calls made at the same moment, and decided in one transaction.
func (w *stepsWorld) together(calls ...func() error) []error {
	answers := make([]error, len(calls))
	var working sync.WaitGroup
	before := len(w.batches)
	require.NoError(w.t, store.InTx(w.t.Context(), w.DB, func(*sql.Tx) error {
		for i, call := range calls { // all wait for this one
			working.Go(func() { answers[i] = call() })
		}
		for settlement.Waiting(w.notary) < len(calls) {
			runtime.Gosched()
		}
		return nil
	}))
	working.Wait()
	require.Len(w.t, w.batches, before+1, "one transaction for all")
	require.Equal(w.t, len(calls), w.batches[before].Callers)
	return answers
}

// TestStepsOfSynchronisationsAreDecidedTogether: steps of many synchronisations are decided in one
// transaction, with what others submit, each with its own answer; those that are refused take
// nothing from the others, and have none of them decided again.
func TestStepsOfSynchronisationsAreDecidedTogether(t *testing.T) {
	w := newStepsWorld(t)
	for n := range 5 {
		name := fmt.Sprintf("CARD%d", n)
		w.Issue(name, "NORDIC", spec.RoleCard)
		w.Sync(w.Devices[name], settlementtest.Whole, money.Ore(n)*10_00)
	}
	card := func(n int) *settlementtest.Device { return w.Devices[fmt.Sprintf("CARD%d", n)] }
	n, at := w.notary.For(nordic), t.Context()
	instructs := w.Intermediaries["NORDIC"].Instructs
	owed := func(d *settlementtest.Device) notary.Outstanding {
		o, err := n.Outstanding(at, d.ID)
		require.NoError(t, err)
		return o
	}
	state := func(d *settlementtest.Device, c *message.Challenge) []byte {
		s, err := d.State(c)
		require.NoError(t, err)
		return w.Encode(s)
	}
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	p := paid(t, anna, merchant, 10_00)
	receipt, err := merchant.Accept(p)
	require.NoError(t, err)
	record, err := message.Record{Payment: p, Receipt: receipt}.Encode()
	require.NoError(t, err)
	answers := state(card(1), w.Challenge(card(1)))
	strange := state(card(2), &message.Challenge{InstructionKey: instructs, Device: card(2).ID})
	for d := range 5 { // a credit needs a State
		if d != 1 && d != 2 {
			w.Sync(card(d), settlementtest.State, 0)
		}
	}
	pays := w.Encode(w.Instruction(card(3), owed(card(3)), 5_00))
	tooMuch := w.Encode(w.Instruction(card(4), owed(card(4)), 1_000_000_00))
	w.Sync(card(2), settlementtest.CoSigned, 0)
	i, err := message.Parse[message.Instruction](owed(card(2)).Instruction)
	require.NoError(t, err)
	confirmed, err := card(2).Apply(i)
	require.NoError(t, err)
	forged := *confirmed
	forged.ATC++
	online := balance(t, w.World, nordic)

	var opened notary.Opened
	var report notary.StateReport
	var submitted []notary.Answer
	var signed []byte
	errs := w.together(
		func() (err error) {
			opened, err = n.OpenChallenge(at, notary.Opening{InstructionKey: instructs,
				Device: card(0).ID, Nonce: message.Nonce{7}})
			return err
		},
		func() error {
			_, err := n.OpenChallenge(at, notary.Opening{InstructionKey: instructs,
				Device: merchant.ID, Nonce: message.Nonce{7}})
			return err
		},
		func() (err error) { report, err = n.SubmitState(at, answers); return err },
		func() error { _, err := n.SubmitState(at, strange); return err },
		func() (err error) { signed, err = n.CoSign(at, "five", pays); return err },
		func() error { _, err := n.CoSign(at, "too much", tooMuch); return err },
		func() error { return n.Confirm(at, w.Encode(confirmed)) },
		func() error { return n.Confirm(at, w.Encode(&forged)) },
		func() (err error) { submitted, err = n.Submit(at, [][]byte{record, {1}}); return err },
		func() error { return n.SetGroup(at, merchant.ID, 1) },
		func() error { return n.SetGroup(at, card(0).ID, 1) },
	)
	for i, want := range []error{nil, notary.NotYours, nil, notary.Challenge, nil, notary.Funds,
		nil, notary.Signature, nil, notary.NotYours, nil} {
		if want == nil {
			require.NoError(t, errs[i], i)
		} else {
			require.ErrorIs(t, errs[i], want, i)
		}
	}
	require.False(t, w.batches[len(w.batches)-1].OneByOne, "none is decided a second time")
	require.Equal(t, notary.Settled, submitted[0].Payment.Verdict)
	require.ErrorIs(t, submitted[1].Err, notary.Malformed)
	require.True(t, report.Complete)
	require.Zero(t, report.Difference)
	require.Equal(t, signed, owed(card(3)).Instruction)
	require.Nil(t, owed(card(4)).Instruction)
	require.Nil(t, owed(card(2)).Instruction, "it is confirmed")
	require.EqualValues(t, 1, owed(card(0)).Group)
	require.Equal(t, online-5_00, balance(t, w.World, nordic))
	again, err := n.OpenChallenge(at, notary.Opening{InstructionKey: instructs, Device: card(0).ID,
		Nonce: message.Nonce{7}})
	require.NoError(t, err)
	require.Equal(t, opened.Random, again.Random, "the same call has the same answer")
	w.Audit(false)
}

// TestTheSameStepsAtOnce: repeated calls that are decided in one transaction have one effect, and
// the same answer; of two bodies for one number one is signed.
func TestTheSameStepsAtOnce(t *testing.T) {
	w := newStepsWorld(t)
	n, at, anna := w.notary.For(nordic), t.Context(), w.Devices["ANNA"]
	opening := notary.Opening{InstructionKey: w.Intermediaries["NORDIC"].Instructs, Device: anna.ID,
		Nonce: message.Nonce{9}}
	var drawn [2]notary.Opened
	open := func(i int) func() error {
		return func() (err error) { drawn[i], err = n.OpenChallenge(at, opening); return err }
	}
	for _, err := range w.together(open(0), open(1)) {
		require.NoError(t, err)
	}
	require.Equal(t, drawn[0].Random, drawn[1].Random)
	s, err := anna.State(&message.Challenge{InstructionKey: opening.InstructionKey, Device: anna.ID,
		Nonce: opening.Nonce, Random: drawn[0].Random})
	require.NoError(t, err)
	var reports [2]notary.StateReport
	submit := func(i int) func() error {
		return func() (err error) { reports[i], err = n.SubmitState(at, w.Encode(s)); return err }
	}
	for _, err := range w.together(submit(0), submit(1)) {
		require.NoError(t, err)
	}
	require.Equal(t, reports[0], reports[1])
	owed, err := n.Outstanding(at, anna.ID)
	require.NoError(t, err)
	one := w.Encode(w.Instruction(anna, owed, 1_00))
	two := w.Encode(w.Instruction(anna, owed, 2_00))
	var signed [4][]byte
	sign := func(i int, order notary.OrderKey, body []byte) func() error {
		return func() (err error) { signed[i], err = n.CoSign(at, order, body); return err }
	}
	errs := w.together(sign(0, "one", one), sign(1, "one", one), sign(2, "two", two),
		sign(3, "two", two))
	taken := 0
	for i, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, notary.Taken)
			taken++
		} else {
			owed, err = n.Outstanding(at, anna.ID)
			require.NoError(t, err)
			require.Equal(t, owed.Instruction, signed[i])
		}
	}
	require.Equal(t, 2, taken)
	i, err := message.Parse[message.Instruction](owed.Instruction)
	require.NoError(t, err)
	confirmed, err := anna.Apply(i)
	require.NoError(t, err)
	confirm := func() error { return n.Confirm(at, w.Encode(confirmed)) }
	for _, err := range w.together(confirm, confirm, confirm) {
		require.NoError(t, err)
	}
	require.Equal(t, anna.Balance, balance(t, w.World, string(anna.ID)))
	w.Audit(false)
}

// TestOpenChallengesAreBounded: of a device's Challenges that no State has answered the last ones
// are kept, however many it has had answered; a device's past does not make the next one dearer.
func TestOpenChallengesAreBounded(t *testing.T) {
	w := loaded(t)
	anna := w.Devices["ANNA"]
	open := func() int64 {
		n, err := store.Number(t.Context(), w.DB, `SELECT count(*) FROM challenge c
			WHERE c.device = $1 AND NOT EXISTS (SELECT 1 FROM state s WHERE s.challenge = c.n)`,
			anna.ID)
		require.NoError(t, err)
		return n
	}
	const most = 16
	first := w.Challenge(anna)
	for range most - 1 {
		w.Challenge(anna)
	}
	require.EqualValues(t, most, open())
	state, err := anna.State(first)
	require.NoError(t, err)
	_, err = w.Notary.For(nordic).SubmitState(t.Context(), w.Encode(state))
	require.NoError(t, err, "the oldest of them is good")
	for range 2 * most {
		w.Sync(anna, settlementtest.State, 0)
		w.Challenge(anna)
		require.LessOrEqual(t, open(), int64(most))
	}
	_, err = w.Notary.For(nordic).SubmitState(t.Context(), w.Encode(state))
	require.NoError(t, err, "what was answered is answered again")
	for range most {
		w.Challenge(anna)
	}
	require.EqualValues(t, most, open())
}
