package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/personalization/pki"
)

// Endpoint is one side of TLS 1.3 connections, with the certificate of a name of a folder and the
// roots that the folder trusts. The owner closes it.
type Endpoint struct {
	folder pki.Folder
	name   string // of the own certificate; empty for a client without one
	now    func() time.Time
	at     atomic.Pointer[content]

	mu     sync.Mutex
	former func() error // closes the key before, with which a handshake may still go on
}

// content is what the folder had when it was read last.
type content struct {
	trusted []entry
	own     *tls.Certificate // nil for a client without one
	subject Subject          // of it
	close   func() error
	server  *tls.Config

	mu   sync.Mutex
	good map[message.Hash]time.Time // until when certificates of peers are, that were verified
}

// ErrNoCertificate says that the peer of a connection showed no certificate.
var ErrNoCertificate = errors.New("the peer has shown no certificate")

// Open opens the certificate and the key of a name, to be shown in connections; an empty name is a
// client that shows none. now is the clock by which certificates are valid.
func Open(
	ctx context.Context, f pki.Folder, name string, now func() time.Time,
) (*Endpoint, error) {
	e := &Endpoint{folder: f, name: name, now: now, former: func() error { return nil }}
	c, err := e.read(ctx)
	if err != nil {
		return nil, err
	}
	e.at.Store(c)
	return e, nil
}

// Reload reads certificates, roots and revocation lists anew: a certificate that was renewed is
// shown from the next connection on, and peers that are on a list now are refused, also on
// connections that are open. A client stays who it is. After an error everything is as before.
func (e *Endpoint) Reload(ctx context.Context) error {
	c, err := e.read(ctx)
	if err != nil {
		return err
	}
	switch was := e.at.Load().subject; {
	case was.Role != c.subject.Role:
		return errors.Join(fmt.Errorf("%s: it was a %s's, and is a %s's now", e.File(), was.Role,
			c.subject.Role), c.close())
	case was.Role == Client && was.Name != c.subject.Name: // peers would take it for that one
		return errors.Join(fmt.Errorf("%s: it was for %s, and is for %s now", e.File(), was.Name,
			c.subject.Name), c.close())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	err = e.former()
	e.former = e.at.Swap(c).close
	return err
}

func (e *Endpoint) read(ctx context.Context) (*content, error) {
	trusted, err := store(e.folder)
	if err != nil {
		return nil, err
	}
	c := &content{trusted: trusted, close: func() error { return nil },
		good: map[message.Hash]time.Time{}}
	if e.name != "" {
		if err := c.show(ctx, e); err != nil {
			return nil, err
		}
	}
	c.server = e.serverOf(c)
	return c, nil
}

// show opens the own certificate and its key.
func (c *content) show(ctx context.Context, e *Endpoint) error {
	path := e.folder.Path(e.name, certificateFile)
	for _, k := range c.trusted {
		if k.name != e.name {
			continue
		}
		if err := verify(c.trusted, k.Certificate, e.now()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		key, err := e.folder.Existing(ctx, e.name)
		if err != nil {
			return err
		}
		public, err := publicKey(k.Certificate)
		if err != nil || !public.Equal(key.Public()) {
			return errors.Join(fmt.Errorf("certificate file %s: it is not for the key beside "+
				"it: restore the one that belongs to the key", path), key.Close())
		}
		c.own = &tls.Certificate{Certificate: c.chain(k.Certificate), PrivateKey: key,
			Leaf: k.Certificate}
		c.subject, c.close = k.subject, key.Close
		return nil
	}
	return fmt.Errorf("%s is missing: request and import it by \"ekrona pki\"", path)
}

// Close closes the key.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return errors.Join(e.former(), e.at.Load().close())
}

// Hosts returns the names and addresses of a server's certificate.
func (e *Endpoint) Hosts() []string { return e.at.Load().subject.Hosts }

// Name returns for whom the own certificate is.
func (e *Endpoint) Name() string { return e.at.Load().subject.Name }

// CheckRole returns an error where the own certificate is not for a role: peers would refuse it,
// and say little.
func (e *Endpoint) CheckRole(r Role) error {
	own := e.at.Load().subject
	if own.Role == r {
		return nil
	}
	return fmt.Errorf("%w: the certificate of %s is a %s's, and a %s's is needed", ErrMalformed,
		own.Name, own.Role, r)
}

// CheckName returns an error where the own certificate is for another name: peers would take this
// side for that one.
func (e *Endpoint) CheckName(name string) error {
	own := e.at.Load().subject
	if own.Name == name {
		return nil
	}
	return fmt.Errorf("%s: it is for %s, and one for %s is needed: restore it from its backup, or "+
		"make one by \"ekrona pki make\" with --common-name %s", e.File(), own.Name, name, name)
}

// File returns where the own certificate is.
func (e *Endpoint) File() string { return e.folder.Path(e.name, certificateFile) }

// Until returns when the own certificate ends; zero where there is none.
func (e *Endpoint) Until() time.Time {
	own := e.at.Load().own
	if own == nil {
		return time.Time{}
	}
	return own.Leaf.NotAfter
}

// chain is a certificate with the CAs between it and its root, which peers may lack.
func (c *content) chain(leaf *x509.Certificate) [][]byte {
	chain, next := [][]byte{leaf.Raw}, leaf
	for range c.trusted {
		for _, k := range c.trusted {
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

func (c *content) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, k := range c.trusted {
		if k.subject.Role == CA && isSelfSigned(k.Certificate) {
			pool.AddCert(k.Certificate)
		}
	}
	return pool
}

// config is what both sides have.
func (e *Endpoint) config(c *content) *tls.Config {
	shared := &tls.Config{MinVersion: tls.VersionTLS13, Time: e.now}
	if c.own != nil {
		shared.Certificates = []tls.Certificate{*c.own}
	}
	return shared
}

// Server returns the configuration of a server, which is that of the last Reload for each
// connection. A client that shows a certificate must have a good one, in the role of a client; who
// must show one is the server's to say, by [Endpoint.Peer].
func (e *Endpoint) Server() *tls.Config {
	outer := e.at.Load().server.Clone()
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return e.at.Load().server, nil
	}
	return outer
}

func (e *Endpoint) serverOf(c *content) *tls.Config {
	config := e.config(c)
	config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, c.roots()
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return nil
		}
		return c.checkPeer(s, Client, e.now())
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	return config
}

// Client returns the configuration of a client for its next connection.
func (e *Endpoint) Client() *tls.Config {
	c := e.at.Load()
	config := e.config(c)
	config.RootCAs = c.roots()
	config.VerifyConnection = func(s tls.ConnectionState) error {
		return c.checkPeer(s, Server, e.now())
	}
	return config
}

// checkPeer checks the peer's certificate beyond what crypto/tls does: that it is of this profile,
// in its role, and on no revocation list of the folder.
func (c *content) checkPeer(s tls.ConnectionState, role Role, now time.Time) error {
	if _, err := peer(s, role); err != nil {
		return err
	}
	all := slices.Clone(c.trusted)
	for _, k := range s.PeerCertificates[1:] { // what leads to a root; itself a root is none here
		_, subject, err := Parse(wrap(certificateLabel, k.Raw))
		if err == nil && !isSelfSigned(k) {
			all = append(all, entry{Certificate: k, subject: subject})
		}
	}
	return verify(all, s.PeerCertificates[0], now)
}

// maxGood is how many certificates of peers are remembered as good; beyond it all are verified
// again.
const maxGood = 4096

// Peer is the function [Peer] for a connection to this endpoint, and verifies the certificate
// again, once after each Reload and when its end has passed.
func (e *Endpoint) Peer(s *tls.ConnectionState) (Subject, error) {
	subject, err := Peer(s)
	if err != nil {
		return subject, err
	}
	c, now := e.at.Load(), e.now()
	print := Fingerprint(s.PeerCertificates[0])
	c.mu.Lock()
	defer c.mu.Unlock()
	if until, known := c.good[print]; known && !now.After(until) {
		return subject, nil
	}
	if err := c.checkPeer(*s, Client, now); err != nil {
		return subject, err
	}
	if len(c.good) == maxGood {
		clear(c.good)
	}
	c.good[print] = s.PeerCertificates[0].NotAfter
	return subject, nil
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
