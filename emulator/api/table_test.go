package api

import (
	"crypto"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/vm"
)

func TestTableIsStrict(t *testing.T) {
	const head = "package a/b A000000001 1.0\nclass 0 0001 a/b/C java/lang/Object\n"
	for name, text := range map[string]string{
		"unknown word":          "classes 0 0001 a/b/C -",
		"class before package":  "class 0 0001 a/b/C -",
		"method before class":   "package a/b A000000001 1.0\nmethod 0 0001 m ()V",
		"odd AID":               "package a/b A00000000 1.0",
		"version":               "package a/b A000000001 1",
		"token over a byte":     head + "method 256 0001 m ()V",
		"flags not hexadecimal": head + "method 1 00g1 m ()V",
		"missing descriptor":    head + "method 1 0001 m",
		"value over an int":     head + "const C I 2147483648",
		"static field":          head + "field 0 0009 f B",
		"empty line":            head + "\n",
	} {
		_, err := parseTable(text)
		assert.ErrorContains(t, err, "the table of exports, line", name)
	}
}

// Every function must belong to a method of the table: a name with a slip of the
// pen would never be called.
func TestEveryFunctionHasItsMethod(t *testing.T) {
	packages, err := Packages()
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, p := range packages {
		for _, class := range p.Classes {
			for _, m := range class.Methods {
				listed[class.Name+"."+m.Name+m.Descriptor] = true
			}
		}
	}
	bound, err := Natives(&Product{})
	require.NoError(t, err)
	for name := range bound {
		class, _, _ := strings.Cut(name, ".")
		// Exceptions are bound by rule: not each has every constructor.
		if !listed[name] && !strings.HasSuffix(class, "Exception") &&
			!strings.HasSuffix(class, "Throwable") {
			t.Errorf("%s is no method of the table", name)
		}
	}
}

// All unimplemented methods must be of classes that are known to be left out, or be
// among the few named here.
func TestWhatIsMissingIsKnown(t *testing.T) {
	leftOut := []string{"javacard/framework/service/RMIService.",
		"javacard/framework/service/CardRemoteObject."}
	missing, err := Missing()
	require.NoError(t, err)
	require.NotEmpty(t, missing)
	for _, name := range missing {
		known := false
		for _, prefix := range leftOut {
			known = known || strings.HasPrefix(name, prefix)
		}
		assert.True(t, known, "%s has no function", name)
	}
}

// The numbers written in Go must be those of the API.
func TestConstantsAreThoseOfTheAPI(t *testing.T) {
	table, err := parseTable(exportsText)
	require.NoError(t, err)
	for name, value := range map[string]int{
		"javacard/framework/SystemException.ILLEGAL_VALUE":       systemIllegalValue,
		"javacard/framework/SystemException.ILLEGAL_AID":         systemIllegalAID,
		"javacard/framework/ISO7816.SW_FUNC_NOT_SUPPORTED":       swFuncNotSupported,
		"javacard/framework/PINException.ILLEGAL_VALUE":          pinIllegalValue,
		"javacard/framework/APDUException.ILLEGAL_USE":           apduIllegalUse,
		"javacard/framework/APDUException.BUFFER_BOUNDS":         apduBufferBounds,
		"javacard/framework/APDUException.BAD_LENGTH":            apduBadLength,
		"javacard/security/CryptoException.ILLEGAL_VALUE":        cryptoIllegalValue,
		"javacard/security/CryptoException.UNINITIALIZED_KEY":    cryptoUninitialized,
		"javacard/security/CryptoException.NO_SUCH_ALGORITHM":    cryptoNoSuchAlgorithm,
		"javacard/security/CryptoException.INVALID_INIT":         cryptoInvalidInit,
		"javacard/security/CryptoException.ILLEGAL_USE":          cryptoIllegalUse,
		"javacard/framework/APDU.STATE_INITIAL":                  stateInitial,
		"javacard/framework/APDU.STATE_PARTIAL_INCOMING":         statePartialIncoming,
		"javacard/framework/APDU.STATE_FULL_INCOMING":            stateFullIncoming,
		"javacard/framework/APDU.STATE_OUTGOING":                 stateOutgoing,
		"javacard/framework/APDU.STATE_OUTGOING_LENGTH_KNOWN":    stateOutgoingLengthKnown,
		"javacard/framework/APDU.STATE_PARTIAL_OUTGOING":         statePartialOutgoing,
		"javacard/framework/APDU.STATE_FULL_OUTGOING":            stateFullOutgoing,
		"javacard/framework/JCSystem.MEMORY_TYPE_PERSISTENT":     int(vm.Persistent),
		"javacard/framework/JCSystem.CLEAR_ON_RESET":             int(vm.ClearOnReset),
		"javacard/framework/JCSystem.CLEAR_ON_DESELECT":          int(vm.ClearOnDeselect),
		"javacard/security/KeyPair.ALG_RSA":                      pairRSA,
		"javacard/security/KeyPair.ALG_RSA_CRT":                  pairRSACRT,
		"javacard/security/KeyPair.ALG_EC_FP":                    pairEC,
		"javacard/security/KeyBuilder.TYPE_RSA_PUBLIC":           typeRSAPublic,
		"javacard/security/KeyBuilder.TYPE_RSA_PRIVATE":          typeRSAPrivate,
		"javacard/security/KeyBuilder.TYPE_RSA_CRT_PRIVATE":      typeRSACRT,
		"javacard/security/KeyBuilder.TYPE_EC_FP_PUBLIC":         typeECPublic,
		"javacard/security/KeyBuilder.TYPE_EC_FP_PRIVATE":        typeECPrivate,
		"javacard/security/KeyAgreement.ALG_EC_SVDP_DH_KDF":      agreementDH,
		"javacard/security/KeyAgreement.ALG_EC_SVDP_DHC_KDF":     agreementDHC,
		"javacard/security/KeyAgreement.ALG_EC_SVDP_DH_PLAIN":    agreementPlain,
		"javacard/security/KeyAgreement.ALG_EC_SVDP_DHC_PLAIN":   agreementCPlain,
		"javacard/security/KeyAgreement.ALG_EC_PACE_GM":          agreementPACEGM,
		"javacard/security/KeyAgreement.ALG_EC_SVDP_DH_PLAIN_XY": agreementPlainXY,
		"javacard/security/Checksum.ALG_ISO3309_CRC16":           checksum16,
		"javacard/security/Checksum.ALG_ISO3309_CRC32":           checksum32,
		"javacard/security/Signature.MODE_SIGN":                  modeSign,
		"javacard/security/Signature.MODE_VERIFY":                modeVerify,
		"javacardx/crypto/Cipher.MODE_DECRYPT":                   modeDecrypt,
		"javacardx/crypto/Cipher.MODE_ENCRYPT":                   modeEncrypt,
	} {
		listed, ok := table.constants[name]
		assert.True(t, ok, name)
		assert.EqualValues(t, uint16(listed), value, name)
	}
}

// The lists of algorithms must pair each code with the parts that its name has.
func TestAlgorithmsAreWhatTheirNamesSay(t *testing.T) {
	table, err := parseTable(exportsText)
	require.NoError(t, err)
	constant := func(name string) int8 {
		value, ok := table.constants[name]
		require.True(t, ok, name)
		return int8(value)
	}
	digestNames := map[string]crypto.Hash{
		"SHA": crypto.SHA1, "MD5": crypto.MD5, "SHA_224": crypto.SHA224, "SHA_256": crypto.SHA256,
		"SHA_384": crypto.SHA384,
		"SHA_512": crypto.SHA512, "SHA3_224": crypto.SHA3_224, "SHA3_256": crypto.SHA3_256,
		"SHA3_384": crypto.SHA3_384, "SHA3_512": crypto.SHA3_512,
	}
	for name, h := range digestNames {
		assert.Equal(t, h, digests[constant("javacard/security/MessageDigest.ALG_"+name)], name)
	}
	assert.Len(t, digests, len(digestNames))

	signature := func(name string, digest string, cipher, padding string) {
		s := signatureSpecs[signatureByCode(constant("javacard/security/Signature.ALG_"+name))]
		if digest == "" {
			assert.Zero(t, s.digest, name)
		} else {
			assert.Equal(t, constant("javacard/security/MessageDigest.ALG_"+digest), s.digest, name)
		}
		assert.Equal(t, constant("javacard/security/Signature.SIG_CIPHER_"+cipher), s.cipher, name)
		assert.Equal(t, constant("javacardx/crypto/Cipher.PAD_"+padding), s.padding, name)
	}
	checked := 0
	for _, length := range []string{"4", "8"} {
		for suffix, padding := range map[string]string{
			"NOPAD": "NOPAD", "ISO9797_M1": "ISO9797_M1", "ISO9797_M2": "ISO9797_M2",
			"PKCS5":             "PKCS5",
			"ISO9797_1_M1_ALG3": "ISO9797_1_M1_ALG3", "ISO9797_1_M2_ALG3": "ISO9797_1_M2_ALG3",
		} {
			signature("DES_MAC"+length+"_"+suffix, "", "DES_MAC"+length, padding)
			checked++
		}
	}
	for _, digest := range []string{"SHA", "MD5", "SHA_224", "SHA_256", "SHA_384", "SHA_512"} {
		signature("RSA_"+digest+"_PKCS1", digest, "RSA", "PKCS1")
		signature("RSA_"+digest+"_PKCS1_PSS", digest, "RSA", "PKCS1_PSS")
		checked += 2
	}
	for _, digest := range []string{"SHA", "SHA_224", "SHA_256", "SHA_384", "SHA_512"} {
		signature("ECDSA_"+digest, digest, "ECDSA", "NULL")
		checked++
	}
	for name, digest := range map[string]string{"SHA1": "SHA", "SHA_256": "SHA_256",
		"SHA_384": "SHA_384", "SHA_512": "SHA_512", "MD5": "MD5"} {
		signature("HMAC_"+name, digest, "HMAC", "NULL")
		checked++
	}
	signature("AES_MAC_128_NOPAD", "", "AES_MAC128", "NOPAD")
	signature("AES_CMAC_128", "", "AES_CMAC128", "NULL")
	signature("RSA_SHA_ISO9796", "SHA", "RSA", "ISO9796")
	signature("RSA_SHA_ISO9796_MR", "SHA", "RSA", "ISO9796_MR")
	coded := 0
	for _, s := range signatureSpecs {
		if s.code != 0 {
			coded++
		}
	}
	assert.Equal(t, coded, checked+4, "an algorithm is listed that this test does not name")

	coded = 0
	for _, name := range []string{"DES_CBC", "DES_ECB", "AES_CBC", "AES_ECB"} {
		for _, padding := range []string{"NOPAD", "ISO9797_M1", "ISO9797_M2", "PKCS5"} {
			algorithm := "ALG_" + name + "_" + padding
			if padding == "NOPAD" && strings.HasPrefix(name, "AES") {
				algorithm = "ALG_AES_BLOCK_128_" + strings.TrimPrefix(name, "AES_") + "_NOPAD"
			}
			s := cipherSpecs[cipherByCode(constant("javacardx/crypto/Cipher."+algorithm))]
			assert.Equal(t, constant("javacardx/crypto/Cipher.CIPHER_"+name), s.cipher, algorithm)
			assert.Equal(t, constant("javacardx/crypto/Cipher.PAD_"+padding), s.padding, algorithm)
			coded++
		}
	}
	for name, padding := range map[string]string{"PKCS1": "PKCS1", "NOPAD": "NOPAD",
		"PKCS1_OAEP": "PKCS1_OAEP"} {
		s := cipherSpecs[cipherByCode(constant("javacardx/crypto/Cipher.ALG_RSA_"+name))]
		assert.Equal(t, constant("javacardx/crypto/Cipher.PAD_"+padding), s.padding, name)
		coded++
	}
	assert.EqualValues(t, cipherAESCTR, constant("javacardx/crypto/Cipher.ALG_AES_CTR"))
	for _, name := range []string{"AES_GCM", "AES_CCM"} {
		s := cipherSpecs[cipherByCode(constant("javacardx/crypto/AEADCipher.ALG_"+name))]
		assert.Equal(t, constant("javacardx/crypto/AEADCipher.CIPHER_"+name), s.cipher, name)
		assert.Equal(t, constant("javacardx/crypto/Cipher.PAD_NULL"), s.padding, name)
		coded++
	}
	for _, s := range cipherSpecs {
		if s.code != 0 {
			coded--
		}
	}
	assert.Equal(t, -1, coded, "an algorithm is listed that this test does not name")

	for code, kind := range keyTypes {
		name := map[*family]string{
			desFamily: "DES", aesFamily: "AES", hmacFamily: "HMAC", rsaPublicFamily: "RSA_PUBLIC",
			rsaPrivateFamily: "RSA_PRIVATE",
			rsaCRTFamily:     "RSA_CRT_PRIVATE", ecPublicFamily: "EC_FP_PUBLIC",
			ecPrivateFamily: "EC_FP_PRIVATE",
		}[kind.family]
		suffix := map[vm.Storage]string{vm.Persistent: "", vm.ClearOnReset: "_TRANSIENT_RESET",
			vm.ClearOnDeselect: "_TRANSIENT_DESELECT"}[kind.memory]
		assert.Equal(t, code, constant("javacard/security/KeyBuilder.TYPE_"+name+suffix), name)
		assert.Same(t, kind.family,
			algorithmicTypes[constant("javacard/security/KeyBuilder.ALG_TYPE_"+name)], name)
	}
}
