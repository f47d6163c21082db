package transport

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"ekrona.example/apdu/signature"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
	"ekrona.example/personalization/pki/revocation"
)

// Files of a name.
const (
	certificateFile = pki.ServerCertificateFile
	requestFile     = pki.ServerRequestFile
	listFile        = "crl"
	issuedFolder    = "issued"
)

// leafDays is the longest validity of what is no CA, as the CA/Browser Forum had it
// (Baseline Requirements 2.0 §6.3.2).
const leafDays = 398

// issuer is a CA at work.
type issuer struct {
	*x509.Certificate
	key     keys.Key
	archive string
}

// Root makes a self-signed CA from one instant to another, or returns the one that is
// there, which must have the name.
func Root(
	ctx context.Context, f pki.Folder, name, commonName string, from, until time.Time,
) (_ []byte, err error) {
	path := f.Path(name, certificateFile)
	if text, err := durable.Read(path); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, err
		}
		there, s, err := Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if s.Role != CA || s.Name != commonName || !isSelfSigned(there) {
			return nil, fmt.Errorf("%s is that of the %s %s: %w", path, s.Role, s.Name, fs.ErrExist)
		}
		return text, nil
	}
	s := Subject{Role: CA, Name: commonName}
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := f.CheckAlone(name, certificateFile); err != nil {
		return nil, err
	}
	key, err := f.Key(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	public, err := signature.PublicKey(key)
	if err != nil {
		return nil, err
	}
	template, err := templateOf(s, public, from, until)
	if err != nil {
		return nil, err
	}
	template.MaxPathLen, template.MaxPathLenZero = 1, false
	text, err := sign(template, template, public, key)
	if err != nil {
		return nil, err
	}
	return text, durable.Replace(path, text, durable.Everyone)
}

func isSelfSigned(c *x509.Certificate) bool { return string(c.RawIssuer) == string(c.RawSubject) }

func checkValidity(s Subject, from, until time.Time) error {
	if !until.After(from) || s.Role != CA && until.After(from.AddDate(0, 0, leafDays)) {
		return fmt.Errorf("%w: from %s to %s: a %s is certified for %d days at most",
			ErrValidity, from.Format(time.DateOnly), until.Format(time.DateOnly), s.Role, leafDays)
	}
	return nil
}

func templateOf(
	s Subject, public *ecdsa.PublicKey, from, until time.Time,
) (*x509.Certificate, error) {
	identifier, err := revocation.KeyIdentifier(public)
	if err != nil {
		return nil, err
	}
	from, until = from.UTC().Truncate(time.Second), until.UTC().Truncate(time.Second)
	if err := checkValidity(s, from, until); err != nil {
		return nil, err
	}
	// A nil serial number is drawn by crypto/x509: 159 random bits.
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: s.Name}, NotBefore: from, NotAfter: until,
		SubjectKeyId: identifier, BasicConstraintsValid: true,
		SignatureAlgorithm: x509.ECDSAWithSHA256,
	}
	template.KeyUsage, template.ExtKeyUsage = usage(s.Role)
	template.DNSNames, template.IPAddresses, template.URIs = s.names()
	if s.Role == CA {
		template.IsCA, template.MaxPathLenZero = true, true
	}
	return template, nil
}

// sign makes the certificate and reads it back as others will.
func sign(
	template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer,
) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", template.Subject.CommonName, err)
	}
	text := wrap(certificateLabel, der)
	_, _, err = Parse(text)
	return text, err
}

// Issue certifies the key and the subject of a request with the CA of the name, from one instant to
// another. What it issues is kept in NAME.issued before it is handed out; a cut leaves one that the
// same request gets again. The same request asked again, to the same end or an earlier, gets the
// same certificate as long as it is not revoked.
func Issue(
	ctx context.Context, f pki.Folder, name string, public *ecdsa.PublicKey, s Subject,
	from, until time.Time,
) (_ []byte, err error) {
	ca, err := openCA(ctx, f, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ca.key.Close()) }()
	if err := ca.mayIssue(s, from, until); err != nil {
		return nil, err
	}
	list, err := readList(f.Path(name, listFile), ca.Certificate)
	if err != nil {
		return nil, err
	}
	if text, err := ca.issued(public, s, from, until, list); text != nil || err != nil {
		return text, err
	}
	template, err := templateOf(s, public, from, until)
	if err != nil {
		return nil, err
	}
	text, err := sign(template, ca.Certificate, public, ca.key)
	if err != nil {
		return nil, err
	}
	made, _, err := Parse(text)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(ca.archive, made.SerialNumber.Text(16)+"."+certificateFile)
	if err := durable.Create(path, text, durable.Everyone); err != nil {
		return nil, fmt.Errorf("keeping what was issued: %w", err)
	}
	return text, nil
}

// MayIssue opens the CA of the name and fails as [Issue] would for a request that has no
// key yet. It does nothing else.
func MayIssue(
	ctx context.Context, f pki.Folder, name string, s Subject, from, until time.Time,
) (err error) {
	ca, err := openCA(ctx, f, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ca.key.Close()) }()
	if err := ca.mayIssue(s, from, until); err != nil {
		return err
	}
	return checkValidity(s, from, until)
}

func openCA(ctx context.Context, f pki.Folder, name string) (issuer, error) {
	text, err := durable.Read(f.Path(name, certificateFile))
	if err != nil {
		return issuer{}, fmt.Errorf("certificate file: %w", err)
	}
	c, s, err := Parse(text)
	if err != nil {
		return issuer{}, fmt.Errorf("%s: %w", f.Path(name, certificateFile), err)
	}
	if s.Role != CA {
		return issuer{}, fmt.Errorf("%w: %s is a %s", ErrIssuer, s.Name, s.Role)
	}
	key, err := f.Existing(ctx, name)
	if err != nil {
		return issuer{}, err
	}
	public, err := publicKey(c)
	if err != nil || !public.Equal(key.Public()) {
		return issuer{}, errors.Join(fmt.Errorf("certificate of %s is not for the key beside it",
			s.Name), key.Close())
	}
	return issuer{c, key, f.Path(name, issuedFolder)}, nil
}

// publicKey is the key of what Parse accepted.
func publicKey(c *x509.Certificate) (*ecdsa.PublicKey, error) {
	public, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%w: a key on P-256 is needed", ErrMalformed)
	}
	return public, nil
}

func (i issuer) mayIssue(s Subject, from, until time.Time) error {
	switch {
	case s.Role == CA && i.MaxPathLen < 1:
		return fmt.Errorf("%w: %s signs no further CA", ErrIssuer, i.Subject.CommonName)
	case from.Before(i.NotBefore) || until.After(i.NotAfter):
		return fmt.Errorf("%w: %s itself is valid from %s to %s: ask for less", ErrValidity,
			i.Subject.CommonName,
			i.NotBefore.Format(time.DateOnly), i.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// issued finds a certificate issued before that serves as well.
func (i issuer) issued(
	public *ecdsa.PublicKey, s Subject, from, until time.Time, list *revocation.List,
) ([]byte, error) {
	paths, err := filepath.Glob(filepath.Join(i.archive, "*."+certificateFile))
	if err != nil {
		return nil, err
	}
	until = until.UTC().Truncate(time.Second)
	for _, path := range paths {
		text, err := durable.Read(path)
		if err != nil {
			return nil, err
		}
		c, is, err := Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if !public.Equal(c.PublicKey) || is.Role != s.Role || is.Name != s.Name ||
			!slices.Equal(is.Hosts, s.Hosts) ||
			c.NotBefore.After(from) || c.NotAfter.Before(until) || list != nil &&
			list.Check(c.SerialNumber) != nil {
			continue
		}
		return text, nil
	}
	return nil, nil
}
