package engine

import (
	"crypto"
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// seeded is a source of bytes that repeats.
func seeded(seed uint64) *rand.ChaCha8 {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	return rand.NewChaCha8(key)
}

func standardCurve(t require.TestingT, s elliptic.Curve) *Curve {
	p := s.Params()
	a := new(big.Int).Sub(p.P, big.NewInt(3))
	size := (p.BitSize + 7) / 8
	g := append([]byte{4}, p.Gx.FillBytes(make([]byte, size))...)
	g = append(g, p.Gy.FillBytes(make([]byte, size))...)
	c, err := NewCurve(p.P.Bytes(), a.Bytes(), p.B.Bytes(), g, p.N.Bytes(), 1)
	require.NoError(t, err)
	return c
}

// secp192r1 of SEC 2, which Go does not have, so that the generic code runs.
func curveP192(t *testing.T) *Curve {
	c, err := NewCurve(
		unhex("fffffffffffffffffffffffffffffffeffffffffffffffff"),
		unhex("fffffffffffffffffffffffffffffffefffffffffffffffc"),
		unhex("64210519e59c80e70fa7e9ab72243049feb8deecc146b9b1"),
		unhex("04188da80eb03090f67cbf20eb43a18800f4ff0afd82ff101207192b95ffc8da78631011ed6b"+
			"24cdd573f977a11e794811"),
		unhex("ffffffffffffffffffffffff99def836146bc9b1b4d22831"), 1)
	require.NoError(t, err)
	require.Nil(t, c.standard)
	return c
}

// The vectors of RFC 6979 §A.2.3 (P-192), §A.2.5 (P-256) and §A.2.6 (P-384).
func TestSignGivesTheSignaturesOfRFC6979(t *testing.T) {
	for _, v := range []struct {
		name, private, message, r, s string
		curve                        *Curve
		hash                         crypto.Hash
	}{
		{"P-192 SHA-1", "6fab034934e4c0fc9ae67f5b5659a9d7d1fefd187ee09fd4", "sample",
			"98c6bd12b23eaf5e2a2045132086be3eb8ebd62abf6698ff",
			"57a22b07dea9530f8de9471b1dc6624472e8e2844bc25b64", curveP192(t), crypto.SHA1},
		{"P-192 SHA-256", "6fab034934e4c0fc9ae67f5b5659a9d7d1fefd187ee09fd4", "sample",
			"4b0b8ce98a92866a2820e20aa6b75b56382e0f9bfd5ecb55",
			"ccdb006926ea9565cbadc840829d8c384e06de1f1e381b85", curveP192(t), crypto.SHA256},
		{"P-256 SHA-256", "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
			"sample",
			"efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
			"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
			standardCurve(t, elliptic.P256()), crypto.SHA256},
		{"P-256 SHA-512", "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
			"test",
			"461d93f31b6540894788fd206c07cfa0cc35f46fa3c91816fff1040ad1581a04",
			"39af9f15de0db8d97e72719c74820d304ce5226e32dedae67519e840d1194e55",
			standardCurve(t, elliptic.P256()), crypto.SHA512},
	} {
		t.Run(v.name, func(t *testing.T) {
			key, err := v.curve.NewPrivateKey(unhex(v.private))
			require.NoError(t, err)
			digest := v.hash.New()
			digest.Write([]byte(v.message))
			sum := digest.Sum(nil)
			signature, err := key.Sign(v.hash, sum)
			require.NoError(t, err)
			var parsed ecdsaSignature
			_, err = asn1.Unmarshal(signature, &parsed)
			require.NoError(t, err)
			assert.Equal(t, v.r, hex.EncodeToString(parsed.R.FillBytes(make([]byte, len(v.r)/2))))
			assert.Equal(t, v.s, hex.EncodeToString(parsed.S.FillBytes(make([]byte, len(v.s)/2))))
		})
	}
}

// brainpoolP256r1 is the curve of RFC 5639 §3.4.
func brainpoolP256r1(t *testing.T) *Curve {
	c, err := NewCurve(
		unhex("a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377"),
		unhex("7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9"),
		unhex("26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6"),
		unhex("048bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262547ef835c3"+
			"dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997"),
		unhex("a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7"), 1)
	require.NoError(t, err)
	return c
}

// RFC 7027 §A.1, brainpoolP256r1.
func TestSharedSecretOfRFC7027(t *testing.T) {
	c := brainpoolP256r1(t)
	a, err := c.NewPrivateKey(
		unhex("81db1ee100150ff2ea338d708271be38300cb54241d79950f77b063039804f1d"))
	require.NoError(t, err)
	b, err := c.NewPrivateKey(
		unhex("55e40bc41e37e3e2ad25c3c6654511ffa8474a91a0032087593852d3e7d76bd3"))
	require.NoError(t, err)
	const z = "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b"
	pointA, err := a.PublicPoint()
	require.NoError(t, err)
	pointB, err := b.PublicPoint()
	require.NoError(t, err)
	assert.Equal(t, "44106e913f92bc02a1705d9953a8414db95e1aaa49e81d9e85f929a8e3100be5",
		hex.EncodeToString(pointA[1:33]))
	sharedA, err := a.SharedX(pointB)
	require.NoError(t, err)
	assert.Equal(t, z, hex.EncodeToString(sharedA))
	sharedB, err := b.SharedXWithCofactor(pointA)
	require.NoError(t, err)
	assert.Equal(t, z, hex.EncodeToString(sharedB))
}

// ICAO Doc 9303-11 appendix G.1, brainpoolP256r1: the nonce and the agreed point map
// the base point to another.
func TestGenericMappingOfDoc9303(t *testing.T) {
	c := brainpoolP256r1(t)
	nonce, err := c.NewPrivateKey(
		unhex("000000000000000000000000000000003f00c4d39d153f2b2a214a078d899b22"))
	require.NoError(t, err)
	mapped, err := nonce.MappedPoint(
		unhex("0460332ef2450b5d247ef6d3868397d398852ed6e8caf6ffeef6bf85ca57057fd5" +
			"0840ca7415baf3e43bd414d35aa4608b93a2caf3a4e3ea4e82c9c13d03eb7181"))
	require.NoError(t, err)
	assert.Equal(t, "048ced63c91426d4f0eb1435e7cb1d74a46723a0af21c89634f65a9ae87a9265e2"+
		"8c879506743f8611ac33645c5b985c80b5f09a0b83407c1b6a4d857ae76fe522",
		hex.EncodeToString(mapped))
	opposite, err := c.NewPrivateKey(unhex("01"))
	require.NoError(t, err)
	point, err := opposite.PublicPoint()
	require.NoError(t, err)
	size := c.FieldSize()
	new(big.Int).Sub(c.p, new(big.Int).SetBytes(point[1+size:])).FillBytes(point[1+size:])
	_, err = opposite.MappedPoint(point)
	assert.ErrorIs(t, err, ErrParameter, "the sum is the point at infinity")
}

// The generic code and Go's own must agree on every NIST curve.
func TestGenericCurveAgreesWithStandardLibrary(t *testing.T) {
	for _, s := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(),
		elliptic.P521()} {
		t.Run(s.Params().Name, func(t *testing.T) {
			fast, slow := standardCurve(t, s), standardCurve(t, s)
			require.NotNil(t, fast.standard)
			slow.standard = nil
			for seed := range uint64(4) {
				source := seeded(seed)
				scalar, err := fast.GenerateScalar(source)
				require.NoError(t, err)
				fastKey, err := fast.NewPrivateKey(scalar)
				require.NoError(t, err)
				slowKey, err := slow.NewPrivateKey(scalar)
				require.NoError(t, err)
				fastPoint, err := fastKey.PublicPoint()
				require.NoError(t, err)
				slowPoint, err := slowKey.PublicPoint()
				require.NoError(t, err)
				require.Equal(t, fastPoint, slowPoint)

				digest := make([]byte, 32)
				source.Read(digest)
				fastSignature, err := fastKey.Sign(crypto.SHA256, digest)
				require.NoError(t, err)
				slowSignature, err := slowKey.Sign(crypto.SHA256, digest)
				require.NoError(t, err)
				require.Equal(t, fastSignature, slowSignature)

				slowPublic, err := slow.NewPublicKey(slowPoint)
				require.NoError(t, err)
				require.True(t, slowPublic.Verify(digest, fastSignature))
				digest[0] ^= 1
				require.False(t, slowPublic.Verify(digest, fastSignature))

				other, err := fast.GenerateScalar(source)
				require.NoError(t, err)
				otherKey, err := fast.NewPrivateKey(other)
				require.NoError(t, err)
				otherPoint, err := otherKey.PublicPoint()
				require.NoError(t, err)
				fastShared, err := fastKey.SharedX(otherPoint)
				require.NoError(t, err)
				slowShared, err := slowKey.SharedX(otherPoint)
				require.NoError(t, err)
				require.Equal(t, fastShared, slowShared)
			}
		})
	}
}

func TestImpossibleKeysAreRefused(t *testing.T) {
	c := standardCurve(t, elliptic.P256())
	size := c.FieldSize()
	offCurve := make([]byte, 1+2*size)
	offCurve[0] = 4
	offCurve[size] = 1
	for name, point := range map[string][]byte{"empty": nil, "compressed": make([]byte, 1+size),
		"off the curve": offCurve} {
		_, err := c.NewPublicKey(point)
		assert.ErrorIs(t, err, ErrParameter, name)
	}
	for name, scalar := range map[string][]byte{"zero": make([]byte, size),
		"the order": c.n.Bytes(), "above": append([]byte{1}, make([]byte, size)...)} {
		_, err := c.NewPrivateKey(scalar)
		assert.ErrorIs(t, err, ErrParameter, name)
	}
	_, err := NewCurve(c.p.Bytes(), []byte{1}, c.b.Bytes(), offCurve, c.n.Bytes(), 1)
	assert.ErrorIs(t, err, ErrParameter)
}

func TestSeedRepeatsKeys(t *testing.T) {
	c := standardCurve(t, elliptic.P256())
	first, err := c.GenerateScalar(seeded(7))
	require.NoError(t, err)
	again, err := c.GenerateScalar(seeded(7))
	require.NoError(t, err)
	other, err := c.GenerateScalar(seeded(8))
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.NotEqual(t, first, other)
}

func BenchmarkSignP256(b *testing.B) {
	key, digest, _ := benchmarkKey(b)
	for b.Loop() {
		if _, err := key.Sign(crypto.SHA256, digest); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyP256(b *testing.B) {
	key, digest, public := benchmarkKey(b)
	signature, err := key.Sign(crypto.SHA256, digest)
	require.NoError(b, err)
	for b.Loop() {
		if !public.Verify(digest, signature) {
			b.Fatal("a good signature was refused")
		}
	}
}

func BenchmarkParsePublicKeyP256(b *testing.B) {
	key, _, public := benchmarkKey(b)
	point, err := key.PublicPoint()
	require.NoError(b, err)
	for b.Loop() {
		if _, err := public.curve.NewPublicKey(point); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkKey(b *testing.B) (*ECPrivateKey, []byte, *ECPublicKey) {
	c := standardCurve(b, elliptic.P256())
	scalar, err := c.GenerateScalar(seeded(1))
	require.NoError(b, err)
	key, err := c.NewPrivateKey(scalar)
	require.NoError(b, err)
	point, err := key.PublicPoint()
	require.NoError(b, err)
	public, err := c.NewPublicKey(point)
	require.NoError(b, err)
	return key, make([]byte, 32), public
}

// Signatures that no correct signer makes, in the manner of Wycheproof's ecdsa tests:
// both codes must refuse them.
func TestMalformedSignaturesAreRefused(t *testing.T) {
	for name, c := range map[string]*Curve{"Go's code": standardCurve(t, elliptic.P256()),
		"generic code": curveP192(t)} {
		t.Run(name, func(t *testing.T) {
			scalar, err := c.GenerateScalar(seeded(2))
			require.NoError(t, err)
			key, err := c.NewPrivateKey(scalar)
			require.NoError(t, err)
			point, err := key.PublicPoint()
			require.NoError(t, err)
			public, err := c.NewPublicKey(point)
			require.NoError(t, err)
			digest := make([]byte, 32)
			digest[0] = 1
			good, err := key.Sign(crypto.SHA256, digest)
			require.NoError(t, err)
			require.True(t, public.Verify(digest, good))

			var parsed ecdsaSignature
			_, err = asn1.Unmarshal(good, &parsed)
			require.NoError(t, err)
			with := func(r, s *big.Int) []byte {
				out, err := asn1.Marshal(ecdsaSignature{r, s})
				require.NoError(t, err)
				return out
			}
			zero, one := new(big.Int), big.NewInt(1)
			longLength := append([]byte{0x30, 0x81, good[1]}, good[2:]...)
			indefinite := append(append([]byte{0x30, 0x80}, good[2:]...), 0, 0)
			paddedR := append([]byte{0x30, good[1] + 1, 2, good[3] + 1, 0}, good[4:]...)
			for name, bad := range map[string][]byte{
				"empty": nil, "r is zero": with(zero, parsed.S), "s is zero": with(parsed.R, zero),
				"both are zero": with(zero, zero),
				"both are one":  with(one, one), "r is n": with(c.n, parsed.S),
				"s is n":            with(parsed.R, c.n),
				"r and n":           with(new(big.Int).Add(parsed.R, c.n), parsed.S),
				"s and n":           with(parsed.R, new(big.Int).Add(parsed.S, c.n)),
				"r is negative":     with(new(big.Int).Neg(parsed.R), parsed.S),
				"s is negative":     with(parsed.R, new(big.Int).Neg(parsed.S)),
				"r and s exchanged": with(parsed.S, parsed.R),
				"a byte follows":    append(append([]byte{}, good...), 0),
				"cut":               good[:len(good)-1], "length in long form": longLength,
				"indefinite length": indefinite, "r with a zero too many": paddedR,
			} {
				assert.False(t, public.Verify(digest, bad), name)
			}
		})
	}
}
