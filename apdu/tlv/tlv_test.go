package tlv

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, says string }{
		{"nothing", "", "no tag"},
		{"tag zero", "0000", "00 is no tag"},
		{"no length", "81", "no length"},
		{"tag cut", "9F", "tag cut short"},
		{"tag of four bytes", "9F81828300", "longer than three"},
		{"tag number with leading zero", "9F800100", "begins with zero"},
		{"indefinite length", "E1800000", "begins with 80"},
		{"length of three bytes", "8183010000", "begins with 83"},
		{"length cut", "8182FF", "length cut short"},
		{"length not shortest, 81", "81817F", "shortest"},
		{"length not shortest, 82", "818200FF", "shortest"},
		{"value cut", "8102FF", "2 bytes and 1 follow"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewReader(unhex(t, c.in)).Next()
			require.ErrorIs(t, err, ErrMalformed)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestReaderWalks(t *testing.T) {
	r := NewReader(unhex(t, "8101AA9F1C0102"))
	assert.True(t, r.At(0x81))
	o, err := r.Expect(0x81)
	require.NoError(t, err)
	assert.Equal(t, []byte{0xAA}, o.Value)
	_, err = r.Expect(0x82)
	require.ErrorContains(t, err, "82 expected, 9F1C found at byte 3")
	require.ErrorContains(t, r.End(), "4 bytes left over")
	o, err = r.Expect(0x9F1C)
	require.NoError(t, err)
	assert.Equal(t, []byte{0x02}, o.Value)
	require.NoError(t, r.End())
	_, err = r.Expect(0x81)
	require.ErrorContains(t, err, "81 is missing")
}

func TestParseBoundsDepth(t *testing.T) {
	var b []byte
	for depth := 1; ; depth++ {
		var err error
		b, err = Append(nil, 0xE1, b)
		require.NoError(t, err)
		_, err = Parse(b)
		if depth < MaxDepth {
			require.NoError(t, err)
			continue
		}
		if depth > MaxDepth {
			require.ErrorContains(t, err, "deeper")
			return
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	for _, tag := range []Tag{0, 0x1F, 0x9F, 0x8142, 0x9F80, 0x9F8182, 0x01000000} {
		_, err := Append(nil, tag)
		assert.Error(t, err, "%X", uint32(tag))
	}
	_, err := Append(nil, 0x81, make([]byte, MaxLength+1))
	assert.Error(t, err)
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := Tag(rapid.SampledFrom([]uint32{0x06, 0x5A, 0x81, 0xE1, 0x5F2A, 0x7F4E, 0x9F08,
			0x9F1C, 0xDF8101}).Draw(t, "tag"))
		n := rapid.SampledFrom([]int{0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF}).Draw(t, "length")
		value := bytes.Repeat([]byte{0x55}, n)
		b, err := Append([]byte{0x99}, tag, value[:n/2], value[n/2:])
		require.NoError(t, err)
		require.Len(t, b, 1+HeaderLen(tag, n)+n)
		r := NewReader(b[1:])
		o, err := r.Next()
		require.NoError(t, err)
		require.NoError(t, r.End())
		require.Equal(t, tag, o.Tag)
		require.Equal(t, value, bytes.Clone(o.Value)[:len(o.Value):len(o.Value)])
	})
}

// TestLongerLengths are read where others wrote them, with the same content, and nowhere else.
func TestLongerLengths(t *testing.T) {
	for _, text := range []string{"5A8103AABBCC", "5A820003AABBCC", "5A03AABBCC"} {
		o, err := NewBERReader(unhex(t, text)).Next()
		require.NoError(t, err, text)
		assert.Equal(t, unhex(t, "AABBCC"), o.Value)
		assert.Equal(t, unhex(t, text), o.Raw)
		_, err = NewReader(unhex(t, text)).Next()
		assert.Equal(t, len(text) == 10, err == nil, text)
	}
	_, err := NewBERReader(unhex(t, "5A8104AABBCC")).Next()
	assert.ErrorIs(t, err, ErrMalformed)
}

// FuzzParse: what is accepted encodes back to the same bytes.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "8101AA", "E1038101AA", "9F1C00", "7F210481020102", "8181",
		"E180"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, err := Parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrMalformed)
			require.Nil(t, nodes)
			return
		}
		back, err := encode(nodes)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, back))
	})
}

func encode(nodes []Node) ([]byte, error) {
	var out []byte
	for _, n := range nodes {
		value := n.Value
		var err error
		if n.Tag.IsConstructed() {
			if value, err = encode(n.Children); err != nil {
				return nil, err
			}
		}
		if out, err = Append(out, n.Tag, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func TestTagLen(t *testing.T) {
	for text, want := range map[string]int{"4F02": 1, "5F2D08": 2, "DF818180": 5, "9F": 2,
		"7F8181": 4, "5F81010C": 3} {
		assert.Equal(t, want, TagLen(unhex(t, text)), text)
	}
}
