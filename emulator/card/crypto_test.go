package card_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/emulator/card"
)

// Published vectors, by way of bytecode, natives and engines.
func TestCryptoVectors(t *testing.T) {
	run(t, newProbe(t, card.P71), []row{
		{"SHA-256 of abc (FIPS 180-2 B.1)", insCrypto, 0, 0, "616263",
			"BA7816BF 8F01CFEA 414140DE 5DAE2223 B00361A3 96177A9C B410FF61 F20015AD 9000"},
		{"AES-128 (SP 800-38A F.1.1)", insCrypto, 1, 0,
			"2B7E151628AED2A6ABF7158809CF4F3C 6BC1BEE22E409F96E93D7E117393172A",
			"3AD77BB40D7A3660A89ECAF32466EF97 9000"},
		{"AES-128, inverse", insCrypto, 2, 0,
			"2B7E151628AED2A6ABF7158809CF4F3C 3AD77BB40D7A3660A89ECAF32466EF97",
			"6BC1BEE22E409F96E93D7E117393172A 9000"},
		{"CryptoException.NO_SUCH_ALGORITHM", insCrypto, 10, 0, "00", "6F23"},
		{"CryptoException.UNINITIALIZED_KEY", insCrypto, 11, 0, "00", "6F22"},
		{"no whole block: CryptoException.ILLEGAL_USE", insCrypto, 1, 0,
			"2B7E151628AED2A6ABF7158809CF4F3C 6B", "6F25"},
	})
}

func TestCryptoAgreesWithGo(t *testing.T) {
	b := newProbe(t, card.P71)
	rapid.Check(t, func(r *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(r, "data")
		sum := sha256.Sum256(data)
		if got := b.send(insCrypto, 0, 0, data...); got != hex.EncodeToString(sum[:])+"9000" {
			r.Fatalf("SHA-256: %s", got)
		}
		key := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "key")
		blocks := rapid.SliceOfN(rapid.Byte(), 16*rapid.IntRange(1, 10).Draw(r, "blocks"),
			-1).Draw(r, "text")
		blocks = blocks[:len(blocks)/16*16]
		if len(blocks) > 208 {
			blocks = blocks[:208]
		}
		want := make([]byte, len(blocks))
		aesBlock, err := aes.NewCipher(key)
		require.NoError(r, err)
		cipher.NewCBCEncrypter(aesBlock, make([]byte, 16)).CryptBlocks(want, blocks)
		if got := b.send(insCrypto, 1, 0,
			append(key, blocks...)...); got != hex.EncodeToString(want)+"9000" {
			r.Fatalf("AES: %s", got)
		}
		desBlock, err := des.NewTripleDESCipher(append(append([]byte{}, key...), key[:8]...))
		require.NoError(r, err)
		cipher.NewCBCEncrypter(desBlock, make([]byte, 8)).CryptBlocks(want, blocks)
		if got := b.send(insCrypto, 3, 0,
			append(key, blocks...)...); got != hex.EncodeToString(want)+"9000" {
			r.Fatalf("triple DES: %s", got)
		}
		padded := append(append([]byte{}, data...), 0x80) // ISO/IEC 9797-1 method 2
		padded = append(padded, make([]byte, (8-len(padded)%8)%8)...)
		cipher.NewCBCEncrypter(desBlock, make([]byte, 8)).CryptBlocks(padded, padded)
		if got := b.send(insCrypto, 4, 0,
			append(key, data...)...); got != hex.EncodeToString(padded[len(padded)-8:])+"9000" {
			r.Fatalf("DES MAC: %s", got)
		}
	})
}

func TestSignaturesOfTheCard(t *testing.T) {
	b := newProbe(t, card.P71)
	point := unhex(t, b.send(insCrypto, 5, 0, 0))
	require.Len(t, point, 65+2)
	key := &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(point[1:33]),
		Y: new(big.Int).SetBytes(point[33:65])}
	_, err := key.ECDH()
	require.NoError(t, err, "a point of the curve")
	message := bytes.Repeat([]byte("e-krona "), 12)
	signature := unhex(t, b.send(insCrypto, 6, 0, message...))
	digest := sha256.Sum256(message)
	assert.True(t, ecdsa.VerifyASN1(key, digest[:], signature[:len(signature)-2]))
	assert.Equal(t, "01009000", b.send(insCrypto, 7, 0, message...),
		"its own signature, and that of something else")

	b.Reset()
	b.selectApplet(coreInstance)
	again := unhex(t, b.send(insCrypto, 6, 0, message...))
	assert.True(t, ecdsa.VerifyASN1(key, digest[:], again[:len(again)-2]),
		"the key outlives a reset")
}
