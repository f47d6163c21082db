package network

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/sandbox"
	"ekrona.example/host/store/storetest"
)

// skewed is a clock that is wrong.
type skewed struct{ ahead time.Duration }

// Now returns what it shows.
func (s skewed) Now() time.Time { return time.Now().Add(s.ahead) }

// TestAWrongClockEndsNoDevice: at a central bank whose clock is 40 days ahead of its intermediary's
// no device ends by itself, though one is due by it, and both say that their clocks differ.
func TestAWrongClockEndsNoDevice(t *testing.T) {
	storetest.OnFirst(t)
	folder := filepath.Join(t.TempDir(), "box")
	hosts, err := HostsOf("127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, Found(t.Context(), folder, hosts, Options{}))
	s, err := sandbox.Open(folder, sandbox.Options{})
	require.NoError(t, err)
	anna, err := s.Person(t.Context(), "anna", "")
	require.NoError(t, err)
	_, err = s.ReportLost(t.Context(), anna)
	require.NoError(t, err)
	require.NoError(t, s.Close())

	lines, said := io.Pipe()
	n := &network{Options: Options{Listen: "127.0.0.1:0",
		Log: slog.New(slog.NewJSONHandler(said, nil))}}
	ctx, stop := context.WithCancel(t.Context())
	below, stopBelow := context.WithCancel(t.Context())
	n.stop = stop
	failed := make(chan error, 1)
	go func() {
		n.Clock = skewed{40 * 24 * time.Hour}
		err := n.startCentralBank(below, filepath.Join(folder, CentralBankFolder))
		if err == nil {
			n.Clock = skewed{}
			err = n.startBank(ctx, filepath.Join(folder, "nordic-bank"), "127.0.0.1:0")
		}
		failed <- err
	}()
	waited := []string{"the clock of this machine may be wrong", `"of":"SENORDIC"`,
		`"is":"960h`}
	log := bufio.NewScanner(lines)
	for len(waited) > 0 && log.Scan() {
		require.NotContains(t, log.Text(), "device ended")
		waited = slices.DeleteFunc(waited, func(what string) bool {
			return strings.Contains(log.Text(), what)
		})
	}
	require.Empty(t, waited)
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	require.NoError(t, <-failed)
	stop()
	require.NoError(t, n.running.Wait())
	stopBelow()
	require.NoError(t, n.below.Wait())
	for _, c := range n.closers {
		require.NoError(t, c.Close())
	}
	require.NoError(t, said.Close())
}
