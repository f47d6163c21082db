package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"ekrona.example/personalization/pki"
)

// Endpoint is one side of TLS 1.3 connections, with the certificate of a name of a folder and the
// roots that the folder trusts. The owner closes it.
type Endpoint struct {
	trusted []entry
	own     *tls.Certificate // nil for a client without one
	subject Subject          // of it
	now     func() time.Time
	close   func() error
}

// ErrNoCertificate says that the peer of a connection showed no certificate.
var ErrNoCertificate = errors.New("the peer has shown no certificate")

// Open opens the certificate and the key of a name, to be shown in connections; an empty name is a
// client that shows none. now is the clock by which certificates are valid.
func Open(
	ctx context.Context, f pki.Folder, name string, now func() time.Time,
) (*Endpoint, error) {
	trusted, err := store(f)
	if err != nil {
		return nil, err
	}
	e := &Endpoint{trusted: trusted, now: now, close: func() error { return nil }}
	if name == "" {
		return e, nil
	}
	for _, k := range trusted {
		if k.name != name {
			continue
		}
		if err := verify(trusted, k.Certificate, now()); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path(name, certificateFile), err)
		}
		key, err := f.Existing(ctx, name)
		if err != nil {
			return nil, err
		}
		public, err := publicKey(k.Certificate)
		if err != nil || !public.Equal(key.Public()) {
			return nil, errors.Join(fmt.Errorf("certificate file %s: it is not for the key beside "+
				"it: restore the one that belongs to the key", f.Path(name, certificateFile)),
				key.Close())
		}
		e.own = &tls.Certificate{Certificate: e.chain(k.Certificate), PrivateKey: key,
			Leaf: k.Certificate}
		e.subject, e.close = k.subject, key.Close
		return e, nil
	}
	return nil, fmt.Errorf("%s is missing: request and import it by \"ekrona pki\"",
		f.Path(name, certificateFile))
}

// Close closes the key.
func (e *Endpoint) Close() error { return e.close() }

// Hosts returns the names and addresses of a server's certificate.
func (e *Endpoint) Hosts() []string { return e.subject.Hosts }

// CheckRole returns an error where the own certificate is not for a role: peers would refuse it,
// and say little.
func (e *Endpoint) CheckRole(r Role) error {
	if e.subject.Role == r {
		return nil
	}
	return fmt.Errorf("%w: the certificate of %s is a %s's, and a %s's is needed", ErrMalformed,
		e.subject.Name, e.subject.Role, r)
}

// Until returns when the own certificate ends; zero where there is none.
func (e *Endpoint) Until() time.Time {
	if e.own == nil {
		return time.Time{}
	}
	return e.own.Leaf.NotAfter
}

// chain is a certificate with the CAs between it and its root, which peers may lack.
func (e *Endpoint) chain(leaf *x509.Certificate) [][]byte {
	chain, next := [][]byte{leaf.Raw}, leaf
	for range e.trusted {
		for _, k := range e.trusted {
			if k.subject.Role == CA && !isSelfSigned(k.Certificate) && !k.Equal(next) &&
				string(k.RawSubject) == string(next.RawIssuer) &&
				next.CheckSignatureFrom(k.Certificate) == nil {
				chain, next = append(chain, k.Raw), k.Certificate
				break
			}
		}
	}
	return chain
}

func (e *Endpoint) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, k := range e.trusted {
		if k.subject.Role == CA && isSelfSigned(k.Certificate) {
			pool.AddCert(k.Certificate)
		}
	}
	return pool
}

// config is what both sides have.
func (e *Endpoint) config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13, Time: e.now}
	if e.own != nil {
		c.Certificates = []tls.Certificate{*e.own}
	}
	return c
}

// Server returns the configuration of a server. A client that shows a certificate must have a good
// one, in the role of a client; who must show one is the server's to say, by [Peer].
func (e *Endpoint) Server() *tls.Config {
	c := e.config()
	c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, e.roots()
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return nil
		}
		return e.checkPeer(s, Client)
	}
	c.NextProtos = []string{"h2", "http/1.1"}
	return c
}

// Client returns the configuration of a client.
func (e *Endpoint) Client() *tls.Config {
	c := e.config()
	c.RootCAs = e.roots()
	c.VerifyConnection = func(s tls.ConnectionState) error { return e.checkPeer(s, Server) }
	return c
}

// checkPeer checks the peer's certificate beyond what crypto/tls does: that it is of this profile,
// in its role, and on no revocation list of the folder.
func (e *Endpoint) checkPeer(s tls.ConnectionState, role Role) error {
	if _, err := peer(s, role); err != nil {
		return err
	}
	all := slices.Clone(e.trusted)
	for _, c := range s.PeerCertificates[1:] { // what leads to a root; itself a root is none here
		_, subject, err := Parse(wrap(certificateLabel, c.Raw))
		if err == nil && !isSelfSigned(c) {
			all = append(all, entry{Certificate: c, subject: subject})
		}
	}
	return verify(all, s.PeerCertificates[0], e.now())
}

// Peer returns whom the certificate is for that the client of a connection has shown and
// [Endpoint.Server] has verified. Errors: [ErrNoCertificate].
func Peer(s *tls.ConnectionState) (Subject, error) {
	if s == nil || len(s.VerifiedChains) == 0 || len(s.PeerCertificates) == 0 {
		return Subject{}, ErrNoCertificate
	}
	return peer(*s, Client)
}

func peer(s tls.ConnectionState, role Role) (Subject, error) {
	_, subject, err := Parse(wrap(certificateLabel, s.PeerCertificates[0].Raw))
	if err != nil {
		return subject, err
	}
	if subject.Role != role {
		return subject, fmt.Errorf("%w: it is that of a %s, and a %s is needed", ErrUntrusted,
			subject.Role, role)
	}
	return subject, nil
}
