package service

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

type thing struct {
	Name string `json:"name"`
}

var errKnown, errMalformed = errors.New("a known error"), errors.New("not what belongs here")

// toy is a contract of which errKnown is an error.
type toy struct{}

func (toy) ProblemOf(err error) (remote.Problem, bool) {
	switch {
	case errors.Is(err, errKnown):
		return remote.Problem{Code: "toy:funds", Detail: err.Error()}, true
	case errors.Is(err, errMalformed):
		return remote.Problem{Code: "toy:malformed"}, true
	}
	return remote.Problem{}, false
}

func (toy) ErrorOf(p remote.Problem) error {
	if p.Code == "toy:funds" {
		return &remote.Error{Kind: errKnown, Detail: p.Detail}
	}
	return errMalformed
}

func (toy) Malformed(error) error { return errMalformed }

// log is a log that tests read.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// world is a service on loopback with certificates, and what calls it.
type world struct {
	t     *testing.T
	root  pki.Folder
	keys  pki.Folder // the server's
	log   log
	calls int // that the contract has carried out
	mu    sync.Mutex
	url   string
	stop  func() error
	hold  chan struct{} // closed: the call "wait" ends
	began chan struct{} // the call "wait" has begun
	app   pki.Identity

	service  *Service
	withheld bool // the recorder keeps what it should pass on
}

func now() time.Time { return time.Now() }

// certify gives a name of a folder a certificate by the root, for some hours.
func (w *world) certify(f pki.Folder, name string, s transport.Subject) {
	w.t.Helper()
	w.certifyUntil(f, name, s, now().Add(10*time.Hour))
}

func (w *world) certifyUntil(
	f pki.Folder, name string, s transport.Subject, until time.Time,
) {
	w.t.Helper()
	ctx := w.t.Context()
	require.NoError(w.t, transport.Adopt(ctx, f, w.root, "tls-root", now()))
	require.NoError(w.t, transport.Certify(ctx, f, name, s, w.root, "tls-root", now(), until))
}

func newRoot(t *testing.T) pki.Folder {
	t.Helper()
	f := pki.Open(t.TempDir(), nil)
	_, err := transport.Root(t.Context(), f, "tls-root", "test", now().Add(-time.Hour),
		now().AddDate(1, 0, 0))
	require.NoError(t, err)
	return f
}

func start(t *testing.T, change func(*Config)) *world {
	t.Helper()
	return startUnder(t, newRoot(t), change)
}

// startUnder is start under a root.
func startUnder(t *testing.T, root pki.Folder, change func(*Config)) *world {
	t.Helper()
	w := &world{t: t, root: root, keys: pki.Open(t.TempDir(), nil),
		hold: make(chan struct{}), began: make(chan struct{}, 64)}
	w.certify(w.keys, "server", transport.Subject{Role: transport.Server, Name: "toy",
		Hosts: []string{"127.0.0.1"}})
	app, err := w.keys.Key(t.Context(), "app")
	require.NoError(t, err)
	w.app = pki.Identity{Signer: app}
	registered, err := signature.PublicKey(app)
	require.NoError(t, err)
	shown, err := transport.Open(t.Context(), w.keys, "server", now)
	require.NoError(t, err)
	answer := func(c Caller) *remote.Server {
		s := remote.NewServer(toy{})
		remote.Handle(s, "echo", func(_ context.Context, q thing) (thing, error) {
			w.mu.Lock()
			w.calls++
			w.mu.Unlock()
			if q.Name == "known" {
				return q, errKnown
			}
			return thing{c.String() + " " + q.Name}, nil
		})
		remote.HandleOnly(s, "fail", func(context.Context, remote.None) error {
			return errors.New("disk of db7 is full")
		})
		remote.HandleOnly(s, "wait", func(ctx context.Context, _ remote.None) error {
			w.began <- struct{}{}
			<-w.hold
			return ctx.Err()
		})
		return s
	}
	c := Config{
		Title: "toy", TLS: shown.Server(), Hosts: shown.Hosts, Operators: []string{"operator"},
		Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
		Keys: func(_ context.Context, k link.Key) (*ecdsa.PublicKey, error) {
			if k.Customer == "anna å" || k.Device == "SENORDICT0000001" {
				return registered, nil
			}
			return nil, ErrNoKey
		},
		Endpoints: []Endpoint{
			{Contract: "node", Who: Certified, Answer: answer,
				Admits: func(c Caller) bool { return c.Name != "stranger" }},
			{Contract: "app", Who: Signed, Answer: answer,
				Admits: func(c Caller) bool { return c.Key.Customer != "" }},
			{Contract: "public", Who: Anybody, Answer: answer},
		},
	}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	require.NoError(t, err)
	w.service = s
	listener, err := Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	w.url = "https://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	stopped := sync.OnceValue(func() error { cancel(); return <-ended })
	w.stop = stopped
	t.Cleanup(func() { require.NoError(t, errors.Join(stopped(), shown.Close(), app.Close())) })
	return w
}

// tls returns the configuration of a client that has a certificate with a name; empty: none.
func (w *world) tls(name string) *tls.Config {
	w.t.Helper()
	f := pki.Open(w.t.TempDir(), nil)
	key := ""
	if name != "" {
		key = "client"
		w.certify(f, key, transport.Subject{Role: transport.Client, Name: name})
	} else {
		require.NoError(w.t, transport.Adopt(w.t.Context(), f, w.root, "tls-root", now()))
	}
	e, err := transport.Open(w.t.Context(), f, key, now)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, e.Close()) })
	return e.Client()
}

// node returns a client with a certificate.
func (w *world) node(name string) remote.Client { return w.client("node", w.tls(name), nil) }

// phone returns a client that signs.
func (w *world) phone(k link.Key) remote.Client {
	return w.client("app", w.tls(""), &link.Signer{Key: k, Signer: w.app.Signer})
}

func (w *world) client(contract string, t *tls.Config, s *link.Signer) remote.Client {
	w.t.Helper()
	c, err := link.New(link.Config{URL: w.url, Contract: contract, TLS: always(t),
		Signer: s})
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, c.Close()) })
	return remote.Client{Transport: c, Errors: toy{}}
}

// always is a client's configuration that stays.
func always(c *tls.Config) func() *tls.Config { return func() *tls.Config { return c } }

// raw sends a request as it is and returns the answer's problem, if it has one.
func (w *world) raw(t *tls.Config, r *http.Request) (status int, p link.Problem, h http.Header) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: t}}
	defer client.CloseIdleConnections()
	response, err := client.Do(r)
	require.NoError(w.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	if response.Header.Get("Content-Type") == link.ProblemType {
		require.NoError(w.t, json.Unmarshal(body, &p))
		require.Equal(w.t, response.StatusCode, p.Status)
		require.NotEmpty(w.t, p.Title)
		require.NotEmpty(w.t, p.Type)
		require.Contains(w.t, p.Instance, response.Header.Get(link.RequestHeader))
	}
	return response.StatusCode, p, response.Header
}

var (
	anna     = link.Key{Customer: "anna å"}
	terminal = link.Key{Device: message.DeviceID("SENORDICT0000001")}
)

// newEntropy returns randomness that is the same in every run.
func newEntropy(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }
