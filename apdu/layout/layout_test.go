package layout

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// maybe is a number that may be absent: zero.
type maybe struct{ *Uint16 }

func (m maybe) Absent() bool { return *m.Uint16 == 0 }
func (m maybe) Clear()       { *m.Uint16 = 0 }

var rows = []spec.Field{
	{Name: "NUMBER", Tag: spec.TagNumber},
	{Name: "INNER", Layout: &spec.Layout{Name: "INNER", Tag: spec.TagFCI,
		Fields: []spec.Field{{Name: "LIFE", Tag: spec.TagLifeCycle}}}},
	{Name: "VERSION", Tag: spec.TagSpecVersion, Presence: spec.Optional},
}

type sample struct {
	number  uint32
	life    byte
	version uint16
}

func (s *sample) values() []Value {
	odd := func(b byte) bool { return b%2 == 1 }
	return []Value{(*Uint32)(&s.number), Group{ByteOf[byte]{&s.life, odd}},
		maybe{(*Uint16)(&s.version)}}
}

func TestAppendAndRead(t *testing.T) {
	for _, c := range []struct {
		s    sample
		wire string
	}{
		{sample{1, 3, 0}, "\x9F\x41\x04\x00\x00\x00\x01\x6F\x03\xCD\x01\x03"},
		{sample{2, 5, 9}, "\x9F\x41\x04\x00\x00\x00\x02\x6F\x03\xCD\x01\x05\x9F\x08\x02\x00\x09"},
	} {
		out, err := Append(nil, rows, c.s.values())
		require.NoError(t, err)
		assert.Equal(t, c.wire, string(out))
		back := sample{version: 7}
		require.NoError(t, ReadExactly(out, rows, back.values()))
		assert.Equal(t, c.s, back)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ name, wire, says string }{
		{"nothing", "", "NUMBER: "},
		{"another tag", "\xC4\x04\x00\x00\x00\x01", "9F41 expected, C4 found"},
		{"value too short", "\x9F\x41\x03\x00\x00\x00", "NUMBER has 3 bytes"},
		{"value not allowed inside", "\x9F\x41\x04\x00\x00\x00\x01\x6F\x03\xCD\x01\x02",
			"INNER: LIFE: "},
		{"more inside", "\x9F\x41\x04\x00\x00\x00\x01\x6F\x05\xCD\x01\x03\xCD\x00", "INNER: "},
		{"more after", "\x9F\x41\x04\x00\x00\x00\x01\x6F\x03\xCD\x01\x03\x5A\x00",
			"2 bytes left over"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := ReadExactly([]byte(c.wire), rows, new(sample).values())
			require.ErrorIs(t, err, ErrMalformed)
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	even := &sample{1, 2, 0}
	_, err := Append(nil, rows, even.values())
	require.ErrorIs(t, err, ErrMalformed)
	_, err = Append(nil, rows, even.values()[:2])
	require.ErrorIs(t, err, ErrMalformed)
	require.ErrorIs(t, Read(tlv.NewReader(nil), rows, even.values()[:2]), ErrMalformed)
	_, err = Append(nil, rows[:1], []Value{maybe{new(Uint16)}})
	require.ErrorContains(t, err, "NUMBER is missing")
	_, err = Append(nil, rows[:1], []Value{Fixed("\x01")})
	require.ErrorContains(t, err, "NUMBER has 1 bytes")
}
