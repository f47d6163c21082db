//go:build !cgo

package pkcs11

import (
	"context"
	"crypto"
	"io"

	"ekrona.example/personalization/pki/keys/secret"
)

// Key is a key of a token; there is none in this build.
type Key struct{}

// Open is [ErrUnavailable].
func Open(context.Context, URI, secret.Source) (*Key, error) { return nil, ErrUnavailable }

// Create is [ErrUnavailable].
func Create(context.Context, URI, secret.Source) (*Key, error) { return nil, ErrUnavailable }

// Public is nil: there is no key.
func (k *Key) Public() crypto.PublicKey { return nil }

// Sign is [ErrUnavailable].
func (k *Key) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, ErrUnavailable
}

// Close has nothing to release.
func (k *Key) Close() error { return nil }
