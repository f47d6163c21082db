package envelope

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

func object(t testing.TB, tag tlv.Tag, length int) []byte {
	t.Helper()
	encoded, err := tlv.Append(nil, tag, bytes.Repeat([]byte{0x5A}, length))
	require.NoError(t, err)
	return encoded
}

func sample(t testing.TB) Envelope {
	return Envelope{
		Message: append(object(t, spec.TagRequest, 90),
			object(t, spec.TagSignature, spec.SignatureLength)...),
		Certificate: object(t, spec.TagCertificate, 200),
		Authority:   object(t, spec.TagCertificate, 190),
	}
}

func TestEnvelopeComesBackAsItWas(t *testing.T) {
	whole := sample(t)
	parsed, err := Parse(whole.Bytes())
	require.NoError(t, err)
	assert.Equal(t, whole, parsed)
}

func TestParseRefuses(t *testing.T) {
	whole := sample(t)
	for name, b := range map[string][]byte{
		"nothing":         {},
		"a message alone": whole.Message,
		"no authority":    append(bytes.Clone(whole.Message), whole.Certificate...),
		"cut short":       whole.Bytes()[:len(whole.Bytes())-1],
		"something after": append(whole.Bytes(), 0x81, 0x00),
		"no signature": append(object(t, spec.TagRequest, 9),
			append(append(bytes.Clone(whole.Certificate), whole.Certificate...),
				whole.Authority...)...),
		"message for an issuer": Envelope{Message: whole.Message, Certificate: whole.Message,
			Authority: whole.Authority}.Bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(b)
			assert.ErrorContains(t, err, "envelope")
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample(f).Bytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if parsed, err := Parse(b); err == nil {
			assert.Equal(t, b, parsed.Bytes())
		}
	})
}
