package cvc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

func testKey(t testing.TB, scalar byte) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(make([]byte, 31), scalar))
	require.NoError(t, err)
	return key
}

func day(t testing.TB, s string) message.Date {
	t.Helper()
	d, err := message.ParseDate(s)
	require.NoError(t, err)
	return d
}

// issue makes a certificate of one year, signed by signer.
func issue(
	t testing.TB, role spec.Role, authority message.AuthorityRef, h Holder,
	key, signer *ecdsa.PrivateKey,
) *Certificate {
	t.Helper()
	c := &Certificate{
		Authority: authority, PublicKey: &key.PublicKey, Holder: h, Role: role,
		Effective: day(t, "2026-01-01"), Expiry: day(t, "2026-12-31"),
	}
	require.NoError(t, c.Sign(signer))
	return c
}

const (
	rootRef = "SERIKSBK00001"
	caRef   = "SENORDIC00001"
)

func TestChain(t *testing.T) {
	rootKey, caKey, cardKey := testKey(t, 1), testKey(t, 2), testKey(t, 3)
	root := issue(t, spec.RoleRoot, rootRef, rootRef, rootKey, rootKey)
	ca := issue(t, spec.RoleIntermediary, rootRef, caRef, caKey, rootKey)
	card := issue(t, spec.RoleCard, caRef, "SENORDIC00000001", cardKey, caKey)
	require.NoError(t, root.VerifyBy(root))
	require.NoError(t, VerifyChain(day(t, "2026-06-01"), card, ca, root))
	require.NoError(t, VerifyChain(day(t, "2026-12-31"), card, ca, root), "the last day counts")
	for _, c := range []struct {
		name  string
		day   string
		chain []*Certificate
		want  error
	}{
		{"expired", "2027-01-01", []*Certificate{card, ca, root}, ErrExpired},
		{"not yet valid", "2025-12-31", []*Certificate{card, ca, root}, ErrExpired},
		{"CA left out", "2026-06-01", []*Certificate{card, root}, ErrIssuer},
		{"nothing to verify by", "2026-06-01", []*Certificate{card}, ErrIssuer},
		{"signed by another key", "2026-06-01",
			[]*Certificate{issue(t, spec.RoleCard, caRef, "SENORDIC00000001", cardKey, rootKey), ca,
				root}, ErrSignature},
		{"device of another name", "2026-06-01",
			[]*Certificate{issue(t, spec.RoleCard, caRef, "SEFJORDB00000001", cardKey, caKey), ca,
				root}, ErrIssuer},
		{"instruction key by a CA", "2026-06-01",
			[]*Certificate{issue(t, spec.RoleInstructionKey, caRef, "SENORDIC00002", cardKey,
				caKey), ca, root}, ErrIssuer},
		{"device by the root", "2026-06-01",
			[]*Certificate{issue(t, spec.RoleCard, rootRef, "SERIKSBK00000001", cardKey, rootKey),
				root}, ErrIssuer},
		{"card by a card", "2026-06-01",
			[]*Certificate{issue(t, spec.RoleCard, caRef, "SENORDIC00000002", cardKey, cardKey),
				card, ca, root}, ErrIssuer},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.ErrorIs(t, VerifyChain(day(t, c.day), c.chain...), c.want)
		})
	}
}

// Every pair of roles: exactly what the table allows is allowed.
func TestIssuingRules(t *testing.T) {
	for _, issuer := range spec.Roles {
		for _, subject := range spec.Roles {
			h := Holder("SENORDIC00002")
			if subject.Role.IsDevice() {
				h = "SENORDIC00000002"
			}
			err := (&Certificate{Role: subject.Role, Authority: caRef,
				Holder: h}).CheckIssuer(&Certificate{Role: issuer.Role, Holder: caRef})
			allowed := issuer.Role == spec.RoleRoot && !subject.Role.IsDevice() ||
				issuer.Role == spec.RoleIntermediary && subject.Role.IsDevice()
			if allowed {
				assert.NoError(t, err, "%v by %v", subject.Role, issuer.Role)
			} else {
				assert.ErrorIs(t, err, ErrIssuer, "%v by %v", subject.Role, issuer.Role)
			}
		}
	}
}

func TestLinkAndInstructionKey(t *testing.T) {
	oldKey, newKey := testKey(t, 1), testKey(t, 4)
	root := issue(t, spec.RoleRoot, rootRef, rootRef, oldKey, oldKey)
	link := issue(t, spec.RoleRoot, rootRef, "SERIKSBK00002", newKey, oldKey)
	assert.False(t, root.IsLink())
	assert.True(t, link.IsLink())
	require.NoError(t, link.VerifyBy(root))
	key := issue(t, spec.RoleInstructionKey, rootRef, "SENORDIC00007", newKey, oldKey)
	assert.NoError(t, key.MayInstruct("SENORDIC00000001"))
	assert.ErrorIs(t, key.MayInstruct("SEFJORDB00000001"), ErrIssuer)
	assert.ErrorIs(t, link.MayInstruct("SERIKSBK00000001"), ErrIssuer)
}

func TestAnchorIsTheHashOfTheBody(t *testing.T) {
	key := testKey(t, 1)
	root := issue(t, spec.RoleRoot, rootRef, rootRef, key, key)
	raw, err := root.Encode()
	require.NoError(t, err)
	anchor, err := root.Anchor()
	require.NoError(t, err)
	// 7F21 81 E9 | 7F4E 81 A2 ... | 5F37 40 ...
	assert.Equal(t, message.Hash(sha256.Sum256(raw[4:len(raw)-67])), anchor)
	root.Signature[0] ^= 1
	again, err := root.Anchor()
	require.NoError(t, err)
	assert.Equal(t, anchor, again)
}

var genCertificate = rapid.Custom(func(t *rapid.T) *Certificate {
	role := rapid.SampledFrom(spec.Roles).Draw(t, "role").Role
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(),
		append(make([]byte, 31), byte(rapid.IntRange(1, 255).Draw(t, "key"))))
	require.NoError(t, err)
	reference := rapid.StringMatching(`[A-Z0-9]{8}[0-9]{5}`)
	h := reference.Draw(t, "holder")
	if role.IsDevice() {
		h = rapid.StringMatching(`[A-Z0-9]{16}`).Draw(t, "device")
	}
	from, err := message.ParseDate("2000-01-01")
	require.NoError(t, err)
	from = from.AddDays(rapid.IntRange(0, 30000).Draw(t, "from"))
	return &Certificate{
		Authority: message.AuthorityRef(reference.Draw(t, "authority")), PublicKey: &key.PublicKey,
		Holder: Holder(h), Role: role,
		Effective: from, Expiry: from.AddDays(rapid.IntRange(0, 5000).Draw(t, "days")),
		Signature: signature.Plain(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature")),
	}
})

func TestCertificatesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := genCertificate.Draw(t, "certificate")
		raw, err := c.Encode()
		require.NoError(t, err)
		back, err := Parse(raw)
		require.NoError(t, err)
		require.Equal(t, c, back)
		require.Equal(t, c.Role.IsDevice() && c.Role != spec.RoleBatch, back.Device() != "")
		_, err = Parse(append(raw[:len(raw):len(raw)], 0))
		require.ErrorIs(t, err, ErrMalformed)
		_, err = Parse(raw[:rapid.IntRange(0, len(raw)-1).Draw(t, "cut")])
		require.ErrorIs(t, err, ErrMalformed)
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t,
			"flip"))
		if other, err := Parse(raw); err == nil {
			require.NotEqual(t, c, other)
		}
	})
}

func TestEncodeRefuses(t *testing.T) {
	key := testKey(t, 1)
	good := issue(t, spec.RoleCard, caRef, "SENORDIC00000001", key, key)
	for _, c := range []struct {
		name   string
		change func(*Certificate)
	}{
		{"ends before it begins", func(c *Certificate) { c.Expiry = c.Effective.AddDays(-1) }},
		{"no date", func(c *Certificate) { c.Effective = message.Date{} }},
		{"no key", func(c *Certificate) { c.PublicKey = nil }},
		{"device's holder with an authority's role",
			func(c *Certificate) { c.Role = spec.RoleNotary }},
		{"unknown role", func(c *Certificate) { c.Role = 0x77 }},
		{"authority too short", func(c *Certificate) { c.Authority = "SENORDIC1" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			broken := *good
			c.change(&broken)
			_, err := broken.Encode()
			assert.Error(t, err)
			assert.Error(t, broken.Sign(key))
		})
	}
}

// FuzzParse: whatever parses encodes to the same bytes.
func FuzzParse(f *testing.F) {
	for i := range 12 {
		raw, err := genCertificate.Example(i).Encode()
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			require.Nil(t, c)
			return
		}
		back, err := c.Encode()
		require.NoError(t, err)
		require.Equal(t, b, back)
	})
}
