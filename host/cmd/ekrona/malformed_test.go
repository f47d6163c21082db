package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/capture"
)

// What is no command is in captures and traces like what is, without what may be a secret in it.
func TestMalformedCommandsAreKept(t *testing.T) {
	folder := t.TempDir()
	script := filepath.Join(folder, "a.txt")
	require.NoError(t, os.WriteFile(script, []byte("00A4040000\n0020008009 31323334 -> 6700\n"+
		"0020 -> 6700\n002000803132 -> 6700\n"), 0o600))
	for _, name := range []string{"a.jsonl", "a.pcapng"} {
		path := filepath.Join(folder, name)
		read, write, err := os.Pipe()
		require.NoError(t, err)
		before := os.Stderr
		os.Stderr = write
		code := program{}.run([]string{"shell", "--script", script, "--trace=raw",
			"--capture", path})
		os.Stderr = before
		require.NoError(t, write.Close())
		traced, err := io.ReadAll(read)
		require.NoError(t, err)
		require.NoError(t, read.Close())
		require.Equal(t, 0, code)
		assert.Equal(t, 3, bytes.Count(traced, []byte("> no command, ")), "%s", traced)
		assert.NotContains(t, string(traced), "313")

		content, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.False(t, bytes.Contains(content, []byte("1234")), "the PIN")
		assert.False(t, bytes.Contains(content, []byte("31323334")), "the PIN in hex")
		var kept []capture.Exchange
		kept, err = capture.Read(bytes.NewReader(content))
		require.NoError(t, err)
		require.Len(t, kept, 4, name)
		for _, e := range kept {
			assert.False(t, bytes.Contains(e.Command, []byte("12")), "%X", e.Command)
		}
		assert.Equal(t, []byte{0, 0x20, 0, 0x80, 0, 0, 0, 0, 0}, kept[1].Command)
		assert.Equal(t, []byte{0x67, 0}, kept[1].Response)
		assert.Equal(t, []byte{0, 0}, kept[2].Command)
		if name == "a.jsonl" {
			assert.Equal(t, []apdu.Span{{From: 4, To: 9}}, kept[1].Masked.Command)
			shown := run(t, folder, "ekrona", "card", "decode", path)
			assert.Equal(t, 3, strings.Count(shown, "> no command, "), shown)
		}
	}
}
