package api

import (
	"crypto"

	"ekrona.example/emulator/vm"
)

// ObjectRAM is what the cryptographic objects of a product take of its transient memory, in
// bytes, each from the call of getInstance on. A transient key takes what its content does.
type ObjectRAM struct {
	// A MessageDigest, a Signature by ECDSA or RSA, and one by HMAC, of SHA-1, SHA-224, SHA-256,
	// SHA-384 and SHA-512.
	Digest, Signature, HMAC [5]int

	AESMAC int // a Signature by AES: CBC-MAC or CMAC
	DESMAC int // a Signature by DES

	// A Signature by ISO 9796, without and with message recovery: they keep what of a message
	// the longest signature holds.
	ISO9796, ISO9796MR int

	// A Cipher by AES in CBC mode without padding or with that of ISO 9797 method 1; in CBC
	// mode with another padding, and in counter mode; in ECB mode.
	AESCBC, AESPadded, AESECB int
	AEAD                      int // an AEADCipher

	DES int // a Cipher by DES
}

// digestPlaces are the places in ObjectRAM's lists.
var digestPlaces = map[crypto.Hash]int{
	crypto.SHA1: 0, crypto.SHA224: 1, crypto.SHA256: 2, crypto.SHA384: 3, crypto.SHA512: 4,
}

// EngineRAM returns what an object of a class of the API takes, in bytes. algorithm is what
// its first hidden field holds.
func (p *Product) EngineRAM(class string, algorithm vm.Value) int {
	if p.RAM == nil {
		return 0
	}
	switch class {
	case resumableDigestClass:
		return byDigest(p.RAM.Digest, digests[int8(algorithm)])
	case signatureClass, recoveryClass:
		if place := int(algorithm) - 1; place >= 0 && place < len(signatureSpecs) {
			return p.RAM.ofSignature(&signatureSpecs[place])
		}
	case cipherClass, aeadClass:
		if place := int(algorithm) - 1; place >= 0 && place < len(cipherSpecs) {
			return p.RAM.ofCipher(&cipherSpecs[place])
		}
	}
	return 0 // KeyAgreement, RandomData and Checksum, as measured
}

// byDigest is 0 for a digest that no product was measured with.
func byDigest(bytes [5]int, h crypto.Hash) int {
	if place, measured := digestPlaces[h]; measured {
		return bytes[place]
	}
	return 0
}

func (m *ObjectRAM) ofSignature(s *signatureSpec) int {
	switch s.cipher {
	case sigDESMAC4, sigDESMAC8:
		return m.DESMAC
	case sigAESMAC, sigAESCMAC:
		return m.AESMAC
	case sigHMAC:
		return byDigest(m.HMAC, s.hash())
	}
	switch s.padding {
	case padISO9796:
		return m.ISO9796
	case padISO9796MR:
		return m.ISO9796MR
	default:
		return byDigest(m.Signature, s.hash())
	}
}

func (m *ObjectRAM) ofCipher(s *cipherSpec) int {
	switch s.cipher {
	case cipherAESCBC:
		if s.padding == padNone || s.padding == padM1 {
			return m.AESCBC
		}
		return m.AESPadded
	case cipherAESCTR:
		return m.AESPadded
	case cipherAESECB:
		return m.AESECB
	case cipherAESGCM, cipherAESCCM:
		return m.AEAD
	case cipherDESCBC, cipherDESECB:
		return m.DES
	default:
		return 0 // RSA
	}
}
