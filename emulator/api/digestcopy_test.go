package api

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDigestsInProgressAreCopied: a copy goes on as the original would have.
func TestDigestsInProgressAreCopied(t *testing.T) {
	for _, h := range digests {
		d := &digesting{Hash: h.New()}
		d.Write([]byte("the same"))
		copied, err := d.Copy()
		require.NoError(t, err, h)
		d.Write([]byte(", and more"))
		want := h.New()
		want.Write([]byte("the same"))
		assert.Equal(t, want.Sum(nil), copied.(*digesting).Sum(nil), h)
	}
}
