package service

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
)

// Who says how the caller of an endpoint is identified.
type Who int

// The ways.
const (
	Anybody   Who = iota // not at all
	Certified            // by the certificate in TLS, in the role of a client
	Signed               // by a signature over the request with a registered key
)

// Caller is an identified caller.
type Caller struct {
	Name string   // of the certificate, for Certified
	Key  link.Key // for Signed
}

// String names a caller in logs.
func (c Caller) String() string {
	switch {
	case c.Name != "":
		return c.Name
	case c.Key != link.Key{}:
		return c.Key.String()
	}
	return "anybody"
}

// Endpoint is one contract that a service answers.
type Endpoint struct {
	Contract string // as it stands in paths
	About    string // one line, for the OpenAPI document
	Who      Who
	// Admits reports whether a caller may call here; nil admits every identified one.
	Admits func(c Caller) bool
	// Answer returns the server of a caller's calls.
	Answer func(c Caller) *remote.Server
}

// Keys returns the registered key of a caller that signs. Errors: [ErrNoKey]; any other is a
// failure of the service.
type Keys func(ctx context.Context, k link.Key) (*ecdsa.PublicKey, error)

// ErrNoKey says that nobody is registered under a key's id.
var ErrNoKey = errors.New("nobody is registered by that name")

// Named admits the callers whose certificate has one of the names.
func Named(names []string) func(Caller) bool {
	return func(c Caller) bool { return slices.Contains(names, c.Name) }
}

// identify finds out who sends a request. What is refused is a *link.Refused.
func (s *Service) identify(
	r *http.Request, e Endpoint, content []byte,
) (c Caller, err error) {
	switch passed := r.Header.Get(link.CallerHeader) != ""; {
	case passed:
		if c, err = s.passedOn(r, e); err != nil {
			return c, err
		}
	case e.Who == Certified:
		subject, err := s.config.Verify(r.TLS)
		if err != nil {
			return c, &link.Refused{Rule: link.Certificate, Detail: err.Error()}
		}
		c.Name = subject.Name
	case e.Who == Signed:
		if c.Key, err = s.signedBy(r, content); err != nil {
			return c, err
		}
	}
	if e.Admits != nil && !e.Admits(c) {
		return c, &link.Refused{Rule: link.Caller,
			Detail: fmt.Sprintf("%s makes no calls of %q here", c, e.Contract)}
	}
	return c, nil
}

// signedBy verifies the signature of a request, and takes its number once the key has signed it:
// others cannot use up a caller's number.
func (s *Service) signedBy(r *http.Request, content []byte) (link.Key, error) {
	signed, err := link.ReadSigned(r, content)
	if err != nil {
		return link.Key{}, err
	}
	if !s.nonces.isFresh(signed.Nonce) {
		return signed.Key, &link.Refused{Rule: link.Nonce}
	}
	registered, err := s.config.Keys(r.Context(), signed.Key)
	if errors.Is(err, ErrNoKey) {
		return signed.Key, &link.Refused{Rule: link.Signature,
			Detail: signed.Key.String() + ": " + ErrNoKey.Error()}
	}
	if err != nil {
		return signed.Key, err
	}
	if err := signed.Verify(registered); err != nil {
		return signed.Key, err
	}
	if !s.nonces.take(signed.Nonce) {
		return signed.Key, &link.Refused{Rule: link.Nonce}
	}
	return signed.Key, nil
}
