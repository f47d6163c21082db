// Package cvc is the card-verifiable certificates of the scheme: ISO/IEC 7816-8
// certificates in the layout of BSI TR-03110-3 §C.1, with ECDSA on P-256 and
// SHA-256 and no domain parameters.
//
// A certificate states that its authority accepts the holder's key for a role. [Parse]
// trusts nothing; [Certificate.VerifyBy] checks one link of a chain and [VerifyChain] a
// chain up to a root that the caller trusts. Who may certify whom is the table
// spec.Roles, and an intermediary certifies devices of its own name only.
package cvc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"

	"ekrona.example/apdu/layout"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// Errors of this package; errors.Is finds them in what the functions return.
var (
	ErrMalformed = layout.ErrMalformed
	ErrSignature = errors.New("certificate's signature is wrong")
	ErrExpired   = errors.New("certificate is not valid on this day")
	ErrIssuer    = errors.New("certificate's authority may not issue it")
)

// Certificate binds a public key to a holder and a role.
type Certificate struct {
	Authority message.AuthorityRef // who certifies; of a self-signed root the holder
	PublicKey *ecdsa.PublicKey     // P-256
	Holder    Holder
	Role      spec.Role
	Effective message.Date // first day of validity
	Expiry    message.Date // last day of validity
	Signature signature.Plain
}

// Holder is an AuthorityRef or a DeviceID, by the certificate's role.
type Holder string

// Name is the name of the authority, or of the device's intermediary.
func (h Holder) Name() message.Name { return message.DeviceID(h).Name() }

// Device is the holder as a device id; none when it is an authority or a batch.
func (c *Certificate) Device() message.DeviceID {
	if !c.Role.IsDevice() || c.Role == spec.RoleBatch {
		return ""
	}
	return message.DeviceID(c.Holder)
}

// IsLink reports whether the certificate links a root to the next one.
func (c *Certificate) IsLink() bool {
	return c.Role == spec.RoleRoot && string(c.Authority) != string(c.Holder)
}

// holder is the value of 5F20.
type holder struct {
	p      *Holder
	device bool
}

// MarshalBinary gives the content of the data object.
func (h holder) MarshalBinary() ([]byte, error) { return []byte(*h.p), h.check() }

// UnmarshalBinary takes the content of the data object.
func (h holder) UnmarshalBinary(b []byte) error {
	*h.p = Holder(b)
	return h.check()
}

func (h holder) check() (err error) {
	if h.device {
		_, err = message.ParseDeviceID(string(*h.p))
	} else {
		_, err = message.ParseAuthorityRef(string(*h.p))
	}
	return err
}

// point is the value of 86.
type point struct{ p **ecdsa.PublicKey }

// MarshalBinary gives the content of the data object.
func (p point) MarshalBinary() ([]byte, error) { return signature.Point(*p.p) }

// UnmarshalBinary takes the content of the data object.
func (p point) UnmarshalBinary(b []byte) (err error) {
	if *p.p, err = signature.ParsePoint(b); err != nil {
		return layout.Malformed("%w", err)
	}
	return nil
}

// algorithm is the one of every key.
type algorithm struct{}

// MarshalBinary gives the content of the data object.
func (algorithm) MarshalBinary() ([]byte, error) { return []byte(spec.OIDECDSASHA256), nil }

// UnmarshalBinary takes the content of the data object.
func (algorithm) UnmarshalBinary(b []byte) error {
	if string(b) != spec.OIDECDSASHA256 {
		return layout.Malformed("the key is of an algorithm that this program does not know, OID "+
			"%X: update it; it knows %s", b, spec.Algorithms[0].Text)
	}
	return nil
}

// values are the members in the order of the certificate's layout.
func (c *Certificate) values(device bool) layout.Group {
	ofKind := func(r spec.Role) bool {
		_, known := r.Row()
		return known && r.IsDevice() == device
	}
	return layout.Group{
		layout.Group{
			layout.Fixed([]byte{spec.CertificateProfile}),
			&c.Authority,
			layout.Group{algorithm{}, point{&c.PublicKey}},
			holder{&c.Holder, device},
			layout.Group{layout.Fixed(spec.OIDRole),
				layout.ByteOf[spec.Role]{P: &c.Role, Valid: ofKind}},
			&c.Effective,
			&c.Expiry,
		},
		layout.Bytes(c.Signature[:]),
	}
}

func layoutFor(device bool) *spec.Layout {
	if device {
		return spec.DeviceCertificate
	}
	return spec.AuthorityCertificate
}

func (c *Certificate) check() error {
	if c.Expiry.Before(c.Effective) {
		return layout.Malformed("certificate of %s ends on %v, before it begins on %v", c.Holder,
			c.Expiry, c.Effective)
	}
	return nil
}

// Encode encodes the certificate, 7F21 with body and signature. It does not
// verify the signature.
func (c *Certificate) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	device := c.Role.IsDevice()
	row := layoutFor(device)
	return layout.Append(nil, []spec.Field{{Name: row.Name, Layout: row}},
		[]layout.Value{c.values(device)})
}

// Body encodes what is signed, 7F4E.
func (c *Certificate) Body() ([]byte, error) {
	raw, err := c.Encode()
	if err != nil {
		return nil, err
	}
	whole, err := tlv.NewReader(raw).Expect(spec.TagCertificate)
	if err != nil {
		return nil, err
	}
	body, err := tlv.NewReader(whole.Value).Expect(spec.TagCertificateBody)
	return body.Raw, err
}

// Parse decodes b as one certificate, exactly.
func Parse(b []byte) (*Certificate, error) {
	r := tlv.NewReader(b)
	c, err := Read(r)
	if err != nil {
		return nil, err
	}
	if err := layout.End(r); err != nil {
		return nil, err
	}
	return c, nil
}

// Read takes one certificate from the front of r.
func Read(r *tlv.Reader) (*Certificate, error) {
	o, err := r.Expect(spec.TagCertificate)
	if err != nil {
		return nil, layout.Malformed("certificate: %w", err)
	}
	_, size := spec.DeviceCertificate.Content()
	device := len(o.Value) == size
	c := new(Certificate)
	if err := layout.ReadExactly(o.Value, layoutFor(device).Fields, c.values(device)); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

// Anchor is the SHA-256 of the body: what a card is installed with to know its
// first root by.
func (c *Certificate) Anchor() (message.Hash, error) {
	body, err := c.Body()
	if err != nil {
		return message.Hash{}, err
	}
	return sha256.Sum256(body), nil
}

// Sign signs the certificate with the authority's key. It does not check that the
// authority may certify it: see [Certificate.VerifyBy].
func (c *Certificate) Sign(authority crypto.Signer) error {
	body, err := c.Body()
	if err != nil {
		return err
	}
	s, err := signature.Sign(authority, body)
	if err != nil {
		return err
	}
	c.Signature = s
	return nil
}
