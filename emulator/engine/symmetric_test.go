package engine

import (
	"crypto"
	"encoding"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const rfc4493Message = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c8" +
	"1c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"

// RFC 4493 §4 and NIST SP 800-38B §D.
func TestCMACOfRFC4493(t *testing.T) {
	block, err := NewAES(unhex("2b7e151628aed2a6abf7158809cf4f3c"))
	require.NoError(t, err)
	mac, err := NewCMAC(block)
	require.NoError(t, err)
	for length, expected := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		mac.Write(unhex(rfc4493Message)[:length])
		sum, err := mac.Sum()
		require.NoError(t, err)
		assert.Equal(t, expected, hex.EncodeToString(sum), "message of %d bytes", length)
	}
}

// ICAO Doc 9303 part 11, appendix D.3: the retail MAC of the authentication.
func TestRetailMACOfICAO9303(t *testing.T) {
	mac, err := NewRetailMAC(unhex("7962d9ece03d1acd4c76089dce131543"), PadISO9797M2, nil)
	require.NoError(t, err)
	mac.Write(unhex("72c29c2371cc9bdb65b779b8e8d37b29ecc154aa56a8799fae2f498f76ed92f2"))
	sum, err := mac.Sum()
	require.NoError(t, err)
	assert.Equal(t, "5f1448eea8ad90a7", hex.EncodeToString(sum))
}

// NIST SP 800-38A §F.1.1, F.2.1, F.2.3, F.2.5 and F.5.1; NIST SP 800-67 example keys for triple
// DES.
func TestBlockCipherOfSP80038A(t *testing.T) {
	const iv = "000102030405060708090a0b0c0d0e0f"
	for _, v := range []struct {
		name, key, iv, first string
		mode                 Mode
	}{
		{"AES-128 ECB", "2b7e151628aed2a6abf7158809cf4f3c", "", "3ad77bb40d7a3660a89ecaf32466ef97",
			ModeECB},
		{"AES-128 CBC", "2b7e151628aed2a6abf7158809cf4f3c", iv, "7649abac8119b246cee98e9b12e9197d",
			ModeCBC},
		{"AES-192 CBC", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b", iv,
			"4f021db243bc633d7178183a9fa071e8", ModeCBC},
		{"AES-256 CBC", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", iv,
			"f58c4c04d6e5f1ba779eabfb5f7bfbd6", ModeCBC},
		{"AES-128 CTR", "2b7e151628aed2a6abf7158809cf4f3c", "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
			"874d6191b620e3261bef6864990db6ce", ModeCTR},
	} {
		t.Run(v.name, func(t *testing.T) {
			block, err := NewAES(unhex(v.key))
			require.NoError(t, err)
			var chaining []byte
			if v.iv != "" {
				chaining = unhex(v.iv)
			}
			c, err := NewBlockCipher(block, v.mode, PadNone, true, chaining)
			require.NoError(t, err)
			out, err := c.Final(nil, unhex(rfc4493Message)[:16])
			require.NoError(t, err)
			assert.Equal(t, v.first, hex.EncodeToString(out))
		})
	}
}

// What is enciphered in any parts deciphers in any other parts to the same message, also where a
// copy of the cipher goes on.
func TestCipherRoundTripInParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		padding := rapid.SampledFrom([]Padding{PadNone, PadISO9797M2, PadPKCS5}).Draw(t, "padding")
		mode := rapid.SampledFrom([]Mode{ModeECB, ModeCBC, ModeCTR}).Draw(t, "mode")
		makeBlock, keyLength := NewAES, rapid.SampledFrom([]int{16, 24, 32}).Draw(t, "key length")
		if rapid.Bool().Draw(t, "DES") {
			makeBlock, keyLength = NewDES,
				rapid.SampledFrom([]int{8, 16, 24}).Draw(t, "DES key length")
		}
		block, err := makeBlock(rapid.SliceOfN(rapid.Byte(), keyLength, keyLength).Draw(t, "key"))
		require.NoError(t, err)
		message := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "message")
		if padding == PadNone {
			message = message[:len(message)/block.BlockSize()*block.BlockSize()]
		}
		run := func(encrypt bool, input []byte, label string) []byte {
			c, err := NewBlockCipher(block, mode, padding, encrypt, nil)
			require.NoError(t, err)
			var out []byte
			for len(input) > 0 && rapid.Bool().Draw(t, label) {
				n := rapid.IntRange(0, len(input)).Draw(t, label+" part")
				out = c.Update(out, input[:n])
				input = input[n:]
				kept := c
				c = c.Copy()
				kept.Update(nil, []byte("what is done with the other"))
			}
			out, err = c.Final(out, input)
			require.NoError(t, err)
			return out
		}
		enciphered := run(true, message, "enciphering")
		if mode != ModeCTR {
			require.Equal(t, 0, len(enciphered)%block.BlockSize())
		}
		require.Equal(t, append([]byte{}, message...),
			append([]byte{}, run(false, enciphered, "deciphering")...))
	})
}

// A copy of a MAC goes on as the MAC itself would have.
func TestCopiesOfMACsGoOn(t *testing.T) {
	block, err := NewAES(make([]byte, 16))
	require.NoError(t, err)
	cbc, err := NewCBCMAC(block, PadISO9797M2, nil)
	require.NoError(t, err)
	retail, err := NewRetailMAC(make([]byte, 16), PadISO9797M2, nil)
	require.NoError(t, err)
	cmac, err := NewCMAC(block)
	require.NoError(t, err)
	for _, mac := range []MAC{cbc, retail, cmac, NewHMAC(crypto.SHA256, []byte("key"))} {
		mac.Write([]byte("the same, of more than a block"))
		want, err := mac.Sum()
		require.NoError(t, err)
		mac.Write([]byte("the same, of more"))
		same, err := mac.Copy()
		require.NoError(t, err)
		mac.Write([]byte(", and another end"))
		same.Write([]byte(" than a block"))
		got, err := same.Sum()
		require.NoError(t, err)
		assert.Equal(t, want, got, "%T", mac)
	}
}

func TestWrongPaddingIsRefused(t *testing.T) {
	block, err := NewAES(make([]byte, 16))
	require.NoError(t, err)
	plain, err := NewBlockCipher(block, ModeECB, PadNone, true, nil)
	require.NoError(t, err)
	zeros, err := plain.Final(nil, make([]byte, 16))
	require.NoError(t, err)
	for _, padding := range []Padding{PadISO9797M2, PadPKCS5} {
		c, err := NewBlockCipher(block, ModeECB, padding, false, nil)
		require.NoError(t, err)
		_, err = c.Final(nil, zeros)
		assert.ErrorIs(t, err, ErrPadding)
	}
	_, err = plain.Final(nil, make([]byte, 15))
	assert.ErrorIs(t, err, ErrLength)
	out, err := plain.Final(nil, make([]byte, 16))
	require.NoError(t, err, "an error must leave the initial state")
	assert.Equal(t, zeros, out)
}

// A digest resumed from its chaining words ends as one that was never interrupted.
func TestResumedDigestIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := rapid.SampledFrom([]crypto.Hash{crypto.SHA1, crypto.SHA224, crypto.SHA256,
			crypto.SHA384, crypto.SHA512}).Draw(t, "digest")
		whole := h.New()
		head := make([]byte, whole.BlockSize()*rapid.IntRange(1, 4).Draw(t, "blocks"))
		tail := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "tail")
		whole.Write(head)
		saved, err := whole.(encoding.BinaryMarshaler).MarshalBinary()
		require.NoError(t, err)
		state := saved[4 : len(saved)-whole.BlockSize()-8]
		resumed, err := ResumeDigest(h, state, uint64(len(head)))
		require.NoError(t, err)
		whole.Write(tail)
		resumed.Write(tail)
		require.Equal(t, whole.Sum(nil), resumed.Sum(nil))
		_, err = ResumeDigest(h, state, uint64(len(head))+1)
		require.ErrorIs(t, err, ErrLength)
	})
}

// The check values of the "Catalogue of parametrised CRC algorithms" (reveng) for
// CRC-16/GSM and, with a register of ones, CRC-32/ISO-HDLC.
func TestChecksumsOfTheCatalogue(t *testing.T) {
	message := []byte("123456789")
	assert.Equal(t, uint16(0xCE3C), ^CRC16(0, message))
	assert.Equal(t, uint32(0xCBF43926), ^CRC32(0xFFFFFFFF, message))
	assert.Equal(t, CRC32(5, message), CRC32(CRC32(5, message[:4]), message[4:]))
	assert.Equal(t, CRC16(5, message), CRC16(CRC16(5, message[:4]), message[4:]))
}
