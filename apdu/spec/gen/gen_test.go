package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The files made from the spec are those in the tree.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	for path, want := range map[string]string{
		"../../../applet/src/main/java/ekrona/Spec.java":     java(),
		"../../../applet/src/main/java/ekrona/Commands.java": commands(),
		"../../REFERENCE.md":                                 reference(),
	} {
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.True(t, string(have) == want, "%s is not current: run go generate ./apdu/spec", path)
	}
}

func TestJavaIsASCII(t *testing.T) {
	for i, c := range []byte(java() + commands()) {
		require.Less(t, c, byte(0x80), "byte %d", i)
	}
}

func TestJavaLinesAreShort(t *testing.T) {
	for i, line := range strings.Split(java()+commands(), "\n") {
		assert.LessOrEqual(t, len(line), javaWidth, "line %d", i+1)
	}
}
