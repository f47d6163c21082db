package api

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
