package service

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// door is an address at which a world is reached through a listener that comes and goes.
type door struct {
	w       *world
	address string
}

func newDoor(w *world) *door {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w.t, err)
	require.NoError(w.t, l.Close())
	return &door{w, l.Addr().String()}
}

// open has the door lead to the world, until the returned function or the end of the test.
func (d *door) open() (shut func()) {
	l, err := net.Listen("tcp", d.address)
	if !assert.NoError(d.w.t, err) {
		return func() {}
	}
	to := strings.TrimPrefix(d.w.url, "https://")
	go func() {
		for {
			outer, err := l.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("tcp", to)
			if err != nil {
				outer.Close()
				continue
			}
			go func() { io.Copy(inner, outer); inner.Close() }()
			go func() { io.Copy(outer, inner); outer.Close() }()
		}
	}()
	d.w.t.Cleanup(func() { l.Close() })
	return func() { l.Close() }
}

// TestAServerThatStartsAgainIsWaitedFor: a call to a server that is absent is repeated, and made
// once; to one that has been absent for too long already it ends at once, and finds it when it is
// there again.
func TestAServerThatStartsAgainIsWaitedFor(t *testing.T) {
	w := start(t, nil)
	d := newDoor(w)
	certificate := w.tls("SENORDIC")
	var tries, opensAt atomic.Int32
	opensAt.Store(3)
	var shut func()
	client := func(absence time.Duration) (remote.Client, *link.Client) {
		l := must(link.New(link.Config{URL: "https://" + d.address, Contract: "node",
			Absence: absence, TLS: func() *tls.Config {
				if tries.Add(1) == opensAt.Load() {
					shut = d.open()
				}
				return certificate
			}}))
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		return remote.Client{Errors: toy{}, Transport: l}, l
	}
	patient, _ := client(time.Hour)
	opensAt.Store(-1)
	_, err := remote.Ask[thing](link.AtOnce(t.Context()), patient, "echo", thing{"x"})
	require.ErrorIs(t, err, remote.ErrUnreachable)
	tries.Store(0)
	opensAt.Store(3)
	_, err = remote.Ask[thing](t.Context(), patient, "echo", thing{"x"})
	require.NoError(t, err)
	require.EqualValues(t, 3, tries.Load())
	require.Equal(t, 1, w.calls)

	shut()
	tries.Store(0)
	hasty, l := client(time.Nanosecond) // has passed at any later moment
	for range 2 {
		_, err = remote.Ask[thing](t.Context(), hasty, "echo", thing{"x"})
		require.ErrorIs(t, err, remote.ErrUnreachable)
	}
	require.EqualValues(t, 2, tries.Load(), "one try for each call")
	require.NoError(t, l.Close())
	_, err = remote.Ask[thing](t.Context(), hasty, "echo", thing{"x"})
	require.NoError(t, err)
	require.Equal(t, 2, w.calls)
}

// TestACertificateIsNotWaitedFor: neither side takes it later.
func TestACertificateIsNotWaitedFor(t *testing.T) {
	w, elsewhere := start(t, nil), start(t, nil)
	for _, shown := range []*tls.Config{elsewhere.tls("SENORDIC"), func() *tls.Config {
		c := w.tls("SENORDIC")
		c.VerifyConnection = func(tls.ConnectionState) error { return errors.New("revoked") }
		return c
	}()} {
		tries := 0
		l := must(link.New(link.Config{URL: w.url, Contract: "node", Absence: time.Hour,
			Patience: time.Hour, TLS: func() *tls.Config { tries++; return shown }}))
		_, err := remote.Ask[thing](t.Context(), remote.Client{Errors: toy{}, Transport: l}, "echo",
			thing{"x"})
		require.ErrorIs(t, err, remote.ErrUnreachable)
		require.ErrorContains(t, err, "the certificate of the other side")
		require.Equal(t, 1, tries)
		require.NoError(t, l.Close())
	}
}

// TestARefusedCertificateIsNoLostAnswer: however a server ends the connection of a client whose
// certificate it does not take, with an alert or without, nothing was asked of it, and the caller
// learns what to look at.
func TestARefusedCertificateIsNoLostAnswer(t *testing.T) {
	w := start(t, nil)
	for _, reset := range []bool{false, true} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		refusing := w.service.config.TLS.Clone()
		refusing.GetConfigForClient = nil
		refusing.ClientAuth = tls.RequireAnyClientCert
		refusing.VerifyConnection = func(tls.ConnectionState) error { return errors.New("no") }
		go func() {
			for {
				raw, err := listener.Accept()
				if err != nil {
					return
				}
				if reset { // also what is written is thrown away
					raw = dropsLast{raw.(*net.TCPConn)}
				}
				go func() {
					_ = tls.Server(raw, refusing).HandshakeContext(context.Background())
					raw.Close()
				}()
			}
		}()
		l := must(link.New(link.Config{URL: "https://" + listener.Addr().String(),
			Contract: "node", TLS: always(w.tls("SENORDIC")), Patience: time.Hour}))
		const often = 20 // the alert and the request must not race
		for range often {
			_, err = remote.Ask[thing](t.Context(), remote.Client{Errors: toy{}, Transport: l},
				"echo", thing{"x"})
			require.ErrorIs(t, err, remote.ErrUnreachable)
			require.False(t, remote.IsAway(err))
			if reset {
				require.ErrorContains(t, err, "when it saw this side's certificate")
			} else {
				require.ErrorContains(t, err, "refuses the certificate of this one")
			}
		}
		require.NoError(t, l.Close())
		require.NoError(t, listener.Close())
	}
}

// dropsLast is the connection of a server that resets it in place of an alert.
type dropsLast struct{ *net.TCPConn }

// Write sends what is no enciphered alert.
func (d dropsLast) Write(b []byte) (int, error) {
	const alert = 5 + 2 + 1 + 16
	if len(b) == alert && b[0] == 23 {
		return len(b), d.SetLinger(0)
	}
	return d.TCPConn.Write(b)
}
