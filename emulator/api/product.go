package api

import "ekrona.example/emulator/vm"

// Product is the part of the API that a card product has. The zero Product has all of
// it.
type Product struct {
	Name    string
	Version int16 // what JCSystem.getVersion returns; 0 stands for 3.0.5

	// Packages are the packages of the API that a CAP file may import, by name with
	// slashes; nil stands for all.
	Packages []string

	// Without lists algorithms and key types that are NO_SUCH_ALGORITHM though they are
	// known here.
	Without []Algorithm

	// ForgetsInit has its Signature, Cipher and KeyAgreement objects forget at a reset what init
	// gave them, against the API's description, as no published product is known to.
	ForgetsInit bool

	// RAM is what its cryptographic objects take of transient memory; nil stands for none.
	RAM *ObjectRAM
}

// Algorithm names what getInstance, open, buildKey or a KeyPair is asked for.
type Algorithm struct {
	Kind AlgorithmKind
	// Parts are, by kind: the digest; digest, cipher and padding; cipher and padding;
	// the algorithm; TYPE_... of KeyBuilder and bits; ALG_... of KeyPair and bits. Bits
	// of 0 stand for every length.
	Parts [3]int
}

// AlgorithmKind is a class of javacard.security or javacardx.crypto.
type AlgorithmKind int

// The kinds of algorithm.
const (
	OfDigest AlgorithmKind = iota
	OfSignature
	OfCipher
	OfRandom
	OfKey
	OfKeyPair
	OfAgreement
)

// lacks reports whether the product does not have an algorithm.
func (p *Product) lacks(kind AlgorithmKind, parts ...int) bool {
	wanted := Algorithm{Kind: kind}
	copy(wanted.Parts[:], parts)
	anyLength := wanted
	if kind == OfKey || kind == OfKeyPair {
		anyLength.Parts[1] = 0
	}
	for _, a := range p.Without {
		if a == wanted || a == anyLength {
			return true
		}
	}
	return false
}

// Forgets reports whether objects of a class forget at a reset what init gave them.
func (p *Product) Forgets(class string) bool {
	switch class {
	case signatureClass, recoveryClass, cipherClass, aeadClass, agreementClass:
		return p.ForgetsInit
	}
	return false
}

// Has reports whether the product has an algorithm, as far as the API here does.
func (p *Product) Has(a Algorithm) bool {
	n := len(a.Parts)
	if a.Kind == OfCipher || a.Kind == OfKey || a.Kind == OfKeyPair {
		n = 2
	}
	return !p.lacks(a.Kind, a.Parts[:n]...)
}

// has reports whether a CAP file may import a package.
func (p *Product) has(name string) bool {
	for _, have := range p.Packages {
		if have == name {
			return true
		}
	}
	return p.Packages == nil
}

// PackagesOf is Packages with those marked absent that the product does not have.
func PackagesOf(p *Product) ([]vm.NativePackage, error) {
	shared, err := Packages()
	if err != nil {
		return nil, err
	}
	packages := append([]vm.NativePackage(nil), shared...)
	for i := range packages {
		if !p.has(packages[i].Name) {
			packages[i].Absent = p.Name + " lacks it; choose another card profile"
		}
	}
	return packages, nil
}

// The parts that a JCOP 4 on the P71 refuses although the API here has them, and the
// packages that it has: JCAlgTest and JCAIDScan on the J3R180 (crocs-muni/
// jcalgtest_results, javacard/Profiles/results and aid). One of the two cards that were
// scanned has the biometry packages; neither has java.rmi, javacard.framework.service,
// javacardx.apdu.util, javacardx.framework.* nor javacardx.security.
var P71 = Product{
	Name: "a P71", Version: 0x0300,
	Packages: []string{
		"java/lang", "java/io", "javacard/framework", "javacard/security", "javacardx/crypto",
		"javacardx/apdu",
		"javacardx/external", "javacardx/biometry", "javacardx/biometry1toN", "org/globalplatform",
	},
	Without: []Algorithm{
		{OfDigest, [3]int{2}}, {OfDigest, [3]int{8}}, {OfDigest, [3]int{9}}, {OfDigest,
			[3]int{10}}, {OfDigest, [3]int{11}}, // MD5, SHA-3
		{OfSignature, [3]int{0, sigDESMAC4, padNone}},
		{OfSignature, [3]int{2, sigRSA, padPKCS1}}, {OfSignature,
			[3]int{2, sigRSA, padPSS}}, // with MD5
		{OfSignature, [3]int{0, sigAESMAC, padM1}}, {OfSignature, [3]int{0, sigAESMAC, padM2}},
		{OfSignature, [3]int{0, sigAESMAC, padPKCS5}},
		{OfSignature, [3]int{1, sigHMAC, padNull}}, {OfSignature, [3]int{2, sigHMAC, padNull}},
		{OfSignature, [3]int{4, sigHMAC, padNull}},
		{OfSignature, [3]int{5, sigHMAC, padNull}}, {OfSignature, [3]int{6, sigHMAC, padNull}},
		{OfSignature, [3]int{0, sigECDSA, padNull}}, // of a digest that the applet brings
		{OfCipher, [3]int{cipherRSA, padOAEPSHA224}}, {OfCipher, [3]int{cipherRSA, padOAEPSHA256}},
		{OfCipher, [3]int{cipherRSA, padOAEPSHA384}}, {OfCipher, [3]int{cipherRSA, padOAEPSHA512}},
		{OfCipher, [3]int{cipherAESGCM}}, {OfCipher, [3]int{cipherAESCCM}},
		{OfKey, [3]int{19}}, {OfKey, [3]int{20}}, {OfKey, [3]int{21}}, // HMAC
		{OfKey, [3]int{typeECPublic, 112}}, {OfKey, [3]int{typeECPrivate, 112}},
		{OfKey, [3]int{30, 112}}, {OfKey, [3]int{31, 112}},
		{OfKeyPair, [3]int{pairRSA, 4096}}, {OfKeyPair, [3]int{pairRSACRT, 4096}},
		{OfKeyPair, [3]int{pairEC, 112}},
	},
}
