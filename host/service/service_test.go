package service

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/signature"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/revocation"
	"ekrona.example/personalization/pki/transport"
)

// TestCallersAreIdentified: by certificate, by signature, or not at all; errors of the contract
// arrive as what they are, and the log of the server has the caller's request id.
func TestCallersAreIdentified(t *testing.T) {
	w := start(t, nil)
	ctx := remote.WithRequestID(t.Context(), "the-request")
	for who, c := range map[string]remote.Client{
		"SENORDIC":               w.node("SENORDIC"),
		"customer:anna%20%C3%A5": w.phone(anna),
		"anybody":                w.client("public", w.tls(""), nil),
	} {
		for range 3 {
			got, err := remote.Ask[thing](ctx, c, "echo", thing{"hello"})
			require.NoError(t, err, who)
			require.Equal(t, who+" hello", got.Name)
		}
		_, err := remote.Ask[thing](ctx, c, "echo", thing{"known"})
		require.ErrorIs(t, err, errKnown, who)
		_, err = remote.Ask[thing](ctx, c, "echo", map[string]int{"x": 1})
		require.ErrorIs(t, err, errMalformed, who)
		require.ErrorIs(t, remote.Do(ctx, c, "fail", remote.None{}), errMalformed,
			"the toy has no other")
	}
	require.Contains(t, w.log.String(), `"request_id":"the-request"`)
	require.Contains(t, w.log.String(), "db7")
	require.NotContains(t, w.log.String(), "hello", "nothing of requests and answers")
}

// TestWhoIsNobodyHereIsRefused: each by its rule, and nothing is carried out.
func TestWhoIsNobodyHereIsRefused(t *testing.T) {
	w := start(t, nil)
	other := start(t, nil) // with another root and another key
	for name, row := range map[string]struct {
		client remote.Client
		rule   error
	}{
		"no certificate":       {w.client("node", w.tls(""), nil), link.Certificate},
		"not admitted":         {w.node("stranger"), link.Caller},
		"no signature":         {w.client("app", w.tls("SENORDIC"), nil), link.Signature},
		"a terminal as an app": {w.phone(terminal), link.Caller},
		"unknown customer":     {w.phone(link.Key{Customer: "bertil"}), link.Signature},
		"another's key": {w.client("app", w.tls(""), &link.Signer{Key: anna,
			Signer: other.app.Signer}), link.Signature},
		"no such contract": {w.client("nothing", w.tls("SENORDIC"), nil), link.Path},
	} {
		_, err := remote.Ask[thing](t.Context(), row.client, "echo", thing{"x"})
		require.ErrorIs(t, err, row.rule, name)
		require.Equal(t, row.rule == link.Certificate, remote.IsPassing(err),
			"to its own callers, who has a certificate that nobody takes cannot be reached: %s",
			name)
	}
	_, err := remote.Ask[thing](t.Context(), w.node("SENORDIC"), "nothing", thing{"x"})
	require.ErrorIs(t, err, link.Path)
	stranger := remote.Client{Transport: must(link.New(link.Config{URL: w.url, Contract: "node",
		TLS: always(other.tls("SENORDIC"))})), Errors: toy{}}
	_, err = remote.Ask[thing](t.Context(), stranger, "echo", thing{"x"})
	require.ErrorContains(t, err, "certificate", "a server by a root that the client does not know")
	byOther := other.tls("SENORDIC")
	byOther.RootCAs, byOther.VerifyConnection = w.tls("").RootCAs, nil
	stranger = remote.Client{Transport: must(link.New(link.Config{URL: w.url, Contract: "node",
		TLS: always(byOther)})), Errors: toy{}}
	_, err = remote.Ask[thing](t.Context(), stranger, "echo", thing{"x"})
	require.Error(t, err, "a client by a root that the server does not know")
	old := w.tls("SENORDIC")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	stranger = remote.Client{Transport: must(link.New(link.Config{URL: w.url, Contract: "node",
		TLS: always(old)})), Errors: toy{}}
	_, err = remote.Ask[thing](t.Context(), stranger, "echo", thing{"x"})
	require.ErrorContains(t, err, "protocol version")
	require.Zero(t, w.calls)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestCertificatesThatEndAreRefused: a revoked one, one that has ended, and one that is a server's.
func TestCertificatesThatEndAreRefused(t *testing.T) {
	root := newRoot(t)
	w := &world{t: t, root: root}
	server, client := pki.Open(t.TempDir(), nil), pki.Open(t.TempDir(), nil)
	w.certify(server, "server", transport.Subject{Role: transport.Server, Name: "toy",
		Hosts: []string{"127.0.0.1"}})
	w.certify(client, "client", transport.Subject{Role: transport.Client, Name: "SENORDIC"})
	clock := now
	handshake := func(name string, f pki.Folder) error {
		at, err := transport.Open(t.Context(), server, "server", clock)
		require.NoError(t, err)
		from, err := transport.Open(t.Context(), f, name, now)
		require.NoError(t, err)
		defer func() { require.NoError(t, errors.Join(at.Close(), from.Close())) }()
		a, b := net.Pipe()
		defer b.Close()
		ended := make(chan error, 1)
		go func() {
			ended <- tls.Server(a, at.Server()).HandshakeContext(t.Context())
			a.Close()
		}()
		c := from.Client()
		c.ServerName = "127.0.0.1"
		peer := tls.Client(b, c)
		_ = peer.HandshakeContext(t.Context())
		_, _ = peer.Read(make([]byte, 1))
		return <-ended
	}
	require.NoError(t, handshake("client", client))
	short := pki.Open(t.TempDir(), nil)
	w.certifyUntil(short, "client", transport.Subject{Role: transport.Client, Name: "SENORDIC"},
		now().Add(time.Hour))
	require.NoError(t, handshake("client", short))
	clock = func() time.Time { return now().Add(2 * time.Hour) }
	require.ErrorContains(t, handshake("client", short), "expired")
	require.NoError(t, handshake("client", client))
	clock = func() time.Time { return now().AddDate(0, 0, -2) }
	_, err := transport.Open(t.Context(), server, "server", clock)
	require.ErrorContains(t, err, "not yet valid", "the server's clock is behind")
	clock = now
	require.ErrorContains(t, handshake("server", server), "certificate")
	text, err := os.ReadFile(client.Path("client", pki.ServerCertificateFile))
	require.NoError(t, err)
	certificate, _, err := transport.Parse(text)
	require.NoError(t, err)
	list, err := transport.Revoke(t.Context(), root, "tls-root",
		[]*x509.Certificate{certificate}, revocation.KeyCompromise,
		now(), now().Add(time.Hour))
	require.NoError(t, err)
	_, err = transport.ImportList(server, "tls-root", list.Encoded)
	require.NoError(t, err)
	require.ErrorContains(t, handshake("client", client), "SENORDIC by test")
}

// TestACopyOfARequestIsRefused: whatever of it is kept, and a part that was altered.
func TestACopyOfARequestIsRefused(t *testing.T) {
	w := start(t, nil)
	var seen []*http.Request
	var content []byte
	proxy := recorder(t, w, &seen, &content)
	_, err := remote.Ask[thing](t.Context(), proxy, "echo", thing{"once"})
	require.NoError(t, err)
	require.Equal(t, 1, w.calls)
	first := seen[len(seen)-1]
	again := func(change func(r *http.Request) []byte) (int, link.Problem) {
		t.Helper()
		r, body := first.Clone(t.Context()), bytes.Clone(content)
		r.RequestURI, r.URL.Scheme, r.URL.Host = "", "https", strings.TrimPrefix(w.url, "https://")
		if changed := change(r); changed != nil {
			body = changed
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		status, p, _ := w.raw(w.tls(""), r)
		return status, p
	}
	fresh := func() string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+link.NoncePath, nil)
		require.NoError(t, err)
		_, _, h := w.raw(w.tls(""), r)
		return h.Get(link.NonceHeader)
	}
	former := first.Header.Get("Signature-Input")
	nonce := former[strings.Index(former, `nonce="`)+len(`nonce="`):]
	nonce = nonce[:strings.Index(nonce, `"`)]
	for name, row := range map[string]struct {
		rule   link.Rule
		change func(r *http.Request) []byte
	}{
		"the same": {link.Nonce, func(*http.Request) []byte { return nil }},
		"with a fresh number": {link.Signature, func(r *http.Request) []byte {
			r.Header.Set("Signature-Input", strings.Replace(former, nonce, fresh(), 1))
			return nil
		}},
		"with another content": {link.Signature, func(r *http.Request) []byte {
			return []byte(`{"name":"twice"}`)
		}},
		"with a query": {link.Path, func(r *http.Request) []byte {
			r.URL.RawQuery = "name=twice"
			return nil
		}},
		"to another call": {link.Nonce, func(r *http.Request) []byte {
			r.URL.Path = "/v1/app/fail"
			return nil
		}},
		"to another host": {link.Host, func(r *http.Request) []byte {
			r.Host = "bank.example"
			return nil
		}},
		"without number": {link.Signature, func(r *http.Request) []byte {
			r.Header.Set("Signature-Input", strings.Replace(former, nonce, "", 1))
			return nil
		}},
		"with two signatures": {link.Signature, func(r *http.Request) []byte {
			r.Header.Add("Signature", r.Header.Get("Signature"))
			return nil
		}},
	} {
		_, p := again(row.change)
		require.Equal(t, string(row.rule), p.Code, name)
	}
	require.Equal(t, 1, w.calls)
}

// recorder returns a client that reaches the service over a relay, which keeps what it passes on.
func recorder(t *testing.T, w *world, seen *[]*http.Request, content *[]byte) remote.Client {
	t.Helper()
	shown, err := transport.Open(t.Context(), w.keys, "server", now)
	require.NoError(t, err)
	at := must(url.Parse(w.url))
	relay := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: w.tls("")},
		Rewrite: func(r *httputil.ProxyRequest) {
			body, err := io.ReadAll(r.In.Body)
			assert.NoError(t, err)
			if r.In.Method == http.MethodPost {
				*seen, *content = append(*seen, r.In.Clone(context.Background())), body
			}
			r.Out.Body = io.NopCloser(bytes.NewReader(body))
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = at.Scheme, at.Host, r.In.Host
			if w.withheld && r.In.Method == http.MethodPost {
				r.Out.URL.Host = "127.0.0.1:1" // nobody
			}
		}})
	relay.TLS = shown.Server()
	relay.StartTLS()
	t.Cleanup(func() { relay.Close(); require.NoError(t, shown.Close()) })
	return remote.Client{Transport: must(link.New(link.Config{URL: relay.URL, Contract: "app",
		TLS:    always(w.tls("")),
		Signer: &link.Signer{Key: anna, Signer: w.app.Signer}})), Errors: toy{}}
}

// endless is a content without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// TestBadRequestsAreRefusedByTheirRule: malformed, oversized, endless, slow, and of another form.
func TestBadRequestsAreRefusedByTheirRule(t *testing.T) {
	w := start(t, nil)
	node := w.tls("SENORDIC")
	const echo, kind = "/v1/node/echo", "application/json"
	for name, row := range map[string]struct {
		method, path, kind string
		body               io.Reader
		code               string
	}{
		"a reading":    {"GET", echo, kind, nil, "link:method"},
		"no call":      {"POST", "/v1/node/", kind, nil, "link:path"},
		"another path": {"POST", "/", kind, nil, "link:path"},
		"a query": {"POST", echo + "?name=x", kind, strings.NewReader(`{"name":""}`),
			"link:path"},
		"an empty query": {"POST", echo + "?", kind, strings.NewReader(`{"name":""}`),
			"link:path"},
		"two strokes":  {"POST", "/" + echo, kind, strings.NewReader(`{"name":""}`), "link:path"},
		"a way around": {"POST", "/v1/x/.." + echo[3:], kind, nil, "link:path"},
		"a stroke more": {"POST", echo + "/", kind, strings.NewReader(`{"name":""}`),
			"link:path"},
		"nested": {"POST", echo, kind, strings.NewReader(strings.Repeat("[", 1_000_000)),
			"toy:malformed"},
		"twice": {"POST", echo, kind, strings.NewReader(`{"name":"","name":""}`),
			"toy:malformed"},
		"no UTF-8": {"POST", echo, kind, strings.NewReader("{\"name\":\"\xff\"}"),
			"toy:malformed"},
		"a form":     {"POST", echo, "application/x-www-form-urlencoded", nil, "link:media-type"},
		"no type":    {"POST", echo, "", nil, "link:media-type"},
		"nothing":    {"POST", echo, kind, nil, "toy:malformed"},
		"no JSON":    {"POST", echo, kind, strings.NewReader("x"), "toy:malformed"},
		"two values": {"POST", echo, kind, strings.NewReader(`{"name":""}{}`), "toy:malformed"},
		"another field": {"POST", echo, kind, strings.NewReader(`{"name":"","x":1}`),
			"toy:malformed"},
		"large": {"POST", echo, kind, strings.NewReader(strings.Repeat(" ", remote.MaxMessage+1)),
			"link:size"},
		"endless": {"POST", echo, kind, endless{}, "link:size"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), row.method, w.url+row.path, row.body)
		require.NoError(t, err)
		r.Header.Set("Content-Type", row.kind)
		_, p, _ := w.raw(node, r)
		require.Equal(t, row.code, p.Code, name)
		require.Contains(t, w.log.String(), p.Code, "it is logged")
	}
	for name, change := range map[string]func(r *http.Request) (code string){
		"another server's": func(r *http.Request) string {
			r.Host = "bank.example"
			return "link:host"
		},
		"two types": func(r *http.Request) string {
			r.Header.Add("Content-Type", "text/plain")
			return "link:media-type"
		},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+echo,
			strings.NewReader(`{"name":""}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", kind)
		code := change(r)
		_, p, _ := w.raw(node, r)
		require.Equal(t, code, p.Code, name)
	}
	require.Zero(t, w.calls, "nothing is carried out")
}

// TestANumberIsTakenOnceAtOneNode: of many copies of a request at the same moment one is carried
// out, and none at another process of the same party, whose numbers are its own.
func TestANumberIsTakenOnceAtOneNode(t *testing.T) {
	root := newRoot(t)
	w := startUnder(t, root, nil)
	registered := must(signature.PublicKey(w.app.Signer))
	second := startUnder(t, root, func(c *Config) {
		c.Keys = func(context.Context, link.Key) (*ecdsa.PublicKey, error) {
			return registered, nil
		}
	})
	var seen []*http.Request
	var content []byte
	w.withheld = true
	proxy := recorder(t, w, &seen, &content)
	_, err := remote.Ask[thing](t.Context(), proxy, "echo", thing{"once"})
	require.Error(t, err)
	r := seen[len(seen)-1] // signed, and it has reached nobody
	send := func(to *world, change ...func(*http.Request)) string {
		again := r.Clone(context.WithoutCancel(t.Context()))
		for _, each := range change {
			each(again)
		}
		again.RequestURI, again.URL.Scheme = "", "https"
		again.URL.Host = strings.TrimPrefix(to.url, "https://")
		again.Body = io.NopCloser(bytes.NewReader(content))
		again.ContentLength = int64(len(content))
		status, p, _ := to.raw(to.tls(""), again)
		if status == http.StatusOK {
			return "ok"
		}
		return p.Code
	}
	require.Equal(t, string(link.Nonce), send(second))
	require.Equal(t, string(link.Signature), send(w, func(r *http.Request) {
		r.URL.Path = "/v1/app/fail"
	}), "its number was not used")
	require.Equal(t, string(link.Signature), send(w, func(r *http.Request) {
		r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"),
			anna.String(), terminal.String(), 1))
	}), "another's key is named")
	const copies = 16
	codes := make(chan string, copies)
	for range copies {
		go func() { codes <- send(w) }()
	}
	answers := map[string]int{}
	for range copies {
		answers[<-codes]++
	}
	require.Equal(t, map[string]int{"ok": 1, string(link.Nonce): copies - 1}, answers)
	require.Zero(t, second.calls)
	require.Equal(t, 1, w.calls)
}
