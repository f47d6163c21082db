package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io/fs"

	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki"
)

// Object identifiers of the extensions that a request may have (RFC 5280 §4.2.1).
var (
	oidAlternativeNames = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidConstraints      = asn1.ObjectIdentifier{2, 5, 29, 19}
)

// isCAExtension is basicConstraints with cA: a request with it asks for a CA.
var isCAExtension = pkix.Extension{Id: oidConstraints, Critical: true,
	Value: []byte{0x30, 0x03, 0x01, 0x01, 0xFF}}

// Request makes a PKCS#10 request (RFC 2986) for the key of the name, which is made if
// there is none, and keeps it as NAME.csr. What the name has already, a certificate or
// another request, must be for the same role and subject ([fs.ErrExist]), and the
// certificate for the same key.
func Request(ctx context.Context, f pki.Folder, name string, s Subject) (text []byte, err error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	certified, err := checkSame(f, name, s)
	if err != nil {
		return nil, err
	}
	key, err := f.KeyToCertify(ctx, name, certified != nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	if certified != nil && !certified.Equal(key.Public()) {
		return nil, fmt.Errorf("certificate file %s: it is not for the key beside it: restore the "+
			"one that belongs to the key", f.Path(name, certificateFile))
	}
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: s.Name},
		SignatureAlgorithm: x509.ECDSAWithSHA256}
	template.DNSNames, template.IPAddresses, template.URIs = s.names()
	if s.Role == CA {
		template.ExtraExtensions = []pkix.Extension{isCAExtension}
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if err != nil {
		return nil, fmt.Errorf("request for %s: %w", s.Name, err)
	}
	text = wrap(requestLabel, der)
	return text, durable.Replace(f.Path(name, requestFile), text, durable.Everyone)
}

// checkSame compares a subject with the certificate and the request that the name has, so
// that nothing is signed which could not be kept under it. It gives the certificate's key.
func checkSame(f pki.Folder, name string, s Subject) (certified *ecdsa.PublicKey, err error) {
	for _, kind := range []string{certificateFile, requestFile} {
		path := f.Path(name, kind)
		text, err := durable.Read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var there Subject
		if kind == requestFile {
			_, there, err = ParseRequest(text)
		} else {
			var c *x509.Certificate
			if c, there, err = Parse(text); err == nil {
				certified, err = publicKey(c)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w: restore it from its backup", path, err)
		}
		if there.Role != s.Role || there.Name != s.Name {
			return nil, pki.Occupied(path, fmt.Sprintf("%s %s", there.Role, there.Name))
		}
	}
	return certified, nil
}

// ParseRequest reads a request, one PEM block, checks that its key signed it, and returns
// the key and the subject.
func ParseRequest(text []byte) (*ecdsa.PublicKey, Subject, error) {
	der, err := unwrap(text, requestLabel)
	if err != nil {
		return nil, Subject{}, err
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, Subject{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	public, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, Subject{}, fmt.Errorf("%w: its key is not on P-256", ErrMalformed)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, Subject{}, fmt.Errorf("%w: %w", pki.ErrPossession, err)
	}
	isCA := false
	for _, e := range r.Extensions {
		switch {
		case e.Id.Equal(oidAlternativeNames):
		case e.Id.Equal(oidConstraints) && string(e.Value) == string(isCAExtension.Value):
			isCA = true
		default:
			return nil, Subject{},
				fmt.Errorf("%w: extension %v is none of this profile", ErrMalformed, e.Id)
		}
	}
	s, err := subjectOf(r.Subject, isCA, r.DNSNames, r.IPAddresses, r.EmailAddresses, r.URIs)
	return public, s, err
}
