package card_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
)

// What Authenticated.java does by P1.
const (
	aeadKey = iota
	aeadByCode
	aeadByParts
	aeadInitCCM
	aeadInit
	aeadInitIV
	aeadAdditional
	aeadUpdate
	aeadFinal
	aeadTag
	aeadVerify
	aeadClear
	aeadLend
)

const aeadDecrypt, aeadEncrypt = 1, 2

// newAEAD is a card with the key of RFC 3610 §8 and a cipher.
func newAEAD(t *testing.T, profile card.Profile, made, code byte, answer string) bench {
	t.Helper()
	b := newNewer(t, profile)
	run(t, b, []row{
		{"", insAEAD, aeadKey, 0, "C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF", "9000"},
		{"", insAEAD, made, code, "", answer},
	})
	return b
}

func j3r452(t *testing.T) card.Profile {
	t.Helper()
	profile, err := card.ProfileNamed("j3r452")
	require.NoError(t, err)
	return profile
}

// RFC 3610 §8, packet vector 1, from bytecode, on a product that has CCM and takes memory for it.
func TestCCMOfACard(t *testing.T) {
	const (
		lengths    = "0008 0017 0008"
		nonce      = "00000003020100A0A1A2A3A4A5"
		additional = "0001020304050607"
		message    = "08090A0B0C0D0E0F101112131415161718191A1B1C1D1E"
		enciphered = "588C979A61C663D2F066D0C2C0F989806D5F6B61DAC384"
		tag        = "17E8D12CFDF926E0"
	)
	b := newAEAD(t, j3r452(t), aeadByParts, 0xF2, "F4F200 9000")
	memory, err := b.Memory()
	require.NoError(t, err)
	for _, mode := range []byte{aeadEncrypt, aeadDecrypt} {
		in, out := message, enciphered
		if mode == aeadDecrypt {
			in, out = enciphered, message
		}
		run(t, b, []row{
			{"init", insAEAD, aeadInitCCM, mode, lengths + nonce, "9000"},
			{"a tag before the end: ILLEGAL_USE", insAEAD, aeadTag, 8, "", "6F15"},
			{"", insAEAD, aeadVerify, 8, tag, "6F15"},
			{"before the additional data: ILLEGAL_USE", insAEAD, aeadUpdate, 0, in[:2], "6F15"},
			{"additional data", insAEAD, aeadAdditional, 0, additional[:6], "9000"},
			{"before all of it", insAEAD, aeadFinal, 0, in, "6F15"},
			{"more than init was told: ILLEGAL_VALUE", insAEAD, aeadAdditional, 0,
				additional[6:] + "00", "6F11"},
			{"the rest", insAEAD, aeadAdditional, 0, additional[6:], "9000"},
			{"a part", insAEAD, aeadUpdate, 0, in[:10], out[:10] + "9000"},
			{"additional data after it: ILLEGAL_USE", insAEAD, aeadAdditional, 0, "", "6F15"},
			{"too much: ILLEGAL_USE", insAEAD, aeadUpdate, 0, in, "6F15"},
			{"too little", insAEAD, aeadFinal, 0, in[10:20], "6F15"},
		})
		snapshot, err := b.Snapshot()
		require.NoError(t, err)
		for range 2 {
			run(t, b, []row{
				{"a message in progress goes on", insAEAD, aeadFinal, 0, in[10:],
					out[10:] + "9000"},
				{"each message has its init", insAEAD, aeadUpdate, 0, in, "6F14"},
				{"", insAEAD, aeadAdditional, 0, additional, "6F14"},
				{"", insAEAD, aeadFinal, 0, in, "6F14"},
			})
			if mode == aeadEncrypt {
				run(t, b, []row{
					{"its tag", insAEAD, aeadTag, 8, "", tag + "9000"},
					{"of another length: ILLEGAL_VALUE", insAEAD, aeadTag, 4, "", "6F11"},
					{"verify where it enciphers: ILLEGAL_USE", insAEAD, aeadVerify, 8, tag, "6F15"},
				})
			} else {
				run(t, b, []row{
					{"its tag", insAEAD, aeadVerify, 8, tag, "01 9000"},
					{"and more behind it", insAEAD, aeadVerify, 8, tag + "FF", "01 9000"},
					{"another", insAEAD, aeadVerify, 8, tag[:14] + "E1", "00 9000"},
					{"a part of it", insAEAD, aeadVerify, 8, tag[:14], "00 9000"},
					{"of another length: ILLEGAL_VALUE", insAEAD, aeadVerify, 4, tag, "6F11"},
					{"retrieve where it deciphers: ILLEGAL_USE", insAEAD, aeadTag, 8, "", "6F15"},
				})
			}
			require.NoError(t, b.RestoreSnapshot(snapshot))
		}
		b.Reset()
		b.selectApplet(newerInstance)
		run(t, b, []row{{"a reset ends it", insAEAD, aeadFinal, 0, in[10:], "6F14"}})
	}
	run(t, b, []row{
		{"init of other modes: INVALID_INIT", insAEAD, aeadInit, aeadEncrypt, "", "6F14"},
		{"", insAEAD, aeadInitIV, aeadEncrypt, nonce, "6F14"},
		{"no mode: ILLEGAL_VALUE", insAEAD, aeadInitCCM, 3, lengths + nonce, "6F11"},
		{"a nonce too short", insAEAD, aeadInitCCM, aeadEncrypt, lengths + nonce[:12], "6F11"},
		{"too long", insAEAD, aeadInitCCM, aeadEncrypt, lengths + nonce + "00", "6F11"},
		{"a tag of 5", insAEAD, aeadInitCCM, aeadEncrypt, "0008 0017 0005" + nonce, "6F11"},
		{"a length below 0", insAEAD, aeadInitCCM, aeadEncrypt, "8008 0017 0008" + nonce, "6F11"},
		{"", insAEAD, aeadInitCCM, aeadEncrypt, "0008 8017 0008" + nonce, "6F11"},
		{"nothing at all has a tag", insAEAD, aeadInitCCM, aeadEncrypt, "0000 0000 0004" + nonce,
			"9000"},
		{"", insAEAD, aeadFinal, 0, "", "9000"},
		{"", insAEAD, aeadInitCCM, aeadEncrypt, lengths + nonce, "9000"},
		{"a key that is cleared: UNINITIALIZED_KEY", insAEAD, aeadClear, 0, "", "9000"},
		{"", insAEAD, aeadAdditional, 0, "00", "6F12"},
		{"", insAEAD, aeadFinal, 0, "00", "6F12"},
		{"", insAEAD, aeadInitCCM, aeadEncrypt, lengths + nonce, "6F12"},
		{"none is lent", insAEAD, aeadLend, 0xF2, "", "6F13"},
		{"CIPHER_AES_CCM is no algorithm alone", insAEAD, aeadByCode, 0xF2, "", "6F13"},
		{"the product has no GCM", insAEAD, aeadByCode, 0xF3, "", "6F13"},
	})
	after, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, memory.ResetFree, after.ResetFree)
	assert.Equal(t, "f4f2009000", b.send(insAEAD, aeadByCode, 0xF4), "ALG_AES_CCM")
	again, err := b.Memory()
	require.NoError(t, err)
	assert.Equal(t, 144, after.ResetFree-again.ResetFree)
	assert.Equal(t, "6f13", newNewer(t, card.P71).send(insAEAD, aeadByCode, 0xF4))
}

// The proposal of GCM by McGrew and Viega, appendix B, test case 2, from bytecode: the initial
// chaining value is zeros where init gives none, and after each message.
func TestGCMOfACard(t *testing.T) {
	b := newAEAD(t, card.Unlimited, aeadByCode, 0xF3, "F3F100 9000")
	block := strings.Repeat("00", 16)
	run(t, b, []row{
		{"", insAEAD, aeadKey, 0, block, "9000"},
		{"init of CCM: INVALID_INIT", insAEAD, aeadInitCCM, aeadEncrypt,
			"0008 0017 0008" + block[:24], "6F14"},
		{"no chaining value: ILLEGAL_VALUE", insAEAD, aeadInitIV, aeadEncrypt, "", "6F11"},
	})
	const enciphered, tag = "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"
	for _, mode := range []byte{aeadEncrypt, aeadDecrypt} {
		in, out := block, enciphered
		if mode == aeadDecrypt {
			in, out = enciphered, block
		}
		run(t, b, []row{
			{"", insAEAD, aeadInitIV, mode, block[:16], "9000"},
			{"", insAEAD, aeadInit, mode, "", "9000"},
		})
		for range 2 {
			assert.Equal(t, out[:6]+"9000", b.send(insAEAD, aeadUpdate, 0, unhex(t, in[:6])...))
			assert.Equal(t, out[6:]+"9000", b.send(insAEAD, aeadFinal, 0, unhex(t, in[6:])...))
			if mode == aeadEncrypt {
				assert.Equal(t, tag[:26]+"9000", b.send(insAEAD, aeadTag, 13))
				assert.Equal(t, tag+"9000", b.send(insAEAD, aeadTag, 16))
				assert.Equal(t, "6f11", b.send(insAEAD, aeadTag, 11))
			} else {
				sent, err := hex.DecodeString(tag)
				require.NoError(t, err)
				assert.Equal(t, "019000", b.send(insAEAD, aeadVerify, 4, sent...))
				assert.Equal(t, "6f11", b.send(insAEAD, aeadVerify, 5, sent...))
			}
		}
	}
	run(t, b, []row{
		{"with additional data there is another tag", insAEAD, aeadAdditional, 0, "00", "9000"},
		{"", insAEAD, aeadFinal, 0, enciphered, block + "9000"},
		{"", insAEAD, aeadVerify, 16, tag, "00 9000"},
	})
}
