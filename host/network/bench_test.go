package network

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/host/sandbox"
)

// BenchmarkSynchronise synchronises terminals through the services, over TLS, by several callers at
// once: each time the whole session, three calls to the bank, which makes its own to the central
// bank. It reports the median, the 99th percentile and the worst.
func BenchmarkSynchronise(b *testing.B) {
	const most = 64
	folder := filepath.Join(b.TempDir(), "box")
	s, err := sandbox.Found(b.Context(), folder, sandbox.Pilot(), sandbox.Options{})
	require.NoError(b, err)
	bank, err := s.Bank(b.Context(), string(sandbox.Fjord))
	require.NoError(b, err)
	for i := range most {
		_, err := s.IssueTerminal(b.Context(), bank, fmt.Sprintf("kiosk-%d", i))
		require.NoError(b, err)
	}
	require.NoError(b, s.Close())
	r := &running{t: b, folder: folder, databases: map[message.Name]string{}}
	r.start()
	s = r.people()
	var terminals []*sandbox.Merchant
	for i := range most {
		m, err := s.Merchant(b.Context(), fmt.Sprintf("kiosk-%d", i))
		require.NoError(b, err)
		terminals = append(terminals, m)
	}
	for _, callers := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			times := make([][]time.Duration, callers)
			var wg sync.WaitGroup
			for i := range callers {
				wg.Go(func() {
					for range (b.N + callers - 1) / callers {
						began := time.Now()
						if _, err := terminals[i].Terminal.Synchronise(b.Context()); err != nil {
							b.Error(err)
							return
						}
						times[i] = append(times[i], time.Since(began))
					}
				})
			}
			wg.Wait()
			all := slices.Sorted(slices.Values(slices.Concat(times...)))
			if len(all) > 0 {
				ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
				b.ReportMetric(ms(all[len(all)/2]), "ms-median")
				b.ReportMetric(ms(all[len(all)*99/100]), "ms-99th")
				b.ReportMetric(ms(all[len(all)-1]), "ms-worst")
			}
		})
	}
}
