package card_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/api"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vm"
)

// makers are the calls by which an applet gets what a constant names, by class.
var makers = map[byte]struct{ class, method, desc string }{
	api.ClassCipher: {"javacardx/crypto/Cipher", "getInstance", "(BZ)Ljavacardx/crypto/Cipher;"},
	api.ClassSignature: {"javacard/security/Signature", "getInstance",
		"(BZ)Ljavacard/security/Signature;"},
	api.ClassKeyAgreement: {"javacard/security/KeyAgreement", "getInstance",
		"(BZ)Ljavacard/security/KeyAgreement;"},
	api.ClassMessageDigest: {"javacard/security/MessageDigest", "getInstance",
		"(BZ)Ljavacard/security/MessageDigest;"},
	api.ClassRandomData: {"javacard/security/RandomData", "getInstance",
		"(B)Ljavacard/security/RandomData;"},
	api.ClassChecksum: {"javacard/security/Checksum", "getInstance",
		"(BZ)Ljavacard/security/Checksum;"},
	api.ClassKeyPair: {"javacard/security/KeyPair", "<init>", "(BS)V"},
	api.ClassKeyBuilder: {"javacard/security/KeyBuilder", "buildKey",
		"(BSZ)Ljavacard/security/Key;"},
	api.ClassOwnerPINBuilder: {"javacard/framework/OwnerPINBuilder", "buildOwnerPIN",
		"(BBB)Ljavacard/framework/PIN;"},
	api.ClassAEADCipher: {"javacardx/crypto/Cipher", "getInstance",
		"(BZ)Ljavacardx/crypto/Cipher;"},
	api.ClassInitializedDigest: {"javacard/security/MessageDigest",
		"getInitializedMessageDigestInstance", "(BZ)Ljavacard/security/InitializedMessageDigest;"},
}

// has asks a card for what a constant names, as an applet would.
func has(t *testing.T, c *card.Card, constant card.Constant) (made bool) {
	t.Helper()
	maker, known := makers[constant.Class]
	require.True(t, known, constant.Name)
	method, err := c.Machine().Method(maker.class, maker.method, maker.desc)
	require.NoError(t, err, constant.Name)
	code := vm.Value(int8(constant.Data[0]))
	arguments := []vm.Value{code, 0}
	switch constant.Class {
	case api.ClassRandomData:
		arguments = arguments[:1]
	case api.ClassKeyPair, api.ClassKeyBuilder:
		bits := vm.Value(int(constant.Data[1])<<8 | int(constant.Data[2]))
		arguments = []vm.Value{code, bits, 0}
	case api.ClassOwnerPINBuilder:
		arguments = []vm.Value{3, 4, code}
	}
	require.NoError(t, c.Machine().Enter(func(call *vm.Call) {
		this := vm.Ref(0)
		if constant.Class == api.ClassKeyPair {
			this, arguments = call.NewObject(maker.class), arguments[:2]
		}
		thrown := call.Try(func() { call.Invoke(method, this, arguments...) })
		made = thrown == nil
		if thrown != nil {
			assert.Equal(t, "javacard/security/CryptoException", thrown.Class, constant.Name)
			assert.Equal(t, int16(3), thrown.Reason, "%s: NO_SUCH_ALGORITHM", constant.Name)
		}
	}))
	return made
}

// Each profile has what JCAlgTest found on the product, constant by constant, and nothing else.
func TestProfilesHaveWhatWasPublished(t *testing.T) {
	told := map[string]int{}
	for _, constant := range card.Constants() {
		for name := range constant.Published {
			told[name]++
		}
	}
	require.Len(t, told, 10)
	for name, n := range told {
		assert.Greater(t, n, 200, name)
		profile, err := card.ProfileNamed(name)
		require.NoError(t, err)
		profile.NVMBytes, profile.RAMBytes = 0, 0 // for hundreds of objects
		c, err := card.New(card.Options{Profile: profile})
		require.NoError(t, err)
		for _, constant := range card.Constants() {
			wanted, known := constant.Published[name]
			if !known {
				continue
			}
			assert.Equal(t, wanted, has(t, c, constant), "%s: %s", name, constant.Name)
		}
	}
}

// TestJCAlgTest runs JCAlgTest's own applet on the profiles and compares what it says with what was
// published. EKRONA_JCALGTEST names its CAP file, for example AlgTest_v1.8.2_jc305.cap of
// crocs-muni/JCAlgTest.
func TestJCAlgTest(t *testing.T) {
	path := os.Getenv("EKRONA_JCALGTEST")
	if path == "" {
		t.Skip("EKRONA_JCALGTEST names no CAP file of JCAlgTest's applet")
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, profile := range card.Profiles() {
		if profile.Name == card.P71Short.Name || profile.RAMBytes == 0 {
			continue
		}
		t.Run(profile.Name, func(t *testing.T) {
			b := newBench(t, profile)
			loaded, err := b.Load(content)
			require.NoError(t, err)
			instance, err := b.Install(loaded.Modules[0], loaded.Modules[0], nil)
			require.NoError(t, err)
			b.selectApplet(instance)
			compared := 0
			for _, constant := range card.Constants() {
				wanted, known := constant.Published[profile.Name]
				if !known {
					continue
				}
				b.exchange(unhex(t, "B0E2000000")) // its reset, which lets objects go
				command := append([]byte{0xB0, 0x75, constant.Class, 0, byte(len(constant.Data))},
					constant.Data...)
				answer := b.exchange(append(command, 0))
				if !assert.True(t, strings.HasSuffix(answer, "9000"), "%s: %s", constant.Name,
					answer) {
					continue
				}
				assert.Equal(t, fmt.Sprintf("%02x", constant.Class), answer[:2])
				assert.Equal(t, wanted, answer[2:4] == "00", "%s: %s", constant.Name, answer[:6])
				compared++
			}
			t.Logf("%d constants are as published", compared)
		})
	}
}

// ATR and production data of every product are whole.
func TestIdentities(t *testing.T) {
	for _, p := range card.Products() {
		assert.Contains(t, []int{0, 42}, len(p.CPLC), p.Name)
		if p.ATR != nil {
			assert.Contains(t, []byte{0x3B, 0x3F}, p.ATR[0], p.Name)
		}
	}
	d600, err := card.ProfileNamed("p71d600")
	require.NoError(t, err)
	assert.Equal(t, "4790D6004700", fmt.Sprintf("%X", d600.CPLC[:6]))
}
