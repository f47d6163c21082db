package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Wrong keys are found out before they cost a try: however often they are given, the
// card does not block, and the right ones work at once.
func TestWrongKeysNeverBlockACard(t *testing.T) {
	folder := t.TempDir()
	blank, wrong := filepath.Join(folder, "blank.card"), filepath.Join(folder, "wrong.key")
	require.NoError(t, blankCard(blank))
	require.NoError(t, os.WriteFile(wrong, []byte("00112233445566778899AABBCCDDEEFF\n"), 0o600))
	const moreThanTheCardHasTries = 12
	for range moreThanTheCardHasTries {
		require.Equal(t, exitFailed, run([]string{"issue", "content", "--card", blank, "--keys", wrong}))
		require.Equal(t, exitFailed, run([]string{"issue", "content", "--card", blank, "--keys", "shared:" + wrong}))
	}
	require.Equal(t, 0, run([]string{"issue", "content", "--card", blank, "--keys", "test"}))
}
