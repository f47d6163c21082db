//go:build cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/miekg/pkcs11"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/signature"
	"ekrona.example/personalization/pki/keys/secret"
)

// Key is a key of a token; it implements crypto.Signer.
type Key struct {
	public *ecdsa.PublicKey

	turn    sync.Mutex // a session signs one thing at a time
	session *session
	private pkcs11.ObjectHandle
}

// session is a session of a user who has logged in.
type session struct {
	*module
	handle pkcs11.SessionHandle
}

// Open opens the key of the URI. The PIN comes from the URI's pin-source, or from
// source. It is tried once: a token locks itself after some wrong ones.
func Open(ctx context.Context, u URI, source secret.Source) (*Key, error) {
	s, err := login(ctx, u, source, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return nil, err
	}
	return s.finish(s.open(u))
}

// Create makes the key of the URI in its token; the error is [fs.ErrExist] if the
// token has such a key.
func Create(ctx context.Context, u URI, source secret.Source) (*Key, error) {
	s, err := login(ctx, u, source, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return nil, err
	}
	return s.finish(s.create(u))
}

// finish closes the session when there is no key.
func (s *session) finish(k *Key, err error) (*Key, error) {
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return k, nil
}

// login loads the library, finds the token, opens a session and logs the user in.
func login(ctx context.Context, u URI, source secret.Source, flags uint) (*session, error) {
	m, err := useModule(u.ModulePath)
	if err != nil {
		return nil, err
	}
	slot, err := m.slot(u)
	if err != nil {
		return nil, errors.Join(err, m.release())
	}
	pin, err := askPIN(ctx, u, source)
	if err != nil {
		return nil, errors.Join(err, m.release())
	}
	defer clear(pin)
	handle, err := m.OpenSession(slot, flags)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrToken, err), m.release())
	}
	s := &session{m, handle}
	err = m.Login(handle, pkcs11.CKU_USER, string(pin))
	switch {
	// by another key of this program
	case err == nil, isCode(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN):
		return s, nil
	case isCode(err, pkcs11.CKR_PIN_INCORRECT), isCode(err, pkcs11.CKR_PIN_LEN_RANGE),
		isCode(err, pkcs11.CKR_PIN_INVALID):
		err = fmt.Errorf("%w: %w", ErrToken, secret.ErrWrong)
	case isCode(err, pkcs11.CKR_PIN_LOCKED):
		err = ErrLocked
	default:
		err = fmt.Errorf("%w: %w", ErrToken, err)
	}
	return nil, errors.Join(err, s.close())
}

func isCode(err error, code uint) bool { return errors.Is(err, pkcs11.Error(code)) }

func askPIN(ctx context.Context, u URI, source secret.Source) ([]byte, error) {
	if u.PINSource != "" {
		return secret.ReadFile(u.PINSource)
	}
	return source.Ask(ctx, secret.Request{For: "PIN of the PKCS#11 token " + u.Token + u.Serial})
}

// close ends the session; with the last one of a token its user is logged out.
func (s *session) close() error { return errors.Join(s.CloseSession(s.handle), s.release()) }

// find returns the objects of a class that have the URI's names.
func (s *session) find(class uint, u URI) ([]pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, class),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
	}
	if u.Object != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.Object))
	}
	if len(u.ID) > 0 {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, u.ID))
	}
	if err := s.FindObjectsInit(s.handle, template); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	const more = 8 // than one is too many already
	found, _, err := s.FindObjects(s.handle, more)
	if err = errors.Join(err, s.FindObjectsFinal(s.handle)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	return found, nil
}

// open finds the private key and its public key, and sees that they belong together.
func (s *session) open(u URI) (*Key, error) {
	found, err := s.find(pkcs11.CKO_PRIVATE_KEY, u)
	if err != nil {
		return nil, err
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, u, fs.ErrNotExist)
	case len(found) > 1:
		return nil, fmt.Errorf("%w: the token has more than one of that name: add id=", ErrKey)
	}
	k := &Key{session: s, private: found[0]}
	attributes, err := s.GetAttributeValue(s.handle, k.private, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, nil),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, nil),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, nil),
		pkcs11.NewAttribute(pkcs11.CKA_ID, nil),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if !isTrue(attributes[0].Value) || isTrue(attributes[1].Value) {
		return nil, fmt.Errorf("%w: it can be taken out of its token: make another", ErrKey)
	}
	if len(attributes[3].Value) > 0 {
		u.ID = attributes[3].Value // what ties a public key to its private key (base §4.9)
	}
	if k.public, err = s.publicKey(u); err != nil {
		return nil, err
	}
	probe := sha256.Sum256([]byte("does this public key belong to the private key?"))
	proof, err := k.Sign(nil, probe[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	if !ecdsa.VerifyASN1(k.public, probe[:], proof) {
		return nil, fmt.Errorf("%w: the public key beside it is that of another", ErrKey)
	}
	return k, nil
}

// isTrue: CK_TRUE is 1, one byte.
func isTrue(value []byte) bool { return len(value) == 1 && value[0] == 1 }

// publicKey reads CKA_EC_POINT, the point in an OCTET STRING (curves 2.40 §2.3.3).
func (s *session) publicKey(u URI) (*ecdsa.PublicKey, error) {
	found, err := s.find(pkcs11.CKO_PUBLIC_KEY, u)
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%w: the token has %d public keys beside it instead of one", ErrKey,
			len(found))
	}
	attributes, err := s.GetAttributeValue(s.handle, found[0],
		[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	var point []byte
	if rest, err := asn1.Unmarshal(attributes[0].Value, &point); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("%w: its public key is not in the form of PKCS#11", ErrKey)
	}
	public, err := signature.ParsePoint(point)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return public, nil
}

// oidP256 is the DER of prime256v1 (RFC 5480 §2.1.1.1), the value of CKA_EC_PARAMS.
var oidP256 = []byte{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07}

// idBytes is the length of the CKA_ID that a new key gets unless the URI has one.
const idBytes = 8

func (s *session) create(u URI) (*Key, error) {
	found, err := s.find(pkcs11.CKO_PRIVATE_KEY, u)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return nil, fmt.Errorf("%w: %s: %w", ErrKey, u, fs.ErrExist)
	}
	if len(u.ID) == 0 {
		u.ID = make([]byte, idBytes)
		if err := entropy.Fill(rand.Reader, u.ID); err != nil {
			return nil, err
		}
	}
	named := func(attributes ...*pkcs11.Attribute) []*pkcs11.Attribute {
		attributes = append(attributes, pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_ID, u.ID))
		if u.Object != "" {
			attributes = append(attributes, pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.Object))
		}
		return attributes
	}
	_, _, err = s.GenerateKeyPair(s.handle,
		[]*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		named(
			pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, oidP256),
			pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		),
		named(
			pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
			pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		))
	if err != nil {
		return nil, fmt.Errorf("%w: making it: %w", ErrKey, err)
	}
	return s.open(u)
}

// Public is the public key.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign signs a SHA-256 digest in the token (CKM_ECDSA, curves 2.40 §2.3.6). The token
// uses its own randomness.
func (k *Key) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if o == nil || o.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, fmt.Errorf("%w: it signs SHA-256 digests only", ErrKey)
	}
	k.turn.Lock()
	defer k.turn.Unlock()
	if k.session == nil {
		return nil, fmt.Errorf("%w: it is closed", ErrKey)
	}
	s := k.session
	if err := s.SignInit(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)},
		k.private); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	answer, err := s.Sign(s.handle, digest)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	var plain signature.Plain
	if len(answer) != len(plain) {
		return nil, fmt.Errorf("%w: its signature has %d bytes instead of %d", ErrKey, len(answer),
			len(plain))
	}
	copy(plain[:], answer)
	return plain.DER()
}

// Close ends the session.
func (k *Key) Close() error {
	k.turn.Lock()
	defer k.turn.Unlock()
	s := k.session
	if s == nil {
		return nil
	}
	k.session = nil
	return s.close()
}
