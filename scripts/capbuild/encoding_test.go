package capbuild

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A folder with a source that is not UTF-8 is copied, with that one in UTF-8; another is left.
func TestSourcesInOldEncodings(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, "src", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	b, p := builder{root: root, work: t.TempDir()}, Package{Name: "old", Sources: "src"}
	write("old/New.java", "// \u00e5\r\n")
	folder, err := b.inUTF8(p)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "src"), folder)

	write("old/Old.java", "// \xa9 1998\r\nclass Old {}\r\n")
	folder, err = b.inUTF8(p)
	require.NoError(t, err)
	for name, want := range map[string]string{"New": "// \u00e5\r\n",
		"Old": "// \u00a9 1998\r\nclass Old {}\r\n"} {
		got, err := os.ReadFile(filepath.Join(folder, "old", name+".java"))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
}
