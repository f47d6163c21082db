package apdu

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zeros never ends, and counts what is read of it.
type zeros int

func (z *zeros) Read(p []byte) (int, error) {
	clear(p)
	*z += zeros(len(p))
	return len(p), nil
}

func TestLines(t *testing.T) {
	const most = 8
	l := NewLines(strings.NewReader("one\r\n\n12345678\n123456789\nlast"), most)
	for number, want := range []string{"one", "", "12345678"} {
		got, err := l.Next()
		require.NoError(t, err)
		assert.Equal(t, want, got)
		assert.Equal(t, number+1, l.Number())
	}
	_, err := l.Next()
	require.ErrorIs(t, err, ErrLongLine)
	assert.EqualError(t, err, "line 4 has more than 8 bytes: the line is too long, and was skipped")
	got, err := l.Next()
	require.NoError(t, err)
	assert.Equal(t, "last", got)
	_, err = l.Next()
	assert.Equal(t, io.EOF, err)

	l = NewLines(strings.NewReader("\uFEFF1234\n\uFEFFx\n"), most)
	for _, want := range []string{"1234", "\uFEFFx"} { // only what begins the text is a mark
		got, err = l.Next()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}

	var device zeros
	l = NewLines(io.MultiReader(strings.NewReader("one\n"), &device), most)
	_, err = l.Next()
	require.NoError(t, err)
	_, err = l.Next()
	require.ErrorIs(t, err, ErrEndless)
	assert.ErrorContains(t, err, "line 2 has more than ")
	assert.Less(t, int(device), 2*maxSkipped)

	broken := errors.New("the disk is gone")
	l = NewLines(io.MultiReader(strings.NewReader("one\n"), iotest.ErrReader(broken)), most)
	_, err = l.Next()
	require.NoError(t, err)
	_, err = l.Next()
	require.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "line 2: the disk is gone")
}
