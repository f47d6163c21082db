package engine

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/vectors/iso9796_2_sha1.txt
var iso9796Vectors string

// held is what a signature of a key of so many bytes holds of a message.
func held(message []byte, size int) RecoverableMessage {
	digest := sha1.Sum(message)
	first := min(len(message), ISO9796Capacity(size, crypto.SHA1))
	return RecoverableMessage{First: message[:first], Whole: first == len(message),
		Digest: digest[:]}
}

func TestISO9796OfBouncyCastle(t *testing.T) {
	var private *RSAPrivateKey
	var public *RSAPublicKey
	seen := 0
	for line := range strings.Lines(iso9796Vectors) {
		words := strings.Fields(line)
		switch words[0] {
		case "#":
		case "key":
			var bits int
			_, err := fmt.Sscan(words[1], &bits)
			require.NoError(t, err)
			even := func(i int) []byte {
				return unhex(strings.Repeat("0", len(words[i])%2) + words[i])
			}
			private, err = NewRSAPrivateKey(bits, even(2), even(4))
			require.NoError(t, err)
			public, err = NewRSAPublicKey(bits, even(2), even(3))
			require.NoError(t, err)
		default:
			var length, first int
			var whole bool
			var signature string
			_, err := fmt.Sscan(line, &length, &first, &whole, &signature)
			require.NoError(t, err)
			message := make([]byte, length)
			for i := range message {
				message[i] = byte(7*i + length)
			}
			want := held(message, private.Size())
			assert.Equal(t, []any{first, whole}, []any{len(want.First), want.Whole}, line)
			made, err := private.SignISO9796(crypto.SHA1, want)
			require.NoError(t, err)
			assert.Equal(t, signature, hex.EncodeToString(made), line)
			found, err := public.RecoverISO9796(crypto.SHA1, unhex(signature))
			require.NoError(t, err)
			assert.Equal(t, want, found, line)
			seen++
		}
	}
	assert.Equal(t, 16, seen)
}

// INTERNAL AUTHENTICATE of a travel document with a challenge of eight zeros (ICAO Doc 9303-11
// §6.1): BouncyCastle's ISO9796Test, doTest13.
func TestISO9796OfATravelDocument(t *testing.T) {
	modulus := unhex("CDCBDABBF93BE8E8294E32B055256BBD0397735189BF75816341BB0D488D05D627991221DF7D5983" +
		"5C76A4BB4808ADEEB779E7794504E956ADC2A661B46904CDC71337DD29DDDD454124EF79CFDD7BC2" +
		"C21952573CEFBA485CC38C6BD2428809B5A31A898A6B5648CAA4ED678D9743B589134B7187478996" +
		"300EDBA16271A861")
	signature := unhex("482E20D1EDDED34359C38F5E7C01203F9D6B2641CDCA5C404D49ADAEDE034C7481D781D043722587" +
		"761C90468DE69C6585A1E8B9C322F90E1B580EEDAB3F6007D0C366CF92B4DB8B41C8314929DCE2BE" +
		"889C0129123484D2FD3D12763D2EBFD12AC8E51D7061AFCA1A53DEDEC7B9A617472A78C952CCC724" +
		"67AE008E5F132994")
	private, err := NewRSAPrivateKey(1024, modulus, unhex("4BA6432AD42C74AA5AFCB6DF60FD57846CBC909489994ABD9C59FE439CC6D23D6DE2F3EA65B8335E"+
		"796FD7904CA37C248367997257AFBD82B26F1A30525C447A236C65E6ADE43ECAAF7283584B2570FA"+
		"07B340D9C9380D88EAACFFAEEFE7F472DBC9735C3FF3A3211E8A6BBFD94456B6A33C17A2C4EC18CE"+
		"6335150548ED126D"))
	require.NoError(t, err)
	public, err := NewRSAPublicKey(1024, modulus, []byte{1, 0, 1})
	require.NoError(t, err)
	found, err := public.RecoverISO9796(crypto.SHA1, signature)
	require.NoError(t, err)
	assert.Len(t, found.First, 106)
	assert.False(t, found.Whole)
	message := append(bytes.Clone(found.First), make([]byte, 8)...)
	assert.Equal(t, held(message, 128), found)
	made, err := private.SignISO9796(crypto.SHA1, found)
	require.NoError(t, err)
	assert.Equal(t, signature, made)
}

// What is not formed as the standard says is refused, each byte of it by itself.
func TestISO9796RefusesOtherForms(t *testing.T) {
	pair, err := GenerateRSA(rand.Reader, 512, []byte{1, 0, 1})
	require.NoError(t, err)
	private, err := NewRSAPrivateKey(512, pair.Modulus, pair.PrivateExponent)
	require.NoError(t, err)
	public, err := NewRSAPublicKey(512, pair.Modulus, pair.PublicExponent)
	require.NoError(t, err)
	formed := func(start ...byte) []byte {
		return append(append(start, make([]byte, 64-1-len(start))...), isoTrailer)
	}
	for _, c := range []struct {
		name  string
		block []byte
		fails bool
	}{
		{"full, without padding", formed(0x4A), false},
		{"full, padded", formed(0x4B, 0xBB, 0xBA), false},
		{"partial", formed(0x6A), false},
		{"no header", formed(0x0A), true},
		{"another bit of the header", formed(0x5A), true},
		{"padding that does not end", formed(bytes.Repeat([]byte{0xBB}, 63)...), true},
		{"padding of another half byte", formed(0x4B, 0xAB, 0xBA), true},
		{"padding that ends by another", formed(0x4B, 0xBC), true},
		{"no padding", formed(0x40), true},
		{"the trailer of a named digest", append(formed(0x6A)[:62], 0x33, 0xCC), true},
	} {
		if c.name == "padding that does not end" {
			c.block[0] = 0x4B
		}
		signature, err := private.Apply(c.block)
		require.NoError(t, err, c.name)
		_, err = public.RecoverISO9796(crypto.SHA1, signature)
		assert.Equal(t, c.fails, err != nil, "%s: %v", c.name, err)
	}
	_, err = public.RecoverISO9796(crypto.SHA1, make([]byte, 63))
	assert.ErrorIs(t, err, ErrLength)
	digest := make([]byte, 20)
	for name, wrong := range map[string]RecoverableMessage{
		"more than there is room for":  {First: make([]byte, 43), Whole: true, Digest: digest},
		"a part that leaves room":      {First: make([]byte, 41), Digest: digest},
		"a digest of another function": {Whole: true, Digest: make([]byte, 32)},
	} {
		_, err = private.SignISO9796(crypto.SHA1, wrong)
		assert.ErrorIs(t, err, ErrLength, name)
	}
}
