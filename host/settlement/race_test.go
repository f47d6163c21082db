package settlement_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/clock"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

var races = flag.Int("races", 12, "races of TestOneVerdict, of each kind")

// oneOfTwo is a notary with its part in the lease.
type oneOfTwo struct {
	*settlement.Notary
	*store.Holding
}

// twoNotaries are two notaries on one database, between which the lease moves. Whoever is told that
// the other one decides calls that.
type twoNotaries [2]oneOfTwo

// call makes a call at one of the two, and at the other as long as the one says so.
func (n twoNotaries) call(at int, do func(*settlement.Notary) error) error {
	for {
		err := do(n[at%2].Notary)
		var held *store.HeldError
		if !errors.As(err, &held) {
			return err
		}
		at++
	}
}

// move moves the lease until the context ends, and returns how often.
func (n twoNotaries) move(ctx context.Context) (moved int, err error) {
	for ; ctx.Err() == nil; moved++ {
		if err := n[moved%2].GiveUp(context.WithoutCancel(ctx)); err != nil {
			return moved, err
		}
	}
	return moved, nil
}

// raceWorld is a world with two notaries.
type raceWorld struct {
	*settlementtest.World
	t        *testing.T
	both     twoNotaries
	cards    []*settlementtest.Device
	merchant *settlementtest.Device

	mu   sync.Mutex
	lost int // how many more calls may go without an answer, and are given again
}

func newRaceWorld(t *testing.T) *raceWorld {
	schemas, err := settlement.Schemas()
	require.NoError(t, err)
	return newRaceWorldOn(t, storetest.NewFile(t, schemas...))
}

func newRaceWorldOn(t *testing.T, path string) *raceWorld {
	w := &raceWorld{World: settlementtest.NewWorldOn(t, nil, path), t: t}
	w.merchant = w.Issue("SHOP", "FJORD", spec.RoleTerminal)
	require.NoError(t, w.Notary.Issue(t.Context(), "1", nordic, 1_000_000_00))
	for n := range *races {
		card := w.Issue(fmt.Sprintf("%08d", n), "NORDIC", spec.RoleCard)
		_, refused := w.Sync(card, settlementtest.Whole, 100_00)
		require.NoError(t, refused)
		w.cards = append(w.cards, card)
	}
	for n, name := range []string{"A", "B"} {
		one, holding, closing := w.Another(store.Lease{Holder: name, Time: time.Hour})
		w.both[n] = oneOfTwo{one, holding}
		t.Cleanup(func() { require.NoError(t, closing()) })
	}
	t.Cleanup(w.Stop)
	return w
}

// atOnce calls both at the same moment, at one notary each, while the lease moves.
func (w *raceWorld) atOnce(round int, calls ...func(*settlement.Notary) error) []error {
	var working sync.WaitGroup
	start, answers := make(chan struct{}), make([]error, len(calls))
	for i, call := range calls {
		working.Go(func() {
			<-start
			answers[i] = w.both.call(round+i, call)
			for w.again(answers[i]) {
				answers[i] = w.both.call(round+i, call)
			}
		})
	}
	close(start)
	working.Wait()
	return answers
}

// again reports whether a call is to be given again: it had no answer.
func (w *raceWorld) again(err error) bool {
	var refused *notary.Error
	if err == nil || errors.As(err, &refused) {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost--
	return w.lost >= 0 && clock.Pause(w.t.Context(), 50*time.Millisecond) == nil
}

// verdicts has two intermediaries bring both sides of a payment of each card at the same moment,
// each to another notary on one database: one verdict each. Before each round, before is called.
func (w *raceWorld) verdicts(before func(round int)) {
	for round, card := range w.cards {
		before(round)
		p := paid(w.t, card, w.merchant, 10_00)
		receipt, err := w.merchant.Accept(p)
		require.NoError(w.t, err)
		w.merchant.Log = nil // it has room for the next
		record, err := message.Record{Payment: p, Receipt: receipt}.Encode()
		require.NoError(w.t, err)
		var answers [2][]notary.Answer
		for i, err := range w.atOnce(round,
			func(n *settlement.Notary) (err error) {
				answers[0], err = n.For(nordic).Submit(w.t.Context(), [][]byte{w.Encode(p)})
				return err
			},
			func(n *settlement.Notary) (err error) {
				answers[1], err = n.For(fjord).Submit(w.t.Context(), [][]byte{record})
				return err
			}) {
			require.NoError(w.t, err)
			require.NoError(w.t, answers[i][0].Err)
		}
		assert.Equal(w.t, notary.Settled, answers[1][0].Payment.Verdict)
		assert.Contains(w.t, []notary.Verdict{notary.Reserved, notary.Settled},
			answers[0][0].Payment.Verdict)
	}
	entries, err := store.Number(w.t.Context(), w.DB,
		"SELECT count(*) FROM statement WHERE kind = $1", int(notary.Collected))
	require.NoError(w.t, err)
	assert.EqualValues(w.t, len(w.cards), entries, "each payment was collected once")
	assert.EqualValues(w.t, 10_00*len(w.cards), balance(w.t, w.World, fjord))
	w.Dishonest["SHOP"] = true // its log is gone
	w.Audit(false)
}

// TestOneVerdict: while the lease moves between the notaries.
func TestOneVerdict(t *testing.T) {
	defer settlement.OnlyTouched()()
	w := newRaceWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var moving sync.WaitGroup
	moved := 0
	moving.Go(func() {
		var err error
		moved, err = w.both.move(ctx)
		assert.NoError(t, err)
	})
	w.verdicts(func(int) {})
	stop()
	moving.Wait()
	assert.Positive(t, moved)
	t.Logf("%d payments, while the lease moved %d times", len(w.cards), moved)
}

// TestOneVerdictWhileNodesAreKilled: while the nodes of their database are killed, and the lease
// moves with each.
func TestOneVerdictWhileNodesAreKilled(t *testing.T) {
	if storetest.Dialect() != store.PostgreSQL {
		t.Skip("SQLite has no nodes")
	}
	c := storetest.NewCluster(t)
	defer settlement.OnlyTouched()()
	w := newRaceWorldOn(t, c.Database("races"))
	w.lost = 2000
	const apart = 20
	w.verdicts(func(round int) {
		switch round % (3 * apart) {
		case apart:
			c.KillPostmaster(c.In(storetest.Leader))
		case 2 * apart:
			c.KillPostmaster(c.In(storetest.Standby))
		case 3*apart - 1:
			leader := c.In(storetest.Leader)
			c.KillPatroni(leader)
			c.KillPostmaster(leader)
		default:
			return
		}
		_ = w.both[round%2].GiveUp(t.Context()) // where the database answers
	})
	t.Logf("%d payments; %d calls were given again", len(w.cards), 2000-w.lost)
}

// TestOneInstructionForANumber: two sessions have another body signed under one number.
func TestOneInstructionForANumber(t *testing.T) {
	defer settlement.OnlyTouched()()
	w := newRaceWorld(t)
	by := w.Intermediaries["NORDIC"]
	for round, card := range w.cards {
		owed, err := w.Notary.For(nordic).Outstanding(t.Context(), card.ID)
		require.NoError(t, err)
		var signed [2][]byte
		answers := w.atOnce(round, func(n *settlement.Notary) (err error) {
			i := w.Instruction(card, owed, 0)
			signed[0], err = n.For(nordic).CoSign(t.Context(),
				notary.OrderKey(fmt.Sprint("first ", round)), w.Encode(i))
			return err
		}, func(n *settlement.Notary) (err error) {
			i := w.Instruction(card, owed, 0)
			i.Actions = spec.ActionBlock
			w.SignInstruction(i, by)
			signed[1], err = n.For(nordic).CoSign(t.Context(),
				notary.OrderKey(fmt.Sprint("second ", round)), w.Encode(i))
			return err
		})
		won := 0
		if answers[0] != nil {
			won = 1
		}
		require.NoError(t, answers[won])
		require.ErrorIs(t, answers[1-won], notary.Taken)
		owed, err = w.Notary.For(nordic).Outstanding(t.Context(), card.ID)
		require.NoError(t, err)
		assert.Equal(t, signed[won], owed.Instruction)
	}
}

// TestTwoBodiesAtOnce: a copied card makes two payments under one number; both reach a notary at
// the same moment. They become evidence, once, and the card has ended.
func TestTwoBodiesAtOnce(t *testing.T) {
	defer settlement.OnlyTouched()()
	w := newRaceWorld(t)
	for round, card := range w.cards {
		name := fmt.Sprintf("%08d", round)
		twin := card.Copy()
		w.Dishonest[name] = true
		first, second := paid(t, card, w.merchant, 1_00), paid(t, twin, w.merchant, 2_00)
		w.merchant.Open = nil
		for _, err := range w.atOnce(round, func(n *settlement.Notary) error {
			_, err := n.For(nordic).Submit(t.Context(), [][]byte{w.Encode(first)})
			return err
		}, func(n *settlement.Notary) error {
			_, err := n.For(fjord).Submit(t.Context(), [][]byte{w.Encode(second)})
			return err
		}) {
			require.NoError(t, err)
		}
		evidence, err := store.Number(t.Context(), w.DB, `SELECT count(*) FROM evidence e
			JOIN device d ON d.id = e.device WHERE e.clone AND d.id = $1 AND d.status = $2`,
			card.ID, int(notary.Ended))
		require.NoError(t, err)
		assert.EqualValues(t, 1, evidence)
	}
	w.Dishonest["SHOP"] = true
	w.Audit(false)
}
