package service

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// ahead is what clocks were heard, by whose they are.
type ahead struct {
	mu sync.Mutex
	by map[string]time.Duration
}

func (a *ahead) heard(name string, by time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[name] = by
}

// TestEachSideHearsTheOthersClock: in every answer, and in the requests of a node that asks for it;
// of whom the certificate says who it is, and of no other.
func TestEachSideHearsTheOthersClock(t *testing.T) {
	const day = 24 * time.Hour
	servers, callers := ahead{by: map[string]time.Duration{}}, ahead{by: map[string]time.Duration{}}
	w := start(t, func(c *Config) {
		c.Now = func() time.Time { return time.Now().Add(day) }
		c.Heard = callers.heard
	})
	for _, who := range []string{"SENORDIC", ""} {
		contract := "node"
		if who == "" {
			contract = "public"
		}
		c, err := link.New(link.Config{URL: w.url, Contract: contract, TLS: always(w.tls(who)),
			Heard: servers.heard})
		require.NoError(t, err)
		_, err = remote.Ask[thing](t.Context(), remote.Client{Transport: c, Errors: toy{}}, "echo",
			thing{"x"})
		require.NoError(t, errors.Join(err, c.Close()))
	}
	_, err := remote.Ask[thing](t.Context(), w.node("SEFJORDB"), "echo", thing{"x"})
	require.NoError(t, err)
	require.Len(t, servers.by, 1)
	for _, by := range servers.by {
		require.InDelta(t, day, by, float64(time.Minute))
	}
	require.Len(t, callers.by, 1, "one has shown its clock and a certificate")
	require.InDelta(t, -day, callers.by["SENORDIC"], float64(time.Minute))
}

// TestACallerCountsItsCalls: by what became of them, and how often they were sent.
func TestACallerCountsItsCalls(t *testing.T) {
	w := start(t, nil)
	var made []link.Made
	call := func(url, name string, request any) {
		t.Helper()
		c, err := link.New(link.Config{URL: url, Contract: "node", TLS: always(w.tls("SENORDIC")),
			Made: func(m link.Made) { made = append(made, m) }})
		require.NoError(t, err)
		_, _ = remote.Ask[thing](t.Context(), remote.Client{Transport: c, Errors: toy{}}, name,
			request)
		require.NoError(t, c.Close())
	}
	call(w.url, "echo", thing{"x"})
	call(w.url, "echo", thing{"known"})
	call(w.url, "fail", remote.None{})
	call(w.url, "none", remote.None{})
	call("https://127.0.0.1:1", "echo", thing{"x"})
	require.Len(t, made, 5)
	for n, want := range []link.Made{{Call: "echo", Code: link.CodeOK},
		{Call: "echo", Code: "toy:funds"}, {Call: "fail", Code: "failed"},
		{Call: "none", Code: string(link.Path)}, {Call: "echo", Code: link.CodeUnreachable}} {
		require.Positive(t, made[n].Took)
		want.Contract, want.Tries, want.Took = "node", 1, made[n].Took
		require.Equal(t, want, made[n])
	}
}

// TestACallThatFindsNoFilesIsRepeated: a process that has as many open as it may says so, and once
// in its log.
func TestACallThatFindsNoFilesIsRepeated(t *testing.T) {
	left, tried := 3, 0
	w := start(t, func(c *Config) {
		c.Endpoints = append(c.Endpoints, Endpoint{Contract: "files", Who: Certified,
			Answer: func(Caller) *remote.Server {
				s := remote.NewServer(toy{})
				remote.HandleOnly(s, "open", func(context.Context, remote.None) error {
					if tried++; tried <= left {
						return &openError{syscall.EMFILE}
					}
					return nil
				})
				return s
			}})
	})
	c, err := link.New(link.Config{URL: w.url, Contract: "files", TLS: always(w.tls("SENORDIC")),
		Patience: time.Minute})
	require.NoError(t, err)
	err = remote.Do(t.Context(), remote.Client{Transport: c, Errors: toy{}}, "open", remote.None{})
	require.NoError(t, errors.Join(err, c.Close()))
	require.Equal(t, left+1, tried)
	require.NotContains(t, w.log.String(), `"code":"failed"`)
	require.Contains(t, w.log.String(), "too many open files")
}

type openError struct{ error }

// Unwrap returns the system's error.
func (o *openError) Unwrap() error { return o.error }
