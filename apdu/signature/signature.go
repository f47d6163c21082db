// Package signature is ECDSA on P-256 with SHA-256 as the cards write it: plain
// r || s, 64 bytes (TR-03111 §5.2.1), and public keys as uncompressed points.
//
// It trusts Go's crypto and nothing else. Private keys stay behind crypto.Signer,
// which a TPM or an HSM implements too.
package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"

	"ekrona.example/apdu/spec"
)

// Plain is a signature r || s, each 32 bytes, big-endian.
type Plain [spec.SignatureLength]byte

// Errors of this package.
var (
	ErrWrong = errors.New("signature: does not verify; the message or the key is not the signer's")
	ErrKey   = errors.New("signature: not a P-256 key")
)

// Sign signs the SHA-256 of message. A software key signs deterministically (RFC
// 6979), so that a run repeats and no randomness can leak the key.
func Sign(signer crypto.Signer, message []byte) (Plain, error) {
	if _, err := PublicKey(signer); err != nil {
		return Plain{}, err
	}
	var random io.Reader = rand.Reader
	if _, software := signer.(*ecdsa.PrivateKey); software {
		random = nil
	}
	digest := sha256.Sum256(message)
	der, err := signer.Sign(random, digest[:], crypto.SHA256)
	if err != nil {
		return Plain{}, fmt.Errorf("signature: %w", err)
	}
	return FromDER(der)
}

// PublicKey gives the signer's public key, which must be on P-256.
func PublicKey(signer crypto.Signer) (*ecdsa.PublicKey, error) {
	if signer == nil {
		return nil, ErrKey
	}
	pub, ok := signer.Public().(*ecdsa.PublicKey)
	if !ok || pub == nil || pub.Curve != elliptic.P256() {
		return nil, ErrKey
	}
	return pub, nil
}

// Verify checks s over the SHA-256 of message.
func (s Plain) Verify(pub *ecdsa.PublicKey, message []byte) error {
	if pub == nil || pub.Curve != elliptic.P256() {
		return ErrKey
	}
	der, err := s.DER()
	if err != nil {
		return err
	}
	digest := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(pub, digest[:], der) {
		return ErrWrong
	}
	return nil
}

// DER is the signature as SEQUENCE of two INTEGERs (RFC 3279 §2.2.3), the form
// of Java Card and of Go's crypto.
func (s Plain) DER() ([]byte, error) {
	return asn1.Marshal(pair{
		new(big.Int).SetBytes(s[:spec.ScalarLength]),
		new(big.Int).SetBytes(s[spec.ScalarLength:]),
	})
}

type pair struct{ R, S *big.Int }

// Other is the other form of the same signature, (r, n - s): whoever has one can make it, and both
// verify. It is s itself when that is no signature.
func (s Plain) Other() Plain {
	n := new(big.Int).SetBytes(s[spec.ScalarLength:])
	if n.Sub(elliptic.P256().Params().N, n).Sign() <= 0 {
		return s
	}
	n.FillBytes(s[spec.ScalarLength:])
	return s
}

// FromDER converts a DER signature whose numbers are positive and fit 32 bytes, and
// behind which nothing stands, not within the SEQUENCE either.
func FromDER(der []byte) (Plain, error) {
	var p pair
	_, err := asn1.Unmarshal(der, &p)
	if err != nil || !fits(p.R) || !fits(p.S) {
		return Plain{}, errNotDER
	}
	var s Plain
	p.R.FillBytes(s[:spec.ScalarLength])
	p.S.FillBytes(s[spec.ScalarLength:])
	// encoding/asn1 passes over what a structure has no field for
	if same, err := s.DER(); err != nil || !bytes.Equal(same, der) {
		return Plain{}, errNotDER
	}
	return s, nil
}

var errNotDER = errors.New("signature: not the DER form of a P-256 signature")

func fits(n *big.Int) bool { return n.Sign() > 0 && n.BitLen() <= 8*spec.ScalarLength }

// Point is the public key as 04 || X || Y.
func Point(pub *ecdsa.PublicKey) ([]byte, error) {
	if pub == nil || pub.Curve != elliptic.P256() {
		return nil, ErrKey
	}
	return pub.Bytes()
}

// ParsePoint decodes 04 || X || Y and checks that the point is on the curve.
func ParsePoint(b []byte) (*ecdsa.PublicKey, error) {
	if len(b) != spec.PointLength {
		return nil, fmt.Errorf("signature: a point has %d bytes, this has %d", spec.PointLength,
			len(b))
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), b)
	if err != nil {
		return nil, fmt.Errorf("signature: not a point on P-256: %w", err)
	}
	return pub, nil
}
