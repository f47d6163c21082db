// Package keys opens and makes the signing keys of a party wherever they are kept:
// in a file, in a TPM 2.0 or in an HSM. Each is P-256 and used through
// [crypto.Signer], so that nothing else knows where it is.
//
// Start with [Open] and [Create]; both take a reference:
//
//	file:PATH                              PKCS#8 in PEM, under a passphrase or plain
//	tpm:PATH?device=/dev/tpmrm0            a key of a TPM, wrapped in the file PATH
//	pkcs11:token=NAME;object=NAME?module-path=LIBRARY&pin-source=file:PATH
//
// A reference holds no secret. Passphrases come from [Options].Secret when they
// are needed, and no error repeats one, nor anything of a key.
//
// The package trusts the file system to keep other users away from a key file,
// the TPM and the HSM to keep their keys in, and the source of randomness to be
// unpredictable.
package keys

import (
	"context"
	"crypto"
	"errors"
	"io"
	"io/fs"

	"ekrona.example/personalization/pki/keys/pkcs11"
	"ekrona.example/personalization/pki/keys/secret"
	"ekrona.example/personalization/pki/keys/tpm"
)

// Key signs with a private P-256 key: Sign takes a digest of 32 bytes and gives
// the DER form of crypto/ecdsa. It may be used by several goroutines. Close releases
// the TPM or the HSM; the key stays there.
type Key interface {
	crypto.Signer
	io.Closer
}

// Options are what a reference does not hold.
type Options struct {
	// asked for passphrases and PINs; nil: a key that needs one is an error
	Secret      secret.Source
	Random      io.Reader // for new keys in files; nil: the system's
	Unprotected bool      // new keys in files and TPMs get no passphrase
}

// Errors of this package; errors.Is finds them. A key that is not there is
// [fs.ErrNotExist], and one that is there when it should be made [fs.ErrExist].
var (
	ErrReference = errors.New("not a key reference")
	ErrSecret    = secret.ErrWrong // the passphrase or PIN is not the key's
)

// Open opens the key of a reference.
func Open(ctx context.Context, reference string, o Options) (Key, error) {
	r, err := ParseReference(reference)
	if err != nil {
		return nil, err
	}
	return r.Open(ctx, o)
}

// Create makes the key of a reference. It never replaces one: when there is one,
// the error is [fs.ErrExist]. A cut leaves no key or a whole one.
func Create(ctx context.Context, reference string, o Options) (Key, error) {
	r, err := ParseReference(reference)
	if err != nil {
		return nil, err
	}
	return r.Create(ctx, o)
}

// OpenOrCreate opens the key of a reference, or makes it when there is none. Of
// two processes that do it at once, one makes the key and both open it.
func OpenOrCreate(ctx context.Context, reference string, o Options) (Key, error) {
	r, err := ParseReference(reference)
	if err != nil {
		return nil, err
	}
	return r.OpenOrCreate(ctx, o)
}

// Open opens the key.
func (r Reference) Open(ctx context.Context, o Options) (Key, error) {
	switch {
	case r.HSM != nil:
		return closed(pkcs11.Open(ctx, *r.HSM, o.Secret))
	case r.TPM != nil:
		return closed(tpm.Open(ctx, *r.TPM, o.Secret))
	default:
		return closed(openFile(ctx, r.File, o))
	}
}

// Create makes the key.
func (r Reference) Create(ctx context.Context, o Options) (Key, error) {
	switch {
	case r.HSM != nil:
		return closed(pkcs11.Create(ctx, *r.HSM, o.Secret))
	case r.TPM != nil:
		return closed(tpm.Create(ctx, *r.TPM, o.Secret, o.Unprotected))
	default:
		return closed(createFile(ctx, r.File, o))
	}
}

// OpenOrCreate opens the key or makes it.
func (r Reference) OpenOrCreate(ctx context.Context, o Options) (Key, error) {
	key, err := r.Open(ctx, o)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = r.Create(ctx, o); !errors.Is(err, fs.ErrExist) {
		return key, err
	}
	return r.Open(ctx, o)
}

// closed makes an interface of a store's key, nil when there is none.
func closed[K Key](key K, err error) (Key, error) {
	if err != nil {
		return nil, err
	}
	return key, nil
}
