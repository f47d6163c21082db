package lab

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/applet/glitch"
	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/shell"
)

// One grammar: each word of the shell is one in a script for faults too, done, passed over or
// refused with what to do.
func TestWordsForFaults(t *testing.T) {
	words := shell.Words()
	require.NotEmpty(t, words)
	for _, w := range words {
		_, err := glitch.NewScript("test", strings.NewReader("00840000 08\n"+w.Name), card.P71,
			false, []byte{1})
		if err != nil {
			assert.NotContains(t, err.Error(), "neither hex nor the name", w.Name)
		}
	}
}
