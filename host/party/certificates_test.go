package party

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/clock"
	"ekrona.example/host/service"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// TestTheEndOfACertificateIsSaid: from some time before it on once a day, and each hour when it has
// come; one that was renewed on the disk is shown though nobody has sent a signal, and then nothing
// is said. The metrics have its end.
func TestTheEndOfACertificateIsSaid(t *testing.T) {
	began := time.Date(2026, time.November, 30, 12, 0, 0, 0, time.UTC)
	keys := pki.Open(filepath.Join(t.TempDir(), "keys"), nil)
	_, err := transport.Root(t.Context(), keys, "root", "root", began.Add(-time.Hour),
		began.AddDate(1, 0, 0))
	require.NoError(t, err)
	certify := func(now, until time.Time) {
		require.NoError(t, transport.Certify(t.Context(), keys, "server", transport.Subject{
			Role: transport.Server, Name: "party", Hosts: []string{"127.0.0.1"}}, keys, "root",
			now, until))
	}
	const day = 24 * time.Hour
	ends := began.Add(40 * day)
	certify(began, ends)
	now := &clock.Manual{At: began}
	var log logged
	lines := map[int]int{} // by the days that have passed
	renews := ends.Add(2 * day)
	ctx, stop := context.WithCancel(t.Context())
	e := Environment{Clock: now, Pause: func(ctx context.Context, pause time.Duration) error {
		lines[int(now.At.Sub(began)/day)] += strings.Count(string(log), "\n")
		log = log[:0]
		now.At = now.At.Add(pause)
		if now.At.Equal(renews) {
			certify(now.At, now.At.Add(100*day))
		} else if now.At.After(renews.Add(10 * day)) {
			stop()
		}
		return ctx.Err()
	}}
	server, err := Listen(ctx, keys, Service{Listen: "127.0.0.1:0"}, service.Config{Title: "party",
		Log: slog.New(slog.NewTextHandler(&log, nil))}, e)
	require.NoError(t, err)
	endOf := func() float64 {
		registry := prometheus.NewRegistry()
		require.NoError(t, registry.Register(certificates{server}))
		families, err := registry.Gather()
		require.NoError(t, err)
		require.Len(t, families, 1)
		require.Len(t, families[0].GetMetric(), 1)
		require.Equal(t, "server", families[0].GetMetric()[0].GetLabel()[0].GetValue())
		return families[0].GetMetric()[0].GetGauge().GetValue()
	}
	require.EqualValues(t, ends.Unix(), endOf())
	server.watchCertificates(e)(ctx)
	for passed := range 52 {
		want := 0
		switch {
		case passed >= 42: // it was renewed
		case passed >= 40:
			want = 24
		case passed == 39:
			want = 2 // that of the day, and that of the last hour
		case passed >= 10:
			want = 1
		}
		require.Equal(t, want, lines[passed], "day %d", passed)
	}
	require.EqualValues(t, renews.Add(100*day).Unix(), endOf())
	require.NoError(t, server.Close())
}
