package party

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/clock"
	"ekrona.example/host/service/link"
)

// TestAClockThatDiffersIsSaid: at first, once a day and when it agrees again; one that may be this
// party's own is in doubt, and so is one beside which none was heard lately.
func TestAClockThatDiffersIsSaid(t *testing.T) {
	var said logged
	now := &clock.Manual{At: time.Date(2026, time.December, 1, 0, 0, 0, 0, time.UTC)}
	c := NewClocks(slog.New(slog.NewTextHandler(&said, nil)))
	c.now = now.Now
	lines := func() int { return strings.Count(string(said), "\n") }
	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, c.AwaitFirst(ended), context.Canceled)
	require.Error(t, c.Doubted(), "none was heard")

	c.Heard("SENORDIC", 2*time.Second)
	require.NoError(t, c.AwaitFirst(t.Context()))
	require.NoError(t, c.Doubted())
	require.Zero(t, lines())
	for range 48 {
		c.Heard("SEFJORDB", -26*time.Hour)
		now.At = now.At.Add(time.Hour)
	}
	require.Equal(t, 2, lines(), "%s", said)
	require.Contains(t, string(said), `is="26h0m0s behind"`)
	require.Error(t, c.Doubted(), "the only one that was heard lately differs")
	c.Heard("SENORDIC", 0)
	require.Error(t, c.Doubted(), "one of two may be right")
	c.Heard("third", time.Second)
	require.NoError(t, c.Doubted())
	require.Equal(t, 2, lines())
	c.Heard("SEFJORDB", time.Second)
	require.Equal(t, 3, lines())
	require.Contains(t, string(said), "agrees again")

	c.Heard("SEFJORDB", -90*time.Second)
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(c))
	calls := NewCalls()
	require.NoError(t, registry.Register(calls))
	calls.Observe(link.Made{Contract: "participant", Call: "submit", Code: "ok", Tries: 3,
		Took: time.Second})
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue() +
				m.GetHistogram().GetSampleSum()
		}
	}
	require.Equal(t, map[string]float64{"ekrona_clock_ahead_seconds SENORDIC": 0,
		"ekrona_clock_ahead_seconds SEFJORDB": -90, "ekrona_clock_ahead_seconds third": 1,
		"ekrona_calls_made_total submit ok participant":    1,
		"ekrona_calls_made_again_total submit participant": 2,
		"ekrona_call_made_seconds submit participant":      1}, values)
}
