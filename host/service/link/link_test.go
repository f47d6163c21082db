package link

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/remote"
)

func signed(t testing.TB, key *ecdsa.PrivateKey, k Key) *http.Request {
	t.Helper()
	content := []byte(`{"name":"a"}`)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost,
		"https://Bank.example:7443/v1/app/open", bytes.NewReader(content))
	require.NoError(t, Signer{k, key}.sign(r, content, "AAAA"))
	return r
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

// TestWhatIsSigned: the base is that of RFC 9421 §2.5, to the letter.
func TestWhatIsSigned(t *testing.T) {
	key := newKey(t)
	r := signed(t, key, Key{Customer: "anna å"})
	s, err := ReadSigned(r, []byte(`{"name":"a"}`))
	require.NoError(t, err)
	require.Equal(t, `"@method": POST
"@authority": bank.example:7443
"@path": /v1/app/open
"content-digest": sha-256=:2dcZsnSAtVzUkYAg50c+cW7TVpyK2v6SbPmxC0+O8GQ=:
"@signature-params": ("@method" "@authority" "@path" "content-digest");nonce="AAAA";`+
		`keyid="customer:anna%20%C3%A5";alg="ecdsa-p256-sha256"`, string(s.base))
	require.NoError(t, s.Verify(&key.PublicKey))
	require.ErrorIs(t, s.Verify(&newKey(t).PublicKey), Signature)
	require.Equal(t, "anna å", s.Key.Customer)
}

// TestKeyIDs: one key has one id, and nothing else is one.
func TestKeyIDs(t *testing.T) {
	for _, k := range []Key{{Customer: "anna"}, {Customer: `a"b\ c/d?%`},
		{Device: "SENORDICT0000001"}} {
		back, err := parseKey(k.String())
		require.NoError(t, err)
		require.Equal(t, k, back)
	}
	for _, bad := range []string{"", "anna", "customer:", "customer:%61nna", "customer:%zz",
		"device:x", "device:", "Customer:anna"} {
		_, err := parseKey(bad)
		require.Error(t, err, bad)
	}
}

// TestProblemsAreWhole: every rule has a title and a status of a refusal, and arrives as itself;
// every error of a contract as the problem that it was.
func TestProblemsAreWhole(t *testing.T) {
	for rule, known := range rules {
		require.GreaterOrEqual(t, known.status, http.StatusBadRequest, rule)
		require.NotEmpty(t, rule.Error(), rule)
		_, err := (&Refused{Rule: rule, Detail: "why"}).ProblemOf("id").answer()
		require.ErrorIs(t, err, rule)
		require.ErrorContains(t, err, "why")
	}
	given := remote.Problem{Code: "order:refused", Detail: "no",
		Cause: &remote.Problem{Code: "notary:funds"}}
	reply, err := ContractProblem(given, "id").answer()
	require.NoError(t, err)
	require.True(t, reply.Failed)
	var got remote.Problem
	require.NoError(t, remote.Decode(reply.Body, &got))
	require.Equal(t, given, got)
	require.Equal(t, http.StatusUnprocessableEntity, ContractProblem(given, "").Status)
	require.Equal(t, http.StatusBadGateway,
		ContractProblem(remote.Problem{Code: "unreachable"}, "").Status)
}

// TestWhatAServerSaysOfACertificate: nothing was done, and it is said whose certificate it is; what
// else ends a connection leaves open what was done.
func TestWhatAServerSaysOfACertificate(t *testing.T) {
	said := func(alert tls.AlertError) error {
		return lost(&url.Error{Op: "Post", Err: &net.OpError{Op: "remote error", Err: alert}})
	}
	for _, alert := range []tls.AlertError{42, 44, 45, 48, 116} {
		require.ErrorIs(t, said(alert), remote.ErrUnreachable, alert)
		require.ErrorContains(t, said(alert), "refuses the certificate of this one", alert)
		require.False(t, remote.IsAway(said(alert)), alert)
	}
	require.NotErrorIs(t, said(80), remote.ErrUnreachable) // internal_error
	require.True(t, remote.IsAway(said(80)))
}

// TestAddresses: only that of a server is one.
func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "http://a:1", "a:1", "https://", "https://a:1/x",
		"https://u@a", "https://a?x=1", "folder", "https://a?", "https://a#x", "https://:1",
		"https://a:", "https://a:0", "https://a:65536"} {
		_, err := New(Config{URL: bad})
		require.ErrorContains(t, err, "https://HOST:PORT", bad)
	}
}

// FuzzReadSigned reads any header fields: what is accepted is of the one form, and verifies only
// if it was signed.
func FuzzReadSigned(f *testing.F) {
	key, content := newKey(f), []byte(`{"name":"a"}`)
	r := signed(f, key, Key{Customer: "anna"})
	f.Add(r.Header.Get(digestHeader), r.Header.Get(inputHeader), r.Header.Get(signatureHeader))
	f.Fuzz(func(t *testing.T, digest, input, signature string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost,
			"https://bank.example:7443/v1/app/open", bytes.NewReader(content))
		r.Header = http.Header{digestHeader: {digest}, inputHeader: {input},
			signatureHeader: {signature}}
		s, err := ReadSigned(r, content)
		if err != nil {
			require.ErrorIs(t, err, Signature)
			return
		}
		require.Equal(t, "ekrona="+parameters(s.Nonce, s.Key.String()), input)
		if s.Verify(&key.PublicKey) == nil {
			require.Equal(t, "anna", s.Key.Customer)
		}
	})
}

// FuzzProblem reads any problem document: it never fails otherwise than with an error.
func FuzzProblem(f *testing.F) {
	for _, p := range []Problem{(&Refused{Rule: Nonce, Detail: ""}).ProblemOf("id"),
		ContractProblem(remote.Problem{Code: "notary:funds", Detail: "x"}, "id")} {
		encoded, err := json.Marshal(p)
		require.NoError(f, err)
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Problem
		if json.Unmarshal(b, &p) != nil {
			return
		}
		reply, err := p.answer()
		if err == nil {
			require.True(t, reply.Failed)
		}
	})
}

// TestANumberIsRenewedHoweverLongACallHasWaited: a server that had no room, and has started again
// meanwhile, takes none of the numbers that it has given: the request is signed anew, and done.
func TestANumberIsRenewedHoweverLongACallHasWaited(t *testing.T) {
	var asked, numbers int
	server := httptest.NewTLSServer(http.HandlerFunc(func(
		w http.ResponseWriter, r *http.Request,
	) {
		if r.URL.Path == NoncePath {
			numbers++
			w.Header().Set(NonceHeader, strconv.Itoa(numbers))
			w.WriteHeader(http.StatusNoContent)
			return
		}
		asked++
		rule := Busy
		switch asked {
		case nonceTries + 1:
			rule = Nonce
		case nonceTries + 2:
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{}")) // the client says what is missing
			return
		}
		p := (&Refused{Rule: rule}).ProblemOf("id")
		w.Header().Set("Content-Type", ProblemType)
		w.WriteHeader(p.Status)
		assert.NoError(t, json.NewEncoder(w).Encode(p))
	}))
	defer server.Close()
	shown := server.Client().Transport.(*http.Transport).TLSClientConfig
	var made Made
	c, err := New(Config{URL: server.URL, Contract: "app", Patience: time.Hour,
		TLS: func() *tls.Config { return shown }, Made: func(m Made) { made = m },
		Signer: &Signer{Key: Key{Customer: "anna"}, Signer: newKey(t)}})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Call(t.Context(), "echo", []byte("{}"))
	require.NoError(t, err)
	require.Equal(t, nonceTries+2, made.Tries)
	require.Equal(t, CodeOK, made.Code)
}
