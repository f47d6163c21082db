package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ekrona.example/host/durable"
)

// Files of a folder, by their extension.
const (
	keyFile         = "key"    // PEM, or a reference
	certificateFile = "cvc"    // 7F21
	requestFile     = "req"    // 7F21, signed by its own key
	listFile        = "crl"    // what the certificate's holder has revoked
	issuedFolder    = "issued" // what the certificate's holder has certified
	claimFile       = "point"  // there: the public key that a holder has for ever
)

// Ends of the names of an X.509 certificate and of a request for one: package transport.
const (
	ServerCertificateFile = "crt"
	ServerRequestFile     = "csr"
)

// Path is where the folder keeps something of a name.
func (f Folder) Path(name, kind string) string { return filepath.Join(f.path, name+"."+kind) }

// RemoveKey removes the key file of a name, if there is one; a key in a TPM or an HSM stays there.
func (f Folder) RemoveKey(name string) error {
	err := os.Remove(f.Path(name, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// claim records what belongs to a holder, once: later it must be the same, or the error
// is [ErrTaken].
func claim(path, holder string, content []byte) error {
	err := durable.Ensure(path, content, durable.Everyone)
	if errors.Is(err, fs.ErrExist) {
		return taken(holder)
	}
	return err
}

func taken(holder string) error {
	return fmt.Errorf("%w: %s: choose the next number", ErrTaken, holder)
}

// Refer makes a name's key the one of a reference, which is kept in NAME.key. The
// name may have had no other key ([fs.ErrExist]).
func (f Folder) Refer(name, reference string) error {
	err := durable.Ensure(f.Path(name, keyFile), []byte(reference+"\n"), durable.OwnerOnly)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file %s: %w with another key", f.Path(name, keyFile), fs.ErrExist)
	}
	return err
}
