package attack

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// The bytes of a header within a value, such as a random point, are no header.
func TestFindGoesFromObjectToObject(t *testing.T) {
	role := []byte{byte(spec.TagRole), 1}
	inner, err := tlv.Append(nil, spec.TagPoint, bytes.Repeat(role, 30))
	require.NoError(t, err)
	before := len(inner)
	inner, err = tlv.Append(inner, spec.TagRole, []byte{7})
	require.NoError(t, err)
	for _, outer := range []tlv.Tag{0x7F4E, 0xE0} {
		body, err := tlv.Append(nil, outer, inner)
		require.NoError(t, err)
		assert.Equal(t, len(body)-len(inner)+before, find(body, role), "%v", outer)
		assert.Equal(t, -1, find(body, []byte{0x99, 1}))
		assert.Equal(t, -1, find(body[:len(body)-1], role), "malformed")
	}
}
