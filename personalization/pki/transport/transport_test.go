package transport

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/revocation"
)

var (
	noon = time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)
	year = noon.AddDate(1, 0, 0)
)

func newFolder(t testing.TB, seed byte) pki.Folder {
	return pki.Open(t.TempDir(), rand.NewChaCha8([32]byte{seed}))
}

// parties are the CA of the central bank's servers and an intermediary that trusts it,
// each in its folder.
type parties struct {
	t            *testing.T
	bank, nordic pki.Folder
}

func newParties(t *testing.T) parties {
	p := parties{t, newFolder(t, 1), newFolder(t, 2)}
	text, err := Root(t.Context(), p.bank, "servers", "Riksbanken servers", noon,
		noon.AddDate(10, 0, 0))
	require.NoError(t, err)
	root, _, err := Parse(text)
	require.NoError(t, err)
	_, err = Trust(p.nordic, "servers", text, Fingerprint(root))
	require.NoError(t, err)
	return p
}

var (
	web     = Subject{Server, "nordic.example", []string{"nordic.example", "10.0.0.1"}}
	calling = Subject{Client, "SENORDIC", nil}
)

func (p parties) requested(name string, s Subject) *ecdsa.PublicKey {
	p.t.Helper()
	text, err := Request(p.t.Context(), p.nordic, name, s)
	require.NoError(p.t, err)
	public, asked, err := ParseRequest(text)
	require.NoError(p.t, err)
	require.Equal(p.t, s, asked)
	return public
}

func (p parties) certified(name string, s Subject, until time.Time) *x509.Certificate {
	p.t.Helper()
	text, err := Issue(p.t.Context(), p.bank, "servers", p.requested(name, s), s, noon, until)
	require.NoError(p.t, err)
	_, err = Import(p.t.Context(), p.nordic, name, text, noon)
	require.NoError(p.t, err)
	c, is, err := Parse(text)
	require.NoError(p.t, err)
	require.Equal(p.t, s, is)
	return c
}

func TestRootIsMadeOnce(t *testing.T) {
	f := newFolder(t, 1)
	first, err := Root(t.Context(), f, "servers", "Servers", noon, year)
	require.NoError(t, err)
	again, err := Root(t.Context(), f, "servers", "Servers", noon, year)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	_, err = Root(t.Context(), f, "servers", "Others", noon, year)
	require.ErrorIs(t, err, fs.ErrExist)
}

// What TLS makes of the certificates is what they are for.
func TestTLSBetweenServers(t *testing.T) {
	p := newParties(t)
	p.certified("web", web, year)
	p.certified("client", calling, year)
	p.certified("app", Subject{App, "anna", nil}, year)
	roots := x509.NewCertPool()
	text, err := os.ReadFile(p.nordic.Path("servers", certificateFile))
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(text))
	identity := func(name string) tls.Certificate {
		text, err := os.ReadFile(p.nordic.Path(name, certificateFile))
		require.NoError(t, err)
		c, _, err := Parse(text)
		require.NoError(t, err)
		key, err := p.nordic.Existing(t.Context(), name)
		require.NoError(t, err)
		return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key}
	}
	handshake := func(server, client, host string) error {
		here, there := net.Pipe()
		answers := make(chan error, 1)
		go func() {
			err := tls.Server(there, &tls.Config{
				Certificates: []tls.Certificate{identity(server)},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: roots,
				Time: func() time.Time { return noon }, MinVersion: tls.VersionTLS13,
				SessionTicketsDisabled: true,
			}).Handshake()
			answers <- errors.Join(err, there.Close())
		}()
		err := tls.Client(here, &tls.Config{
			Certificates: []tls.Certificate{identity(client)}, RootCAs: roots, ServerName: host,
			Time: func() time.Time { return noon },
		}).Handshake()
		return errors.Join(err, here.Close(), <-answers)
	}
	require.NoError(t, handshake("web", "client", "nordic.example"))
	require.NoError(t, handshake("web", "app", "10.0.0.1"))
	require.Error(t, handshake("web", "client", "other.example"))
	require.Error(t, handshake("client", "client", "nordic.example"), "a client is no server")
	require.Error(t, handshake("web", "web", "nordic.example"), "a server is no client")
}

func TestIssueIsRepeatable(t *testing.T) {
	p := newParties(t)
	first := p.certified("web", web, year)
	public := p.requested("web", web)
	issue := func(until time.Time) *x509.Certificate {
		text, err := Issue(t.Context(), p.bank, "servers", public, web, noon, until)
		require.NoError(t, err)
		c, _, err := Parse(text)
		require.NoError(t, err)
		return c
	}
	assert.True(t, first.Equal(issue(year)))
	assert.True(t, first.Equal(issue(year.AddDate(0, -1, 0))), "what was issued serves as well")
	longer := issue(year.AddDate(0, 0, 1))
	assert.NotEqual(t, first.SerialNumber, longer.SerialNumber)
	_, err := Revoke(t.Context(), p.bank, "servers", []*x509.Certificate{first, longer},
		revocation.Superseded, noon, year)
	require.NoError(t, err)
	assert.False(t, issue(year).Equal(first), "what is revoked is not given again")
}

func TestIssueRefuses(t *testing.T) {
	p := newParties(t)
	public := p.requested("web", web)
	sub := p.certified("sub", Subject{CA, "Nordic apps", nil}, noon.AddDate(5, 0, 0))
	assert.Zero(t, sub.MaxPathLen)
	for name, row := range map[string]struct {
		folder      pki.Folder
		issuer      string
		subject     Subject
		from, until time.Time
		want        error
	}{
		"a leaf for too long": {p.bank, "servers", web, noon,
			noon.AddDate(0, 0, leafDays+1), ErrValidity},
		"an end before the beginning": {p.bank, "servers", web, noon, noon.Add(-time.Hour),
			ErrValidity},
		"longer than its issuer": {p.bank, "servers", Subject{CA, "x", nil}, noon,
			noon.AddDate(11, 0, 0), ErrValidity},
		"earlier than its issuer": {p.bank, "servers", web, noon.Add(-time.Hour), year,
			ErrValidity},
		"a CA by a CA by the root": {p.nordic, "sub", Subject{CA, "x", nil}, noon, year,
			ErrIssuer},
		"no hosts": {p.bank, "servers", Subject{Server, "x", nil}, noon, year,
			ErrMalformed},
		"no issuer": {p.bank, "other", web, noon, year, fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Issue(t.Context(), row.folder, row.issuer, public, row.subject, row.from,
				row.until)
			require.ErrorIs(t, err, row.want)
		})
	}
	leaf := p.certified("web", web, year)
	_, err := Issue(t.Context(), p.nordic, "web", public, web, noon, year)
	require.ErrorIs(t, err, ErrIssuer)
	_, err = Revoke(t.Context(), p.nordic, "sub", []*x509.Certificate{leaf}, revocation.Unspecified,
		noon, year)
	require.ErrorIs(t, err, ErrIssuer, "one revokes what one has signed")
}

func TestSubIssuerAndRevocation(t *testing.T) {
	p := newParties(t)
	sub := p.certified("sub", Subject{CA, "Nordic apps", nil}, noon.AddDate(5, 0, 0))
	public := p.requested("anna", Subject{App, "anna", nil})
	text, err := Issue(t.Context(), p.nordic, "sub", public, Subject{App, "anna", nil}, noon, year)
	require.NoError(t, err)
	_, err = Import(t.Context(), p.nordic, "anna", text, noon)
	require.NoError(t, err)
	found, err := Check(t.Context(), p.nordic, noon)
	require.NoError(t, err)
	require.Len(t, found, 3)
	for _, f := range found {
		assert.Empty(t, f.Problem, f.Name)
	}

	first, err := Revoke(t.Context(), p.bank, "servers", nil, revocation.Unspecified, noon,
		noon.AddDate(0, 1, 0))
	require.NoError(t, err)
	second, err := Revoke(t.Context(), p.bank, "servers", []*x509.Certificate{sub},
		revocation.CACompromise, noon, noon.AddDate(0, 1, 0))
	require.NoError(t, err)
	_, err = ImportList(p.nordic, "servers", second.Encoded)
	require.NoError(t, err)
	_, err = ImportList(p.nordic, "servers", first.Encoded)
	require.ErrorIs(t, err, revocation.ErrOlder)
	_, err = ImportList(p.nordic, "sub", second.Encoded)
	require.ErrorIs(t, err, revocation.ErrIssuer)
	_, err = Import(t.Context(), p.nordic, "anna", text, noon)
	require.ErrorIs(t, err, revocation.ErrRevoked, "whose CA is revoked is not believed")
	found, err = Check(t.Context(), p.nordic, noon.AddDate(0, 2, 0))
	require.NoError(t, err)
	for _, f := range found {
		assert.NotEmpty(t, f.Problem, f.Name)
	}
}

func TestImportRefuses(t *testing.T) {
	p := newParties(t)
	public := p.requested("web", web)
	short, err := Issue(t.Context(), p.bank, "servers", public, web, noon, noon.AddDate(0, 1, 0))
	require.NoError(t, err)
	p.certified("web", web, year)
	_, err = Import(t.Context(), p.nordic, "web", short, noon)
	require.ErrorIs(t, err, pki.ErrEarlier)
	_, err = Import(t.Context(), p.nordic, "copy", short, year)
	require.ErrorIs(t, err, ErrUntrusted, "ended")
	require.ErrorContains(t, err, "clock of this machine")
	client := p.certified("client", calling, year)
	_, err = Import(t.Context(), p.nordic, "web", wrap(certificateLabel, client.Raw), noon)
	require.ErrorContains(t, err, "is not the certificate's")

	other := newFolder(t, 3)
	text, err := Root(t.Context(), other, "servers", "Riksbanken servers", noon, year)
	require.NoError(t, err)
	_, err = Import(t.Context(), p.nordic, "other", text, noon)
	require.ErrorIs(t, err, ErrUntrusted)
	_, err = Trust(p.nordic, "other", text, message.Hash{})
	require.ErrorIs(t, err, ErrAnchor)
	root, _, err := Parse(text)
	require.NoError(t, err)
	_, err = Trust(p.nordic, "servers", text, Fingerprint(root))
	require.ErrorIs(t, err, fs.ErrExist, "what is trusted is not replaced")
}

func TestSubjectsOfTheProfile(t *testing.T) {
	for name, s := range map[string]Subject{
		"no name":          {Client, "", nil},
		"a long name":      {Client, string(make([]byte, 65)), nil},
		"spaces around":    {Client, " anna", nil},
		"no such role":     {"card", "anna", nil},
		"a host with a /":  {Server, "a", []string{"a/b"}},
		"an empty label":   {Server, "a", []string{"a..b"}},
		"upper case":       {Server, "a", []string{"Nordic.example"}},
		"hosts of an app":  {App, "anna", []string{"anna.example"}},
		"a host that ends": {Server, "a", []string{"a-"}},
	} {
		assert.ErrorIs(t, s.Check(), ErrMalformed, name)
	}
	for _, s := range []Subject{web, calling,
		{Server, "x", []string{"*.nordic.example", "2001:db8::1"}}, {App, "Anna Åkesson/1", nil},
		{CA, "x", nil}} {
		f := newFolder(t, 1)
		text, err := Request(t.Context(), f, "x", s)
		require.NoError(t, err)
		_, back, err := ParseRequest(text)
		require.NoError(t, err)
		assert.Equal(t, s, back)
	}
}

func TestRequestsOfOthersAreRefused(t *testing.T) {
	f := newFolder(t, 1)
	key, err := f.Key(t.Context(), "x")
	require.NoError(t, err)
	for name, template := range map[string]*x509.CertificateRequest{
		"an e-mail address": {Subject: pkix.Name{CommonName: "x"},
			EmailAddresses: []string{"a@b.example"}},
		"more than a common name": {Subject: pkix.Name{CommonName: "x", Country: []string{"SE"}},
			DNSNames: []string{"x.example"}},
		"no role": {Subject: pkix.Name{CommonName: "x"}},
		"an extension": {Subject: pkix.Name{CommonName: "x"}, DNSNames: []string{"x"},
			ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 37}, Value: []byte{0x30, 0}}}},
		"a path length of its own": {Subject: pkix.Name{CommonName: "x"},
			ExtraExtensions: []pkix.Extension{{Id: oidConstraints,
				Value: []byte{0x30, 6, 1, 1, 0xFF, 2, 1, 3}}}},
	} {
		der, err := x509.CreateCertificateRequest(nil, template, key)
		require.NoError(t, err, name)
		_, _, err = ParseRequest(wrap(requestLabel, der))
		assert.ErrorIs(t, err, ErrMalformed, name)
	}
	text, err := Request(t.Context(), f, "x", web)
	require.NoError(t, err)
	der, err := unwrap(text, requestLabel)
	require.NoError(t, err)
	der[len(der)-1] ^= 1
	_, _, err = ParseRequest(wrap(requestLabel, der))
	assert.ErrorIs(t, err, pki.ErrPossession)
	_, _, err = ParseRequest(append(bytes.Clone(text), text...))
	assert.ErrorIs(t, err, ErrMalformed)
}

// openssl, another reader, finds the chain good, and bad once it is revoked.
func TestOpenSSLAgrees(t *testing.T) {
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl")
	}
	p := newParties(t)
	leaf := p.certified("web", web, year)
	verify := func(more ...string) (string, error) {
		arguments := append([]string{"verify", "-x509_strict", "-attime", "1811937600", "-purpose",
			"sslserver", "-verify_hostname", "nordic.example",
			"-CAfile", p.nordic.Path("servers", certificateFile)}, more...)
		out, err := exec.CommandContext(t.Context(), path,
			append(arguments, p.nordic.Path("web", certificateFile))...).CombinedOutput()
		return string(out), err
	}
	out, err := verify()
	require.NoError(t, err, out)
	_, err = Revoke(t.Context(), p.bank, "servers", nil, revocation.Unspecified, noon, year)
	require.NoError(t, err)
	list := p.bank.Path("servers", listFile)
	out, err = verify("-crl_check", "-CRLfile", list)
	require.NoError(t, err, out)
	_, err = Revoke(t.Context(), p.bank, "servers", []*x509.Certificate{leaf},
		revocation.KeyCompromise, noon, year)
	require.NoError(t, err)
	out, err = verify("-crl_check", "-CRLfile", list)
	require.Error(t, err)
	require.Contains(t, out, "certificate revoked")
}

func TestAdoptCopiesTheChain(t *testing.T) {
	p := newParties(t)
	p.certified("sub", Subject{CA, "Nordic apps", nil}, noon.AddDate(5, 0, 0))
	f := newFolder(t, 5)
	for range 2 {
		require.NoError(t, Adopt(t.Context(), f, p.nordic, "sub", noon))
		all, err := filepath.Glob(f.Path("*", certificateFile))
		require.NoError(t, err)
		require.Len(t, all, 2)
	}
}

// FuzzParse: no certificate or request of others panics; what is taken is of the
// profile.
func FuzzParse(f *testing.F) {
	folder := newFolder(f, 1)
	text, err := Root(f.Context(), folder, "servers", "Servers", noon, year)
	require.NoError(f, err)
	request, err := Request(f.Context(), folder, "web", web)
	require.NoError(f, err)
	for label, text := range map[string][]byte{certificateLabel: text, requestLabel: request} {
		der, err := unwrap(text, label)
		require.NoError(f, err)
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, s, err := Parse(wrap(certificateLabel, der)); err == nil {
			require.NoError(t, s.Check())
		}
		if public, s, err := ParseRequest(wrap(requestLabel, der)); err == nil {
			require.NoError(t, s.Check())
			require.NotNil(t, crypto.PublicKey(public))
		}
	})
}

// TestANameIsOfOneKind: where a folder has a card-verifiable certificate of a name, no X.509 one
// comes beside it, whose revocation list would be taken for the other's; nothing is written then.
func TestANameIsOfOneKind(t *testing.T) {
	ctx, theirs, ours := t.Context(), newFolder(t, 1), pki.Open(t.TempDir(), nil)
	text, err := Root(ctx, theirs, "root", "Servers", noon, year)
	require.NoError(t, err)
	root, _, err := Parse(text)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(ours.Path("root", "cvc"), []byte("of cards"), 0o600))
	refused := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, fs.ErrExist)
		require.ErrorContains(t, err, "choose another name")
		entries, err := os.ReadDir(filepath.Dir(ours.Path("root", "cvc")))
		require.NoError(t, err)
		require.Len(t, entries, 1)
	}
	refused(Adopt(ctx, ours, theirs, "root", noon))
	_, err = Trust(ours, "root", text, Fingerprint(root))
	refused(err)
	_, err = Root(ctx, ours, "root", "Servers", noon, year)
	refused(err)
	_, err = Trust(ours, "tls-root", text, Fingerprint(root))
	require.NoError(t, err)
	require.ErrorIs(t, ours.CheckAlone("tls-root", "cvc"), fs.ErrExist)
}
