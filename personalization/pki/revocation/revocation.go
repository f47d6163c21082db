// Package revocation is the lists that take certificates back, X.509 CRLs (RFC 5280
// §5) in PEM: for the X.509 certificates between servers, and in the same form for
// card-verifiable certificates, which have no list of their own. Start with [Parse]
// and [Extend]; [Card] and [CardSerial] fit card-verifiable certificates in.
//
// Cards see no list: they have no clock and no room for one; an authority on a card
// ends by the date of its certificate. Who certifies, imports and checks certificates
// refuses what a list names, and so do servers of each other. Terminals read no list.
//
// Numbers of one issuer's lists only grow. The package trusts nothing that it parses
// before [List.VerifyBy].
package revocation

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/signature"
)

// Errors of this package; errors.Is finds them.
var (
	ErrMalformed = errors.New("not a revocation list")
	ErrIssuer    = errors.New("revocation list is not its issuer's")
	ErrOutdated  = errors.New("revocation list is out of date")
	ErrOlder     = errors.New("revocation list is older than the one that is known")
	ErrRevoked   = errors.New("certificate is revoked")
)

// Label is the PEM label of a list (RFC 7468 §6).
const Label = "X509 CRL"

// Reason is why a certificate was revoked.
type Reason int

// The reasons that are used here, of RFC 5280 §5.3.1.
const (
	Unspecified   Reason = 0
	KeyCompromise Reason = 1
	CACompromise  Reason = 2
	Superseded    Reason = 4
	Ceased        Reason = 5
)

// reasons are named as RFC 5280 names them.
var reasons = map[Reason]string{
	Unspecified: "unspecified", KeyCompromise: "keyCompromise", CACompromise: "cACompromise",
	Superseded: "superseded", Ceased: "cessationOfOperation",
}

// String names the reason.
func (r Reason) String() string {
	if name, known := reasons[r]; known {
		return name
	}
	return fmt.Sprintf("reason %d", int(r))
}

// Reasons names the reasons, in alphabetical order.
func Reasons() []string {
	var names []string
	for _, name := range reasons {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ParseReason finds the reason of a name.
func ParseReason(name string) (Reason, error) {
	for r, known := range reasons {
		if known == name {
			return r, nil
		}
	}
	return 0, fmt.Errorf("no reason %q; there are %q", name, Reasons())
}

// List is a revocation list.
type List struct {
	*x509.RevocationList
	Encoded []byte // PEM
}

// Parse reads a list, one PEM block, exactly.
func Parse(text []byte) (*List, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != Label || len(block.Headers) > 0 || len(rest) > 0 {
		return nil, fmt.Errorf("%w: not one PEM block %q", ErrMalformed, Label)
	}
	parsed, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if len(parsed.Raw) != len(block.Bytes) {
		return nil, fmt.Errorf("%w: %d bytes more than the list has", ErrMalformed,
			len(block.Bytes)-len(parsed.Raw))
	}
	if parsed.Number == nil || parsed.Number.Sign() <= 0 || parsed.NextUpdate.IsZero() {
		return nil, fmt.Errorf("%w: it has no number or no next update (RFC 5280 §5.1.2.5, §5.2.3)",
			ErrMalformed)
	}
	return &List{parsed, text}, nil
}

// VerifyBy checks that the issuer signed the list.
func (l *List) VerifyBy(issuer *x509.Certificate) error {
	if !bytes.Equal(l.RawIssuer, issuer.RawSubject) ||
		!bytes.Equal(l.AuthorityKeyId, issuer.SubjectKeyId) {
		return fmt.Errorf("%w: it is that of %s", ErrIssuer, l.Issuer.CommonName)
	}
	if err := l.CheckSignatureFrom(issuer); err != nil {
		return fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	return nil
}

// CheckTime checks that the next list is not overdue.
func (l *List) CheckTime(now time.Time) error {
	if now.After(l.NextUpdate) {
		return fmt.Errorf("%w: the next was due at %s", ErrOutdated,
			l.NextUpdate.Format(time.RFC3339))
	}
	return nil
}

// Check is [ErrRevoked] if the list names the serial number.
func (l *List) Check(serial *big.Int) error {
	for _, entry := range l.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(serial) == 0 {
			return fmt.Errorf("%w: %s, since %s", ErrRevoked, Reason(entry.ReasonCode),
				entry.RevocationTime.Format(time.DateOnly))
		}
	}
	return nil
}

// Follows checks that the list may take the place of a former one, or of none.
func (l *List) Follows(former *List) error {
	if former != nil && l.Number.Cmp(former.Number) < 0 {
		return fmt.Errorf("%w: number %v after %v", ErrOlder, l.Number, former.Number)
	}
	return nil
}

// Entry is a certificate to be revoked.
type Entry struct {
	Serial *big.Int
	Reason Reason
}

// Extend makes the list after former (nil: the first): what former names, and the
// entries. It counts from now until the next list is due.
func Extend(
	former *List, entries []Entry, issuer *x509.Certificate, key crypto.Signer, now, next time.Time,
) (*List, error) {
	template := &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: now.UTC().Truncate(time.Second),
		NextUpdate: next.UTC().Truncate(time.Second),
	}
	if former != nil {
		template.Number.Add(former.Number, template.Number)
		for _, entry := range former.RevokedCertificateEntries {
			template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
				x509.RevocationListEntry{
					SerialNumber: entry.SerialNumber, RevocationTime: entry.RevocationTime,
					ReasonCode: entry.ReasonCode,
				})
		}
	}
	for _, entry := range entries {
		if former != nil && former.Check(entry.Serial) != nil {
			continue // for ever, and with its first reason
		}
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{
				SerialNumber: entry.Serial, RevocationTime: template.ThisUpdate,
				ReasonCode: int(entry.Reason),
			})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, issuer, key)
	if err != nil {
		return nil, fmt.Errorf("revocation list: %w", err)
	}
	made, err := Parse(pem.EncodeToMemory(&pem.Block{Type: Label, Bytes: der}))
	if err != nil {
		return nil, err
	}
	return made, made.VerifyBy(issuer)
}

// cardSerialBytes is as much of a hash as a serial number holds for certain (RFC 5280
// §4.1.2.2: 20 bytes, of which the first may not begin with a one).
const cardSerialBytes = 19

// CardSerial is the number under which a list names a card-verifiable certificate: the
// first 19 bytes of its anchor, the SHA-256 of its body. A later certificate for the
// same key has another.
func CardSerial(c *cvc.Certificate) (*big.Int, error) {
	anchor, err := c.Anchor()
	if err != nil {
		return nil, err
	}
	return new(big.Int).SetBytes(anchor[:cardSerialBytes]), nil
}

// Card is the issuer of a list of card-verifiable certificates, as X.509 sees it: its
// common name is the holder of its certificate, its key identifier the first 160 bits
// of the SHA-256 of its point (RFC 7093 §2). A certificate's body begins with 7F4E
// and a list with 30: neither can be taken for the other.
func Card(issuer *cvc.Certificate) (*x509.Certificate, error) {
	subject := pkix.Name{CommonName: string(issuer.Holder)}
	raw, err := marshalName(subject)
	if err != nil {
		return nil, err
	}
	identifier, err := KeyIdentifier(issuer.PublicKey)
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		Subject: subject, RawSubject: raw, SubjectKeyId: identifier, KeyUsage: x509.KeyUsageCRLSign,
		PublicKey: issuer.PublicKey, PublicKeyAlgorithm: x509.ECDSA,
	}, nil
}

// KeyIdentifier names a public key: RFC 7093 §2, method 1.
func KeyIdentifier(public *ecdsa.PublicKey) ([]byte, error) {
	point, err := signature.Point(public)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(point)
	return digest[:20], nil
}

// marshalName encodes a name as crypto/x509 does.
func marshalName(name pkix.Name) ([]byte, error) { return asn1.Marshal(name.ToRDNSequence()) }
