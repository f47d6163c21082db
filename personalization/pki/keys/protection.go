package keys

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
)

// Object identifiers of what protects a key file.
var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}     // RFC 8018 §A.4
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}     // RFC 8018 §A.2
	oidScrypt     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}  // RFC 7914 §7
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}         // RFC 8018 §B.1.2
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42} // NIST, RFC 3565 §4.1
)

// Bounds of what a key file may ask for: below, a passphrase is guessed fast;
// above, a changed file would take all memory or all day.
const (
	fewestPBKDF2Rounds = 100_000
	mostPBKDF2Rounds   = 50_000_000
	leastScryptBytes   = 16 << 20 // 128 N r
	mostScryptBytes    = 1 << 30
	mostScryptLanes    = 64
)

type encrypted struct {
	Algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	}
	Content []byte
}

// checkProtection refuses a protection that is not PBES2 with AES-256-CBC and
// scrypt or PBKDF2 with HMAC-SHA-256, at a fair cost.
func checkProtection(der []byte) error {
	var e encrypted
	rest, err := asn1.Unmarshal(der, &e)
	if err != nil || len(rest) > 0 || !e.Algorithm.OID.Equal(oidPBES2) {
		return errors.New("not a PKCS#8 key under PBES2: restore it from its backup")
	}
	if !e.Algorithm.Parameters.Cipher.Algorithm.Equal(oidAES256CBC) {
		return errors.New("its cipher is not AES-256-CBC: protect it anew with \"openssl pkcs8 " +
			"-topk8 -scrypt\"")
	}
	if !fairCost(e.Algorithm.Parameters.KDF) {
		return errors.New("its passphrase is not stretched by scrypt, or by PBKDF2 with " +
			"HMAC-SHA-256, at a fair cost: protect it anew with \"openssl pkcs8 -topk8 -scrypt\"")
	}
	return nil
}

func fairCost(kdf pkix.AlgorithmIdentifier) bool {
	switch {
	case kdf.Algorithm.Equal(oidScrypt):
		var p struct {
			Salt    []byte
			N, R, P int
			Length  int `asn1:"optional"`
		}
		rest, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &p)
		if err != nil || len(rest) > 0 || p.N < 2 || p.N > mostScryptBytes || p.R < 1 ||
			p.R > 1024 || p.P < 1 || p.P > mostScryptLanes {
			return false
		}
		memory := 128 * p.N * p.R
		return memory >= leastScryptBytes && memory <= mostScryptBytes
	case kdf.Algorithm.Equal(oidPBKDF2):
		var p struct {
			Salt   []byte
			Rounds int
			Length int `asn1:"optional"`
			PRF    pkix.AlgorithmIdentifier
		}
		rest, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &p)
		return err == nil && len(rest) == 0 && p.PRF.Algorithm.Equal(oidHMACSHA256) &&
			p.Rounds >= fewestPBKDF2Rounds && p.Rounds <= mostPBKDF2Rounds
	default:
		return false
	}
}
