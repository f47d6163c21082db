package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

const (
	pemType     = "PRIVATE KEY" // RFC 7468 §10: PKCS#8, not enciphered
	ownerOnly   = fs.FileMode(0o600)
	everyone    = fs.FileMode(0o644)
	ownerFolder = fs.FileMode(0o700)
)

// LoadKey reads a P-256 private key from a PKCS#8 PEM file. A file that others
// may read is refused. No error repeats anything of the file's content.
func LoadKey(path string) (*ecdsa.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if others := info.Mode().Perm() &^ ownerOnly; others != 0 {
		return nil, fmt.Errorf("key file %s: others may use it (mode %o): run chmod 600 on it", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	defer clear(text)
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(rest) != 0 {
		return nil, fmt.Errorf("key file %s: not one PEM block %q: restore it from its backup", path, pemType)
	}
	defer clear(block.Bytes)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key file %s: not a PKCS#8 key: restore it from its backup", path)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("key file %s: not a key on P-256", path)
	}
	return key, nil
}

// LoadOrCreateKey reads the key at path, or makes one when there is none. Of
// two processes that do it at once, one makes the key and both return it.
func LoadOrCreateKey(path string, random io.Reader) (*ecdsa.PrivateKey, error) {
	key, err := LoadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = GenerateKey(random); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	defer clear(der)
	text := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	defer clear(text)
	if err := createFile(path, text, ownerOnly); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return LoadKey(path)
}
