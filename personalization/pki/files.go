package pki

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ekrona/personalization/pki/durable"
)

// What lies in a folder, by the end of its name.
const (
	keyFile         = "key"    // PEM, or a reference
	certificateFile = "cvc"    // 7F21
	requestFile     = "req"    // 7F21, signed by its own key
	listFile        = "crl"    // what the certificate's holder has revoked
	issuedFolder    = "issued" // what the certificate's holder has certified
	claimFile       = "point"  // there: the public key that a holder has for ever
)

// ServerCertificateFile is the end of an X.509 certificate's name: package transport.
const ServerCertificateFile = "crt"

// Path is where the folder keeps something of a name.
func (f Folder) Path(name, kind string) string { return filepath.Join(f.path, name+"."+kind) }

// Claim writes a file with what a name stands for, once: later it must be the same, or
// the error is [ErrTaken].
func Claim(path, name string, content []byte) error {
	err := durable.Create(path, content, durable.Everyone)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	claimed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(claimed, content) {
		return fmt.Errorf("%w: %s: choose the next number", ErrTaken, name)
	}
	return nil
}

// Refer makes a name's key the one of a reference, which is kept in NAME.key. The
// name may have had no other key ([fs.ErrExist]).
func (f Folder) Refer(name, reference string) error {
	path := f.Path(name, keyFile)
	content := []byte(reference + "\n")
	err := durable.Create(path, content, durable.OwnerOnly)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	defer clear(there)
	if !bytes.Equal(there, content) {
		return fmt.Errorf("key file %s: %w with another key", path, fs.ErrExist)
	}
	return nil
}
