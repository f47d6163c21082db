package service

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// lead says that another process decides; empty: this one.
type lead string

func (l lead) Elsewhere() string { return string(l) }

func (l lead) Decides() (string, bool) { return string(l), l == "" }

// party is the name that processes of one party show each other.
const party = "party"

// inTwo starts a process that decides, and one that passes calls on to it.
func inTwo(t *testing.T, change func(holder, standby *Config)) (holder, standby *world) {
	root := newRoot(t)
	peer := (&world{t: t, root: root}).tls(party)
	var first, second Config
	change(&first, &second)
	holder = startUnder(t, root, func(c *Config) {
		c.Peer, c.Lead = party, first.Lead
		c.Keys = func(context.Context, link.Key) (*ecdsa.PublicKey, error) { return nil, ErrNoKey }
	})
	standby = startUnder(t, root, func(c *Config) {
		c.Peer, c.Lead, c.Forward = party, lead(holder.url), always(peer)
		if second.Lead != nil {
			c.Lead = second.Lead
		}
		if second.Endpoints != nil {
			c.Endpoints = second.Endpoints
		}
	})
	return holder, standby
}

// TestCallsArePassedOn: a process that does not decide passes a call on to the one that does, which
// answers the caller whom the first has identified.
func TestCallsArePassedOn(t *testing.T) {
	holder, standby := inTwo(t, func(_, _ *Config) {})
	for name, row := range map[string]struct {
		client remote.Client
		caller string
	}{
		"a certificate": {standby.node("SENORDIC"), "SENORDIC"},
		"a signature":   {standby.phone(anna), anna.String()},
		"anybody":       {standby.client("public", standby.tls(""), nil), "anybody"},
	} {
		answer, err := remote.Ask[thing](t.Context(), row.client, "echo", thing{"x"})
		require.NoError(t, err, name)
		require.Equal(t, thing{row.caller + " x"}, answer, name)
		_, err = remote.Ask[thing](t.Context(), row.client, "echo", thing{"known"})
		require.ErrorIs(t, err, errKnown, name)
	}
	require.Zero(t, standby.calls)
	require.Equal(t, 6, holder.calls)
	require.Contains(t, standby.log.String(), `"passed_to":"`+holder.url+`"`)

	_, err := remote.Ask[thing](t.Context(), standby.node("stranger"), "echo", thing{"x"})
	require.ErrorIs(t, err, link.Caller, "it is refused where it is identified")
	require.Equal(t, 6, holder.calls)
}

// TestOnlyTheOwnPartyPassesCallsOn: nobody speaks for another but a process of the same party, and
// it only for a caller of the contract.
func TestOnlyTheOwnPartyPassesCallsOn(t *testing.T) {
	holder, _ := inTwo(t, func(_, _ *Config) {})
	send := func(by, contract, caller string) (int, link.Problem) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			holder.url+"/v1/"+contract+"/echo", strings.NewReader(`{"name":"x"}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(link.CallerHeader, caller)
		status, p, _ := holder.raw(holder.tls(by), r)
		return status, p
	}
	status, _ := send(party, "node", "node:SENORDIC")
	require.Equal(t, http.StatusOK, status)
	for _, row := range []struct{ by, contract, caller, code string }{
		{"SEFJORDB", "node", "node:SENORDIC", "link:caller"},
		{"SENORDIC", "node", "node:SENORDIC", "link:caller"},
		{"", "node", "node:SENORDIC", "link:certificate"},
		{"", "public", "anybody", "link:certificate"},
		{party, "node", "anybody", "link:caller"},
		{party, "node", "device:SENORDICT0000001", "link:caller"},
		{party, "node", "node:", "link:caller"},
		{party, "node", "node:%zz", "link:caller"},
		{party, "node", "node:" + strings.Repeat("x", 300), "link:caller"},
		{party, "node", "node:stranger", "link:caller"},
		{party, "app", "node:SENORDIC", "link:caller"},
		{party, "app", "device:SENORDICT0000001", "link:caller"},
		{party, "public", "node:SENORDIC", "link:caller"},
		{party, "app", "customer:", "link:caller"},
	} {
		status, p := send(row.by, row.contract, row.caller)
		require.Equal(t, row.code, p.Code, row)
		require.Contains(t, []int{http.StatusForbidden, http.StatusUnauthorized}, status, row)
	}
	require.Equal(t, 1, holder.calls)
}

// held is the error of a database that another process has.
type held string

func (h held) Error() string  { return "another process decides" }
func (h held) HeldBy() string { return string(h) }

// TestWhereACallCannotBePassedOn: it is refused, with where it goes, and nothing is done: by one
// that has no certificate for it, or whose holder is gone, or says that the first one decides.
func TestWhereACallCannotBePassedOn(t *testing.T) {
	const nowhere = "https://127.0.0.1:1"
	alone := start(t, func(c *Config) { c.Lead = lead(nowhere) })
	_, gone := inTwo(t, func(_, standby *Config) { standby.Lead = lead(nowhere) })
	circle, around := inTwo(t, func(holder, _ *Config) { holder.Lead = lead(nowhere) })
	for name, w := range map[string]*world{"alone": alone, "gone": gone, "around": around} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			w.url+"/v1/public/echo", strings.NewReader(`{"name":"x"}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		status, p, header := w.raw(w.tls(""), r)
		require.Equal(t, http.StatusServiceUnavailable, status, name)
		require.Equal(t, "link:standby", p.Code, name)
		require.Equal(t, nowhere, p.Holder, name)
		require.Equal(t, "1", header.Get("Retry-After"), name)
		_, err = remote.Ask[thing](t.Context(), w.node("SENORDIC"), "echo", thing{"x"})
		require.ErrorIs(t, err, link.Standby, name)
		require.ErrorIs(t, err, remote.ErrUnreachable, name)
		require.Zero(t, w.calls, name)
	}
	require.Zero(t, circle.calls)
	for name, want := range map[*world]int{alone: http.StatusServiceUnavailable,
		around: http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, name.url+"/readyz", nil)
		require.NoError(t, err)
		status, _, _ := name.raw(name.tls(""), r)
		require.Equal(t, want, status)
	}
}

// nobody is a lead while the database takes no writes: the time of the last holder is over.
type nobody struct{}

func (nobody) Elsewhere() string { return "" }

func (nobody) Decides() (string, bool) { return "", false }

// TestNobodyIsReadyWhileNobodyDecides: no process is, neither one that passes calls on.
func TestNobodyIsReadyWhileNobodyDecides(t *testing.T) {
	alone := start(t, func(c *Config) { c.Lead = nobody{} })
	first, second := inTwo(t, func(first, second *Config) {
		first.Lead, second.Lead = nobody{}, nobody{}
	})
	for _, w := range []*world{alone, first, second} {
		status, page := w.get(w.tls(""), "/readyz")
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.JSONEq(t, `{"status":"nobody decides","decides":false}`, page)
	}
}

// TestADatabaseThatIsHeldPassesTheCallOn: also when this process learns only while it carries the
// call out that it does not decide.
func TestADatabaseThatIsHeldPassesTheCallOn(t *testing.T) {
	address := ""
	answer := func(Caller) *remote.Server {
		s := remote.NewServer(toy{})
		remote.Handle(s, "echo", func(context.Context, thing) (thing, error) {
			return thing{}, fmt.Errorf("load: %w", held(address))
		})
		return s
	}
	holder, standby := inTwo(t, func(_, standby *Config) {
		standby.Lead = lead("")
		standby.Endpoints = []Endpoint{{Contract: "public", Who: Anybody, Answer: answer}}
	})
	address = holder.url
	got, err := remote.Ask[thing](t.Context(), standby.client("public", standby.tls(""), nil),
		"echo", thing{"x"})
	require.NoError(t, err)
	require.Equal(t, thing{"anybody x"}, got)
}

// TestACallGoesToTheNext: a client of several processes goes to the next one where one is gone, or
// does not decide, and stays there.
func TestACallGoesToTheNext(t *testing.T) {
	root := newRoot(t)
	standby := startUnder(t, root, func(c *Config) { c.Lead = lead("https://127.0.0.1:1") })
	holder := startUnder(t, root, nil)
	c, err := link.New(link.Config{Contract: "node", TLS: always(holder.tls("SENORDIC")),
		URL: "https://127.0.0.1:1, " + standby.url + "," + holder.url})
	require.NoError(t, err)
	defer c.Close()
	for range 3 {
		got, err := remote.Ask[thing](t.Context(), remote.Client{Transport: c, Errors: toy{}},
			"echo", thing{"x"})
		require.NoError(t, err)
		require.Equal(t, thing{"SENORDIC x"}, got)
	}
	require.Equal(t, 3, holder.calls)
	require.Equal(t, 1, strings.Count(standby.log.String(), "link:standby"))
	for _, bad := range []string{"https://a:1,", "https://a:1,http://b:1", ","} {
		_, err := link.New(link.Config{URL: bad})
		require.ErrorContains(t, err, "give https://HOST:PORT", bad)
	}
}
