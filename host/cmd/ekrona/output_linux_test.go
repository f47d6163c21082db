package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An answer and a capture for which there is no room are no success.
func TestNoRoom(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	before := os.Stdout
	t.Cleanup(func() {
		os.Stdout = before
		require.NoError(t, full.Close())
	})
	folder := t.TempDir()
	script, capture := filepath.Join(folder, "a.script"), filepath.Join(folder, "a.jsonl")
	require.NoError(t, os.WriteFile(script, []byte("00A4040000\n"), 0o600))
	require.NoError(t, os.Symlink("/dev/full", capture))
	captured := []string{"shell", "--script", script, "--capture"}
	assert.Equal(t, 0, program{}.run(append(captured, filepath.Join(folder, "b.jsonl"))))
	assert.Equal(t, 1, program{}.run(append(captured, capture)))
	os.Stdout = full
	assert.Equal(t, 1, program{}.run([]string{"lab", "--help"}))
}

// What is wrong on the line is said in our words, without the secrets on it.
func TestWrongLinesRepeatNoSecret(t *testing.T) {
	script := filepath.Join(t.TempDir(), "a.script")
	require.NoError(t, os.WriteFile(script, []byte("00200080 09 {secret}\n"), 0o600))
	for _, arguments := range [][]string{
		{"lab", "trace-diff"},
		{"lab", "trace-diff", "--script", "a", "--script", "b", "--script", "c"},
		{"lab", "trace-diff", "a", "b"},
		{"lab", "week", "--terminals", "99999999"},
		{"shell", "--script", "nosuch"}, {"shell", "--cap", "nosuch"},
		{"lab", "trace-diff", "--script", script, "--secret", "2495299529", "--secret",
			"2495299528"},
	} {
		read, write, err := os.Pipe()
		require.NoError(t, err)
		before := os.Stderr
		os.Stderr = write
		code := program{}.run(arguments)
		os.Stderr = before
		require.NoError(t, write.Close())
		said := make([]byte, 4096)
		n, err := read.Read(said)
		require.NoError(t, err)
		require.NoError(t, read.Close())
		assert.Equal(t, 2, code, "%q: %s", arguments, said[:n])
		assert.NotContains(t, string(said[:n]), "9529", "%q", arguments)
	}
}
