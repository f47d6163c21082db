// Package tpm keeps signing keys in a TPM 2.0: P-256 keys that it made, that never
// leave it, and that can sign and nothing else. A file holds the key as the TPM
// wrapped it; it opens with that TPM alone. Start with [Open] and [Create].
//
// The file is in the format TSS2 PRIVATE KEY, which the TPM 2.0 providers of
// OpenSSL and tpm2-tools read too. The parent of a key is the storage key of the
// owner hierarchy, made again from the TCG's template whenever it is needed, so that
// nothing has to be provisioned; a persistent one can be named instead.
//
// The package trusts the TPM. An authorization value crosses the bus enciphered for
// the TPM's storage key: who only listens does not learn it. Who can change what
// crosses the bus can put another storage key in its place.
package tpm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/google/go-tpm/tpm2"

	"ekrona.example/apdu/signature"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/keys/secret"
)

// authLimitBytes is the longest authorization value of a key with SHA-256 as its
// name algorithm (TPM 2.0 Part 1 §19.6.4.3).
const authLimitBytes = sha256.Size

// Errors of this package; errors.Is finds them.
var (
	ErrDevice  = errors.New("TPM cannot be reached")
	ErrForeign = errors.New(
		"key was wrapped by another TPM, or this one's storage hierarchy was cleared since")
	ErrLocked = errors.New(
		"TPM refuses authorizations after too many wrong ones: wait, or have its lockout reset")
)

// Key is a key of a TPM; it implements crypto.Signer.
type Key struct {
	device string
	blob   blob
	public *ecdsa.PublicKey

	turn   sync.Mutex // one command at a time, and guards what follows
	auth   []byte     // nil: the key has none
	held   *loaded    // on a device with a resource manager, between signatures
	closed bool
}

// Open opens the key of a reference. It asks source for the authorization value if
// the key has one, and loads the key into the TPM, so that a key of another TPM is
// found out now. An authorization value is not tried before the first signature.
func Open(ctx context.Context, r Reference, source secret.Source) (*Key, error) {
	text, err := durable.Read(r.Blob)
	if err != nil {
		return nil, fmt.Errorf("TPM key file: %w", err)
	}
	b, err := parseBlob(text)
	if err != nil {
		return nil, fmt.Errorf("TPM key file %s: %w", r.Blob, err)
	}
	k := &Key{device: r.Device, blob: b}
	if k.public, err = b.signingKey(); err != nil {
		return nil, fmt.Errorf("TPM key file %s: %w", r.Blob, err)
	}
	if !b.EmptyAuth {
		if k.auth, err = askAuth(ctx, source, r, false); err != nil {
			return nil, err
		}
	}
	l, err := k.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("TPM key %s: %w", r.Blob, err)
	}
	return k, k.keep(l)
}

// Create makes a key in the TPM and keeps it in the reference's file, which must
// not be there ([fs.ErrExist]). Unless unprotected, it asks source for an
// authorization value. A cut leaves no key, or the whole.
func Create(
	ctx context.Context, r Reference, source secret.Source, unprotected bool,
) (*Key, error) {
	if _, err := os.Lstat(r.Blob); err == nil {
		return nil, fmt.Errorf("TPM key file %s: %w", r.Blob, fs.ErrExist)
	}
	k := &Key{device: r.Device}
	var err error
	if !unprotected {
		if k.auth, err = askAuth(ctx, source, r, true); err != nil {
			return nil, err
		}
	}
	if k.blob, err = makeKey(ctx, r, k.auth); err != nil {
		return nil, fmt.Errorf("TPM key %s: %w", r.Blob, err)
	}
	if k.public, err = k.blob.signingKey(); err != nil {
		return nil, fmt.Errorf("TPM key %s: %w", r.Blob, err)
	}
	text, err := k.blob.encode()
	if err != nil {
		return nil, fmt.Errorf("TPM key %s: %w", r.Blob, err)
	}
	if err := durable.Create(r.Blob, text, durable.OwnerOnly); err != nil {
		return nil, fmt.Errorf("TPM key file: %w", err)
	}
	return k, nil
}

func askAuth(ctx context.Context, source secret.Source, r Reference, fresh bool) ([]byte, error) {
	auth, err := source.Ask(ctx, secret.Request{For: "TPM key " + r.Blob, New: fresh})
	if err != nil {
		return nil, err
	}
	// A TPM drops zeros at the end (Part 1 §19.6.4.3), and an empty value is none.
	if len(auth) == 0 || len(auth) > authLimitBytes || auth[len(auth)-1] == 0 {
		clear(auth)
		return nil, fmt.Errorf(
			"TPM key %s: its passphrase has 1 to %d bytes and no zero byte at its end", r.Blob,
			authLimitBytes)
	}
	return auth, nil
}

// Public is the public key.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign signs a SHA-256 digest in the TPM. The TPM uses its own randomness. When
// the TPM was restarted since the last signature, the key is loaded again.
func (k *Key) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if o == nil || o.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, errors.New("TPM key: it signs SHA-256 digests only")
	}
	k.turn.Lock()
	defer k.turn.Unlock()
	if k.closed { // and its authorization value cleared, which would count as a wrong one
		return nil, errors.New("TPM key: it is closed")
	}
	if k.held != nil {
		if s, err := k.held.sign(digest, k.auth); err == nil || !isStale(err) {
			return s, explain(err)
		}
		// The TPM, or the connection to it, is not the one that has the key loaded.
		_ = k.release() // it is gone
	}
	l, err := k.load(context.Background())
	if err != nil {
		return nil, err
	}
	s, err := l.sign(digest, k.auth)
	return s, errors.Join(explain(err), k.keep(l))
}

// keep holds the key loaded if others can use the TPM beside it, and unloads it
// otherwise.
func (k *Key) keep(l *loaded) error {
	if l.managed {
		k.held = l
		return nil
	}
	return l.close()
}

// Close forgets the authorization value and unloads the key.
func (k *Key) Close() error {
	k.turn.Lock()
	defer k.turn.Unlock()
	clear(k.auth)
	k.closed = true
	return k.release()
}

func (k *Key) release() error {
	held := k.held
	k.held = nil
	if held == nil {
		return nil
	}
	return held.close()
}

// load connects to the TPM and loads the key.
func (k *Key) load(ctx context.Context) (*loaded, error) {
	l, err := connect(ctx, k.device, k.blob.Parent)
	if err != nil {
		return nil, err
	}
	response, err := tpm2.Load{
		ParentHandle: l.parentAuth(), InPrivate: k.blob.private(), InPublic: k.blob.public(),
	}.Execute(l.tpm)
	if err != nil {
		return nil, errors.Join(explain(err), l.close())
	}
	l.own(response.ObjectHandle)
	l.key = tpm2.NamedHandle{Handle: response.ObjectHandle, Name: response.Name}
	return l, nil
}

// der is the form of crypto/ecdsa. A TPM may leave out zeros in front.
func der(s *tpm2.TPMSSignatureECC) ([]byte, error) {
	var plain signature.Plain
	r, other := s.SignatureR.Buffer, s.SignatureS.Buffer
	if len(r) > coordinateBytes || len(other) > coordinateBytes {
		return nil, errors.New("TPM: its signature is none on P-256")
	}
	copy(plain[coordinateBytes-len(r):], r)
	copy(plain[2*coordinateBytes-len(other):], other)
	return plain.DER()
}

// explain puts the answers of a TPM that a user can do something about in words.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tpm2.TPMRCAuthFail), errors.Is(err, tpm2.TPMRCBadAuth):
		return secret.ErrWrong
	case errors.Is(err, tpm2.TPMRCLockout):
		return ErrLocked
	case errors.Is(err, tpm2.TPMRCIntegrity), errors.Is(err, tpm2.TPMRCHandle):
		return ErrForeign
	default:
		return err
	}
}

// isStale reports whether the TPM, seen now, may not be the one that has the key
// loaded: it gave no answer, or knows no such object.
func isStale(err error) bool {
	var code tpm2.TPMRC
	return !errors.As(err, &code) || errors.Is(err, tpm2.TPMRCReferenceH0) ||
		errors.Is(err, tpm2.TPMRCHandle)
}
