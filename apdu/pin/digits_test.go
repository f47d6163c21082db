package pin

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDigitsAreDrawnEvenly(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	text, err := Digits(bytes.NewReader(every), 250)
	require.NoError(t, err)
	count := map[rune]int{}
	for _, digit := range text {
		count[digit]++
	}
	require.Len(t, count, 10)
	for digit, n := range count {
		assert.Equal(t, 25, n, "%c", digit)
	}
	_, err = Digits(bytes.NewReader(every[250:]), 1)
	assert.Error(t, err)
}
