package network

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/remote"
	"ekrona/host/sandbox"
	"ekrona/host/wallet"
)

// running is a network that a test has started.
type running struct {
	Network
	t      *testing.T
	folder string
	stop   func() // and wait
}

// up starts a network on loopback, with any ports, until the test ends.
func up(t *testing.T) *running {
	t.Helper()
	r := &running{t: t, folder: filepath.Join(t.TempDir(), "box")}
	r.start()
	return r
}

func (r *running) start() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	started, ended := make(chan Network, 1), make(chan error, 1)
	go func() {
		ended <- Up(ctx, r.folder, Options{Listen: "127.0.0.1:0"},
			func(n Network) error { started <- n; return nil })
	}()
	select {
	case r.Network = <-started:
	case err := <-ended:
		cancel()
		require.NoError(r.t, err)
	}
	running := true
	r.stop = func() {
		if running {
			running = false
			cancel()
			require.NoError(r.t, <-ended)
		}
	}
	r.t.Cleanup(r.stop)
}

// people opens the phones, terminals and cards of the network's folder, which reach their banks
// over it.
func (r *running) people() *sandbox.Sandbox {
	r.t.Helper()
	banks := map[message.Name]string{}
	for _, b := range r.Banks {
		banks[b.Name] = b.URL
	}
	s, err := sandbox.Open(r.folder, sandbox.Options{Banks: banks})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, s.Close()) })
	return s
}

func tap(t *testing.T, h *sandbox.Holder) wallet.Tap {
	t.Helper()
	entered, err := h.Letter.Block()
	require.NoError(t, err)
	return wallet.Tap{Card: h.Card.Tap(), PIN: entered}
}

// TestALoadAPaymentAndASync: over the network, at two banks; afterwards every invariant holds, and
// what was done over it is there without it.
func TestALoadAPaymentAndASync(t *testing.T) {
	r := up(t)
	s, ctx := r.people(), t.Context()
	anna, err := s.Person(ctx, "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Load(ctx, tap(t, anna.Holder), 200*money.Krona)
	require.NoError(t, err)
	cafe, err := s.Merchant(ctx, "cafe")
	require.NoError(t, err)
	sale, err := cafe.Terminal.Ask(ctx, 45*money.Krona)
	require.NoError(t, err)
	held := tap(t, anna.Holder)
	_, err = cafe.Terminal.Take(ctx, sale.Number, held.Card, held.PIN)
	require.NoError(t, err)
	_, err = cafe.Terminal.Synchronise(ctx)
	require.NoError(t, err)
	_, err = anna.Phone.Synchronise(ctx, tap(t, anna.Holder))
	require.NoError(t, err)
	_, err = anna.Phone.Unload(ctx, tap(t, anna.Holder), 5*money.Krona)
	require.NoError(t, err)
	online, shadow, err := s.Wallets(ctx, anna)
	require.NoError(t, err)
	require.Equal(t, 805*money.Krona, online)
	require.Equal(t, 150*money.Krona, shadow)
	_, err = s.Bank(ctx, "SENORDIC")
	require.ErrorIs(t, err, sandbox.ErrElsewhere)
	_, err = s.ReportLost(ctx, anna)
	require.NoError(t, err)
	r.stop()

	_, err = cafe.Terminal.Synchronise(ctx)
	require.ErrorIs(t, err, remote.ErrUnreachable)
	require.NoError(t, s.Close())
	alone, err := sandbox.Open(r.folder, sandbox.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, alone.Close()) }()
	books, err := alone.Books(ctx, false)
	require.NoError(t, err)
	require.Empty(t, books.Violations)
}

// TestANetworkIsFoundAgain: a network that was stopped goes on, with the same certificates, and a
// party whose clock has passed them gets others.
func TestANetworkIsFoundAgain(t *testing.T) {
	r := up(t)
	s, ctx := r.people(), t.Context()
	anna, err := s.Person(ctx, "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Load(ctx, tap(t, anna.Holder), 20*money.Krona)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	r.stop()
	require.NoError(t, sandbox.Forward(r.folder, leafDays))
	r.start()
	s = r.people()
	anna, err = s.Person(ctx, "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Synchronise(ctx, tap(t, anna.Holder))
	require.NoError(t, err)
}
