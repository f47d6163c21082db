package api

import "ekrona.example/emulator/vm"

// Kinds of cryptographic operation that natives count through vm.Call.CountCrypto,
// for a cost model to price. Sizes are bits of the key or bytes of the data, as said.
const (
	// with the digest's name, e.g. "digest-SHA-256"; bytes of the whole message
	KindDigest        = "digest-"
	KindSignatureInit = "signature-init" // Signature.init; key bits
	KindECDSASign     = "ecdsa-sign"     // without the digest, counted apart; key bits
	KindECDSAVerify   = "ecdsa-verify"   // without the digest, counted apart; key bits
	KindRSAPrivate    = "rsa-private"    // key bits
	KindRSAPublic     = "rsa-public"     // key bits
	// with the cipher's name, e.g. "mac-AES"; bytes of the whole message
	KindMAC        = "mac-"
	KindCipherInit = "cipher-init-" // Cipher.init, with the cipher's name; key bits
	// with the cipher's name, e.g. "cipher-AES"; bytes of one call
	KindCipher        = "cipher-"
	KindSetKey        = "set-key"    // a key component set; bytes of it
	KindAgreementInit = "ecdh-init"  // KeyAgreement.init; key bits
	KindAgreement     = "ecdh"       // key bits
	KindECKeyPair     = "keygen-ec"  // key bits
	KindRSAKeyPair    = "keygen-rsa" // key bits
	KindRandom        = "random"     // bytes
	KindChecksum      = "checksum"   // bytes of one call
)

// count counts an operation that begins, for the statistics and against what a command may do.
func count(c *vm.Call, kind string, size int) {
	c.Work(workOf(kind, size))
	c.CountCrypto(kind, size)
}

// workOf is about how long an operation takes here, in microseconds: enough to tell one of
// seconds from one of microseconds.
func workOf(kind string, size int) int {
	words := size / 64
	switch kind {
	case KindRSAKeyPair:
		return words * words * words * words / 5
	case KindRSAPrivate:
		return words * words * words / 30
	case KindECDSASign, KindECDSAVerify, KindAgreement, KindECKeyPair:
		return words * words * words * 10
	case KindRSAPublic:
		return words * words / 20
	}
	return size / 500
}
