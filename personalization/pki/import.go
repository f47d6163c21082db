package pki

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/keys/secret"
	"ekrona.example/personalization/pki/revocation"
)

// Trust keeps a self-signed root under a name, if its anchor is the one
// that was learnt another way: a root that is kept is trusted by its folder.
func (f Folder) Trust(name string, encoded []byte, anchor message.Hash) (*cvc.Certificate, error) {
	root, err := cvc.Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("root certificate: %w", err)
	}
	if root.Role != spec.RoleRoot || !isSelfSigned(root) {
		return nil, fmt.Errorf("%w: it is the %v %s by %s", ErrAnchor, root.Role, root.Holder,
			root.Authority)
	}
	if err := root.VerifyBy(root); err != nil {
		return nil, err
	}
	is, err := root.Anchor()
	if err != nil {
		return nil, err
	}
	if is != anchor {
		return nil, fmt.Errorf("%w: ask its owner, on another way than it came", ErrAnchor)
	}
	if err := f.CheckAlone(name, certificateFile); err != nil {
		return nil, err
	}
	return root, durable.Ensure(f.Path(name, certificateFile), encoded, durable.Everyone)
}

// CheckAlone returns an error where the folder has a certificate of the other kind under a name,
// beside that of an extension: both would have one key and one revocation list.
func (f Folder) CheckAlone(name, extension string) error {
	for _, other := range []string{certificateFile, ServerCertificateFile} {
		if other == extension {
			continue
		}
		path := f.Path(name, other)
		if _, err := os.Stat(path); err == nil {
			return Occupied(path, "certificate of another kind")
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Import keeps a certificate under a name, once it leads to a root that the folder
// trusts. If the name has a key, it must be that key's. In the place of another, it
// must be for the same holder, key and role, by the same authority or a later root, and end no
// earlier. A notary or an instruction key must
// not end before a former one that is kept: [ErrSuccessor].
func (f Folder) Import(ctx context.Context, name string, encoded []byte) (*cvc.Certificate, error) {
	c, err := cvc.Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	store, err := f.Store()
	if err != nil {
		return nil, err
	}
	if _, err := store.Chain(c); err != nil {
		return nil, err
	}
	if err := checkSuccessor(Subject{Holder: c.Holder, Role: c.Role, Expiry: c.Expiry},
		store); err != nil {
		return nil, err
	}
	if err := f.CheckAlone(name, certificateFile); err != nil {
		return nil, err
	}
	if err := f.CheckKey(ctx, name, c.PublicKey); err != nil {
		return nil, err
	}
	for _, k := range store {
		if k.Name != name || bytes.Equal(k.Encoded, encoded) {
			continue
		}
		former := k.Certificate
		switch {
		case former.Holder != c.Holder || former.Role != c.Role ||
			!former.PublicKey.Equal(c.PublicKey) ||
			former.Authority != c.Authority && !byNextRoot(c, former):
			return nil, Occupied(f.Path(name, certificateFile), fmt.Sprintf("%v %s by %s",
				former.Role, former.Holder, former.Authority))
		case c.Expiry.Before(former.Expiry):
			return nil, fmt.Errorf("%w: %v, before %v", ErrEarlier, c.Expiry, former.Expiry)
		}
	}
	return c, durable.Replace(f.Path(name, certificateFile), encoded, durable.Everyone)
}

// byNextRoot reports whether a later root has certified again what a former one had.
func byNextRoot(c, former *cvc.Certificate) bool {
	row, known := c.Role.Row()
	return known && row.IssuedBy == spec.RoleRoot && c.Role != spec.RoleRoot &&
		cvc.Holder(c.Authority).Name() == cvc.Holder(former.Authority).Name() &&
		c.Authority > former.Authority
}

// Adopt keeps the certificate that another folder has under a name, and what it leads
// to up to its root, each under its holder's name: both folders are the caller's, so
// that what the one trusts the other may.
func (f Folder) Adopt(ctx context.Context, from Folder, name string) error {
	if f.path == from.path {
		return nil
	}
	theirs, err := from.Store()
	if err != nil {
		return err
	}
	ours, err := f.Store()
	if err != nil {
		return err
	}
	for _, k := range theirs {
		if k.Name != name {
			continue
		}
		chain, err := theirs.Chain(k.Certificate)
		if err != nil {
			return err
		}
		chain = append([]Entry{k}, chain...)
		for _, link := range slices.Backward(chain) {
			if err := f.adopt(ctx, ours, link); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f Folder) adopt(ctx context.Context, ours Store, k Entry) error {
	for _, own := range ours {
		if bytes.Equal(own.Encoded, k.Encoded) {
			return nil
		}
	}
	if isSelfSigned(k.Certificate) {
		return durable.Ensure(f.Path(string(k.Certificate.Holder), certificateFile), k.Encoded,
			durable.Everyone)
	}
	_, err := f.Import(ctx, string(k.Certificate.Holder), k.Encoded)
	return err
}

// CheckKey checks that the key of the name, if there is one, is that of a public key.
func (f Folder) CheckKey(ctx context.Context, name string, public *ecdsa.PublicKey) error {
	match, err := f.Match(ctx, name, public)
	if match == Unopened {
		return fmt.Errorf("key file %s: %w", f.Path(name, keyFile), secret.ErrNone)
	}
	return err
}

// ImportList keeps the revocation list of the issuer whose certificate has the name.
// In the place of another, its number must not be lower.
func (f Folder) ImportList(name string, text []byte) (*revocation.List, error) {
	issuer, err := f.Certificate(name)
	if err != nil {
		return nil, err
	}
	list, err := parseCardList(text, issuer)
	if err != nil {
		return nil, err
	}
	return list, KeepList(f.Path(name, listFile), list, func() (*revocation.List, error) {
		return readCardList(f.Path(name, listFile), issuer)
	})
}

// KeepList replaces the list at path by one that may follow it; former reads what is
// there, nil if nothing is.
func KeepList(path string, list *revocation.List, former func() (*revocation.List, error)) error {
	there, err := former()
	if err != nil {
		return err
	}
	if err := list.Follows(there); err != nil {
		return err
	}
	return durable.Replace(path, list.Encoded, durable.Everyone)
}
