package apdu

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return b
}

// The seven encodings of ISO/IEC 7816-3:2006 §12.1.3, at their bounds.
func TestCommandCases(t *testing.T) {
	bytes := func(n int) []byte { return make([]byte, n) }
	for _, c := range []struct {
		name string
		c    Command
		head string // bytes before the data
		tail string // bytes after it
	}{
		{"1", Command{}, "", ""},
		{"2S", Command{Ne: 1}, "01", ""},
		{"2S, all", Command{Ne: 256}, "00", ""},
		{"3S", Command{Data: bytes(1)}, "01", ""},
		{"3S, longest", Command{Data: bytes(255)}, "FF", ""},
		{"4S", Command{Data: bytes(2), Ne: 256}, "02", "00"},
		{"2E", Command{Ne: 257, Extended: true}, "000101", ""},
		{"2E, all", Command{Ne: 65536, Extended: true}, "000000", ""},
		{"2E where short would do", Command{Ne: 1, Extended: true}, "000001", ""},
		{"3E", Command{Data: bytes(256), Extended: true}, "000100", ""},
		{"3E, longest", Command{Data: bytes(65535), Extended: true}, "00FFFF", ""},
		{"4E", Command{Data: bytes(1), Ne: 65536, Extended: true}, "000001", "0000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.c.CLA, c.c.INS, c.c.P1, c.c.P2 = 0x80, 0x12, 0x01, 0x02
			raw, err := c.c.Bytes()
			require.NoError(t, err)
			want := append(append(unhex(t, "80120102"+c.head), c.c.Data...), unhex(t, c.tail)...)
			require.Equal(t, want, raw)
			back, err := ParseCommand(raw)
			require.NoError(t, err)
			require.Equal(t, c.c, back)
		})
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, says string }{
		{"empty", "", "at least 4"},
		{"header cut", "00A404", "at least 4"},
		{"data cut", "00A4040002AA", "Lc says 2"},
		{"two bytes after the data", "00A4040001AA0000", "Lc says 1"},
		{"extended length cut", "00A404000001", "cut short"},
		{"extended Lc zero", "00A40400000000AA", "Lc is zero"},
		{"extended data cut", "00A40400000002AA", "Lc says 2"},
		{"one byte after extended data", "00A40400000001AA00", "Lc says 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseCommand(unhex(t, c.in))
			assert.ErrorContains(t, err, c.says)
		})
	}
	for _, c := range []Command{{Ne: -1}, {Ne: 65537}, {Data: make([]byte, 65536)}} {
		_, err := c.Bytes()
		assert.Error(t, err)
		_, err = c.MarshalText()
		assert.Error(t, err)
	}
}

var genCommand = rapid.Custom(func(t *rapid.T) Command {
	c := Command{
		CLA: rapid.Byte().Draw(t, "CLA"), INS: rapid.Byte().Draw(t, "INS"),
		P1: rapid.Byte().Draw(t, "P1"), P2: rapid.Byte().Draw(t, "P2"),
		Ne:       rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(0, 65536)).Draw(t, "Ne"),
		Extended: rapid.Bool().Draw(t, "extended"),
	}
	if n := rapid.IntRange(0, 400).Draw(t, "n"); n > 0 {
		c.Data = rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "data")
	}
	c.Extended = c.IsExtended()
	return c
})

func TestCommandsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := genCommand.Draw(t, "command")
		raw, err := c.Bytes()
		require.NoError(t, err)
		back, err := ParseCommand(raw)
		require.NoError(t, err)
		require.Equal(t, c, back)
		text, err := c.MarshalText()
		require.NoError(t, err)
		var fromText Command
		require.NoError(t, fromText.UnmarshalText(text))
		require.Equal(t, c, fromText)
		require.Equal(t, string(text), c.String())
	})
}

func TestParseText(t *testing.T) {
	c, err := ParseCommandText(" 00 a4 0400 02 F001 00 ")
	require.NoError(t, err)
	assert.Equal(t, Command{INS: 0xA4, P1: 4, Data: []byte{0xF0, 0x01}, Ne: 256}, c)
	for _, s := range []string{"0", "00A", "zz A4 04 00", "00 A 4"} {
		_, err := ParseCommandText(s)
		assert.ErrorContains(t, err, "not hex", s)
	}
}

func TestResponse(t *testing.T) {
	r, err := ParseResponse(unhex(t, "AABB9000"))
	require.NoError(t, err)
	assert.Equal(t, Response{Data: []byte{0xAA, 0xBB}, SW: OK}, r)
	assert.NoError(t, r.Err())
	assert.Equal(t, "AABB9000", r.String())
	for _, s := range []string{"", "90"} {
		_, err := ParseResponse(unhex(t, s))
		assert.ErrorIs(t, err, ErrResponse, s)
	}
	for _, s := range []string{"0000", "6000", "60FF", "7000", "8FFF", "A000", "FFFF"} {
		r, err := ParseResponse(unhex(t, s)) // an applet can throw it
		require.NoError(t, err, s)
		assert.ErrorIs(t, r.SW.Check(), ErrResponse, s)
		assert.ErrorContains(t, r.Err(), "no status word", s)
	}
	for _, s := range []StatusWord{0x6100, 0x6FFF, 0x9000, 0x9FFF} {
		assert.NoError(t, s.Check())
	}
}

// The bit of a chain has a meaning where ISO/IEC 7816-4 gives the class's bits one.
func TestIsChained(t *testing.T) {
	for class, want := range map[byte]bool{0x00: false, 0x10: true, 0x1F: true, 0x30: false,
		0x40: false, 0x50: true, 0x70: true, 0x80: false, 0x90: true, 0xA0: false, 0xB0: false,
		0xBF: false, 0xD0: true, 0xF0: true} {
		assert.Equal(t, want, Command{CLA: class}.IsChained(), "%02X", class)
	}
}

// FuzzCommand: what is accepted encodes back to the same bytes.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"00A40400", "00A4040000", "00A4040002F00100", "80120000000001AA0000",
		"00A40400000000"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCommand(b)
		if err != nil {
			require.Equal(t, Command{}, c)
			return
		}
		back, err := c.Bytes()
		require.NoError(t, err)
		require.Equal(t, b, back)
	})
}

// FuzzResponse: what is accepted encodes back to the same bytes.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{"9000", "AA9000", "6A88", "60"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseResponse(b)
		if err != nil {
			require.Equal(t, Response{}, r)
			return
		}
		require.Equal(t, b, r.Bytes())
	})
}

// Every class names a channel, and the class of a channel names it.
func TestChannelOf(t *testing.T) {
	for class, want := range map[byte]int{0x00: 0, 0x13: 3, 0x0F: 3, 0x23: 0, 0x31: 0, 0x40: 4,
		0x6F: 19, 0x82: 2, 0x93: 3, 0xA1: 1, 0xB1: 1, 0xC0: 4, 0xEF: 19, 0xF1: 5} {
		assert.Equal(t, want, ChannelOf(class), "%02X", class)
	}
	for channel := range MaxChannels {
		class := ClassOfChannel(channel)
		assert.Equal(t, channel, ChannelOf(class))
		assert.False(t, Command{CLA: class}.IsChained())
	}
}

// TestJoined: errors that were joined stay two sentences, and what is wrapped stays one.
func TestJoined(t *testing.T) {
	for text, want := range map[string]string{
		"":         "",
		" one  a ": "one a",
		errors.Join(errors.New("no a"), errors.New("no b")).Error(): "no a; no b",
		"open a\x1b]0;b\x07\xff å":                                  `open a\x1b]0;b\a\xff å`,
		"failed:\n\tfirst\n\n\tsecond.\nthird":                      "failed: first; second. third",
	} {
		assert.Equal(t, want, Joined(text))
		assert.Equal(t, want, OneLine(text))
	}
}
