package secret

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFrom(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		return path
	}
	given, environment := write("given", "correct horse\n", 0o600),
		write("environment", "battery staple\r\n", 0o400)

	t.Setenv(Environment, environment)
	answer, err := From(given).Ask(t.Context(), Request{For: "a key"})
	require.NoError(t, err)
	assert.Equal(t, "correct horse", string(answer), "the command line comes first")
	answer, err = From("").Ask(t.Context(), Request{For: "a key"})
	require.NoError(t, err)
	assert.Equal(t, "battery staple", string(answer))

	for name, row := range map[string]struct{ path, want string }{
		"others may read it": {write("open", "secret\n", 0o644), "chmod 600"},
		"empty":              {write("empty", "\n", 0o600), "one line"},
		"two lines":          {write("two", "secret\nsecret\n", 0o600), "one line"},
		"too long":           {write("long", strings.Repeat("secret", 200), 0o600), "one line"},
		"not there":          {filepath.Join(folder, "none"), "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := From(row.path).Ask(t.Context(), Request{For: "a key"})
			require.ErrorContains(t, err, row.want)
			assert.NotContains(t, err.Error(), "secret")
			assert.NotErrorIs(t, err, fs.ErrNotExist, "the key is not what is missing")
		})
	}
}

func TestNoSourceSaysWhatToDo(t *testing.T) {
	_, err := Source(nil).Ask(t.Context(), Request{For: "key file root.key"})
	require.ErrorIs(t, err, ErrNone)
	assert.ErrorContains(t, err, "key file root.key")
	assert.ErrorContains(t, err, "--passphrase-file")
}
