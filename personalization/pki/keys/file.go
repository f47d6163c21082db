package keys

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/youmark/pkcs8"

	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/keys/secret"
)

// PEM labels of key files.
const (
	plainLabel     = "PRIVATE KEY"           // RFC 7468 §10: PKCS#8
	protectedLabel = "ENCRYPTED PRIVATE KEY" // RFC 7468 §11: PKCS#8 under a passphrase
)

// protection is how key files are enciphered: PBES2 (RFC 8018 §6.2) with
// AES-256-CBC and scrypt (RFC 7914 §7). The cost is of the settings that the
// OWASP password storage cheat sheet holds equal the one whose 16 MiB OpenSSL
// still accepts, so that "openssl pkey" opens the file.
var protection = &pkcs8.Opts{
	Cipher: pkcs8.AES256CBC,
	KDFOpts: pkcs8.ScryptOpts{SaltSize: 16, CostParameter: 1 << 14, BlockSize: 8,
		ParallelizationParameter: 5},
}

// softwareKey is a key in the memory of this program. Its signatures are
// deterministic (RFC 6979), so that a run repeats and no randomness can leak it.
type softwareKey struct{ *ecdsa.PrivateKey }

func (k softwareKey) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(nil, digest, o)
}

func (k softwareKey) Close() error { return nil }

// ErrElsewhere says that a key does not leave the TPM or HSM that it is in.
var ErrElsewhere = errors.New(
	"the key is in a TPM or an HSM and cannot leave it: keep it in a file")

// Private is the private key itself, of a key that is in a file. Errors: [ErrElsewhere].
func Private(key crypto.Signer) (*ecdsa.PrivateKey, error) {
	if k, inMemory := key.(softwareKey); inMemory {
		return k.PrivateKey, nil
	}
	return nil, ErrElsewhere
}

func openFile(ctx context.Context, path string, o Options) (softwareKey, error) {
	key, err := LoadFile(ctx, path, o.Secret)
	return softwareKey{key}, err
}

// LoadFile reads a P-256 key from a PKCS#8 PEM file and asks for its passphrase
// if it has one. A file that others may read is refused.
func LoadFile(ctx context.Context, path string, source secret.Source) (*ecdsa.PrivateKey, error) {
	text, err := readOwn(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return parseFile(ctx, path, text, source)
}

// readOwn reads a file that its owner alone may use.
func readOwn(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if others := info.Mode().Perm() &^ durable.OwnerOnly; others != 0 {
		return nil, fmt.Errorf("key file %s: others may use it (mode %o): run chmod 600 on it",
			path, info.Mode().Perm())
	}
	text, err := durable.Read(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return text, nil
}

func parseFile(
	ctx context.Context, path string, text []byte, source secret.Source,
) (*ecdsa.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(rest) != 0 || block.Type != plainLabel && block.Type != protectedLabel {
		return nil, fmt.Errorf(
			"key file %s: not one PEM block %q or %q: restore it from its backup", path, plainLabel,
			protectedLabel)
	}
	defer clear(block.Bytes)
	der := block.Bytes
	if block.Type == protectedLabel {
		if err := checkProtection(der); err != nil {
			return nil, fmt.Errorf("key file %s: %w", path, err)
		}
		passphrase, err := source.Ask(ctx, secret.Request{For: "key file " + path})
		if err != nil {
			return nil, err
		}
		defer clear(passphrase)
		opened, _, err := pkcs8.ParsePrivateKey(der, passphrase)
		if err != nil {
			return nil, fmt.Errorf("key file %s: %w", path, secret.ErrWrong)
		}
		return onP256(path, opened)
	}
	opened, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("key file %s: not a PKCS#8 key: restore it from its backup", path)
	}
	return onP256(path, opened)
}

func onP256(path string, opened any) (*ecdsa.PrivateKey, error) {
	key, ok := opened.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("key file %s: not a key on P-256", path)
	}
	return key, nil
}

func createFile(ctx context.Context, path string, o Options) (softwareKey, error) {
	if _, err := os.Lstat(path); err == nil {
		return softwareKey{}, fmt.Errorf("key file %s: %w", path, fs.ErrExist)
	}
	random := o.Random
	if random == nil {
		random = rand.Reader
	}
	key, err := Generate(random)
	if err != nil {
		return softwareKey{}, err
	}
	text, err := encodeFile(ctx, path, key, o)
	if err != nil {
		return softwareKey{}, err
	}
	defer clear(text)
	if err := durable.Create(path, text, durable.OwnerOnly); err != nil {
		return softwareKey{}, fmt.Errorf("key file: %w", err)
	}
	return softwareKey{key}, nil
}

func encodeFile(
	ctx context.Context, path string, key *ecdsa.PrivateKey, o Options,
) ([]byte, error) {
	label := plainLabel
	var passphrase []byte
	if !o.Unprotected {
		label = protectedLabel
		var err error
		if passphrase, err = o.Secret.Ask(ctx,
			secret.Request{For: "key file " + path, New: true}); err != nil {
			return nil, err
		}
		if len(passphrase) == 0 {
			return nil, errors.New("key file " + path + ": an empty passphrase protects nothing")
		}
		defer clear(passphrase)
	}
	der, err := pkcs8.MarshalPrivateKey(key, passphrase, protection)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}), nil
}

// isPEM reports whether a file is a key file and not one that holds a reference.
func isPEM(text []byte) bool { return bytes.HasPrefix(text, []byte("-----BEGIN ")) }

// OpenAt opens the key of a party's folder: path holds the key itself or, in one
// line, a reference to it, whose relative paths start at path's folder.
func OpenAt(ctx context.Context, path string, o Options) (Key, error) {
	return at(ctx, path, o, Reference.Open)
}

// OpenOrCreateAt opens the key of a party's folder, or makes it where path refers to or,
// when there is no such file, in it.
func OpenOrCreateAt(ctx context.Context, path string, o Options) (Key, error) {
	key, err := at(ctx, path, o, Reference.OpenOrCreate)
	if _, missing := os.Lstat(path); errors.Is(missing, fs.ErrNotExist) {
		return FileReference(path).OpenOrCreate(ctx, o)
	}
	return key, err
}

func at(
	ctx context.Context, path string, o Options,
	open func(Reference, context.Context, Options) (Key, error),
) (Key, error) {
	text, err := readOwn(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	if isPEM(text) {
		key, err := parseFile(ctx, path, text, o.Secret)
		return closed(softwareKey{key}, err)
	}
	r, err := parseReferenceFile(path, text)
	if err != nil {
		return nil, err
	}
	return open(r, ctx, o)
}
