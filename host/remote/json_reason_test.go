package remote

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAReasonIsShort: whatever was sent, it does not come back at length.
func TestAReasonIsShort(t *testing.T) {
	long := strings.Repeat("9", MaxMessage/2)
	for _, content := range []string{`{"amount":` + long + `}`, `{"` + long + `":1}`,
		`{"` + long + `":1,"` + long + `":1}`, `{"å` + strings.Repeat("å", 300) + `":1}`} {
		var into struct {
			Amount int64 `json:"amount"`
		}
		err := Decode([]byte(content), &into)
		require.ErrorIs(t, err, ErrFormat)
		require.Less(t, len(err.Error()), 300)
		require.True(t, strings.ToValidUTF8(err.Error(), "") == err.Error())
	}
}
