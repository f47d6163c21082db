package entropy

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFill(t *testing.T) {
	source := bytes.NewReader([]byte{1, 2, 3, 4})
	var drawn [3]byte
	require.NoError(t, Fill(source, drawn[:]))
	assert.Equal(t, [3]byte{1, 2, 3}, drawn)
	err := Fill(source, drawn[:])
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a source that has less is no source")
	assert.EqualError(t, err, "the source of randomness failed: unexpected EOF")
}
