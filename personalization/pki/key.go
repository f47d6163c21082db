package pki

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"io"
	"io/fs"

	"ekrona/personalization/pki/durable"
	"ekrona/personalization/pki/keys"
)

// GenerateKey is keys.Generate.
func GenerateKey(random io.Reader) (*ecdsa.PrivateKey, error) { return keys.Generate(random) }

// ReplaceSecret writes a file that only its owner may read, whole or not at all.
func ReplaceSecret(path string, content []byte) error {
	return durable.Replace(path, content, durable.OwnerOnly)
}

// LoadOrCreateKey reads the unprotected key file at path, or makes one when there is none. Of
// two processes that do it at once, one makes the key and both return it.
func LoadOrCreateKey(path string, random io.Reader) (*ecdsa.PrivateKey, error) {
	key, err := keys.LoadFile(context.Background(), path, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	made, err := keys.Create(context.Background(), keys.FileReference(path).String(), keys.Options{Random: random, Unprotected: true})
	if err == nil {
		err = made.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return keys.LoadFile(context.Background(), path, nil)
}
