package flows

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/money"
	"ekrona/host/card"
	"ekrona/host/intermediary"
	"ekrona/host/settlement"
	"ekrona/host/settlement/settlementtest"
)

// errLink is a link that fails: the call may or may not have arrived.
var errLink = errors.New("the link is down")

// failing is the notary behind a link that fails once: the n-th call is lost, or
// its answer is.
type failing struct {
	intermediary.Notary
	calls   int  // so far
	lose    int  // number of the call that is lost; 0 for none
	arrives bool // it reaches the notary, and only its answer is lost
}

func over[T any](f *failing, call func() (T, error)) (answer T, err error) {
	if f.calls++; f.calls != f.lose {
		return call()
	}
	if f.arrives {
		if _, err := call(); err != nil {
			return answer, err
		}
	}
	return answer, errLink
}

func (f *failing) only(call func() error) error {
	_, err := over(f, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (f *failing) Submit(ctx context.Context, from string, items [][]byte) ([]settlement.Answer, error) {
	return over(f, func() ([]settlement.Answer, error) { return f.Notary.Submit(ctx, from, items) })
}

func (f *failing) OpenChallenge(ctx context.Context, from string, challenge []byte) error {
	return f.only(func() error { return f.Notary.OpenChallenge(ctx, from, challenge) })
}

func (f *failing) SubmitState(ctx context.Context, from string, state []byte) (settlement.StateReport, error) {
	return over(f, func() (settlement.StateReport, error) { return f.Notary.SubmitState(ctx, from, state) })
}

func (f *failing) Outstanding(ctx context.Context, from, device string) (settlement.Outstanding, error) {
	return over(f, func() (settlement.Outstanding, error) { return f.Notary.Outstanding(ctx, from, device) })
}

func (f *failing) CoSign(ctx context.Context, from, order string, instruction []byte) ([]byte, error) {
	return over(f, func() ([]byte, error) { return f.Notary.CoSign(ctx, from, order, instruction) })
}

func (f *failing) Confirm(ctx context.Context, from string, confirmation []byte) error {
	return f.only(func() error { return f.Notary.Confirm(ctx, from, confirmation) })
}

func (f *failing) Refund(ctx context.Context, from string, r settlement.Refund) error {
	return f.only(func() error { return f.Notary.Refund(ctx, from, r) })
}

func (f *failing) Revoked(ctx context.Context, after int64, limit int) ([]settlement.Revocation, error) {
	return over(f, func() ([]settlement.Revocation, error) { return f.Notary.Revoked(ctx, after, limit) })
}

func (f *failing) Statement(ctx context.Context, from string, after int64, limit int) ([]settlement.Entry, error) {
	return over(f, func() ([]settlement.Entry, error) { return f.Notary.Statement(ctx, from, after, limit) })
}

// shortStride is how many faults go -short steps over.
const shortStride = 9

func beforeTheStory(t *testing.T) (*world, *person) {
	t.Helper()
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.addTill("SEFJORDB")
	return w, anna
}

// step is a part of a story that can be repeated until it succeeds.
type step struct {
	name string
	do   func() error
}

// story is the whole life of a payment. It ends with 75 kr offline and 380 kr
// online for anna, 45 kr for the shop.
func (w *world) story(anna *person) []step {
	var sale uint32
	return []step{
		{"load", func() error {
			_, err := anna.phone.Load(w.ctx, anna.tap(w.t), 200*money.Krona)
			return err
		}},
		{"ask", func() error {
			asked, err := w.till.Ask(w.ctx, 45*money.Krona)
			sale = asked.Number
			return err
		}},
		{"pay", func() error {
			_, err := w.till.Take(w.ctx, sale, anna.reader(), block(w.t, rightPIN))
			return err
		}},
		{"payer synchronises", func() error {
			_, err := anna.phone.Synchronise(w.ctx, anna.tap(w.t))
			return err
		}},
		{"unload", func() error {
			_, err := anna.phone.Unload(w.ctx, anna.tap(w.t), 80*money.Krona)
			return err
		}},
		{"shop synchronises", func() error {
			_, err := w.till.Synchronise(w.ctx)
			return err
		}},
	}
}

func (w *world) checkStory(anna *person) {
	w.t.Helper()
	w.agree()
	assert.Equal(w.t, 75*money.Krona, w.offline(anna))
	assert.Equal(w.t, 380*money.Krona, w.online(anna))
	assert.Equal(w.t, 45*money.Krona, w.taken())
}

// tell goes through the story with one fault, or none; the step that fails with
// what isFault recognises is repeated by parties that were restarted.
func (w *world) tell(anna *person, fault int, isFault func(error) bool) {
	w.t.Helper()
	met := 0
	defer func() { require.Equal(w.t, min(fault, 1), met, "faults met") }()
	for _, step := range w.story(anna) {
		err := step.do()
		if err == nil {
			continue
		}
		met++
		require.True(w.t, isFault(err), "%s: %v", step.name, err)
		for _, power := range w.power {
			power.Restore()
		}
		w.audit("failed: " + step.name)
		w.restart()
		require.NoError(w.t, step.do(), "again: %s", step.name)
		w.audit("again: " + step.name)
	}
}

// TestEveryCallToTheNotaryMayFail loses each call of the story in turn, and in
// another run its answer; the story ends as if nothing had happened.
func TestEveryCallToTheNotaryMayFail(t *testing.T) {
	run := func(t *testing.T, lose int, arrives bool) (calls int) {
		w, anna := beforeTheStory(t)
		link := &failing{Notary: w.bank, arrives: arrives}
		for name := range w.banks {
			w.startBank(name, link)
		}
		link.calls, link.lose = 0, lose
		w.tell(anna, lose, func(err error) bool { return errors.Is(err, errLink) })
		calls, link.lose = link.calls, 0
		w.checkStory(anna)
		return calls
	}
	for n := range run(t, 0, false) {
		if testing.Short() && n%shortStride != 0 {
			continue
		}
		for _, arrives := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, arrives %v", n+1, arrives), func(t *testing.T) {
				t.Parallel()
				run(t, n+1, arrives)
			})
		}
	}
}

// TestEveryPartyMayBeKilled kills a party at each step of its database in turn, and
// between a commit and the moment when somebody learns of it.
func TestEveryPartyMayBeKilled(t *testing.T) {
	run := func(t *testing.T, party string, kill int) (steps []string) {
		w, anna := beforeTheStory(t)
		w.power[party].CutBefore(kill)
		w.tell(anna, kill, func(err error) bool { return errors.Is(err, settlementtest.ErrPower) })
		steps = w.power[party].Steps
		w.power[party].Restore()
		w.checkStory(anna)
		return steps
	}
	for _, party := range []string{"anna", "till", "SENORDIC", "central bank"} {
		for n, step := range run(t, party, 0) {
			if !changes(party, step) || testing.Short() && n%shortStride != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s, step %d, %s", party, n+1, step), func(t *testing.T) {
				t.Parallel()
				run(t, party, n+1)
			})
		}
	}
}

// changes tells whether something is different after a step: what a transaction
// did is there or not there only from its commit on, but a phone also writes
// outside of transactions.
func changes(party, step string) bool {
	return step != "begin" && (party == "anna" || step != "statement")
}

// TestPowerMayBeCutAtEveryWriteOfTheCard cuts the power before each persistent
// write of the story in turn, whatever command makes it.
func TestPowerMayBeCutAtEveryWriteOfTheCard(t *testing.T) {
	run := func(t *testing.T, cut int) (writes int) {
		w, anna := beforeTheStory(t)
		anna.writes, anna.cut = 0, cut
		w.tell(anna, cut, card.IsLost)
		writes, anna.cut = anna.writes, 0
		w.checkStory(anna)
		return writes
	}
	for n := range run(t, 0) {
		if testing.Short() && n%shortStride != 0 {
			continue
		}
		t.Run(fmt.Sprintf("write %d", n+1), func(t *testing.T) {
			t.Parallel()
			run(t, n+1)
		})
	}
}
