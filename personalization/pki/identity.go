package pki

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
	"ekrona.example/personalization/pki/keys"
	"ekrona.example/personalization/pki/keys/secret"
)

// Identity is a private key and the certificate over its public key.
type Identity struct {
	Signer      crypto.Signer
	Certificate *cvc.Certificate
	Encoded     []byte // the certificate as it goes over the wire, 7F21

	archive string // folder of what it has certified; empty where nothing is kept
}

// Subject is whom a certificate is for, and for how long.
type Subject struct {
	Holder    cvc.Holder
	Role      spec.Role
	Effective message.Date // first day
	Expiry    message.Date // last day
}

// checkExpiry refuses a certificate that outlives its signer's. A link may: it hands over
// to the next root. A root that signs itself has no signer yet.
func (s Subject) checkExpiry(signer *cvc.Certificate) error {
	if s.Role != spec.RoleRoot && s.Expiry.After(signer.Expiry) {
		return fmt.Errorf("%s would end on %v, after its signer %s, on %v: give an earlier last "+
			"day, or have the signer certified anew", s.Holder, s.Expiry, signer.Holder,
			signer.Expiry)
	}
	return nil
}

// MayCertify fails as Certify would for every key, and signs nothing: ask it before what cannot be
// undone.
func (i Identity) MayCertify(s Subject) error {
	if err := i.certificateOf(s).CheckIssuer(i.Certificate); err != nil {
		return fmt.Errorf("certifying %s: %w", s.Holder, err)
	}
	return s.checkExpiry(i.Certificate)
}

// certificateOf returns the certificate of a subject, without its key.
func (i Identity) certificateOf(s Subject) *cvc.Certificate {
	return &cvc.Certificate{
		Authority: message.AuthorityRef(i.Certificate.Holder),
		Holder:    s.Holder, Role: s.Role, Effective: s.Effective, Expiry: s.Expiry,
	}
}

// Certify issues a certificate over a public key. It refuses what the issuer may
// not certify, and one that would outlive the issuer's own; a self-signed root is made by
// [Folder.Root]. It keeps nothing.
func (i Identity) Certify(s Subject, public *ecdsa.PublicKey) ([]byte, error) {
	if err := i.MayCertify(s); err != nil {
		return nil, err
	}
	certificate := i.certificateOf(s)
	certificate.PublicKey = public
	if err := certificate.Sign(i.Signer); err != nil {
		return nil, fmt.Errorf("certifying %s: %w", s.Holder, err)
	}
	return certificate.Encode()
}

// Folder is the directory in which one party keeps its identities, two files for
// each: NAME.key and NAME.cvc.
type Folder struct {
	path    string
	options keys.Options
}

// Open names the directory of a party; it is made when something is kept in it.
// random is for new keys, which get no passphrase. The passphrases of keys that have
// one come from where secret.From finds them.
func Open(path string, random io.Reader) Folder {
	return OpenWith(path, keys.Options{Secret: secret.From(""), Random: random, Unprotected: true})
}

// OpenWith is Open with all options for keys.
func OpenWith(path string, o keys.Options) Folder { return Folder{path, o} }

// Key opens the key of the name, or makes it in the folder. Where NAME.key holds a
// reference, it is the key of the reference.
func (f Folder) Key(ctx context.Context, name string) (keys.Key, error) {
	return keys.OpenOrCreateAt(ctx, f.Path(name, keyFile), f.options)
}

// Existing opens the key of the name, which must be there ([fs.ErrNotExist]).
func (f Folder) Existing(ctx context.Context, name string) (keys.Key, error) {
	return keys.OpenAt(ctx, f.Path(name, keyFile), f.options)
}

// KeyToCertify opens the key of the name, or makes it; one that is certified already must be there.
func (f Folder) KeyToCertify(
	ctx context.Context, name string, isCertified bool,
) (keys.Key, error) {
	if isCertified {
		return f.Existing(ctx, name)
	}
	return f.Key(ctx, name)
}

// Root opens the self-signed root of the name, or makes it.
func (f Folder) Root(name string, s Subject) (Identity, error) {
	return f.identity(name, s, nil)
}

// Certified opens the identity of the name, or makes its key and certifies it
// by the issuer. A cut between the two leaves a key without a certificate, which the
// next call certifies. What a root certifies is kept beside the root, as by [Folder.Issue]: the
// next root certifies it again.
func (f Folder) Certified(name string, s Subject, issuer Identity) (Identity, error) {
	return f.identity(name, s, &issuer)
}

// identity opens or makes an identity; without an issuer it signs itself. What
// is there must be what is asked for.
func (f Folder) identity(name string, s Subject, issuer *Identity) (Identity, error) {
	// of those who call, only a program's start waits for a TPM or an HSM
	ctx := context.Background()
	path := f.Path(name, certificateFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := f.CheckAlone(name, certificateFile); err != nil {
			return Identity{}, err
		}
		key, err := f.Key(ctx, name)
		if err != nil {
			return Identity{}, err
		}
		encoded, err := certifyOwn(key, s, issuer)
		if err = errors.Join(err, key.Close()); err != nil {
			return Identity{}, err
		}
		if err := durable.Replace(path, encoded, durable.Everyone); err != nil {
			return Identity{}, fmt.Errorf("certificate file: %w", err)
		}
	}
	i, err := f.Identity(ctx, name)
	if err != nil {
		return Identity{}, err
	}
	if i.Certificate.Holder != s.Holder || i.Certificate.Role != s.Role {
		return Identity{}, errors.Join(misplaced(path, i.Certificate), i.Close())
	}
	return i, nil
}

// Certificate reads the certificate of the name, which must be there.
func (f Folder) Certificate(name string) (*cvc.Certificate, error) {
	i, err := f.ReadCertificate(name)
	return i.Certificate, err
}

// ReadCertificate reads an identity without its key.
func (f Folder) ReadCertificate(name string) (i Identity, err error) {
	path := f.Path(name, certificateFile)
	if i.Encoded, err = durable.Read(path); err != nil {
		return Identity{}, fmt.Errorf("certificate file: %w", err)
	}
	if i.Certificate, err = cvc.Parse(i.Encoded); err != nil {
		return Identity{}, fmt.Errorf("certificate file %s: %w: restore it from its backup", path,
			err)
	}
	i.archive = f.Path(name, issuedFolder)
	return i, nil
}

// Identity opens the identity of the name, which must be there.
func (f Folder) Identity(ctx context.Context, name string) (Identity, error) {
	i, err := f.ReadCertificate(name)
	if err != nil {
		return Identity{}, err
	}
	key, err := f.Existing(ctx, name)
	if err != nil {
		return Identity{}, err
	}
	if !i.Certificate.PublicKey.Equal(key.Public()) {
		return Identity{}, errors.Join(misplaced(f.Path(name, certificateFile), i.Certificate),
			key.Close())
	}
	i.Signer = key
	return i, nil
}

func misplaced(path string, c *cvc.Certificate) error {
	return fmt.Errorf("certificate file %s: it is that of the %v %s: restore the one that "+
		"belongs to the key beside it", path, c.Role, c.Holder)
}

// Close releases the key, if it is in a TPM or an HSM.
func (i Identity) Close() error {
	if closer, ok := i.Signer.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// NewIdentity has an issuer certify a key that is at hand; without an issuer the key certifies
// itself, as a root does.
func NewIdentity(key crypto.Signer, s Subject, issuer *Identity) (Identity, error) {
	encoded, err := certifyOwn(key, s, issuer)
	if err != nil {
		return Identity{}, err
	}
	certificate, err := cvc.Parse(encoded)
	return Identity{Signer: key, Certificate: certificate, Encoded: encoded}, err
}

func certifyOwn(key crypto.Signer, s Subject, issuer *Identity) ([]byte, error) {
	if issuer == nil {
		issuer = &Identity{Signer: key,
			Certificate: &cvc.Certificate{Holder: s.Holder, Role: s.Role}}
	}
	public, err := signature.PublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("certifying %s: %w", s.Holder, err)
	}
	if issuer.archive != "" && issuer.Certificate.Role == spec.RoleRoot {
		return issuer.issue(s, public)
	}
	return issuer.Certify(s, public)
}
