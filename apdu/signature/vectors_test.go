package signature

import (
	"bufio"
	"crypto/ecdsa"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tests of Project Wycheproof for this form of signature; the file names its source
// and marks those that must fail.
func TestWycheproof(t *testing.T) {
	f, err := os.Open("testdata/vectors/wycheproof_p256_sha256_p1363.txt")
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	var key *ecdsa.PublicKey
	tests := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		field := strings.Fields(lines.Text())
		switch field[0] {
		case "#":
		case "key":
			key, err = ParsePoint(unhex(t, field[1]))
			require.NoError(t, err)
		default:
			tests++
			number, stage := field[0], field[1]
			err := Plain(unhex(t, field[3])).Verify(key,
				unhex(t, strings.TrimPrefix(field[2], "empty")))
			if stage == "none" {
				assert.NoError(t, err, "test %s", number)
			} else {
				assert.ErrorIs(t, err, ErrWrong, "test %s", number)
			}
		}
	}
	assert.Equal(t, 241, tests)
}
