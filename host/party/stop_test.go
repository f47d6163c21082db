package party

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/service"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// A chore that its database holds up, which stands still, does not keep the party from its end.
func TestAPartyEndsWithoutItsDatabase(t *testing.T) {
	now := time.Now()
	keys := pki.Open(filepath.Join(t.TempDir(), "keys"), nil)
	_, err := transport.Root(t.Context(), keys, "root", "root", now.Add(-time.Hour),
		now.AddDate(1, 0, 0))
	require.NoError(t, err)
	require.NoError(t, transport.Certify(t.Context(), keys, "server", transport.Subject{
		Role: transport.Server, Name: "party", Hosts: []string{"localhost", "127.0.0.1"}}, keys,
		"root", now, now.AddDate(0, 2, 0)))
	for _, held := range []bool{true, false} {
		var log logged
		server, err := Listen(t.Context(), keys, Service{Listen: "127.0.0.1:0",
			Limits: service.Limits{Stop: minLimit}},
			service.Config{Title: "party", Log: slog.New(slog.NewTextHandler(&log, nil))},
			Environment{})
		require.NoError(t, err)
		stands, begun := make(chan struct{}), make(chan struct{})
		if !held {
			close(stands)
		}
		server.Chore(func(context.Context) { close(begun); <-stands })
		ctx, stop := context.WithCancel(t.Context())
		go func() { <-begun; stop() }()
		require.NoError(t, server.Run(ctx))
		if held {
			require.Contains(t, string(log), "was cut off")
			close(stands)
		} else {
			require.Empty(t, string(log))
		}
	}
}

type logged []byte

func (l *logged) Write(b []byte) (int, error) { *l = append(*l, b...); return len(b), nil }
