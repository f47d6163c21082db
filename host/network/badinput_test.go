package network

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/centralbank"
	"ekrona.example/host/remote"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/service/link"
	"ekrona.example/host/store/storetest"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/transport"
)

// kept is a log that a test reads.
type kept struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (k *kept) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(b)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

// caller is who may make the calls of a contract: it has a certificate, or signs.
type caller struct {
	shown  *transport.Endpoint
	signer *link.Signer
}

// callers returns who may call what, by the URL and the contract.
func (r *running) callers(s *sandbox.Sandbox) map[string]caller {
	r.t.Helper()
	ctx := r.t.Context()
	shown := func(name string, path ...string) *transport.Endpoint {
		keys := pki.Open(filepath.Join(append([]string{r.folder}, path...)...), nil)
		e, err := transport.Open(ctx, keys, name, time.Now)
		require.NoError(r.t, err)
		r.t.Cleanup(func() { require.NoError(r.t, e.Close()) })
		return e
	}
	signer := func(k link.Key, name string, path ...string) *link.Signer {
		key, err := pki.Open(filepath.Join(append([]string{r.folder}, path...)...), nil).
			Existing(ctx, name)
		require.NoError(r.t, err)
		r.t.Cleanup(func() { require.NoError(r.t, key.Close()) })
		return &link.Signer{Key: k, Signer: key}
	}
	staff := caller{shown: shown(Operator, TLSFolder)}
	nobody := shown("", TLSFolder)
	all := map[string]caller{
		r.CentralBank + " " + centralbank.Participant: {shown: shown(clientName, "nordic-bank",
			"keys")},
		r.CentralBank + " " + centralbank.Operator: staff,
		r.CentralBank + " " + centralbank.Public:   {shown: nobody},
	}
	cafe, err := s.Merchant(ctx, "cafe")
	require.NoError(r.t, err)
	terminal := signer(link.Key{Device: cafe.Terminal.ID()}, "terminal", "terminal-cafe", "keys")
	anna := signer(link.Key{Customer: "anna"}, "app", "phone-anna", "keys")
	for _, b := range r.Banks {
		all[b.URL+" "+bank.Operator], all[b.URL+" "+bank.IssuerDesk] = staff, staff
		if b.Name == sandbox.Nordic {
			all[b.URL+" "+bank.App] = caller{shown: nobody, signer: anna}
		} else {
			all[b.URL+" "+bank.Terminal] = caller{shown: nobody, signer: terminal}
		}
	}
	return all
}

// callsOf returns the calls that a node describes, by their contracts.
func (r *running) callsOf(url string) map[string][]string {
	r.t.Helper()
	var document struct {
		Paths map[string]any `json:"paths"`
	}
	require.NoError(r.t, json.Unmarshal([]byte(r.page(url+"/openapi.json")), &document))
	all := map[string][]string{}
	for path := range document.Paths {
		contract, call, _ := strings.Cut(strings.TrimPrefix(path, "/v1/"), "/")
		all[contract] = append(all[contract], call)
	}
	return all
}

// bad are contents of which no call takes one.
var bad = map[string]string{
	"nothing": "", "no JSON": "x", "a list": "[]", "a text": `"x"`, "null": "null",
	"an unknown field": `{"zzz":1}`, "a field twice": `{"zzz":1,"zzz":1}`, "two values": "{}{}",
	"cut off": `{"device":"SENORDI`, "nested": strings.Repeat(`{"device":`, 100_000),
	"a nested list": strings.Repeat("[", 1_000_000), "no UTF-8": "{\"device\":\"\xff\"}",
	"half a pair": `{"device":"\ud800"}`, "large numbers": `{"amount":1e400,"limit":1e400}`,
	"wrong kinds": `{"device":{},"amount":"x","limit":[],"owner":1,"key":{}}`,
}

// TestEveryRouteRefusesBadInput: every call of every node, made by who may make it, takes none of
// the contents that are not its own, and says so by its rule; nor what has another method, type or
// size, or a caller who may not. All is logged, and nothing has changed.
func TestEveryRouteRefusesBadInput(t *testing.T) {
	storetest.OnFirst(t)
	said := &kept{}
	r := upWith(t, func(r *running) {
		r.burst = 100_000
		r.log = slog.New(slog.NewJSONHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	s := r.people()
	anna, err := s.Person(t.Context(), "anna", "")
	require.NoError(t, err)
	_, err = anna.Phone.Load(t.Context(), tap(t, anna.Holder), 20*money.Krona)
	require.NoError(t, err, "what is right is taken")
	before := r.sums()
	callers, ids := r.callers(s), []string(nil)
	for _, url := range []string{r.CentralBank, r.Banks[0].URL, r.Banks[1].URL} {
		for contract, calls := range r.callsOf(url) {
			by, is := callers[url+" "+contract]
			if !is {
				continue // its callers are those of the other bank
			}
			l, err := link.New(link.Config{URL: url, Contract: contract, TLS: by.shown.Client,
				Signer: by.signer, Patience: time.Minute})
			require.NoError(t, err)
			for _, call := range calls {
				for _, what := range slices.Sorted(maps.Keys(bad)) {
					name := contract + "/" + call + ": " + what
					id := strings.NewReplacer("/", ".", ":", ".", " ", "_").Replace(name)
					reply, err := l.Call(remote.WithRequestID(t.Context(), id), call,
						[]byte(bad[what]))
					require.NoError(t, err, name)
					require.True(t, reply.Failed, name)
					var p remote.Problem
					require.NoError(t, remote.Decode(reply.Body, &p), name)
					assert.Regexp(t, ":malformed$", p.Code, name)
					assert.NotEmpty(t, p.Detail, name)
					ids = append(ids, `"request_id":"`+id+`"`)
				}
				r.refusedAsASuch(url+"/v1/"+contract+"/"+call, by.shown.Client(),
					contract == centralbank.Public)
			}
			require.NoError(t, l.Close())
		}
	}
	require.Greater(t, len(ids), 500)
	log := said.String()
	for _, id := range ids {
		assert.True(t, strings.Contains(log, id), "%s is logged", id)
	}
	require.Equal(t, before, r.sums())
	require.NotContains(t, log, `"level":"ERROR"`)
	require.NoError(t, s.Close())
	r.stop()
	alone, err := sandbox.Open(r.folder, sandbox.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, alone.Close()) }()
	books, err := alone.Books(t.Context(), true)
	require.NoError(t, err)
	require.Empty(t, books.Violations)
}

// sums are the metrics of money, as the central bank has them.
func (r *running) sums() (lines []string) {
	for line := range strings.Lines(r.page(r.CentralBank + "/metrics")) {
		if strings.Contains(line, "_ore") {
			lines = append(lines, line)
		}
	}
	return lines
}

// refusedAsASuch requires that a call is refused by the rule of what is wrong with the request.
func (r *running) refusedAsASuch(url string, shown *tls.Config, public bool) {
	r.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: shown}}
	defer client.CloseIdleConnections()
	large := strings.Repeat(" ", remote.MaxMessage+1)
	rows := []struct{ method, path, kind, content, code string }{
		{http.MethodGet, url, "application/json", "", string(link.Method)},
		{http.MethodPut, url, "application/json", "{}", string(link.Method)},
		{http.MethodPost, url, "text/plain", "{}", string(link.MediaType)},
		{http.MethodPost, url, "", "{}", string(link.MediaType)},
		{http.MethodPost, url + "?device=x", "application/json", "{}", string(link.Path)},
		{http.MethodPost, url + "/", "application/json", "{}", string(link.Path)},
		{http.MethodPost, url, "application/json", large, string(link.Size)},
	}
	for _, row := range rows {
		request, err := http.NewRequestWithContext(r.t.Context(), row.method, row.path,
			strings.NewReader(row.content))
		require.NoError(r.t, err)
		request.Header.Set("Content-Type", row.kind)
		response, err := client.Do(request)
		require.NoError(r.t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(r.t, err)
		require.NoError(r.t, response.Body.Close())
		var p link.Problem
		require.NoError(r.t, json.Unmarshal(body, &p), "%s %s: %s", row.method, row.path, body)
		require.Equal(r.t, row.code, p.Code, "%s %s", row.method, row.path)
		require.Equal(r.t, response.StatusCode, p.Status)
	}
	if public {
		return
	}
	nobody := pki.Open(filepath.Join(r.folder, TLSFolder), nil)
	e, err := transport.Open(r.t.Context(), nobody, "", time.Now)
	require.NoError(r.t, err)
	defer func() { require.NoError(r.t, e.Close()) }()
	other := &http.Client{Transport: &http.Transport{TLSClientConfig: e.Client()}}
	defer other.CloseIdleConnections()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, url,
		strings.NewReader("{}"))
	require.NoError(r.t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := other.Do(request)
	require.NoError(r.t, err)
	defer response.Body.Close()
	require.Equal(r.t, http.StatusUnauthorized, response.StatusCode, url)
}
