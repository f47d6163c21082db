package engine

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type rsaFixture struct {
	public       *RSAPublicKey
	private, crt *RSAPrivateKey
	standard     *rsa.PrivateKey
}

func newRSAFixture(t *testing.T) rsaFixture {
	pair, err := GenerateRSA(seeded(3), 1024, []byte{1, 0, 1})
	require.NoError(t, err)
	var f rsaFixture
	f.public, err = NewRSAPublicKey(1024, pair.Modulus, pair.PublicExponent)
	require.NoError(t, err)
	f.private, err = NewRSAPrivateKey(1024, pair.Modulus, pair.PrivateExponent)
	require.NoError(t, err)
	f.crt, err = NewRSAPrivateCRTKey(1024, pair.P, pair.Q, pair.DP, pair.DQ, pair.Inverse)
	require.NoError(t, err)
	f.standard = &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: f.public.n, E: 65537}, D: f.private.d,
		Primes: []*big.Int{f.crt.p, f.crt.q},
	}
	require.NoError(t, f.standard.Validate())
	return f
}

// Signatures and paddings must be those of Go's crypto/rsa, in both directions.
func TestRSAAgreesWithStandardLibrary(t *testing.T) {
	f := newRSAFixture(t)
	message := []byte("message")
	digest := sha256.Sum256(message)

	for name, key := range map[string]*RSAPrivateKey{"exponent": f.private, "CRT": f.crt} {
		t.Run(name, func(t *testing.T) {
			signature, err := key.SignPKCS1(crypto.SHA256, digest[:])
			require.NoError(t, err)
			assert.NoError(t, rsa.VerifyPKCS1v15(&f.standard.PublicKey, crypto.SHA256, digest[:],
				signature))
			assert.True(t, f.public.VerifyPKCS1(crypto.SHA256, digest[:], signature))
			signature[5] ^= 1
			assert.False(t, f.public.VerifyPKCS1(crypto.SHA256, digest[:], signature))

			signature, err = key.SignPSS(seeded(4), crypto.SHA256, digest[:])
			require.NoError(t, err)
			assert.NoError(t, rsa.VerifyPSS(&f.standard.PublicKey, crypto.SHA256, digest[:],
				signature, &rsa.PSSOptions{SaltLength: 32}))
			assert.True(t, f.public.VerifyPSS(crypto.SHA256, digest[:], signature))
			signature[5] ^= 1
			assert.False(t, f.public.VerifyPSS(crypto.SHA256, digest[:], signature))

			enciphered, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &f.standard.PublicKey,
				message, nil)
			require.NoError(t, err)
			block, err := key.Apply(enciphered)
			require.NoError(t, err)
			out, err := UnpadOAEP(crypto.SHA1, block)
			require.NoError(t, err)
			assert.Equal(t, message, out)
		})
	}

	block, err := PadOAEP(seeded(5), crypto.SHA1, message, f.public.Size())
	require.NoError(t, err)
	enciphered, err := f.public.Apply(block)
	require.NoError(t, err)
	out, err := rsa.DecryptOAEP(sha1.New(), nil, f.standard, enciphered, nil)
	require.NoError(t, err)
	assert.Equal(t, message, out)

	block, err = PadPKCS1(seeded(5), message, f.public.Size())
	require.NoError(t, err)
	unpadded, err := UnpadPKCS1(block)
	require.NoError(t, err)
	assert.Equal(t, message, unpadded)
	enciphered, err = f.public.Apply(block)
	require.NoError(t, err)
	out, err = rsa.DecryptPKCS1v15(nil, f.standard, enciphered)
	require.NoError(t, err)
	assert.Equal(t, message, out)
}

func TestRSARefusesWhatDoesNotFit(t *testing.T) {
	f := newRSAFixture(t)
	_, err := f.public.Apply(f.public.n.Bytes())
	assert.ErrorIs(t, err, ErrLength)
	_, err = PadPKCS1(seeded(1), make([]byte, 118), 128)
	assert.ErrorIs(t, err, ErrLength)
	_, err = PadOAEP(seeded(1), crypto.SHA1, make([]byte, 87), 128)
	assert.ErrorIs(t, err, ErrLength)
	_, err = UnpadPKCS1(make([]byte, 128))
	assert.ErrorIs(t, err, ErrPadding)
	_, err = UnpadOAEP(crypto.SHA1, make([]byte, 128))
	assert.ErrorIs(t, err, ErrPadding)
	_, err = NewRSAPublicKey(1024, make([]byte, 128), []byte{3})
	assert.ErrorIs(t, err, ErrParameter)
	_, err = NewRSAPrivateKey(1024, append([]byte{1}, make([]byte, 128)...), []byte{3})
	assert.ErrorIs(t, err, ErrParameter, "longer than the key")
	_, err = GenerateRSA(seeded(1), 1024, []byte{4})
	assert.ErrorIs(t, err, ErrParameter)
}

// Libraries for big numbers on cards take powers modulo an even number, or one that is
// shorter than the key.
func TestBareRSAForAnyModulus(t *testing.T) {
	modulus := []byte{0x01, 0x23, 0x45, 0x66}
	private, err := NewRSAPrivateKey(512, modulus, []byte{2})
	require.NoError(t, err)
	square, err := private.Apply([]byte{0x12, 0x34, 0x56})
	require.NoError(t, err)
	expected := new(big.Int).Exp(big.NewInt(0x123456), big.NewInt(2), big.NewInt(0x01234566))
	assert.Equal(t, expected.FillBytes(make([]byte, 64)), square,
		"an answer has the length of the key")
}
