package flows

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/thorough"
	"ekrona.example/applet/client"
	"ekrona.example/host/notary"
	"ekrona.example/host/store/faultdriver"
)

// errLink is a link that fails: the call may or may not have arrived.
var errLink = errors.New("the link is down")

// failing is the notary behind a link that fails.
type failing struct {
	notary.Participant
	*outage
}

// outage is when the links of all intermediaries fail, once: the n-th call is lost, or
// its answer is.
type outage struct {
	calls   int  // so far
	lose    int  // number of the call that is lost; 0 for none
	arrives bool // it reaches the notary, and only its answer is lost
	// unheard are losses that stopped nobody: a terminal sells while nobody can be reached.
	unheard int
}

func over[T any](f *outage, call func() (T, error)) (answer T, err error) {
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

func (f *outage) only(call func() error) error {
	_, err := over(f, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (f *failing) Submit(ctx context.Context, items [][]byte) ([]notary.Answer, error) {
	return over(f.outage,
		func() ([]notary.Answer, error) { return f.Participant.Submit(ctx, items) })
}

func (f *failing) OpenChallenge(
	ctx context.Context, o notary.Opening,
) (notary.Opened, error) {
	return over(f.outage,
		func() (notary.Opened, error) { return f.Participant.OpenChallenge(ctx, o) })
}

func (f *failing) SubmitState(ctx context.Context, state []byte) (notary.StateReport, error) {
	return over(f.outage,
		func() (notary.StateReport, error) { return f.Participant.SubmitState(ctx, state) })
}

func (f *failing) Outstanding(
	ctx context.Context, device message.DeviceID,
) (notary.Outstanding, error) {
	return over(f.outage,
		func() (notary.Outstanding, error) { return f.Participant.Outstanding(ctx, device) })
}

func (f *failing) Position(
	ctx context.Context, device message.DeviceID, atc uint32,
) (notary.Position, error) {
	return over(f.outage,
		func() (notary.Position, error) { return f.Participant.Position(ctx, device, atc) })
}

func (f *failing) CoSign(
	ctx context.Context, order notary.OrderKey, instruction []byte,
) ([]byte, error) {
	return over(f.outage,
		func() ([]byte, error) { return f.Participant.CoSign(ctx, order, instruction) })
}

func (f *failing) Confirm(ctx context.Context, confirmation []byte) error {
	return f.only(func() error { return f.Participant.Confirm(ctx, confirmation) })
}

func (f *failing) Refund(ctx context.Context, r notary.Refund) error {
	return f.only(func() error { return f.Participant.Refund(ctx, r) })
}

func (f *failing) Revoked(
	ctx context.Context, after int64, limit int,
) ([]notary.Revocation, error) {
	return over(f.outage,
		func() ([]notary.Revocation, error) { return f.Participant.Revoked(ctx, after, limit) })
}

func (f *failing) Statement(ctx context.Context, after int64, limit int) ([]notary.Entry, error) {
	return over(f.outage,
		func() ([]notary.Entry, error) { return f.Participant.Statement(ctx, after, limit) })
}

func beforeTheScenario(t *testing.T) (*world, *person) {
	t.Helper()
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.addTerminal("SEFJORDB")
	return w, anna
}

// step is a part of a scenario that can be repeated until it succeeds.
type step struct {
	name string
	do   func() error
}

// scenario returns the steps of the whole life of a payment. It ends with 75 kr offline and 380 kr
// online for anna, 45 kr for the merchant.
func (w *world) scenario(anna *person) []step {
	var sale uint32
	return []step{
		{"load", func() error {
			_, err := anna.phone.Load(w.ctx, anna.tap(w.t), 200*money.Krona)
			return err
		}},
		{"ask", func() error {
			before := w.outage.calls
			asked, err := w.terminal.Ask(w.ctx, 45*money.Krona)
			sale = asked.Number
			if err == nil && before < w.outage.lose && w.outage.lose <= w.outage.calls {
				w.outage.unheard++
			}
			return err
		}},
		{"pay", func() error {
			_, err := w.terminal.Take(w.ctx, sale, anna.reader(), block(w.t, rightPIN))
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
		{"merchant synchronises", func() error {
			_, err := w.terminal.Synchronise(w.ctx)
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

// runWithFault runs the scenario with one fault, or none; a step that fails with an error that
// isFault recognises is repeated after all parties have restarted.
func (w *world) runWithFault(anna *person, fault int, isFault func(error) bool) {
	w.t.Helper()
	struck := 0
	defer func() {
		require.Equal(w.t, min(fault, 1), struck+w.outage.unheard, "faults struck")
	}()
	for _, step := range w.scenario(anna) {
		err := step.do()
		if err == nil {
			continue
		}
		struck++
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

// TestEveryCallToTheNotaryMayFail loses each call of the scenario in turn, and in another run its
// answer; the scenario ends as if nothing had happened.
func TestEveryCallToTheNotaryMayFail(t *testing.T) {
	run := func(t *testing.T, lose int, arrives bool) (calls int) {
		w, anna := beforeTheScenario(t)
		link := &outage{arrives: arrives}
		w.outage = link
		for name := range w.banks {
			w.startBank(name, &failing{w.bank.For(name), link})
		}
		link.calls, link.lose = 0, lose
		w.runWithFault(anna, lose, func(err error) bool { return errors.Is(err, errLink) })
		calls, link.lose = link.calls, 0
		w.checkStory(anna)
		return calls
	}
	for n := range run(t, 0, false) {
		if !thorough.Tries(n, 4) {
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

// TestEveryPartyMayBeKilled kills a party at each step of its database in turn, and between a
// commit and its report to the caller.
func TestEveryPartyMayBeKilled(t *testing.T) {
	run := func(t *testing.T, party string, kill int) (steps []faultdriver.Kind) {
		w, anna := beforeTheScenario(t)
		w.power[party].Follow(faultdriver.Nth(kill, faultdriver.ErrPowerLost))
		w.runWithFault(anna, kill,
			func(err error) bool { return errors.Is(err, faultdriver.ErrPowerLost) })
		steps = w.power[party].Steps()
		w.power[party].Follow(nil)
		w.power[party].Restore()
		w.checkStory(anna)
		return steps
	}
	for _, party := range []string{"anna", "terminal", "SENORDIC", "central bank"} {
		for n, step := range run(t, party, 0) {
			if !changes(party, step) || !thorough.Tries(n, 4) {
				continue
			}
			t.Run(fmt.Sprintf("%s, step %d, %s", party, n+1, step), func(t *testing.T) {
				t.Parallel()
				run(t, party, n+1)
			})
		}
	}
}

// changes reports whether something is different after a step: what a transaction
// did is there or not there only from its commit on, but a phone also writes
// outside of transactions.
func changes(party string, step faultdriver.Kind) bool {
	return step != faultdriver.Begin && (party == "anna" || step != faultdriver.Statement)
}

// TestPowerMayBeCutAtEveryWriteOfTheCard cuts the power before each persistent write of the
// scenario in turn, whatever command makes it.
func TestPowerMayBeCutAtEveryWriteOfTheCard(t *testing.T) {
	run := func(t *testing.T, cut int) (writes int) {
		w, anna := beforeTheScenario(t)
		anna.writes, anna.cut = 0, cut
		w.runWithFault(anna, cut, client.IsLost)
		writes, anna.cut = anna.writes, 0
		w.checkStory(anna)
		return writes
	}
	for n := range run(t, 0) {
		if !thorough.Tries(n, 4) {
			continue
		}
		t.Run(fmt.Sprintf("write %d", n+1), func(t *testing.T) {
			t.Parallel()
			run(t, n+1)
		})
	}
}
