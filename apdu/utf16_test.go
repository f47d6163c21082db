package apdu

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func linesOf(t require.TestingT, in io.Reader) (all []string) {
	for lines := NewLines(in, 1000); ; {
		text, err := lines.Next()
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		all = append(all, text)
	}
}

// A text in UTF-16 of either order is the same lines as in UTF-8, whatever parts it comes in.
func TestLinesInUTF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := rapid.SliceOf(rapid.OneOf(rapid.Uint16(), rapid.SampledFrom([]uint16{
			'8', ' ', '\r', '\n', 0xD83D, 0xDE00, 0x0A00, 0x0D0A}))).Draw(t, "units")
		want := linesOf(t, strings.NewReader(byteOrderMark+string(utf16.Decode(units))))
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			raw := order.AppendUint16(nil, 0xFEFF)
			for _, unit := range units {
				raw = order.AppendUint16(raw, unit)
			}
			assert.Equal(t, want, linesOf(t, bytes.NewReader(raw)))
			assert.Equal(t, want, linesOf(t, iotest.OneByteReader(bytes.NewReader(raw))))
		}
	})
}

// What begins like it and is none stays as it is; half a unit is an error.
func TestLinesNotInUTF16(t *testing.T) {
	for _, text := range []string{"\xFF", "\xFE", "\xFFx", "\xFE\xFE"} {
		assert.Equal(t, []string{text}, linesOf(t, strings.NewReader(text)))
	}
	_, err := NewLines(strings.NewReader("\xFF\xFEx\x00y"), 10).Next()
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

// A line that is one byte is given before more comes: whoever sends it may wait for the answer.
func TestLinesWaitForNoMoreThanALine(t *testing.T) {
	in, out := io.Pipe()
	go func() { _, _ = out.Write([]byte("\n")) }()
	text, err := NewLines(in, 10).Next()
	require.NoError(t, err)
	assert.Empty(t, text)
	require.NoError(t, out.Close())
}
