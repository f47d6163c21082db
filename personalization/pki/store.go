package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/revocation"
)

// Entry is a certificate of a folder, and the list of what its holder has revoked, if
// there is one.
type Entry struct {
	Name        string // of the file, without its end
	Certificate *cvc.Certificate
	Encoded     []byte
	List        *revocation.List
}

// Store is the certificates of a folder. They are parsed, not verified.
type Store []Entry

// Store reads the folder's certificates and their revocation lists.
func (f Folder) Store() (Store, error) {
	paths, err := filepath.Glob(filepath.Join(f.path, "*."+certificateFile))
	if err != nil {
		return nil, err
	}
	var s Store
	for _, path := range paths {
		k := Entry{Name: strings.TrimSuffix(filepath.Base(path), "."+certificateFile)}
		if k.Encoded, err = durable.Read(path); err != nil {
			return nil, err
		}
		if k.Certificate, err = cvc.Parse(k.Encoded); err != nil {
			return nil, fmt.Errorf("certificate file %s: %w: restore it from its backup", path, err)
		}
		if k.List, err = readCardList(f.Path(k.Name, listFile), k.Certificate); err != nil {
			return nil, err
		}
		s = append(s, k)
	}
	return s, nil
}

// readCardList reads the list of an issuer, nil if there is none.
func readCardList(path string, issuer *cvc.Certificate) (*revocation.List, error) {
	text, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := parseCardList(text, issuer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: restore it from its backup", path, err)
	}
	return list, nil
}

func parseCardList(text []byte, issuer *cvc.Certificate) (*revocation.List, error) {
	list, err := revocation.Parse(text)
	if err != nil {
		return nil, err
	}
	signer, err := revocation.Card(issuer)
	if err != nil {
		return nil, err
	}
	return list, list.VerifyBy(signer)
}

// authority finds whoever may have certified c. Of several certificates of one holder,
// which have the same key, a root comes before a link to it, and then the one that is
// good for longest.
func (s Store) authority(c *cvc.Certificate) (Entry, bool) {
	var found Entry
	for _, k := range s {
		if string(k.Certificate.Holder) != string(c.Authority) {
			continue
		}
		if former := found.Certificate; former == nil || isSelfSigned(k.Certificate) ||
			!isSelfSigned(former) && k.Certificate.Expiry.After(former.Expiry) {
			found = k
		}
	}
	return found, found.Certificate != nil
}

// isSelfSigned: a root that names itself.
func isSelfSigned(c *cvc.Certificate) bool { return string(c.Authority) == string(c.Holder) }

// chainLimit bounds a chain: device, CA, root, and links between roots.
const chainLimit = 16

// Chain verifies c up to a self-signed root of the store, which is trusted, and returns
// the certificates from c's authority on. It looks at lists of what is revoked, not at
// days.
func (s Store) Chain(c *cvc.Certificate) ([]Entry, error) {
	var chain []Entry
	for !isSelfSigned(c) {
		k, found := s.authority(c)
		if !found {
			return nil, fmt.Errorf("%w: %s by %s, whose certificate is not here: import it",
				ErrUntrusted, c.Holder, c.Authority)
		}
		if err := c.VerifyBy(k.Certificate); err != nil {
			return nil, err
		}
		if err := s.checkRevoked(c); err != nil {
			return nil, err
		}
		if chain = append(chain, k); len(chain) > chainLimit {
			return nil, fmt.Errorf("%w: %s: its chain is longer than %d", ErrUntrusted, c.Holder,
				chainLimit)
		}
		c = k.Certificate
	}
	if err := c.VerifyBy(c); err != nil {
		return nil, err
	}
	if root, found := s.authority(c); !found || !root.Certificate.PublicKey.Equal(c.PublicKey) {
		return nil, fmt.Errorf("%w: %s", ErrUntrusted, c.Holder)
	}
	return chain, nil
}

// checkRevoked looks for c on its authority's list.
func (s Store) checkRevoked(c *cvc.Certificate) error {
	k, found := s.authority(c)
	if !found || k.List == nil {
		return nil
	}
	serial, err := revocation.CardSerial(c)
	if err != nil {
		return err
	}
	if err := k.List.Check(serial); err != nil {
		return fmt.Errorf("%s by %s: %w", c.Holder, c.Authority, err)
	}
	return nil
}

// validOn checks the days of c and of what certified it.
func validOn(day message.Date, c *cvc.Certificate, chain []Entry) error {
	err := c.ValidOn(day)
	for _, k := range chain {
		err = errors.Join(err, k.Certificate.ValidOn(day))
	}
	return err
}
