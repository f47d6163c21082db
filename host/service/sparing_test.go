package service

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// away is the error of a database whose server cannot be reached.
type away struct{}

func (away) Error() string { return "the server is at 10.0.0.1" }

func (away) Away() bool { return true }

// TestADatabaseThatIsAwayIsWaitedFor: a call that needs it, here or at another party, is answered
// with when to repeat it and nothing else, and a patient caller has it carried out when it is back.
func TestADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	const absent = 2 // so many calls find it away
	calls := 0
	answer := func(why error) func(Caller) *remote.Server {
		return func(Caller) *remote.Server {
			s := remote.NewServer(toy{})
			remote.Handle(s, "echo", func(_ context.Context, q thing) (thing, error) {
				if calls++; calls <= absent {
					return thing{}, fmt.Errorf("load: %w", why)
				}
				return q, nil
			})
			return s
		}
	}
	for name, why := range map[string]error{"here": away{},
		"at another party": &link.Refused{Rule: link.Away},
		"no room there":    &link.Refused{Rule: link.Busy}} {
		w := start(t, func(c *Config) {
			c.Endpoints = []Endpoint{{Contract: "public", Who: Anybody, Answer: answer(why)}}
		})
		calls = 0
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			w.url+"/v1/public/echo", strings.NewReader(`{"name":"x"}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		status, p, header := w.raw(w.tls(""), r)
		require.Equal(t, http.StatusServiceUnavailable, status, name)
		require.Equal(t, "link:away", p.Code, name)
		require.Empty(t, p.Detail, name)
		require.Equal(t, "1", header.Get("Retry-After"), name)
		require.Contains(t, w.log.String(), why.Error(), name)

		calls = 0
		_, err = remote.Ask[thing](t.Context(), w.client("public", w.tls(""), nil), "echo",
			thing{"x"})
		require.ErrorIs(t, err, link.Away, name)
		require.True(t, remote.IsAway(err), name)
		require.NotErrorIs(t, err, remote.ErrUnreachable, "something may have been done")

		calls = 0
		patient := remote.Client{Errors: toy{}, Transport: must(link.New(link.Config{URL: w.url,
			Contract: "public", TLS: always(w.tls("")), Patience: time.Hour}))}
		got, err := remote.Ask[thing](t.Context(), patient, "echo", thing{"x"})
		require.NoError(t, err, name)
		require.Equal(t, thing{"x"}, got, name)
		require.Equal(t, absent+1, calls, name)
	}
}

// TestAKeyThatCannotBeReadIsWaitedFor: a phone whose registered key is in a database that is away
// has its call carried out when that is back, and is told so until then.
func TestAKeyThatCannotBeReadIsWaitedFor(t *testing.T) {
	absent := 0 // so many more times the key cannot be read
	w := start(t, func(c *Config) {
		known := c.Keys
		c.Keys = func(ctx context.Context, k link.Key) (*ecdsa.PublicKey, error) {
			if absent > 0 {
				absent--
				return nil, fmt.Errorf("customer: %w", away{})
			}
			return known(ctx, k)
		}
	})
	absent = 1
	_, err := remote.Ask[thing](t.Context(), w.phone(anna), "echo", thing{"x"})
	require.ErrorIs(t, err, link.Away)
	require.NotContains(t, err.Error(), away{}.Error())
	require.Contains(t, w.log.String(), away{}.Error())
	require.NotContains(t, w.log.String(), `"level":"ERROR","msg":"call"`)

	absent = 2
	patient := remote.Client{Errors: toy{}, Transport: must(link.New(link.Config{URL: w.url,
		Contract: "app", TLS: always(w.tls("")), Patience: time.Hour,
		Signer: &link.Signer{Key: anna, Signer: w.app.Signer}}))}
	_, err = remote.Ask[thing](t.Context(), patient, "echo", thing{"x"})
	require.NoError(t, err)
	require.Zero(t, absent)
}

// TestAnAnswerThatIsLostIsAskedForAgain: by a patient caller; to another one it is what may have
// been carried out and is to be repeated, also where nobody is there any more.
func TestAnAnswerThatIsLostIsAskedForAgain(t *testing.T) {
	lose := 0
	w := start(t, func(c *Config) {
		answer := c.Endpoints[2].Answer
		c.Endpoints[2].Answer = func(caller Caller) *remote.Server {
			if lose > 0 {
				lose--
				panic(http.ErrAbortHandler) // net/http ends the connection
			}
			return answer(caller)
		}
	})
	ask := func(patience time.Duration) error {
		l, err := link.New(link.Config{URL: w.url, Contract: "public", TLS: always(w.tls("")),
			Patience: patience})
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		_, err = remote.Ask[thing](t.Context(), remote.Client{Errors: toy{}, Transport: l}, "echo",
			thing{"x"})
		return err
	}
	lose = 1
	err := ask(0)
	require.True(t, remote.IsAway(err), "%v", err)
	require.NotErrorIs(t, err, remote.ErrUnreachable, "it may have been carried out")
	require.Zero(t, w.calls)
	lose = 2
	require.NoError(t, ask(time.Hour))
	require.Equal(t, 1, w.calls)
}

// TestManyLinesOfAKindAreReadable: one is in the log at once, and then again and again, and each
// says how many there were without; the kinds do not hide each other, however many there are.
func TestManyLinesOfAKindAreReadable(t *testing.T) {
	var s sparing
	began := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	const minutes, perSecond = 2, 50
	lines, hidden := map[string]int{}, map[string]int{}
	for n := range minutes * 60 * perSecond {
		for _, kind := range []string{"a", "b"} {
			if before, is := s.line(kind, began.Add(time.Duration(n)*time.Second/perSecond)); is {
				lines[kind]++
				hidden[kind] += before
			}
		}
	}
	const times = int(minutes * time.Minute / lineTime)
	each := int(lineTime/time.Second)*perSecond - 1
	require.Equal(t, map[string]int{"a": times, "b": times}, lines)
	require.Equal(t, map[string]int{"a": (times - 1) * each, "b": (times - 1) * each}, hidden)
	_, is := s.line("a", began.Add(minutes*time.Minute-lineTime-time.Second))
	require.False(t, is, "of a call that took longer than one before it")
	_, is = s.line("a", began)
	require.True(t, is, "the clock was set back")
	for n := range 10 * maxKinds {
		s.line(strconv.Itoa(n), began)
	}
	require.LessOrEqual(t, len(s.by), maxKinds+1)
}

// TestNobodyFloodsTheLog: of a crowd that is refused for one reason, at the door or behind it, the
// log has few lines, and the reason.
func TestNobodyFloodsTheLog(t *testing.T) {
	w := start(t, func(c *Config) {
		c.Limits.NodePerSecond, c.Limits.NodeBurst = 1e-9, 1
	})
	const crowd = 40
	for range crowd {
		_, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{
			MinVersion: tls.VersionTLS13}) // it does not trust the server
		require.Error(t, err)
	}
	node := w.node("SENORDIC")
	for n := range crowd {
		_, err := remote.Ask[thing](t.Context(), node, "echo", thing{"x"})
		require.Equal(t, n > 0, err != nil, "%v", err) // the rate lets one pass
	}
	require.NoError(t, w.stop())
	text := w.log.String()
	require.Equal(t, 1, strings.Count(text, "bad certificate"), text)
	require.Equal(t, 1, strings.Count(text, `"level":"WARN","msg":"call"`), text)
	require.Contains(t, text, `"code":"link:rate"`)
}

// TestNobodyFloodsTheLogByWhatIsRefused: by no rule that stands before a contract.
func TestNobodyFloodsTheLogByWhatIsRefused(t *testing.T) {
	w := start(t, nil)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: w.tls("")}}
	t.Cleanup(client.CloseIdleConnections)
	const crowd = 40
	for range crowd {
		for _, broken := range []struct {
			method, path, kind string
			length             int64
		}{{http.MethodPost, "/v1/public/none", "application/json", 0},
			{http.MethodGet, "/v1/public/echo", "application/json", 0},
			{http.MethodPost, "/v1/public/echo", "text/plain", 0},
			{http.MethodPost, "/v1/public/echo", "application/json", remote.MaxMessage + 1},
			{http.MethodPost, "/v1/public/echo", "application/json", 1},
			{http.MethodPost, "/v1/app/echo", "application/json", 0},
			{http.MethodPost, "/v1/node/echo", "application/json", 0}} {
			r, err := http.NewRequestWithContext(t.Context(), broken.method, w.url+broken.path,
				io.LimitReader(zeros{}, broken.length))
			require.NoError(t, err)
			r.ContentLength = broken.length
			r.Header.Set("Content-Type", broken.kind)
			response, err := client.Do(r)
			if broken.length == 0 {
				require.NoError(t, err)
			}
			if err == nil { // else the connection was closed before all was sent
				require.NoError(t, response.Body.Close())
			}
		}
	}
	require.NoError(t, w.stop())
	text := w.log.String()
	for _, rule := range []link.Rule{link.Path, link.Method, link.MediaType, link.Size,
		link.Signature, link.Certificate, "toy:malformed"} {
		require.Equal(t, 1, strings.Count(text, `"code":"`+string(rule)+`"`), rule)
	}
}

// TestLinesOfConnectionsAreOfFewKinds: addresses and times in them make none of their own.
func TestLinesOfConnectionsAreOfFewKinds(t *testing.T) {
	said := &log{}
	s, err := New(Config{Title: "toy", Log: slog.New(slog.NewJSONHandler(said, nil))})
	require.NoError(t, err)
	for n := range 40 {
		for _, line := range []string{
			"http: TLS handshake error from 192.0.2.1:%d: read tcp 10.0.0.1:7443->192.0.2.1:" +
				"%[1]d: i/o timeout\n",
			"http: TLS handshake error from [2001:db8::%x]:1: remote error: tls: bad certificate" +
				"\n",
			"http: Accept error: accept tcp 10.0.0.1:7443: accept4: too many open files; " +
				"retrying in %dms\n"} {
			_, err := fmt.Fprintf(connectionLog{s}, line, n)
			require.NoError(t, err)
		}
	}
	require.Equal(t, 3, strings.Count(said.String(), "\n"), said.String())
}

// zeros gives as many as are read.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(into []byte) (int, error) { return len(into), nil }

// TestACertificateThatIsRefused: nothing was done, and who calls learns whose it is; a service that
// calls such a party says so to its own callers, and in its log, once.
func TestACertificateThatIsRefused(t *testing.T) {
	w, elsewhere := start(t, nil), start(t, nil)
	_, why := remote.Ask[thing](t.Context(), w.client("node", elsewhere.tls("SENORDIC"), nil),
		"echo", thing{"x"}) // that trusts another root
	require.ErrorIs(t, why, remote.ErrUnreachable)
	require.ErrorContains(t, why, "the certificate of the other side")
	require.Zero(t, w.calls)
	gate := start(t, func(c *Config) {
		c.Endpoints = []Endpoint{{Contract: "public", Who: Anybody,
			Answer: func(Caller) *remote.Server {
				s := remote.NewServer(toy{})
				remote.Handle(s, "echo", func(_ context.Context, q thing) (thing, error) {
					return q, why
				})
				return s
			}}}
	})
	const calls = 4
	for range calls {
		_, err := remote.Ask[thing](t.Context(), gate.client("public", gate.tls(""), nil), "echo",
			thing{"x"})
		require.Error(t, err)
	}
	require.NoError(t, gate.stop())
	require.Equal(t, calls, strings.Count(gate.log.String(), `"status":502,"code":"unreachable"`))
	require.Equal(t, 1, strings.Count(gate.log.String(), "ERROR"), gate.log.String())
	require.Contains(t, gate.log.String(), "certificate of the other side")
}
