package card_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/engine"
)

// Instructions of the applet probe.newer.
const (
	insAIDs       = 0x10
	insReselected = 0x11
	insInstalled  = 0x12
	insArrays     = 0x13
	insPINX       = 0x15
	insOneShot    = 0x16
	insKeys       = 0x17
	insMAC        = 0x18
	insEncipher   = 0x19
	insVersion    = 0x1A
	insAlgorithm  = 0x1B
	insRecovery   = 0x1C
	insAEAD       = 0x1D
)

var (
	newerModule   = aid("F050524F420501")
	newerInstance = aid("F050524F42050A")
)

func newNewer(t testing.TB, profile card.Profile, parameters ...byte) bench {
	t.Helper()
	b := newBench(t, profile)
	b.load("newer")
	_, err := b.Install(newerModule, newerInstance, parameters)
	require.NoError(t, err)
	b.selectApplet(newerInstance)
	return b
}

// Entry points of the runtime environment are open to every context (JCRE 3.0.5 §6.2.1).
func TestAIDsOfTheRuntimeEnvironment(t *testing.T) {
	b := newNewer(t, card.P71)
	for which, want := range map[byte]bool{
		1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: false,
		11: false, 12: true,
		13: true, 14: true, 15: true, 16: true, 17: true, 18: true,
	} {
		answer := "00"
		if want {
			answer = "01"
		}
		if which == 14 { // needs what 13 keeps
			b.send(insAIDs, 13, 0)
		}
		assert.Equal(t, answer+"9000", b.send(insAIDs, which, 0), "case %d of Aids.java", which)
	}
}

// Applet.reSelectingApplet distinguishes deselection for another SELECT of the same
// applet from any other.
func TestReselection(t *testing.T) {
	b := newNewer(t, card.P71)
	assert.Equal(t, "0000009000", b.send(insReselected, 0, 0))
	b.selectApplet(newerInstance)
	assert.Equal(t, "0101009000", b.send(insReselected, 0, 0),
		"in deselect and in select, and not after")
	b.load("lib", "core")
	_, err := b.Install(coreModule, coreInstance, nil)
	require.NoError(t, err)
	b.selectApplet(newerInstance)
	assert.Equal(t, "0101009000", b.send(insReselected, 0, 0), "deselected for an installation")
	b.selectApplet(coreInstance)
	b.selectApplet(newerInstance)
	assert.Equal(t, "0101009000", b.send(insReselected, 0, 0), "deselected for another applet")
	b.Reset()
	b.selectApplet(newerInstance)
	assert.Equal(t, "0101009000", b.send(insReselected, 0, 0), "selected after a reset")
}

// What install gets is a global array as long as the APDU buffer (JCRE 3.0.5 §6.2.2).
func TestInstallGetsAnArrayAsLongAsACards(t *testing.T) {
	for _, profile := range []card.Profile{card.P71, card.Unlimited} {
		for _, parameters := range [][]byte{nil, {1}, make([]byte, 127-1-len(newerInstance)-2)} {
			b := newNewer(t, profile, parameters...)
			want := fmt.Sprintf("%04x00019000", profile.APDUBuffer)
			assert.Equal(t, want, b.send(insInstalled, 0, 0), "%d bytes of parameters",
				len(parameters))
		}
	}
}

func TestGlobalAndSensitiveArrays(t *testing.T) {
	b := newNewer(t, card.P71)
	before, err := b.Memory()
	require.NoError(t, err)
	run(t, b, []row{
		{"a global array", insArrays, 1, 16, "", "5A 01 01 9000"},
		{"of other types", insArrays, 2, 0, "", "09 01 9000"},
		{"of no type: SystemException.ILLEGAL_VALUE", insArrays, 3, 0, "", "6F21"},
		{"too large: NO_TRANSIENT_SPACE", insArrays, 4, 0, "", "6F22"},
	})
	after, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, before, after, "global arrays go with their command")
	for memory := range byte(3) {
		run(t, b, []row{
			{"a sensitive array", insArrays, 5, memory, "",
				fmt.Sprintf("01 00 01 %02x 9000", memory)},
			{"an abort brings it back", insArrays, 7, 0, "",
				map[bool]string{true: "07 9000", false: "00 9000"}[memory == 0]},
			{"cleared", insArrays, 6, 0, "", "08 00 9000"},
		})
	}
	run(t, b, []row{
		{"clear one that is not: ILLEGAL_VALUE", insArrays, 8, 0, "", "6F21"},
		{"assert null", insArrays, 9, 0, "", "6F01"},
		{"of no memory: ILLEGAL_VALUE", insArrays, 10, 0, "", "6F21"},
		{"of references and shorts", insArrays, 11, 0, "", "01 9000"},
	})
}

// Java Card API 3.0.5, OwnerPINBuilder, OwnerPINx, OwnerPINxWithPredecrement.
func TestPINsOfTheBuilder(t *testing.T) {
	const make, check, reset, update, setLimit = 0, 1, 2, 3, 4
	const setTries, limit, decrement, aborted, abortedLimit, kinds = 5, 6, 7, 8, 9, 10
	b := newNewer(t, card.P71)
	run(t, b, []row{
		{"OWNER_PIN", insPINX, make, 1, "", "010300 9000"},
		{"is an OwnerPIN", insPINX, kinds, 0, "", "010300 9000"},
		{"and works", insPINX, update, 0, "31323334", "010300 9000"},
		{"", insPINX, check, 0, "31323334", "010301 9000"},
		{"no such kind: PINException.ILLEGAL_VALUE", insPINX, make, 4, "", "6F31"},
		{"no tries", insPINX, 11, 2, "", "6F31"},
		{"no room", insPINX, 12, 3, "", "6F31"},

		{"OWNER_PIN_X", insPINX, make, 2, "", "010300 9000"},
		{"its interfaces", insPINX, kinds, 0, "", "020300 9000"},
		{"nothing fits before the first update", insPINX, check, 0, "", "000200 9000"},
		{"update gives all tries", insPINX, update, 0, "31323334", "010300 9000"},
		{"too long: ILLEGAL_VALUE", insPINX, update, 0, "313233343536373839", "6F31"},
		{"wrong", insPINX, check, 0, "31323335", "000200 9000"},
		{"right", insPINX, check, 0, "31323334", "010301 9000"},
		{"reset", insPINX, reset, 0, "", "010300 9000"},
		{"another limit", insPINX, setLimit, 5, "", "010500 9000"},
		{"reads its try limit", insPINX, limit, 0, "", "050500 9000"},
		{"a limit of 0: ILLEGAL_VALUE", insPINX, setLimit, 0, "", "6F31"},
		{"an aborted one", insPINX, abortedLimit, 9, "", "010500 9000"},
		{"fewer tries", insPINX, setTries, 1, "", "010100 9000"},
		{"more than the limit: ILLEGAL_VALUE", insPINX, setTries, 6, "", "6F31"},
		{"an aborted presentation costs a try", insPINX, aborted, 0, "31323335", "000000 9000"},
		{"blocked", insPINX, check, 0, "31323334", "000000 9000"},
		{"reset does not unblock", insPINX, reset, 0, "", "010000 9000"},
		{"setTriesRemaining does", insPINX, setTries, 2, "", "010200 9000"},
		{"", insPINX, check, 0, "31323334", "010501 9000"},

		{"OWNER_PIN_X_WITH_PREDECREMENT", insPINX, make, 3, "", "010300 9000"},
		{"its interfaces", insPINX, kinds, 0, "", "060300 9000"},
		{"update", insPINX, update, 0, "31323334", "010300 9000"},
		{"check alone: PINException.ILLEGAL_STATE", insPINX, check, 0, "31323334", "6F32"},
		{"decrement", insPINX, decrement, 0, "", "020200 9000"},
		{"wrong", insPINX, check, 0, "31323335", "000200 9000"},
		{"once only", insPINX, check, 0, "31323334", "6F32"},
		{"decrement", insPINX, decrement, 0, "", "010100 9000"},
		{"another operation takes it back", insPINX, reset, 0, "", "010100 9000"},
		{"", insPINX, check, 0, "31323334", "6F32"},
		{"the last try", insPINX, decrement, 0, "", "000000 9000"},
		{"still counts", insPINX, check, 0, "31323334", "010301 9000"},
	})
	for range 3 {
		b.send(insPINX, decrement, 0)
	}
	run(t, b, []row{
		{"decrement a blocked one", insPINX, decrement, 0, "", "000000 9000"},
		{"and gets false", insPINX, check, 0, "31323334", "000000 9000"},
	})
	b.send(insPINX, setTries, 3)
	b.send(insPINX, decrement, 0)
	b.Reset()
	b.selectApplet(newerInstance)
	run(t, b, []row{{"a reset forgets the decrement, and not the try", insPINX, check, 0,
		"31323334", "6F32"}})
}

func TestOneShots(t *testing.T) {
	b := newNewer(t, card.P71)
	key := unhex(t, "00112233445566778899AABBCCDDEEFF")
	data := unhex(t, "000102030405060708090A0B0C0D0E0F")
	sum := sha256.Sum256(data)
	assert.Equal(t, hex.EncodeToString(sum[:])+"9000", b.send(insOneShot, 1, 0, data...),
		"MessageDigest")
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	want := make([]byte, 16)
	block.Encrypt(want, data)
	assert.Equal(t, hex.EncodeToString(want)+"9000", b.send(insOneShot, 2, 0, data...), "Cipher")
	assert.Equal(t, hex.EncodeToString(cbcMAC(t, key, data, engine.PadISO9797M2))+"9000",
		b.send(insOneShot, 3, 0, data...), "Signature")
	first, second := b.send(insOneShot, 4, 0), b.send(insOneShot, 4, 0)
	assert.NotEqual(t, first, second, "RandomData")
	assert.True(t, strings.HasSuffix(first, "059000"), first)
	message := make([]byte, 64+5)
	full := sha256.Sum256(message)
	intermediate := unhex(t,
		"DA5698BE17B9B46962335799779FBECA8CE5D491C0D26243BAFEF9EA1837A9D8") // of 64 zero bytes
	request := append(append(intermediate, 64), message[64:]...)
	assert.Equal(t, hex.EncodeToString(full[:])+"9000", b.send(insOneShot, 5, 0, request...),
		"InitializedMessageDigest")
	run(t, b, []row{
		{"a second one: SystemException.NO_RESOURCE", insOneShot, 6, 0, "", "6F25"},
		{"what that left open is taken back", insOneShot, 6, 0, "", "6F25"},
		{"after close: CryptoException.ILLEGAL_USE", insOneShot, 7, 0, "", "6F15"},
		{"in parts: ILLEGAL_USE", insOneShot, 8, 0, "", "6F15"},
		{"kept in a field: SecurityException", insOneShot, 9, 0, "", "6F07"},
		{"NO_SUCH_ALGORITHM", insOneShot, 10, 0, "", "6F13"},
		{"before init: INVALID_INIT", insOneShot, 11, 0, "", "6F14"},
	})
}

func TestKeysShareACurve(t *testing.T) {
	b := newNewer(t, card.P71)
	curve := "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff" +
		"ffffffff00000001000000000000000000000000fffffffffffffffffffffffc" +
		"5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b" +
		"046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b" +
		"8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5" +
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
	run(t, b, []row{
		{"no curve to share: NullPointerException", insKeys, 2, 0, "00", "6F01"},
		{"P-256 as parameters", insKeys, 1, 0, curve, "0111 9000"},
		{"a pair on it", insKeys, 2, 0, "00", "01 9000"},
		{"no curve: CryptoException.ILLEGAL_VALUE", insKeys, 3, 0, "00", "6F11"},
	})
}

// cbcMAC is the MAC of ISO/IEC 9797-1 algorithm 1 over triple DES, by Go's cipher.
func cbcMAC(t *testing.T, key, message []byte, padding engine.Padding) []byte {
	t.Helper()
	padded := append([]byte{}, message...)
	switch padding {
	case engine.PadISO9797M2:
		padded = append(padded, 0x80)
	case engine.PadPKCS5:
		for n := 8 - len(padded)%8; n > 0; n-- {
			padded = append(padded, byte(8-len(message)%8))
		}
	}
	for len(padded)%8 != 0 || len(padded) == 0 {
		padded = append(padded, 0)
	}
	block, err := des.NewTripleDESCipher(append(append([]byte{}, key...), key[:8]...))
	require.NoError(t, err)
	cipher.NewCBCEncrypter(block, make([]byte, 8)).CryptBlocks(padded, padded)
	return padded[len(padded)-8:]
}

// Every padding of DES, of messages from none to three blocks, in one part and in two
// (ISO/IEC 9797-1:2011 §6.3).
func TestPaddingsOfEveryLength(t *testing.T) {
	roomy := card.P71 // the applet makes an engine for every command, and keeps none
	roomy.RAMBytes = 0
	b := newNewer(t, roomy)
	key := unhex(t, "00112233445566778899AABBCCDDEEFF")
	for _, c := range []struct {
		mac, encipher byte // ALG_DES_MAC8_..., ALG_DES_CBC_...
		padding       engine.Padding
	}{{2, 1, engine.PadNone}, {4, 2, engine.PadISO9797M1}, {6, 3, engine.PadISO9797M2}, {8, 4,
		engine.PadPKCS5}} {
		for length := range 25 {
			message := make([]byte, length)
			for i := range message {
				message[i] = byte(i + 1)
			}
			for split := 0; split <= length; split += max(1, length/2) {
				what := fmt.Sprintf("padding %d, %d bytes after %d", c.padding, length, split)
				mac, enciphered := b.send(insMAC, c.mac, byte(split),
					message...), b.send(insEncipher, c.encipher, byte(split), message...)
				switch {
				case c.padding == engine.PadNone && length == 0:
					assert.Equal(t, "6f15", mac, "no block has no MAC")
					assert.Equal(t, "9000", enciphered, what)
				case c.padding == engine.PadNone && length%8 != 0:
					assert.Equal(t, "6f15", mac, what)
					assert.Equal(t, "6f15", enciphered, what)
				default:
					want := hex.EncodeToString(cbcMAC(t, key, message, c.padding))
					assert.Equal(t, want+"9000", mac, what)
					assert.True(t, strings.HasSuffix(enciphered, want+"9000"),
						"%s: the last block is the MAC, not %s", what, enciphered)
					blocks := (length + 7) / 8
					if c.padding == engine.PadISO9797M2 || c.padding == engine.PadPKCS5 {
						blocks = length/8 + 1
					}
					assert.Len(t, enciphered, 2*(8*max(1, blocks)+2), what)
				}
			}
		}
	}
	assert.NotEqual(t, strings.Repeat("00", 8)+"9000", b.send(insMAC, 4, 0))
}

// What a P71 refuses by NO_SUCH_ALGORITHM, and what it has, as JCAlgTest found.
func TestAlgorithmsOfTheP71(t *testing.T) {
	p71, unlimited := newNewer(t, card.P71), newNewer(t, card.Unlimited)
	assert.Equal(t, "03009000", p71.send(insVersion, 0, 0))
	assert.Equal(t, "03059000", unlimited.send(insVersion, 0, 0))
	const digest, signature, ciphering, random, key, pair, parts, cipherParts = 1, 2, 3, 4, 5, 6, 7,
		8
	for _, c := range []struct {
		kind, first byte
		data        string
		p71, all    bool
	}{
		{digest, 1, "", true, true}, {digest, 4, "", true, true}, {digest, 2, "", false, true},
		{digest, 9, "", false, true},
		{signature, 33, "", true, true}, {signature, 49, "", true, true},
		{signature, 1, "", false, true},
		{signature, 25, "", false, true}, {signature, 11, "", false, true},
		{signature, 26 + 64, "", false, false},
		{ciphering, 13, "", true, true}, {ciphering, 0xF0, "", true, true},
		{ciphering, 15, "", true, true},
		{random, 1, "", true, true}, {random, 4, "", true, true}, {random, 6, "", true, true},
		{random, 9, "", false, false},
		{key, 15, "0080", true, true}, {key, 21, "0200", false, true},
		{key, 11, "0100", true, true}, {key, 11, "0070", false, true},
		{key, 4, "1000", true, true}, {pair, 2, "0800", true, true}, {pair, 2, "1000", false, true},
		{pair, 5, "0070", false, true},
		{parts, 4, "0900", true, true}, {parts, 0, "0900", false, false},
		{parts, 4, "0500", true, true}, {parts, 4, "0501", false, false}, // no padding is PAD_NULL
		{parts, 4, "0901", false, false}, {parts, 0, "0A00", true, true},
		{parts, 0, "0A01", false, false},
		{parts, 1, "030A", true, true}, {parts, 1, "030B", true, true}, // ISO 9796
		{parts, 4, "030A", true, true}, {parts, 4, "030B", false, false},
		{parts, 0, "0A03", true, true},
		{parts, 0, "0500", false, true},
		{parts, 0, "0603", false, true}, {parts, 0, "0601", true, true},
		{cipherParts, 7, "09", true, true}, {cipherParts, 7, "0E", false, true},
	} {
		for _, on := range []struct {
			b    bench
			name string
			has  bool
		}{{p71, "p71", c.p71}, {unlimited, "unlimited", c.all}} {
			want := "6f13"
			if on.has {
				want = "9000"
			}
			assert.Equal(t, want, on.b.send(insAlgorithm, c.kind, c.first, unhex(t, c.data)...),
				"%s: %+v", on.name, c)
		}
	}
}

// The extension packages, from bytecode, on a card that has them.
func TestExtensionPackages(t *testing.T) {
	b := newBench(t, card.Unlimited)
	b.load("extended")
	_, err := b.Install(aid("F050524F420701"), aid("F050524F42070A"), nil)
	require.NoError(t, err)
	b.selectApplet(aid("F050524F42070A"))
	run(t, b, []row{
		{"three phases of services", 0x20, 0, 0, "010203", "020103EE 9000"},
		{"a service that fails the command", 0x7F, 0, 0, "0102", "6985"},
		{"no service for it", 0x30, 0, 0, "", "6D00"},
		{"a number", 0x21, 0, 0, "0012", "460800 EE 9000"},
		{"a TLV", 0x22, 0, 0, "0102", "3004 0402 0201 EE 9000"},
		{"text and arrays of shorts", 0x23, 0, 0, "", "0001 0000 EE 9000"},
		{"ints", 0x24, 0, 0, "", "00 01020304 EE 9000"},
		{"a result asserted wrongly", 0x25, 0, 0, "0102", "6F00"},
	})
	_, err = newBench(t, card.P71).Load(readCAP(t, "extended"))
	require.ErrorIs(t, err, card.ErrRefused)
	assert.ErrorContains(t, err, "a P71 lacks it")
}
