package pin

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/cmac"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

func TestBlock(t *testing.T) {
	for _, c := range []struct{ digits, block string }{
		{"1234", "241234ffffffffff"},
		{"12345", "2512345fffffffff"},
		{"123456789012", "2c123456789012ff"},
	} {
		b, err := NewBlock(c.digits)
		require.NoError(t, err)
		assert.Equal(t, c.block, hex.EncodeToString(b[:]))
		for _, verb := range []string{"%v", "%s", "%x", "%X", "%d", "%+v", "%#v", "%q"} {
			assert.Equal(t, "PIN block", fmt.Sprintf(verb, b))
		}
	}
	for _, wrong := range []string{"", "123", "1234567890123", "12a4", "12 4", "１２３４"} {
		_, err := NewBlock(wrong)
		assert.ErrorIs(t, err, ErrPIN)
	}
	_, err := NewPUKBlock("12345678")
	require.NoError(t, err)
	_, err = NewPUKBlock("1234567")
	assert.ErrorIs(t, err, ErrPIN)
}

func cbcDecrypt(t require.TestingT, key, iv, b []byte) []byte {
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	out := make([]byte, len(b))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, b)
	return out
}

var genBlock = rapid.Custom(func(t *rapid.T) Block {
	b, err := NewBlock(rapid.StringMatching(`[0-9]{4,12}`).Draw(t, "digits"))
	require.NoError(t, err)
	return b
})

// The card's side of the enciphered PIN, step by step as in the reference.
func TestEncipheredPINOpensOnTheCard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scalar := rapid.SliceOfN(rapid.Byte(), 32, 32).Filter(func(b []byte) bool {
			_, err := ecdh.P256().NewPrivateKey(b)
			return err == nil
		}).Draw(t, "card key")
		card, err := ecdh.P256().NewPrivateKey(scalar)
		require.NoError(t, err)
		public, err := signature.ParsePoint(card.PublicKey().Bytes())
		require.NoError(t, err)
		challenge := [8]byte(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "challenge"))
		blocks := rapid.SliceOfN(genBlock, 1, 2).Draw(t, "blocks")
		random := rapid.SliceOfN(rapid.Byte(), 256, 256).Draw(t, "random")
		random[0] = 1
		data, err := Encipher(bytes.NewReader(random), public, challenge, blocks...)
		require.NoError(t, err)
		again, err := Encipher(bytes.NewReader(random), public, challenge, blocks...)
		require.NoError(t, err)
		require.Equal(t, data, again, "the same randomness gives the same bytes")

		r := tlv.NewReader(data)
		point, err := r.Expect(spec.TagPoint)
		require.NoError(t, err)
		cryptogram, err := r.Expect(spec.TagCryptogram)
		require.NoError(t, err)
		mac, err := r.Expect(spec.TagMAC)
		require.NoError(t, err)
		require.NoError(t, r.End())
		ephemeral, err := ecdh.P256().NewPublicKey(point.Value)
		require.NoError(t, err)
		z, err := card.ECDH(ephemeral)
		require.NoError(t, err)
		encKey := sha256.Sum256(append(bytes.Clone(z), 0, 0, 0, 1))
		macKey := sha256.Sum256(append(bytes.Clone(z), 0, 0, 0, 2))
		require.True(t, cmac.Verify(macKey[:16], mac.Value, point.Raw, cryptogram.Raw))
		require.Len(t, mac.Value, 8)
		plain := append(bytes.Clone(blocks[0][:]), challenge[:]...)
		if len(blocks) == 2 {
			plain = append(append(plain, blocks[1][:]...), 0, 0, 0, 0, 0, 0, 0, 0)
		}
		require.Equal(t, plain, cbcDecrypt(t, encKey[:16], make([]byte, 16), cryptogram.Value))
	})
}

func TestEncipherRefuses(t *testing.T) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), 5))
	require.NoError(t, err)
	b, err := NewBlock("1234")
	require.NoError(t, err)
	_, err = Encipher(bytes.NewReader(nil), &key.PublicKey, [8]byte{}, b)
	assert.ErrorContains(t, err, "the source of randomness failed")
	_, err = Encipher(bytes.NewReader(make([]byte, 1000)), &key.PublicKey, [8]byte{}, b)
	assert.ErrorContains(t, err, "no P-256 scalar")
	_, err = Encipher(bytes.NewReader([]byte{1}), &key.PublicKey, [8]byte{})
	assert.Error(t, err)
	_, err = Encipher(bytes.NewReader([]byte{1}), nil, [8]byte{}, b)
	assert.Error(t, err)
}

// keyAnswer makes the answer as a card does.
func keyAnswer(t *testing.T, token Token, device message.DeviceID, signing, pin []byte) []byte {
	t.Helper()
	macKey, err := cmac.Sum(token[:], []byte("\x01EKRONA-MAC"))
	require.NoError(t, err)
	mac, err := cmac.Sum(macKey[:], []byte(device), signing, pin)
	require.NoError(t, err)
	var out []byte
	for _, point := range [][]byte{signing, pin} {
		inner, err := tlv.Append(nil, 0x86, point)
		require.NoError(t, err)
		out, err = tlv.Append(out, 0x7F49, inner)
		require.NoError(t, err)
	}
	out, err = tlv.Append(out, 0x8E, mac[:])
	require.NoError(t, err)
	return out
}

func TestKeyAnswerIsTiedToTokenAndDevice(t *testing.T) {
	var points [2][]byte
	for i := range points {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), byte(i+5)))
		require.NoError(t, err)
		points[i], err = signature.Point(&key.PublicKey)
		require.NoError(t, err)
	}
	token := Token{9, 8, 7}
	answer := keyAnswer(t, token, "SENORDIC00000001", points[0], points[1])
	keys, err := token.VerifyKeyAnswer("SENORDIC00000001", answer)
	require.NoError(t, err)
	got, err := signature.Point(keys.Signing)
	require.NoError(t, err)
	assert.Equal(t, points[0], got)
	got, err = signature.Point(keys.PIN)
	require.NoError(t, err)
	assert.Equal(t, points[1], got)
	_, err = token.VerifyKeyAnswer("SENORDIC00000002", answer)
	assert.ErrorIs(t, err, ErrKeyAnswer)
	_, err = Token{1}.VerifyKeyAnswer("SENORDIC00000001", answer)
	assert.ErrorIs(t, err, ErrKeyAnswer)
	_, err = token.VerifyKeyAnswer("SENORDIC00000001",
		keyAnswer(t, token, "SENORDIC00000001", points[0], make([]byte, 65)))
	assert.ErrorContains(t, err, "not a point")
	_, err = token.VerifyKeyAnswer("SENORDIC00000001", answer[:len(answer)-1])
	assert.ErrorIs(t, err, message.ErrMalformed)
	assert.Equal(t, "personalization token", fmt.Sprintf("%x", token))
}

func TestFirstPINOpensOnTheCard(t *testing.T) {
	token, iv := Token{1, 2, 3}, [16]byte{4, 5, 6}
	pinBlock, err := NewBlock("1234")
	require.NoError(t, err)
	pukBlock, err := NewPUKBlock("87654321")
	require.NoError(t, err)
	data, err := token.FirstPIN(iv, pinBlock, pukBlock, 9, 2)
	require.NoError(t, err)
	low, high := spec.SizeOf(spec.PINLoad)
	assert.Equal(t, low, high)
	require.Len(t, data, low)
	encKey, err := cmac.Sum(token[:], []byte("\x02EKRONA-ENC"))
	require.NoError(t, err)
	macKey, err := cmac.Sum(token[:], []byte("\x01EKRONA-MAC"))
	require.NoError(t, err)
	assert.Equal(t, append(pinBlock[:], pukBlock[:]...),
		cbcDecrypt(t, encKey[:], iv[:], data[20:36]))
	assert.True(t, cmac.Verify(macKey[:], data[47:], data[:45]))
}

// The key stays whole for everybody else who uses it, such as the reader beside.
func TestBatchKeyLeavesTheKey(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	held, err := key.Bytes()
	require.NoError(t, err)
	before := slices.Clone(held)
	_, err = Token{1}.BatchKey([spec.IVLength]byte{}, key)
	require.NoError(t, err)
	require.Equal(t, before, held)
}

func TestBatchKeyOpensOnTheCard(t *testing.T) {
	token, iv := Token{1, 2, 3}, [16]byte{4, 5, 6}
	scalar := append(make([]byte, 31), 7)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	require.NoError(t, err)
	point, err := signature.Point(&key.PublicKey)
	require.NoError(t, err)
	data, err := token.BatchKey(iv, key)
	require.NoError(t, err)
	low, high := spec.SizeOf(spec.BatchLoad)
	assert.Equal(t, low, high)
	require.Len(t, data, low)
	encKey, err := cmac.Sum(token[:], []byte("\x02EKRONA-ENC"))
	require.NoError(t, err)
	macKey, err := cmac.Sum(token[:], []byte("\x01EKRONA-MAC"))
	require.NoError(t, err)
	assert.Equal(t, point, data[20:85])
	assert.Equal(t, scalar, cbcDecrypt(t, encKey[:], iv[:], data[87:119]))
	assert.True(t, cmac.Verify(macKey[:], data[121:], data[:119]))
}
