package message

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

func TestEveryMessageRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genMessage.Draw(t, "message")
		raw, err := Encode(m)
		require.NoError(t, err)
		low, high := m.Layout().Size()
		require.GreaterOrEqual(t, len(raw), low)
		require.LessOrEqual(t, len(raw), high)
		back, err := parseAs(m.Layout(), raw)
		require.NoError(t, err)
		require.Equal(t, m, back)
		body, err := Body(m)
		require.NoError(t, err)
		in, err := BodyIn(raw)
		require.NoError(t, err)
		require.Equal(t, body, in)
	})
}

// A message is refused when a byte is missing or added, and one with a byte
// changed is refused or is another message.
func TestAlteredMessagesAreNotTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genMessage.Draw(t, "message")
		raw, err := Encode(m)
		require.NoError(t, err)
		_, err = parseAs(m.Layout(), append(raw[:len(raw):len(raw)], 0))
		require.ErrorIs(t, err, ErrMalformed)
		_, err = parseAs(m.Layout(), raw[:rapid.IntRange(0, len(raw)-1).Draw(t, "cut")])
		require.ErrorIs(t, err, ErrMalformed)
		changed := append([]byte{}, raw...)
		changed[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t,
			"flip"))
		other, err := parseAs(m.Layout(), changed)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			return
		}
		require.NotEqual(t, m, other)
	})
}

func TestSignAndVerify(t *testing.T) {
	key, other := testKey(t, 11), testKey(t, 12)
	rapid.Check(t, func(t *rapid.T) {
		m := genMessage.Draw(t, "message")
		before, err := Identity(m)
		require.NoError(t, err)
		keys := make([]*ecdsa.PublicKey, len(m.signatures()))
		for n := range keys {
			require.NoError(t, SignAs(m, n, key))
			keys[n] = &key.PublicKey
		}
		require.NoError(t, Verify(m, keys...))
		after, err := Identity(m)
		require.NoError(t, err)
		require.Equal(t, before, after, "the signature is no part of the identity")
		require.ErrorIs(t, VerifyAs(m, len(keys)-1, &other.PublicKey), ErrSignature)
		body, err := Body(m)
		require.NoError(t, err)
		require.NoError(t, VerifyBody(m, body, &key.PublicKey))
		require.ErrorIs(t, VerifyBody(m, body, &other.PublicKey), ErrSignature)
		require.ErrorIs(t, VerifyBody(m, body[1:], &key.PublicKey), ErrSignature)
		require.Error(t, Verify(m))
		require.Error(t, SignAs(m, len(keys), key))
		m.signatures()[0][5] ^= 1
		require.ErrorIs(t, Verify(m, keys...), ErrSignature)
	})
}

// Another version or algorithm is told from what is malformed, before anything else is
// looked at.
func TestOtherVersionsAreTold(t *testing.T) {
	request := func(version string) error {
		body, err := hex.DecodeString(fmt.Sprintf("e1%02x%s000000", len(version)/2+3, version))
		require.NoError(t, err)
		_, err = Parse[Request](body)
		return err
	}
	for version, says := range map[string]string{
		"c00101":     "REQUEST is of version 1, this program reads version 2: update",
		"c0020301":   "REQUEST is of version 3",
		"c0020001":   "REQUEST is of version 0",
		"c003030101": "REQUEST is of version 3",
		"c0020202":   "REQUEST is signed by algorithm 02, which this program does not know",
		"c0020200":   "REQUEST is signed by algorithm 00",
	} {
		err := request(version)
		var other *VersionError
		require.ErrorAs(t, err, &other, version)
		require.ErrorIs(t, err, ErrMalformed)
		assert.ErrorContains(t, err, says)
	}
	for _, malformed := range []string{"c0020201", "c00102", "c000", "c1020101", ""} {
		err := request(malformed)
		require.ErrorIs(t, err, ErrMalformed, malformed)
		require.NotErrorAs(t, err, new(*VersionError), malformed)
	}
}

// The layout on the wire, byte by byte, as a reader of the reference would build it.
func TestRequestOnTheWire(t *testing.T) {
	m := &Request{Payee: "SENORDIC00000001", Number: 7, Random: Random{1, 2, 3, 4, 5, 6, 7, 8},
		Amount: 12500, Payer: "SEFJORDB0000000A"}
	body, err := Body(m)
	require.NoError(t, err)
	assert.Equal(t, "e14e"+"c0020201"+"9f1c10"+hex.EncodeToString([]byte("SENORDIC00000001"))+
		"9f410400000007"+
		"9f371001020304050607080000000000000000"+"8104000030d4"+"5f2a020752"+"5a10"+
		hex.EncodeToString([]byte("SEFJORDB0000000A")), hex.EncodeToString(body))
	identity, err := Identity(m)
	require.NoError(t, err)
	assert.Equal(t, Hash(sha256.Sum256(body)), identity)
}

func TestEncodeRefuses(t *testing.T) {
	good := Request{Payee: "SENORDIC00000001", Amount: 1}
	for _, c := range []struct {
		name   string
		change func(*Request)
	}{
		{"amount zero", func(r *Request) { r.Amount = 0 }},
		{"no payee", func(r *Request) { r.Payee = "" }},
		{"payee too short", func(r *Request) { r.Payee = "SENORDIC0000001" }},
		{"payer in lower case", func(r *Request) { r.Payer = "senordic00000002" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := good
			c.change(&m)
			_, err := Encode(&m)
			assert.ErrorIs(t, err, ErrMalformed)
			assert.ErrorIs(t, Sign(&m, testKey(t, 3)), ErrMalformed)
		})
	}
	for _, bits := range []Actions{spec.ActionBlock | spec.ActionUnblock, 0x20} {
		_, err := Encode(&Instruction{InstructionKey: "SENORDIC00001", Notary: "SENOTARY00001",
			Device: "SENORDIC00000001",
			Date:   Date{1}, Actions: bits})
		assert.ErrorIs(t, err, ErrMalformed)
	}
	_, err := Encode(&State{Device: "SENORDIC00000001", ATC: 1, AckedATC: 2, LifeCycle: spec.Active,
		Date: Date{1}})
	assert.ErrorContains(t, err, "ACKED_ATC")
	_, err = Encode(&State{Device: "SENORDIC00000001", LifeCycle: spec.Active, Date: Date{1},
		OpenRequests: make([]OpenRequest, spec.MaxOpenRequests+1)})
	assert.ErrorContains(t, err, "OPEN_REQUESTS")
}

func TestReadLeavesTheRest(t *testing.T) {
	first, err := Encode(genPayment.Example(1))
	require.NoError(t, err)
	r := tlv.NewReader(append(first, 0x5A))
	_, err = Read[Payment](r)
	require.NoError(t, err)
	assert.Equal(t, []byte{0x5A}, r.Rest())
}

// FuzzParse: whatever parses encodes to the same bytes, and what does not parse
// gives nothing.
func FuzzParse(f *testing.F) {
	for i := range 24 {
		raw, err := Encode(genMessage.Example(i))
		require.NoError(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, layout := range spec.Messages {
			m, err := parseAs(layout, b)
			if err != nil {
				require.ErrorIs(t, err, ErrMalformed)
				require.Nil(t, m)
				continue
			}
			back, err := Encode(m)
			require.NoError(t, err)
			require.Equal(t, b, back)
		}
		if r, err := ParseRecord(b); err == nil {
			back, err := r.Encode()
			require.NoError(t, err)
			require.Equal(t, b, back)
		}
		if p, err := ParseInstallParameters(b); err == nil {
			back, err := p.Encode()
			require.NoError(t, err)
			require.Equal(t, b, back)
		}
	})
}
