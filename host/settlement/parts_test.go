package settlement_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

// betweenParts calls do whenever a netting is about to begin its next transaction; with an error of
// it the netting stops there, as if the process had ended.
type betweenParts struct {
	context.Context
	do func() error
}

// Err implements context.Context.
func (c betweenParts) Err() error { return c.do() }

var errKilled = errors.New("killed")

// ringWorld is a random world in which only NetLarge settles what can only move together, in parts
// of a wallet or a few.
type ringWorld struct {
	*randomWorld
	cards   []string
	service *settlement.Notary
	actions map[string]func(*rapid.T)

	nettings, killed, between int
}

func newRingWorld(t *rapid.T, attacks bool) *ringWorld {
	e := &ringWorld{randomWorld: newRandomWorld(t),
		cards: []string{"ANNA", "BERTIL", "CECILIA", "DAGNY", "ERIK"}}
	e.Issue("DAGNY", "FJORD", spec.RoleCard)
	e.Issue("ERIK", "NORDIC", spec.RoleCard)
	e.Together = rapid.IntRange(1, 2).Draw(t, "together")
	e.again()
	e.actions = e.randomWorld.actions()
	if attacks {
		maps.Copy(e.actions, e.attacks())
	}
	e.actions["ring"] = e.ring
	e.actions["another ring"] = e.ring
	return e
}

// again starts the notary again.
func (e *ringWorld) again() { e.service = e.Again() }

// ring: cards pay each other in a ring, twice, and only what they paid the second time is handed
// over: more than most wallets have.
func (e *ringWorld) ring(t *rapid.T) {
	names := rapid.Permutation(e.cards).Draw(t, "ring")
	names = names[:rapid.IntRange(3, len(names)).Draw(t, "cards")]
	var items [][]byte
	for lap := range 2 {
		for i, name := range names {
			payer, payee := e.Devices[name], e.Devices[names[(i+1)%len(names)]]
			amount := payer.Balance - money.Ore(rapid.SampledFrom([]int{0, 0, 0, 50_00}).Draw(t,
				"kept"))
			if amount <= 0 {
				continue
			}
			r, err := payee.Request(amount, "")
			if err != nil {
				continue
			}
			p, err := payer.Pay(r, false)
			if err != nil {
				continue
			}
			e.payments = append(e.payments, p)
			receipt, err := payee.Accept(p)
			if err != nil {
				continue
			}
			e.receipts = append(e.receipts, receipt)
			if lap > 0 {
				items = append(items, e.Encode(p), e.Encode(receipt))
			}
		}
	}
	if len(items) > 0 && rapid.Bool().Draw(t, "the last first") {
		slices.Reverse(items)
	}
	e.Submit(items...)
}

// seed has the next netting look at all cards.
func (e *ringWorld) seed() {
	for _, name := range e.cards {
		settlement.Seed(e.service, e.Devices[name].ID)
	}
}

// net: all that can only move together is netted; between its parts anything else happens, and the
// process may end.
func (e *ringWorld) net(t *rapid.T) {
	e.seed()
	names := slices.Sorted(maps.Keys(e.actions))
	_, err := e.service.NetLarge(betweenParts{context.Background(), func() error {
		e.Audit(false)
		e.between++
		switch rapid.IntRange(0, 9).Draw(t, "between") {
		case 0:
			return errKilled
		case 1, 2, 3, 4:
			e.actions[rapid.SampledFrom(names).Draw(t, "action")](t)
			e.Audit(false)
		}
		return nil
	}})
	if e.nettings++; err != nil {
		require.ErrorContains(t, err, errKilled.Error())
		e.killed++
		e.again()
	}
}

// TestNettingInPartsInAnyOrder: whatever else happens between the parts of a netting, and wherever
// a process ends in one, every invariant holds after every transaction, and afterwards all agree.
func TestNettingInPartsInAnyOrder(t *testing.T) {
	defer settlement.LeaveRings()()
	var parts, between, killed int64
	rapid.Check(t, func(t *rapid.T) {
		e := newRingWorld(t, false)
		defer e.Stop()
		actions := maps.Clone(e.actions)
		actions["net"], actions["net again"], actions["net more"] = e.net, e.net, e.net
		t.Repeat(actions)
		e.end(t)
		for range 2 {
			for _, name := range e.Names {
				for range 2 { // again until nothing is owed
					e.Sync(e.Devices[name], settlementtest.Whole, 0)
				}
				e.end(t)
			}
		}
		e.Audit(true)
		parts += e.ordersOf(t, "netting:")
		between, killed = between+int64(e.between), killed+int64(e.killed)
	})
	t.Logf("%d parts moved; between transactions of nettings %d looks, %d processes ended", parts,
		between, killed)
	require.Positive(t, parts)
}

// TestANettingEndsWhereverItsProcessDid: a process ends before any one transaction of a netting of
// two rings that share a card, and another one goes on: with what is decided to its end, with
// anything else anew. The books hold in between, also for who looks from outside.
func TestANettingEndsWhereverItsProcessDid(t *testing.T) {
	defer settlement.LeaveRings()()
	for last := 0; ; last++ {
		w := settlementtest.NewWorld(t)
		w.Together = 2
		service := w.Again()
		twoRings(t, w)
		settled := func() int64 { return settledIn(t, w) }
		before, steps := settled(), 0
		settlement.Seed(service, w.Devices["A"].ID)
		_, err := service.NetLarge(betweenParts{t.Context(), func() error {
			w.Audit(false)
			balances, err := notary.AllBalances(t.Context(), w.Notary)
			require.NoError(t, err)
			sum := balances.Pool + balances.Clearing
			for _, a := range slices.Concat(balances.Online, balances.Shadow) {
				require.GreaterOrEqual(t, a.Balance, money.Ore(0))
				sum += a.Balance
			}
			require.Equal(t, balances.Issued, sum)
			require.GreaterOrEqual(t, balances.Clearing, money.Ore(0))
			if steps++; steps > last {
				return errKilled
			}
			return nil
		}})
		if err == nil {
			require.EqualValues(t, before+8, settled())
			require.Greater(t, steps, 8, "it was no netting in parts")
			t.Logf("%d transactions", steps)
			return
		}
		require.ErrorContains(t, err, errKilled.Error())
		another := w.Again()
		for range 2 {
			settlement.Seed(another, w.Devices["A"].ID)
			_, err = another.NetLarge(t.Context())
			require.NoError(t, err)
			w.Audit(false)
		}
		require.EqualValues(t, before+8, settled())
		w.Stop()
	}
}

// TestANettingGoesOnWithoutWhatOthersSettle: while claims are taken, a card is loaded, so that it
// pays its own and others theirs in turn. What is left is settled by the same netting, unless
// somebody has paid on what he needs for it; then by another.
func TestANettingGoesOnWithoutWhatOthersSettle(t *testing.T) {
	defer settlement.LeaveRings()()
	same := 0
	for _, loaded := range []string{"A", "B", "D", "F"} {
		for at := 1; at <= 8; at++ {
			w := settlementtest.NewWorld(t)
			w.Together = 1
			service := w.Again()
			twoRings(t, w)
			var others int64
			steps := 0
			settlement.Seed(service, w.Devices["A"].ID)
			_, err := service.NetLarge(betweenParts{t.Context(), func() error {
				if steps++; steps == at {
					w.Sync(w.Devices[loaded], settlementtest.Whole, 100_00)
					others = settledIn(t, w)
				}
				w.Audit(false)
				return nil
			}})
			require.NoError(t, err)
			if others > 0 && others < 8 && settledIn(t, w) >= 8 {
				same++
			}
			settlement.Seed(service, w.Devices["A"].ID)
			_, err = service.NetLarge(t.Context())
			require.NoError(t, err)
			w.Audit(false)
			require.GreaterOrEqual(t, settledIn(t, w), int64(8))
			w.Stop()
		}
	}
	t.Logf("%d nettings went on without what others settled", same)
	require.Positive(t, same)
}

// twoRings: A pays B pays C pays D pays A, and A pays E pays F pays G pays A, more than any wallet
// has. A pays more than it gets, D gets more than it pays.
func twoRings(t *testing.T, w *settlementtest.World) {
	require.NoError(t, w.Notary.Issue(t.Context(), "1", "SENORDIC", 1000_00))
	for _, name := range []string{"A", "B", "C", "D", "E", "F", "G", "Z"} {
		w.Issue(name, "NORDIC", spec.RoleCard)
	}
	w.Sync(w.Devices["A"], settlementtest.Whole, 20_00)
	w.Sync(w.Devices["Z"], settlementtest.Whole, 200_00)
	pay := func(from, to string, amount money.Ore) [][]byte {
		r, err := w.Devices[to].Request(amount, "")
		require.NoError(t, err)
		p, err := w.Devices[from].Pay(r, false)
		require.NoError(t, err)
		receipt, err := w.Devices[to].Accept(p)
		require.NoError(t, err)
		return [][]byte{w.Encode(p), w.Encode(receipt)}
	}
	pay("Z", "A", 200_00) // its wallet does not learn of it
	var rings [][]byte
	for _, names := range []string{"AB", "BC", "CD", "DA", "AE", "EF", "FG", "GA"} {
		amount := money.Ore(100_00)
		if names == "DA" {
			amount = 90_00
		}
		rings = append(rings, pay(names[:1], names[1:], amount)...)
	}
	w.Submit(rings...)
	require.Zero(t, settledIn(t, w))
}

func settledIn(t *testing.T, w *settlementtest.World) int64 {
	n, err := store.Number(t.Context(), w.DB, "SELECT count(*) FROM payment WHERE verdict = $1",
		int(notary.Settled))
	require.NoError(t, err)
	return n
}

// TestNettingInPartsBesideAttacks: beside that cards are copied, lost and ended.
func TestNettingInPartsBesideAttacks(t *testing.T) {
	defer settlement.LeaveRings()()
	rapid.Check(t, func(t *rapid.T) {
		e := newRingWorld(t, true)
		defer e.Stop()
		actions := maps.Clone(e.actions)
		actions["net"], actions["net again"], actions["net more"] = e.net, e.net, e.net
		t.Repeat(actions)
		e.end(t)
	})
}

// end brings what is under way to its end.
func (e *ringWorld) end(t *rapid.T) {
	e.seed()
	_, err := e.service.NetLarge(context.Background())
	require.NoError(t, err)
	under, err := store.Number(context.Background(), e.DB,
		"SELECT count(*) FROM netting WHERE done_at IS NULL")
	require.NoError(t, err)
	require.Zero(t, under)
	e.Audit(false)
}

// ordersOf counts the ledger's orders of a kind.
func (e *ringWorld) ordersOf(t *rapid.T, kind string) int64 {
	n, err := store.Number(context.Background(), e.DB,
		"SELECT count(*) FROM ledger_order WHERE key LIKE $1", kind+"%")
	require.NoError(t, err)
	return n
}
