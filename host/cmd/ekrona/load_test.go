package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/personalization/batch/batchtest"
)

// A load whose command is killed, at whatever step of its second half, and given again says what
// was loaded, also where the killed one had brought all of it onto the card.
func TestALoadGivenAgainSaysWhatWasLoaded(t *testing.T) {
	founded := filepath.Join(t.TempDir(), "founded")
	_, err := ekrona(t, "sandbox", "found", founded)
	require.NoError(t, err)
	load := func(at int) (folder string, steps int, killed bool) {
		folder = filepath.Join(t.TempDir(), "box")
		batchtest.Bureau{Folder: founded}.Copy(t, folder)
		c, count := command(t, at, "wallet", "load", "anna", "50", "--state", folder)
		if out, err := c.CombinedOutput(); at == 0 {
			require.NoError(t, err, "%s", out)
			text, err := os.ReadFile(count)
			require.NoError(t, err)
			steps, err = strconv.Atoi(string(text))
			require.NoError(t, err)
		} else {
			killed = err != nil
		}
		return folder, steps, killed
	}
	_, steps, _ := load(0)
	const tried = 6
	again := 0
	for at := steps / 2; at < steps; at += max(1, steps/2/tried) {
		folder, _, killed := load(at)
		if !killed {
			continue
		}
		again++
		answer, err := ekrona(t, "wallet", "load", "anna", "50", "--state", folder)
		require.NoError(t, err)
		assert.Equal(t, "loaded 50.00 kr onto anna's card\n", answer, "killed at %d of %d", at,
			steps)
	}
	assert.NotZero(t, again)
}
