package service

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/service/link"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/revocation"
	"ekrona.example/personalization/pki/transport"
)

// TestARevokedCallerIsRefusedAtOnce: a revocation list that is read anew counts for connections
// that are open as for others; what cannot be read changes nothing.
func TestARevokedCallerIsRefusedAtOnce(t *testing.T) {
	w := start(t, nil)
	shown, err := transport.Open(t.Context(), w.keys, "server", now)
	require.NoError(t, err)
	defer func() { require.NoError(t, shown.Close()) }()
	again := startUnder(t, w.root, func(c *Config) { c.Verify = shown.Peer })

	f := pki.Open(t.TempDir(), nil)
	again.certify(f, "client", transport.Subject{Role: transport.Client, Name: "SENORDIC"})
	client, err := transport.Open(t.Context(), f, "client", now)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	kept := &http.Client{Transport: &http.Transport{TLSClientConfig: client.Client(),
		ForceAttemptHTTP2: true}}
	defer kept.CloseIdleConnections()
	opened := 0
	call := func() (int, string) {
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(),
			&httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
				if !i.Reused {
					opened++
				}
			}}), http.MethodPost, again.url+"/v1/node/echo", strings.NewReader(`{"name":"x"}`))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		response, err := kept.Do(r)
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	status, _ := call()
	require.Equal(t, http.StatusOK, status)

	text, err := os.ReadFile(f.Path("client", pki.ServerCertificateFile))
	require.NoError(t, err)
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	list, err := transport.Revoke(t.Context(), w.root, "tls-root",
		[]*x509.Certificate{certificate}, revocation.Superseded, now(), now().AddDate(0, 1, 0))
	require.NoError(t, err)
	_, err = transport.ImportList(w.keys, "tls-root", list.Encoded)
	require.NoError(t, err)
	status, _ = call()
	require.Equal(t, http.StatusOK, status, "it is not read yet")
	require.NoError(t, shown.Reload(t.Context()))
	status, body := call()
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, body, string(link.Certificate))
	require.Equal(t, 1, opened, "all on one connection")

	broken := w.keys.Path("tls-root", "crl")
	require.NoError(t, os.WriteFile(broken, []byte("no list"), 0o600))
	require.ErrorContains(t, shown.Reload(t.Context()), broken)
	status, _ = call()
	require.Equal(t, http.StatusUnauthorized, status, "it goes on with what it has")
	require.Equal(t, 2, opened, "the refusal has ended the first connection")
}

// TestARenewedCertificateIsShown: from the next connection on, by the same server.
func TestARenewedCertificateIsShown(t *testing.T) {
	w := start(t, nil)
	shown, err := transport.Open(t.Context(), w.keys, "server", now)
	require.NoError(t, err)
	defer func() { require.NoError(t, shown.Close()) }()
	before := shown.Until()
	server := shown.Server()
	serial := func() string {
		c, err := server.GetConfigForClient(&tls.ClientHelloInfo{})
		require.NoError(t, err)
		return c.Certificates[0].Leaf.SerialNumber.String()
	}
	first := serial()
	w.certifyUntil(w.keys, "server", transport.Subject{Role: transport.Server, Name: "toy",
		Hosts: []string{"127.0.0.1"}}, now().AddDate(0, 2, 0))
	require.Equal(t, first, serial())
	require.NoError(t, shown.Reload(t.Context()))
	require.NotEqual(t, first, serial())
	require.True(t, shown.Until().After(before))
}

// TestAClientStaysWhoItIs: the certificate of another client, whole and with its key, is not shown
// in place of the own one; whoever opens it knows whose it is.
func TestAClientStaysWhoItIs(t *testing.T) {
	w := start(t, nil)
	f := pki.Open(t.TempDir(), nil)
	w.certify(f, "client", transport.Subject{Role: transport.Client, Name: "SENORDIC"})
	w.certify(f, "other", transport.Subject{Role: transport.Client, Name: "SEFJORDB"})
	shown, err := transport.Open(t.Context(), f, "client", now)
	require.NoError(t, err)
	defer func() { require.NoError(t, shown.Close()) }()
	require.NoError(t, shown.CheckName("SENORDIC"))
	for _, kind := range []string{"key", pki.ServerCertificateFile} {
		require.NoError(t, os.Rename(f.Path("other", kind), f.Path("client", kind)))
	}
	require.ErrorContains(t, shown.Reload(t.Context()),
		"client.crt: it was for SENORDIC, and is for SEFJORDB now")
	require.Equal(t, "SENORDIC", shown.Name())
	other, err := transport.Open(t.Context(), f, "client", now)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	require.ErrorContains(t, other.CheckName("SENORDIC"),
		"client.crt: it is for SEFJORDB, and one for SENORDIC is needed")
}
