package api

// Classes of constants, as JCAlgTest's applet numbers them in P1 of its command B0 75.
const (
	ClassCipher            = 0x11
	ClassSignature         = 0x12
	ClassKeyAgreement      = 0x13
	ClassMessageDigest     = 0x15
	ClassRandomData        = 0x16
	ClassChecksum          = 0x17
	ClassKeyPair           = 0x19
	ClassKeyBuilder        = 0x20
	ClassAEADCipher        = 0x23
	ClassOwnerPINBuilder   = 0x24
	ClassInitializedDigest = 0x2C
)

// AlgorithmOf is what a constant of the API stands for: the value of ALG_..., of a key or a key
// pair its type and its bits in two bytes. found is false for what a [Product] cannot be without,
// and for what the API here does not have.
func AlgorithmOf(class byte, data []byte) (a Algorithm, found bool) {
	if len(data) != 1 && len(data) != 3 {
		return a, false
	}
	code, parts := int(int8(data[0])), [3]int{}
	parts[0] = code
	if len(data) == 3 {
		parts[1] = int(data[1])<<8 | int(data[2])
	}
	switch class {
	case ClassCipher, ClassAEADCipher:
		i := cipherByCode(int8(code))
		if i < 0 {
			return a, false
		}
		return Algorithm{OfCipher, [3]int{int(cipherSpecs[i].cipher),
			int(cipherSpecs[i].padding)}}, true
	case ClassSignature:
		i := signatureByCode(int8(code))
		if i < 0 {
			return a, false
		}
		s := signatureSpecs[i]
		return Algorithm{OfSignature, [3]int{int(s.digest), int(s.cipher), int(s.padding)}}, true
	case ClassKeyAgreement:
		return Algorithm{OfAgreement, parts}, true
	case ClassMessageDigest, ClassInitializedDigest:
		return Algorithm{OfDigest, parts}, true
	case ClassRandomData:
		return Algorithm{OfRandom, parts}, true
	case ClassKeyPair:
		return Algorithm{OfKeyPair, parts}, true
	case ClassKeyBuilder:
		return Algorithm{OfKey, parts}, true
	}
	return a, false
}
