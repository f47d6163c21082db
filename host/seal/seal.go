// Package seal keeps secrets in a database whose key is elsewhere: AES-256-GCM (NIST SP 800-38D),
// a fresh random nonce for each value, bound to a label that says where the value belongs, so that
// one that was copied to another place does not open there.
//
// Start at [New]; [CreateKey] and [ReadKey] are for a key in a file.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"ekrona.example/apdu/entropy"
	"ekrona.example/host/durable"
)

// Key is an AES-256 key.
type Key [32]byte

// String shows nothing.
func (Key) String() string { return "sealing key" }

// Format shows nothing, whatever the verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(k.String())) }

// ErrSealed says that a value does not open: it was altered, moved to another place, or sealed
// under another key.
var ErrSealed = errors.New("seal: a sealed value does not open: restore it and its key together " +
	"from their backup")

// Sealer seals and opens.
type Sealer struct {
	aead   cipher.AEAD
	random io.Reader
}

// New makes a Sealer.
func New(key Key, random io.Reader) (Sealer, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return Sealer{}, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return Sealer{}, fmt.Errorf("seal: %w", err)
	}
	return Sealer{aead, random}, nil
}

// Seal returns nonce || ciphertext || tag.
func (s Sealer) Seal(label, plain []byte) ([]byte, error) {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	if err := entropy.Fill(s.random, nonce); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s.aead.Seal(nonce, nonce, plain, label), nil
}

// Open returns what was sealed under the label. Errors: [ErrSealed].
func (s Sealer) Open(label, sealed []byte) ([]byte, error) {
	if len(sealed) < s.aead.NonceSize() {
		return nil, ErrSealed
	}
	nonce, rest := sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():]
	plain, err := s.aead.Open(nil, nonce, rest, label)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// CreateKey draws a key into a file that only its owner may read, once.
func CreateKey(path string, random io.Reader) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var key Key
	if err := entropy.Fill(random, key[:]); err != nil {
		return err
	}
	return durable.Create(path, []byte(hex.EncodeToString(key[:])), durable.OwnerOnly)
}

// ReadKey reads a key; what names it in errors.
func ReadKey(path, what string) (key Key, err error) {
	content, err := durable.Read(path)
	if err != nil {
		return key, fmt.Errorf("%s: %w", what, err)
	}
	decoded, err := hex.DecodeString(strings.TrimSpace(string(content)))
	if err != nil || len(decoded) != len(key) {
		return key, fmt.Errorf("%s %s is damaged: restore it from its backup", what, path)
	}
	return Key(decoded), nil
}
