package engine

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"

	"ekrona.example/apdu/entropy"
)

// PadPKCS1 pads a message for encryption with a public key (RFC 8017 §7.2.1).
func PadPKCS1(random io.Reader, message []byte, size int) ([]byte, error) {
	if len(message) > size-11 {
		return nil, ErrLength
	}
	block := make([]byte, size)
	block[1] = 2
	filler := block[2 : size-len(message)-1]
	if err := entropy.Fill(random, filler); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	for i := range filler {
		for filler[i] == 0 {
			if err := entropy.Fill(random, filler[i:i+1]); err != nil {
				return nil, fmt.Errorf("engine: %w", err)
			}
		}
	}
	copy(block[size-len(message):], message)
	return block, nil
}

// PadPKCS1Type1 pads a message for the private key (RFC 8017 §9.2 steps 3 to 5).
func PadPKCS1Type1(message []byte, size int) ([]byte, error) {
	if len(message) > size-11 {
		return nil, ErrLength
	}
	block := bytes.Repeat([]byte{0xFF}, size)
	block[0], block[1] = 0, 1
	block[size-len(message)-1] = 0
	copy(block[size-len(message):], message)
	return block, nil
}

// UnpadPKCS1 removes the padding of type 1 or 2 from a block that was deciphered
// (RFC 8017 §7.2.2).
func UnpadPKCS1(block []byte) ([]byte, error) {
	if len(block) < 11 || block[0] != 0 || block[1] != 1 && block[1] != 2 {
		return nil, ErrPadding
	}
	end := bytes.IndexByte(block[2:], 0)
	if end < 8 {
		return nil, ErrPadding
	}
	if block[1] == 1 {
		for _, b := range block[2 : 2+end] {
			if b != 0xFF {
				return nil, ErrPadding
			}
		}
	}
	return block[2+end+1:], nil
}

// maskWith xors a mask that MGF1 (RFC 8017 §B.2.1) makes of seed into target.
func maskWith(h crypto.Hash, target, seed []byte) {
	digest := h.New()
	var counter [4]byte
	for n := uint32(0); len(target) > 0; n++ {
		binary.BigEndian.PutUint32(counter[:], n)
		digest.Reset()
		digest.Write(seed)
		digest.Write(counter[:])
		done := subtle.XORBytes(target, target, digest.Sum(nil))
		target = target[done:]
	}
}

// PadOAEP pads a message for encryption, with an empty label (RFC 8017 §7.1.1).
func PadOAEP(random io.Reader, h crypto.Hash, message []byte, size int) ([]byte, error) {
	hashLength := h.Size()
	if len(message) > size-2*hashLength-2 {
		return nil, ErrLength
	}
	block := make([]byte, size)
	seed, data := block[1:1+hashLength], block[1+hashLength:]
	if err := entropy.Fill(random, seed); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	h.New().Sum(data[:0])
	data[len(data)-len(message)-1] = 1
	copy(data[len(data)-len(message):], message)
	maskWith(h, data, seed)
	maskWith(h, seed, data)
	return block, nil
}

// UnpadOAEP removes the padding of PadOAEP (RFC 8017 §7.1.2 step 3).
func UnpadOAEP(h crypto.Hash, block []byte) ([]byte, error) {
	hashLength := h.Size()
	if len(block) < 2*hashLength+2 || block[0] != 0 {
		return nil, ErrPadding
	}
	block = append([]byte(nil), block...)
	seed, data := block[1:1+hashLength], block[1+hashLength:]
	maskWith(h, seed, data)
	maskWith(h, data, seed)
	if !bytes.Equal(data[:hashLength], h.New().Sum(nil)) {
		return nil, ErrPadding
	}
	data = bytes.TrimLeft(data[hashLength:], "\x00")
	if len(data) == 0 || data[0] != 1 {
		return nil, ErrPadding
	}
	return data[1:], nil
}

// digestInfo holds the DER that stands before a digest (RFC 8017 §9.2 note 1).
var digestInfo = map[crypto.Hash][]byte{
	crypto.MD5: {0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02,
		0x05, 0x05, 0x00, 0x04, 0x10},
	crypto.SHA1: {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00,
		0x04, 0x14},
	crypto.SHA224: {0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
		0x02, 0x04, 0x05, 0x00, 0x04, 0x1c},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
		0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
		0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
		0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}

// SignPKCS1 signs a digest (RSASSA-PKCS1-v1_5, RFC 8017 §8.2.1).
func (k *RSAPrivateKey) SignPKCS1(h crypto.Hash, digest []byte) ([]byte, error) {
	block, err := encodePKCS1(h, digest, k.Size())
	if err != nil {
		return nil, err
	}
	return k.Apply(block)
}

// VerifyPKCS1 reports whether a signature fits a digest (RFC 8017 §8.2.2).
func (k *RSAPublicKey) VerifyPKCS1(h crypto.Hash, digest, signature []byte) bool {
	expected, err := encodePKCS1(h, digest, k.Size())
	if err != nil || len(signature) != k.Size() {
		return false
	}
	block, err := k.Apply(signature)
	return err == nil && bytes.Equal(block, expected)
}

func encodePKCS1(h crypto.Hash, digest []byte, size int) ([]byte, error) {
	prefix, known := digestInfo[h]
	if !known || len(digest) != h.Size() {
		return nil, ErrParameter
	}
	return PadPKCS1Type1(append(append([]byte(nil), prefix...), digest...), size)
}

// SignPSS signs a digest (RSASSA-PSS, RFC 8017 §8.1.1) with a salt as long as it.
func (k *RSAPrivateKey) SignPSS(random io.Reader, h crypto.Hash, digest []byte) ([]byte, error) {
	salt := make([]byte, h.Size())
	if err := entropy.Fill(random, salt); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	// EMSA-PSS-ENCODE (RFC 8017 §9.1.1): masked data block, digest, BC.
	bits := k.n.BitLen() - 1
	size := (bits + 7) / 8
	if len(digest) != h.Size() || size < 2*h.Size()+2 {
		return nil, ErrLength
	}
	block := make([]byte, size)
	data, hashed := block[:size-h.Size()-1], block[size-h.Size()-1:size-1]
	pssDigest(h, digest, salt, hashed)
	data[len(data)-len(salt)-1] = 1
	copy(data[len(data)-len(salt):], salt)
	maskWith(h, data, hashed)
	block[0] &= 0xFF >> (8*size - bits)
	block[size-1] = 0xBC
	return k.Apply(block)
}

// VerifyPSS reports whether a signature of SignPSS fits a digest (RFC 8017 §8.1.2).
func (k *RSAPublicKey) VerifyPSS(h crypto.Hash, digest, signature []byte) bool {
	bits := k.n.BitLen() - 1
	size := (bits + 7) / 8
	if len(signature) != k.Size() || len(digest) != h.Size() || size < 2*h.Size()+2 {
		return false
	}
	block, err := k.Apply(signature)
	if err != nil {
		return false
	}
	if len(block) > size { // the modulus has one bit more than whole bytes
		if block[0] != 0 {
			return false
		}
		block = block[1:]
	}
	unused := byte(0xFF >> (8*size - bits))
	if block[size-1] != 0xBC || block[0]&^unused != 0 {
		return false
	}
	data, hashed := block[:size-h.Size()-1], block[size-h.Size()-1:size-1]
	maskWith(h, data, hashed)
	data[0] &= unused
	saltStart := len(data) - h.Size()
	for _, b := range data[:saltStart-1] {
		if b != 0 {
			return false
		}
	}
	if data[saltStart-1] != 1 {
		return false
	}
	expected := make([]byte, h.Size())
	pssDigest(h, digest, data[saltStart:], expected)
	return bytes.Equal(expected, hashed)
}

// pssDigest writes the digest of eight zeros, a message digest and a salt.
func pssDigest(h crypto.Hash, digest, salt, out []byte) {
	state := h.New()
	state.Write(make([]byte, 8))
	state.Write(digest)
	state.Write(salt)
	state.Sum(out[:0])
}
