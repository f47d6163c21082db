package message

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// genRecord makes a record with the number atc.
func genRecord(t *rapid.T, atc uint32) Record {
	p := genPayment.Draw(t, "payment")
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		p.ATC = atc
		return Record{Payment: p}
	case 1:
		identity, err := Identity(p)
		require.NoError(t, err)
		return Record{Payment: p,
			Receipt: &Receipt{Payee: p.Request.Payee, ATC: atc, Payer: p.Payer,
				Number: p.Request.Number, Payment: identity}}
	default:
		identity, err := Identity(&p.Request)
		require.NoError(t, err)
		return Record{Refusal: &Refusal{Payee: p.Request.Payee, ATC: atc, Number: p.Request.Number,
			Request: identity}}
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genRecord(t, 5)
		raw, err := r.Encode()
		require.NoError(t, err)
		back, err := ParseRecord(raw)
		require.NoError(t, err)
		require.Equal(t, r, back)
		require.EqualValues(t, 5, back.ATC())
	})
}

func TestRecordRefusesTheWrongReceipt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genRecord(t, 5)
		if r.Receipt == nil {
			r.Receipt = &Receipt{Payee: "SENORDIC00000001", Payer: "SENORDIC00000002"}
		}
		r.Receipt.Payment[0] ^= 1
		_, err := r.Encode()
		require.ErrorIs(t, err, ErrMalformed)
		_, err = Follow(Hash{}, 4, []Record{r})
		require.ErrorIs(t, err, ErrMalformed)
	})
	_, err := Record{}.Encode()
	assert.ErrorIs(t, err, ErrMalformed)
}

// The chain is that of protocol §3, and any change of it changes the head.
func TestChain(t *testing.T) {
	key := testKey(t, 21)
	point, err := signature.Point(&key.PublicKey)
	require.NoError(t, err)
	first, err := FirstHead("SENORDIC00000001", &key.PublicKey)
	require.NoError(t, err)
	assert.Equal(t, Hash(sha256.Sum256(append([]byte("SENORDIC00000001"), point...))), first)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "records")
		var records []Record
		expected := first
		for i := range n {
			r := genRecord(t, uint32(i+1))
			identity, err := Identity(r.Message())
			require.NoError(t, err)
			expected = sha256.Sum256(append(append([]byte{}, expected[:]...), identity[:]...))
			records = append(records, r)
		}
		head, err := Follow(first, 0, records)
		require.NoError(t, err)
		require.Equal(t, expected, head)
		half := rapid.IntRange(0, n).Draw(t, "half")
		middle, err := Follow(first, 0, records[:half])
		require.NoError(t, err)
		head, err = Follow(middle, uint32(half), records[half:])
		require.NoError(t, err)
		require.Equal(t, expected, head)
		_, err = Follow(first, 1, records)
		require.ErrorContains(t, err, "chain breaks")
	})
}

func TestPolicy(t *testing.T) {
	pilot := PilotPolicy()
	wire, err := pilot.Bytes()
	require.NoError(t, err)
	assert.Equal(t, spec.PilotPolicy, string(wire))
	for content, preset := range map[string]Policy{
		spec.DefaultPolicy: DefaultPolicy(), spec.DefaultCeilings: DefaultCeilings(),
	} {
		wire, err := preset.Bytes()
		require.NoError(t, err)
		assert.Equal(t, content, string(wire))
	}
	assert.True(t, PilotPolicy().Within(DefaultPolicy()))
	assert.True(t, DefaultPolicy().Within(DefaultCeilings()))
	assert.Equal(t, PilotPolicy(), DefaultPolicy().Under(PilotPolicy()))
	require.NoError(t, CheckSlots(spec.DefaultSlots, DefaultCeilings()))
	rapid.Check(t, func(t *rapid.T) {
		p, ceilings := genPolicy.Draw(t, "policy"), genPolicy.Draw(t, "ceilings")
		wire, err := p.Bytes()
		require.NoError(t, err)
		back, err := ParsePolicy(wire)
		require.NoError(t, err)
		require.Equal(t, p, back)
		require.True(t, p.Under(ceilings).Within(ceilings))
		if p.Within(ceilings) {
			require.Equal(t, p, p.Under(ceilings))
		}
		require.Equal(t, p.Has(spec.FlagPINToReceive), p.Under(ceilings).Has(spec.FlagPINToReceive))
	})
	_, err = ParsePolicy(append(wire[:spec.PolicyLength-1], 0x10))
	assert.ErrorIs(t, err, ErrMalformed)
	pilot.MaxPayment = MaxAmount + 1
	_, err = pilot.Bytes()
	assert.ErrorIs(t, err, ErrMalformed)
}

func TestInstallParameters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &InstallParameters{
			Device: genDevice.Draw(t, "device"), RootAnchor: genHash.Draw(t, "anchor"),
			Role:     rapid.SampledFrom([]spec.Role{spec.RoleCard, spec.RoleSAM}).Draw(t, "role"),
			Ceilings: genPolicy.Draw(t, "ceilings"),
			Slots:    rapid.Uint8Range(spec.MinSlots, spec.MaxSlots).Draw(t, "slots"),
			Date:     genDate.Draw(t, "date"),
		}
		fill(t, p.Token[:])
		p.Ceilings.Version = 0
		p.Ceilings.MaxTransactions = min(p.Ceilings.MaxTransactions, uint16(p.Slots))
		raw, err := p.Encode()
		require.NoError(t, err)
		require.LessOrEqual(t, len(raw), spec.MaxInstallData)
		back, err := ParseInstallParameters(raw)
		require.NoError(t, err)
		require.Equal(t, p, back)
		p.Role = spec.RoleTerminal
		_, err = p.Encode()
		require.ErrorIs(t, err, ErrMalformed)
	})
}

func TestDates(t *testing.T) {
	for _, c := range []struct {
		text string
		wire string
		ok   bool
	}{
		{"2000-01-01", "\x00\x00\x00\x01\x00\x01", true},
		{"2026-11-22", "\x02\x06\x01\x01\x02\x02", true},
		{"2028-02-29", "\x02\x08\x00\x02\x02\x09", true},
		{"2099-12-31", "\x09\x09\x01\x02\x03\x01", true},
		{"2027-02-29", "\x02\x07\x00\x02\x02\x09", false},
		{"2026-13-01", "\x02\x06\x01\x03\x00\x01", false},
		{"2026-1/-01", "\x02\x06\x01\x0F\x00\x01", false},
	} {
		parsed, err := ParseDate(c.text)
		fromWire, wireErr := DateFromBytes([]byte(c.wire))
		if !c.ok {
			assert.ErrorIs(t, err, ErrMalformed, c.text)
			assert.ErrorIs(t, wireErr, ErrMalformed, c.text)
			continue
		}
		require.NoError(t, err)
		require.NoError(t, wireErr)
		assert.Equal(t, parsed, fromWire)
		assert.Equal(t, c.text, parsed.String())
		wire, err := parsed.Bytes()
		require.NoError(t, err)
		assert.Equal(t, c.wire, string(wire))
	}
	for _, s := range []string{"1999-12-31", "2100-01-01", ""} {
		_, err := ParseDate(s)
		assert.ErrorIs(t, err, ErrMalformed, s)
	}
	d, err := ParseDate("2026-11-22")
	require.NoError(t, err)
	assert.True(t, d.AddDays(1).After(d))
	assert.True(t, d.Before(d.AddDays(1)))
	assert.Equal(t, "2027-11-22", d.AddDays(365).String())
	_, err = Date{}.Bytes()
	assert.ErrorIs(t, err, ErrMalformed)
}
