package tpm

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// loaded is a connection to a TPM with the parent of a key, and then the key, in
// the TPM's memory.
type loaded struct {
	tpm     transport.TPMCloser
	managed bool // a resource manager keeps others' objects apart
	parent  tpm2.NamedHandle
	public  tpm2.TPMTPublic // of the parent
	key     tpm2.NamedHandle
	owned   []tpm2.TPMHandle // to be unloaded, the last first
}

// connect opens the device and loads the parent: the storage primary of the owner
// hierarchy (TPM_RH_OWNER), or the persistent object of the handle.
func connect(ctx context.Context, device string, parent uint32) (*loaded, error) {
	t, managed, err := dial(ctx, device)
	if err != nil {
		return nil, err
	}
	l := &loaded{tpm: t, managed: managed}
	// A connection that is cancelled is closed, which ends the wait for its answer.
	stop := context.AfterFunc(ctx, func() { _ = t.Close() })
	defer stop()
	if !managed {
		if err := l.sweep(); err != nil {
			return nil, errors.Join(fmt.Errorf("%w: %s: %w", ErrDevice, device, err), t.Close())
		}
	}
	if isPersistent(parent) {
		err = l.readParent(tpm2.TPMHandle(parent))
	} else {
		err = l.makeParent()
	}
	if err != nil {
		return nil, errors.Join(explain(err), l.close())
	}
	return l, nil
}

// makeParent makes the storage primary. It has the same key each time, since it
// follows from the hierarchy's seed and the template.
func (l *loaded) makeParent() error {
	response, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner,
		InPublic: tpm2.New2B(storageTemplate())}.Execute(l.tpm)
	if err != nil {
		return fmt.Errorf("storage key of the owner hierarchy: %w", err)
	}
	l.own(response.ObjectHandle)
	l.parent = tpm2.NamedHandle{Handle: response.ObjectHandle, Name: response.Name}
	public, err := response.OutPublic.Contents()
	if err == nil {
		l.public = *public
	}
	return err
}

// storageTemplate is the storage primary that key files mean by a parent of
// TPM_RH_OWNER ("ASN.1 Specification for TPM 2.0 Key Files", §3.1.8, and so
// tpm2-openssl): the TCG's template for P-256 with an empty unique field, instead of
// one full of zeros.
func storageTemplate() tpm2.TPMTPublic {
	template := tpm2.ECCSRKTemplate
	template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{})
	return template
}

func (l *loaded) readParent(handle tpm2.TPMHandle) error {
	response, err := tpm2.ReadPublic{ObjectHandle: handle}.Execute(l.tpm)
	if err != nil {
		return fmt.Errorf("parent 0x%08X: %w", uint32(handle), err)
	}
	l.parent = tpm2.NamedHandle{Handle: handle, Name: response.Name}
	public, err := response.OutPublic.Contents()
	if err == nil {
		l.public = *public
	}
	return err
}

func (l *loaded) own(handle tpm2.TPMHandle) { l.owned = append(l.owned, handle) }

// parentAuth uses the parent with the empty authorization value.
func (l *loaded) parentAuth() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: l.parent.Handle, Name: l.parent.Name,
		Auth: tpm2.PasswordAuth(nil)}
}

// enciphered is a session that hides what a command carries from who listens, and
// shows knowledge of the authorization value without sending it.
func (l *loaded) enciphered(auth []byte) tpm2.Session {
	return tpm2.HMAC(tpm2.TPMAlgSHA256, 16, tpm2.Auth(auth), tpm2.Salted(l.parent.Handle, l.public),
		tpm2.AESEncryption(128, tpm2.EncryptIn))
}

// sign signs a digest with the loaded key.
func (l *loaded) sign(digest, auth []byte) ([]byte, error) {
	session := tpm2.PasswordAuth(nil)
	if len(auth) > 0 {
		session = l.enciphered(auth)
	}
	response, err := tpm2.Sign{
		KeyHandle: tpm2.AuthHandle{Handle: l.key.Handle, Name: l.key.Name, Auth: session},
		Digest:    tpm2.TPM2BDigest{Buffer: digest},
		InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgECDSA,
			Details: tpm2.NewTPMUSigScheme(tpm2.TPMAlgECDSA,
				&tpm2.TPMSSchemeHash{HashAlg: tpm2.TPMAlgSHA256})},
		// The digest was not made by the TPM, which only a restricted key would ask for.
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull},
	}.Execute(l.tpm)
	if err != nil {
		return nil, err
	}
	ecc, err := response.Signature.Signature.ECDSA()
	if err != nil {
		return nil, fmt.Errorf("TPM: its answer is no ECDSA signature: %w", err)
	}
	return der(ecc)
}

// close unloads what was loaded. A resource manager does it by itself.
func (l *loaded) close() error {
	var err error
	for i := len(l.owned) - 1; i >= 0 && !l.managed; i-- {
		_, gone := tpm2.FlushContext{FlushHandle: l.owned[i]}.Execute(l.tpm)
		err = errors.Join(err, gone)
	}
	return errors.Join(err, l.tpm.Close())
}

// sweep unloads what programs before this one left behind when they were killed: a
// TPM without resource manager has room for three objects, and serves one
// connection at a time, so that they are nobody's.
func (l *loaded) sweep() error {
	for _, first := range []tpm2.TPMHandle{firstTransient, firstSession} {
		response, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: uint32(first),
			PropertyCount: mostLeftovers}.Execute(l.tpm)
		if err != nil {
			return err
		}
		handles, err := response.CapabilityData.Data.Handles()
		if err != nil {
			return err
		}
		for _, handle := range handles.Handle {
			if _, err := (tpm2.FlushContext{FlushHandle: handle}).Execute(l.tpm); err != nil {
				return err
			}
		}
	}
	return nil
}

// TPM 2.0 Part 2 §7.2: TPM_HT_TRANSIENT, TPM_HT_LOADED_SESSION.
const (
	firstTransient = tpm2.TPMHandle(0x80000000)
	firstSession   = tpm2.TPMHandle(0x02000000)
	mostLeftovers  = 64
)

// makeKey makes a key in the TPM that stays in it (fixedTPM, fixedParent), was made
// by it (sensitiveDataOrigin) and signs ECDSA with SHA-256 on P-256, no more. With an
// authorization value, the TPM stops who guesses it (noDA is not set).
func makeKey(ctx context.Context, r Reference, auth []byte) (_ blob, err error) {
	l, err := connect(ctx, r.Device, r.Parent)
	if err != nil {
		return blob{}, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	parent := l.parentAuth()
	parent.Auth = l.enciphered(nil)
	response, err := tpm2.Create{
		ParentHandle: parent,
		InSensitive: tpm2.TPM2BSensitiveCreate{
			Sensitive: &tpm2.TPMSSensitiveCreate{UserAuth: tpm2.TPM2BAuth{Buffer: auth}},
		},
		InPublic: tpm2.New2B(signingTemplate(len(auth) == 0)),
	}.Execute(l.tpm)
	if err != nil {
		return blob{}, explain(err)
	}
	return newBlob(r.Parent, len(auth) == 0, response.OutPublic, response.OutPrivate), nil
}

func signingTemplate(noDA bool) tpm2.TPMTPublic {
	return tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{
			FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true,
			NoDA: noDA, SignEncrypt: true,
		},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{
			CurveID: tpm2.TPMECCNistP256,
			Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA,
				Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA,
					&tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})},
		}),
	}
}
