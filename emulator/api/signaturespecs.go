package api

import (
	"crypto"

	"ekrona.example/emulator/engine"
)

// Ciphers and paddings of Signature and Cipher, as their constants number them.
const (
	sigDESMAC4 = 1
	sigDESMAC8 = 2
	sigRSA     = 3
	sigECDSA   = 5
	sigAESMAC  = 6
	sigHMAC    = 7
	sigPlain   = 9 // ECDSA, with r and s one after the other in place of DER
	sigAESCMAC = 10

	padNull     = 0
	padNone     = 1
	padM1       = 2
	padM2       = 3
	padM1Retail = 4
	padM2Retail = 5
	padPKCS5    = 6
	padPKCS1    = 7
	padPSS      = 8

	padISO9796   = 10
	padISO9796MR = 11 // the signature gives back the message, or its beginning
)

// signatureSpec is an algorithm of Signature: its ALG_... code, 0 if it can be had
// only by its parts, and the parts.
type signatureSpec struct {
	code, digest, cipher, padding int8
}

// signatureSpecs lists the algorithms offered. A Signature object holds its place in
// the list, so that what is added goes to the end. AES takes any key length.
var signatureSpecs = []signatureSpec{
	{1, 0, sigDESMAC4, padNone}, {2, 0, sigDESMAC8, padNone},
	{3, 0, sigDESMAC4, padM1}, {4, 0, sigDESMAC8, padM1},
	{5, 0, sigDESMAC4, padM2}, {6, 0, sigDESMAC8, padM2},
	{7, 0, sigDESMAC4, padPKCS5}, {8, 0, sigDESMAC8, padPKCS5},
	{19, 0, sigDESMAC4, padM2Retail}, {20, 0, sigDESMAC8, padM2Retail},
	{47, 0, sigDESMAC4, padM1Retail}, {48, 0, sigDESMAC8, padM1Retail},
	{10, 1, sigRSA, padPKCS1}, {11, 2, sigRSA, padPKCS1}, {39, 7, sigRSA, padPKCS1},
	{40, 4, sigRSA, padPKCS1}, {41, 5, sigRSA, padPKCS1}, {42, 6, sigRSA, padPKCS1},
	{21, 1, sigRSA, padPSS}, {22, 2, sigRSA, padPSS}, {43, 7, sigRSA, padPSS},
	{44, 4, sigRSA, padPSS}, {45, 5, sigRSA, padPSS}, {46, 6, sigRSA, padPSS},
	{17, 1, sigECDSA, padNull}, {37, 7, sigECDSA, padNull}, {33, 4, sigECDSA, padNull},
	{34, 5, sigECDSA, padNull}, {38, 6, sigECDSA, padNull},
	{18, 0, sigAESMAC, padNone},
	{49, 0, sigAESCMAC, padNull},
	{0, 0, sigAESMAC, padM1}, {0, 0, sigAESMAC, padM2}, {0, 0, sigAESMAC, padPKCS5},
	{24, 1, sigHMAC, padNull}, {25, 4, sigHMAC, padNull}, {26, 5, sigHMAC, padNull},
	{27, 6, sigHMAC, padNull}, {28, 2, sigHMAC, padNull},
	{0, 0, sigECDSA, padNull},
	{0, 1, sigPlain, padNull}, {0, 7, sigPlain, padNull}, {0, 4, sigPlain, padNull},
	{0, 5, sigPlain, padNull}, {0, 6, sigPlain, padNull},
	{0, 0, sigAESCMAC, padM2},
	{9, 1, sigRSA, padISO9796}, {30, 1, sigRSA, padISO9796MR}, {0, 4, sigRSA, padISO9796},
}

// signatureByCode and signatureByParts return the index of an algorithm in
// signatureSpecs, or -1.
func signatureByCode(code int8) int {
	for i, s := range signatureSpecs {
		if s.code == code && code != 0 {
			return i
		}
	}
	return -1
}

func signatureByParts(digest, cipher, padding int8) int {
	for i, s := range signatureSpecs {
		if s.digest == digest && s.cipher == cipher && s.padding == padding {
			return i
		}
	}
	return -1
}

// hash is the digest of the message, 0 for MACs over a cipher.
func (s *signatureSpec) hash() crypto.Hash { return digests[s.digest] }

// isMAC reports whether one key makes and checks the signature.
func (s *signatureSpec) isMAC() bool {
	return s.cipher != sigRSA && s.cipher != sigECDSA && s.cipher != sigPlain
}

// takesDigest reports whether the message is a digest that the applet has made itself
// (MessageDigest.ALG_NULL).
func (s *signatureSpec) takesDigest() bool { return s.digest == 0 && s.cipher == sigECDSA }

// recoverable reports whether the signature holds the message, or its beginning (ISO/IEC 9796-2).
func (s *signatureSpec) recoverable() bool {
	return s.padding == padISO9796 || s.padding == padISO9796MR
}

// keyFamilies returns the keys that fit.
func (s *signatureSpec) keyFamilies(signing bool) []*family {
	switch s.cipher {
	case sigDESMAC4, sigDESMAC8:
		return []*family{desFamily}
	case sigAESMAC, sigAESCMAC:
		return []*family{aesFamily}
	case sigHMAC:
		return []*family{hmacFamily}
	case sigECDSA, sigPlain:
		if signing {
			return []*family{ecPrivateFamily}
		}
		return []*family{ecPublicFamily}
	default:
		if signing {
			return []*family{rsaPrivateFamily, rsaCRTFamily}
		}
		return []*family{rsaPublicFamily}
	}
}

// takesIV reports whether init accepts an initial chaining value.
func (s *signatureSpec) takesIV() bool {
	return s.cipher == sigDESMAC4 || s.cipher == sigDESMAC8 || s.cipher == sigAESMAC
}

// blockPaddings are the engine's paddings by PAD_... constant.
var blockPaddings = map[int8]engine.Padding{
	padNone: engine.PadNone, padM1: engine.PadISO9797M1, padM2: engine.PadISO9797M2,
	padPKCS5:    engine.PadPKCS5,
	padM1Retail: engine.PadISO9797M1, padM2Retail: engine.PadISO9797M2,
}

// newMAC makes the MAC of an algorithm over a key.
func (s *signatureSpec) newMAC(key secretKey, iv []byte) (engine.MAC, error) {
	switch {
	case s.cipher == sigHMAC:
		return engine.NewHMAC(s.hash(), key.bytes), nil
	case s.cipher == sigAESCMAC:
		return engine.NewCMAC(key.block)
	case s.padding == padM1Retail || s.padding == padM2Retail:
		return engine.NewRetailMAC(key.bytes, blockPaddings[s.padding], iv)
	default:
		return engine.NewCBCMAC(key.block, blockPaddings[s.padding], iv)
	}
}

// macLength is the length of the MAC in bytes.
func (s *signatureSpec) macLength() int {
	switch s.cipher {
	case sigDESMAC4:
		return 4
	case sigDESMAC8:
		return 8
	case sigHMAC:
		return s.hash().Size()
	default:
		return 16
	}
}

// macKind is the statistics' kind of the MAC.
func (s *signatureSpec) macKind() string {
	switch s.cipher {
	case sigDESMAC4, sigDESMAC8:
		return KindMAC + "DES"
	case sigHMAC:
		return KindMAC + "HMAC"
	default:
		return KindMAC + "AES"
	}
}
