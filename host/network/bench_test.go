package network

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/host/latency"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/store/storetest"
)

// With scripts/bench these are large.
var (
	callers = flag.String("callers", "1,3",
		"terminals that synchronise at once, one number after the other")
	syncs = flag.Int("syncs", 6, "synchronisations of each of these measurements")
)

// aloneTerminals are used in turn where fewer callers synchronise.
const aloneTerminals = 48

// Numbers reads a flag.
func Numbers(t *testing.T, text string) (all []int) {
	t.Helper()
	for one := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(one)
		require.NoError(t, err)
		all = append(all, n)
	}
	return all
}

// TestSynchronisations: terminals with something to hand over synchronise through the services,
// over TLS, by several callers at once: each time the whole session with the bank, which makes its
// own calls to the central bank, with a record, a State, an Instruction and its Confirmation. It
// reports how many a second, the median, the 99th percentile and the worst, and what the database
// did for each.
func TestSynchronisations(t *testing.T) {
	stages := Numbers(t, *callers)
	r := up(t)
	r.stop()
	s, err := sandbox.Open(r.folder, sandbox.Options{})
	require.NoError(t, err)
	bank, err := s.Bank(t.Context(), string(sandbox.Fjord))
	require.NoError(t, err)
	// a terminal alone may make so many calls a second only, and takes turns with others
	all := max(slices.Max(stages), min(*syncs, aloneTerminals))
	for i := range all {
		_, err := s.IssueTerminal(t.Context(), bank, fmt.Sprintf("kiosk-%d", i))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	r.start()
	s = r.people()
	var terminals []*sandbox.Merchant
	for i := range all {
		m, err := s.Merchant(t.Context(), fmt.Sprintf("kiosk-%d", i))
		require.NoError(t, err)
		terminals = append(terminals, m)
	}
	var first float64
	for _, n := range stages {
		storetest.Dearest(t, 0)
		before := storetest.Measure(t)
		times, failed := make([][]time.Duration, n), make([]error, n)
		began := time.Now()
		var working sync.WaitGroup
		for i := range n {
			working.Go(func() {
				for round := range (*syncs + n - 1) / n {
					took, err := synchronise(t, terminals[(i+round*n)%len(terminals)])
					if failed[i] = err; err != nil {
						return
					}
					times[i] = append(times[i], took)
				}
			})
		}
		working.Wait()
		during := time.Since(began)
		for _, err := range failed {
			require.NoError(t, err)
		}
		done := slices.Concat(times...)
		rate := float64(len(done)) / during.Seconds()
		if first == 0 {
			first = rate
		}
		t.Logf("%d callers: %.1f synchronisations a second, %.2f of the first; %v", n, rate,
			rate/first, latency.Of(done))
		storetest.Measure(t).Since(before).Report(t, int64(len(done)), "synchronisation")
		storetest.Dearest(t, 25)
	}
}

// synchronise has a terminal refuse a sale, and hand that over.
func synchronise(t *testing.T, m *sandbox.Merchant) (took time.Duration, err error) {
	sale, err := m.Terminal.Ask(t.Context(), 10*money.Krona)
	if err != nil {
		return 0, err
	}
	if _, err := m.Terminal.Refuse(t.Context(), sale.Number); err != nil {
		return 0, err
	}
	began := time.Now()
	done, err := m.Terminal.Synchronise(t.Context())
	if err == nil && done.Instructions != 1 {
		err = fmt.Errorf("%d Instructions in place of one", done.Instructions)
	}
	return time.Since(began), err
}
