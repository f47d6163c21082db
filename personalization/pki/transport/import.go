package transport

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/revocation"
)

// Fingerprint is the SHA-256 of a certificate, as "openssl x509 -fingerprint -sha256"
// shows it.
func Fingerprint(c *x509.Certificate) message.Hash { return sha256.Sum256(c.Raw) }

// Trust keeps a self-signed CA under a name, if its fingerprint is the one that was
// learnt another way: a root that is kept is trusted by its folder.
func Trust(
	f pki.Folder, name string, text []byte, fingerprint message.Hash,
) (*x509.Certificate, error) {
	root, s, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if s.Role != CA || !isSelfSigned(root) || Fingerprint(root) != fingerprint {
		return nil, fmt.Errorf("%w: ask its owner, on another way than it came", ErrAnchor)
	}
	if err := root.CheckSignatureFrom(root); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	if err := f.CheckAlone(name, certificateFile); err != nil {
		return nil, err
	}
	return root, durable.Ensure(f.Path(name, certificateFile), text, durable.Everyone)
}

// entry is a certificate of a folder, and the list of what it has revoked, if there is
// one.
type entry struct {
	name string
	*x509.Certificate
	subject Subject
	list    *revocation.List
}

// store reads the folder's certificates. They are parsed, not verified; lists are
// verified by the certificates beside them.
func store(f pki.Folder) ([]entry, error) {
	paths, err := filepath.Glob(f.Path("*", certificateFile))
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, path := range paths {
		k := entry{name: strings.TrimSuffix(filepath.Base(path), "."+certificateFile)}
		text, err := durable.Read(path)
		if err != nil {
			return nil, err
		}
		if k.Certificate, k.subject, err = Parse(text); err != nil {
			return nil, fmt.Errorf("%s: %w: restore it from its backup", path, err)
		}
		if k.subject.Role == CA {
			if k.list, err = readList(f.Path(k.name, listFile), k.Certificate); err != nil {
				return nil, err
			}
		}
		all = append(all, k)
	}
	return all, nil
}

// verify checks at an instant that c leads to a self-signed CA of the store, in its
// role, and that no list of the store names c or what is above it.
func verify(all []entry, c *x509.Certificate, now time.Time) error {
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, k := range all {
		switch {
		case k.subject.Role == CA && isSelfSigned(k.Certificate):
			options.Roots.AddCert(k.Certificate)
		case k.subject.Role == CA:
			options.Intermediates.AddCert(k.Certificate)
		}
	}
	chains, err := c.Verify(options)
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		err = fmt.Errorf("%w (it has to be renewed, unless it is the clock of this machine that "+
			"is wrong)", err)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUntrusted, c.Subject.CommonName, err)
	}
	for i, link := range chains[0][:len(chains[0])-1] {
		for _, k := range all {
			if k.list == nil || !k.Equal(chains[0][i+1]) {
				continue
			}
			if err := k.list.Check(link.SerialNumber); err != nil {
				return fmt.Errorf("%s by %s: %w", link.Subject.CommonName, k.Subject.CommonName,
					err)
			}
		}
	}
	return nil
}

// Import keeps a certificate under a name, once it leads to a root that the folder
// trusts. If the name has a key, it must be that key's. In the place of another, it
// must be for the same subject and key and end no earlier.
func Import(
	ctx context.Context, f pki.Folder, name string, text []byte, now time.Time,
) (Subject, error) {
	c, s, err := Parse(text)
	if err != nil {
		return s, err
	}
	all, err := store(f)
	if err != nil {
		return s, err
	}
	if err := verify(all, c, now); err != nil {
		return s, err
	}
	public, err := publicKey(c)
	if err != nil {
		return s, err
	}
	if err := f.CheckAlone(name, certificateFile); err != nil {
		return s, err
	}
	if err := f.CheckKey(ctx, name, public); err != nil {
		return s, err
	}
	for _, k := range all {
		switch {
		case k.name != name || k.Equal(c):
		case k.subject.Role != s.Role || k.subject.Name != s.Name ||
			string(k.RawSubjectPublicKeyInfo) != string(c.RawSubjectPublicKeyInfo):
			return s, pki.Occupied(f.Path(name, certificateFile),
				fmt.Sprintf("%s %s, with its key", k.subject.Role, k.subject.Name))
		case c.NotAfter.Before(k.NotAfter):
			return s, pki.ErrEarlier
		}
	}
	return s, durable.Replace(f.Path(name, certificateFile), text, durable.Everyone)
}

// Adopt keeps the CA that another folder has under a name, and what it leads to up to
// its root, each under the name it has there: both folders are the caller's.
func Adopt(ctx context.Context, f, from pki.Folder, name string, now time.Time) error {
	path := func(name string) string { return f.Path(name, certificateFile) }
	if path(name) == from.Path(name, certificateFile) {
		return nil
	}
	theirs, err := store(from)
	if err != nil {
		return err
	}
	ours, err := store(f)
	if err != nil {
		return err
	}
	var ca *x509.Certificate
	for _, k := range theirs {
		if k.name == name {
			ca = k.Certificate
		}
	}
	for ca != nil {
		next := (*x509.Certificate)(nil)
		for _, k := range theirs {
			if !k.Equal(ca) && string(k.RawSubject) == string(ca.RawIssuer) &&
				ca.CheckSignatureFrom(k.Certificate) == nil {
				next = k.Certificate
			}
			if !k.Equal(ca) || slices.ContainsFunc(ours,
				func(own entry) bool { return own.Equal(ca) }) {
				continue
			}
			if err := f.CheckAlone(k.name, certificateFile); err != nil {
				return err
			}
			if err := durable.Ensure(path(k.name), wrap(certificateLabel, ca.Raw),
				durable.Everyone); err != nil {
				return err
			}
		}
		ca = next
	}
	return nil
}

func readList(path string, issuer *x509.Certificate) (*revocation.List, error) {
	text, err := durable.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := revocation.Parse(text)
	if err == nil {
		err = list.VerifyBy(issuer)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: restore it from its backup", path, err)
	}
	return list, nil
}

// ImportList keeps the revocation list of the CA whose certificate has the name. In
// the place of another, its number must not be lower.
func ImportList(f pki.Folder, name string, text []byte) (*revocation.List, error) {
	encoded, err := durable.Read(f.Path(name, certificateFile))
	if err != nil {
		return nil, fmt.Errorf("certificate file: %w", err)
	}
	issuer, _, err := Parse(encoded)
	if err != nil {
		return nil, err
	}
	list, err := revocation.Parse(text)
	if err != nil {
		return nil, err
	}
	if err := list.VerifyBy(issuer); err != nil {
		return nil, err
	}
	return list, pki.KeepList(f.Path(name, listFile), list, func() (*revocation.List, error) {
		return readList(f.Path(name, listFile), issuer)
	})
}

// Revoke puts certificates on the list of the CA of the name, or makes a new list of
// the same when there are none. The list is NAME.crl.
func Revoke(
	ctx context.Context, f pki.Folder, name string, revoked []*x509.Certificate,
	reason revocation.Reason, now, next time.Time,
) (_ *revocation.List, err error) {
	ca, err := openCA(ctx, f, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ca.key.Close()) }()
	var entries []revocation.Entry
	for _, c := range revoked {
		if err := c.CheckSignatureFrom(ca.Certificate); err != nil {
			return nil, fmt.Errorf("%w: %s is not by %s: %w", ErrIssuer, c.Subject.CommonName,
				ca.Subject.CommonName, err)
		}
		entries = append(entries, revocation.Entry{Serial: c.SerialNumber, Reason: reason})
	}
	path := f.Path(name, listFile)
	former, err := readList(path, ca.Certificate)
	if err != nil {
		return nil, err
	}
	list, err := revocation.Extend(former, entries, ca.Certificate, ca.key, now, next)
	if err != nil {
		return nil, err
	}
	return list, durable.Replace(path, list.Encoded, durable.Everyone)
}
