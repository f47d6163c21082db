package pki

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
)

// Errors of the ceremony; errors.Is finds them.
var (
	ErrPossession = errors.New("request is not signed by the key that it is for")
	ErrAuthority  = errors.New("request is for another authority")
	ErrTaken      = errors.New("holder has a certificate for another key already")
	ErrForward    = errors.New("link certificate does not lead forward")
	ErrEarlier    = errors.New("certificate ends before the one that is there")
	ErrSuccessor  = errors.New("no card would take a successor that ends before the former key")
	ErrAnchor     = errors.New("root certificate is not the one of the anchor")
	ErrUntrusted  = errors.New("certificate does not lead to a root that is trusted here")
	ErrFormer     = errors.New("a later crisis key was certified")
)

// Request makes a request for a certificate and keeps it as NAME.req: a certificate as
// it is wished, in the name of the authority, but signed by its own key, which proves
// that the asker has the key. The key is made if there is none. What the name has already, a
// certificate or another request, must be for the same holder, role and authority
// ([fs.ErrExist]), and the certificate for the same key.
func (f Folder) Request(
	ctx context.Context, name string, s Subject, authority message.AuthorityRef,
) (encoded []byte, err error) {
	request := &cvc.Certificate{
		Authority: authority,
		Holder:    s.Holder, Role: s.Role, Effective: s.Effective, Expiry: s.Expiry,
	}
	certified, err := f.checkSame(name, request)
	if err != nil {
		return nil, err
	}
	key, err := f.KeyToCertify(ctx, name, certified != nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, key.Close()) }()
	if request.PublicKey, err = signature.PublicKey(key); err != nil {
		return nil, err
	}
	if certified != nil && !certified.PublicKey.Equal(request.PublicKey) {
		return nil, misplaced(f.Path(name, certificateFile), certified)
	}
	if err := request.Sign(key); err != nil {
		return nil, fmt.Errorf("request for %s: %w", s.Holder, err)
	}
	if encoded, err = request.Encode(); err != nil {
		return nil, fmt.Errorf("request for %s: %w", s.Holder, err)
	}
	return encoded, durable.Replace(f.Path(name, requestFile), encoded, durable.Everyone)
}

// checkSame compares a request with the certificate and the request that the name has, so
// that nothing is signed which could not be kept under it.
func (f Folder) checkSame(
	name string, request *cvc.Certificate,
) (certified *cvc.Certificate, err error) {
	for _, kind := range []string{certificateFile, requestFile} {
		path := f.Path(name, kind)
		encoded, err := durable.Read(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		there, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("%s: %w: restore it from its backup", path, err)
		}
		if there.Holder != request.Holder || there.Role != request.Role ||
			there.Authority != request.Authority {
			return nil, Occupied(path, fmt.Sprintf("%v %s by %s", there.Role, there.Holder,
				there.Authority))
		}
		if kind == certificateFile {
			certified = there
		}
	}
	return certified, nil
}

// Occupied is the error of a name whose file is for somebody else ([fs.ErrExist]).
func Occupied(path, subject string) error {
	return fmt.Errorf("%s is for the %s: %w; choose another name, or move what the name has "+
		"out of the way", path, subject, fs.ErrExist)
}

// MayIssue opens the identity of the name and fails as [Folder.Issue] would for a request
// that has no key yet. It does nothing else.
func (f Folder) MayIssue(ctx context.Context, name string, s Subject) (err error) {
	issuer, err := f.Identity(ctx, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, issuer.Close()) }()
	request := &cvc.Certificate{Authority: message.AuthorityRef(issuer.Certificate.Holder),
		Holder: s.Holder, Role: s.Role}
	if err := request.CheckIssuer(issuer.Certificate); err != nil {
		return err
	}
	return f.checkIssue(name, issuer.Certificate, request, s)
}

// MayClaim fails as [Folder.Issue] of the name would if the holder has another key; nil is one
// that is still to be made. Errors: [ErrTaken].
func (f Folder) MayClaim(name string, holder cvc.Holder, key *ecdsa.PublicKey) error {
	claimed, err := durable.Read(f.claimPath(name, holder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if key == nil {
		return taken(string(holder))
	}
	point, err := signature.Point(key)
	if err != nil {
		return err
	}
	if !bytes.Equal(claimed, point) {
		return taken(string(holder))
	}
	return nil
}

func (f Folder) claimPath(name string, holder cvc.Holder) string {
	return filepath.Join(f.Path(name, issuedFolder), string(holder)+"."+claimFile)
}

// ParseRequest reads a request and checks that its key signed it. A self-signed root
// is a request for a link certificate.
func ParseRequest(encoded []byte) (*cvc.Certificate, error) {
	request, err := cvc.Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	body, err := request.Body()
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if err := request.Signature.Verify(request.PublicKey, body); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrPossession, request.Holder)
	}
	return request, nil
}

// Issue certifies a request with the identity of the name. What it issues is kept in
// NAME.issued before it is handed out:
//
//  1. HOLDER.point claims the holder for the key. A cut leaves the claim, which serves
//     the same request.
//  2. HOLDER.LASTDAY.cvc is the certificate. A cut leaves one that the same request
//     gets again.
//
// A holder has one key for ever: a second one is [ErrTaken]. The same request asked
// again, with the same last day or an earlier, gets the same certificate. A notary or an
// instruction key must not end before one that was certified before it: [ErrSuccessor].
func (f Folder) Issue(
	ctx context.Context, name string, request *cvc.Certificate, s Subject,
) (encoded []byte, err error) {
	issuer, err := f.Identity(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, issuer.Close()) }()
	if err := f.checkIssue(name, issuer.Certificate, request, s); err != nil {
		return nil, err
	}
	return issuer.issue(s, request.PublicKey)
}

// issue certifies a key and keeps what it certifies.
func (i Identity) issue(s Subject, public *ecdsa.PublicKey) (encoded []byte, err error) {
	point, err := signature.Point(public)
	if err != nil {
		return nil, err
	}
	issued, err := readIssued(i.archive, s)
	if err != nil {
		return nil, err
	}
	encoded = sameIssued(issued, s, public)
	if encoded == nil {
		if err := checkSuccessor(s, issued); err != nil { // before it claims anything
			return nil, err
		}
	}
	if err := claim(filepath.Join(i.archive, string(s.Holder)+"."+claimFile), string(s.Holder),
		point); err != nil {
		return nil, err
	}
	if encoded != nil {
		return encoded, nil
	}
	if encoded, err = i.Certify(s, public); err != nil {
		return nil, err
	}
	path := filepath.Join(i.archive, fmt.Sprintf("%s.%s.%s", s.Holder, s.Expiry, certificateFile))
	if err := durable.Create(path, encoded, durable.Everyone); err != nil {
		return nil, fmt.Errorf("keeping what was issued: %w", err)
	}
	return encoded, nil
}

// checkIssue checks what Identity.Certify does not: whom the request is for, where a
// link leads (cards refuse another name and going back: ROLE), that no certificate
// outlives its signer's, and that the signer is not revoked. A link may: it hands over.
func (f Folder) checkIssue(name string, issuer, request *cvc.Certificate, s Subject) error {
	isLink := request.Role == spec.RoleRoot
	switch {
	case request.Holder != s.Holder || request.Role != s.Role:
		return fmt.Errorf("%w: it is for the %v %s", ErrAuthority, request.Role, request.Holder)
	case !isLink && string(request.Authority) != string(issuer.Holder):
		return fmt.Errorf("%w: it is for %s, this is %s", ErrAuthority, request.Authority,
			issuer.Holder)
	case isLink && (request.Holder.Name() != issuer.Holder.Name() ||
		request.Holder <= issuer.Holder):
		return fmt.Errorf("%w: from %s to %s: the next root has the same name and a higher number",
			ErrForward, issuer.Holder, request.Holder)
	}
	if err := s.checkExpiry(issuer); err != nil {
		return err
	}
	store, err := f.Store()
	if err != nil {
		return err
	}
	if err := store.checkRevoked(issuer); err != nil {
		return err
	}
	issued, err := readIssued(f.Path(name, issuedFolder), s)
	if err != nil {
		return err
	}
	if request.PublicKey != nil && sameIssued(issued, s, request.PublicKey) != nil {
		return nil
	}
	return f.checkSuccessor(store, s)
}

// checkSuccessor looks at the certificates of the folder, and at what its roots have certified.
func (f Folder) checkSuccessor(store Store, s Subject) error {
	if err := checkSuccessor(s, store); err != nil {
		return err
	}
	for _, k := range store {
		if k.Certificate.Role != spec.RoleRoot {
			continue
		}
		issued, err := readIssued(f.Path(k.Name, issuedFolder), s)
		if err != nil {
			return err
		}
		if err := checkSuccessor(s, issued); err != nil {
			return err
		}
	}
	return nil
}
