package network_test

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/network"
	"ekrona.example/host/progress"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
	"ekrona.example/host/week"
)

// With scripts/bench these are large.
var (
	cards     = flag.Int("cards", 20, "cards of the morning after")
	terminals = flag.Int("terminals", 3, "its terminals")
	days      = flag.Int("days", 2, "days without network before it")
	crowd     = flag.String("crowd", "4",
		"who synchronise at once then, one number after the other, each after a week of its own")
)

// TestAMorningAfterAtTheServices: after days without network everybody synchronises through the
// services, over TLS, many at once; afterwards every invariant holds, every book balances, and
// nothing is stuck. It reports how long each took, and what the databases did for each payment.
func TestAMorningAfterAtTheServices(t *testing.T) {
	for _, callers := range network.Numbers(t, *crowd) {
		morningAfter(t, callers)
	}
}

func morningAfter(t *testing.T, callers int) {
	var costs []storetest.Costs
	served := &week.Served{Folder: filepath.Join(t.TempDir(), "parties"), Callers: callers,
		Databases: map[message.Name]string{}, Watch: func(int, bool) {
			costs = append(costs, storetest.Measure(t))
		}}
	if storetest.Dialect() == store.PostgreSQL {
		for _, name := range append([]message.Name{""}, week.Banks()...) {
			served.Databases[name] = storetest.New(t)
		}
	}
	r, err := week.Run(t.Context(), week.Plan{Cards: *cards, Terminals: *terminals, Days: *days,
		Seed: 1, Limits: week.Default, Workers: week.DefaultWorkers(), Served: served,
		Show: func(e progress.Event) {
			if e.Count.Done == e.Count.Total {
				t.Log(e.Text)
			}
		}})
	require.NoError(t, err)
	require.NotNil(t, r.Morning)
	require.Empty(t, r.Violations)
	m := r.Morning
	require.Empty(t, m.Stuck)
	require.Equal(t, m.Issued, m.Online+m.Shadow+m.Pool, "all money is accounted for")
	require.Equal(t, m.Shadow, m.OnCards, "behind each card is what it holds")
	require.Positive(t, m.Settled)
	require.Positive(t, m.Instructions)
	t.Logf("%v, %d cards, %d terminals, %d days: %d payments, %d settled, %d given back, %.0f a "+
		"second in the first round", storetest.Dialect(), *cards, *terminals, *days, m.Payments,
		m.Settled, m.Returned, float64(m.Payments)/m.Served[0].Seconds)
	for round, c := range m.Served {
		require.Equal(t, *cards+*terminals, c.Synchronisations)
		t.Logf("round %d: %v", round+1, c)
		costs[2*round+1].Since(costs[2*round]).Report(t, int64(m.Payments), "payment")
	}
}
