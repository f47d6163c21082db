package cardkeys

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/scp03"
)

func TestKeysAreFoundByReference(t *testing.T) {
	test, err := Read(Test)
	require.NoError(t, err)
	assert.Equal(t, scp03.TestKeys(), test)

	path := filepath.Join(t.TempDir(), "master.key")
	for _, size := range []int{16, 24, 32} {
		require.NoError(t, os.RemoveAll(path))
		require.NoError(t, Create(path, size, rand.Reader))
		master, err := Read(path)
		require.NoError(t, err)
		require.Len(t, master, size)
		one, err := master.For(scp03.Offer{Diversification: [10]byte{1}})
		require.NoError(t, err)
		other, err := master.For(scp03.Offer{Diversification: [10]byte{2}})
		require.NoError(t, err)
		assert.NotEqual(t, one, other)
		all, err := Read("shared:" + path)
		require.NoError(t, err)
		same, err := all.For(scp03.Offer{Diversification: [10]byte{2}})
		require.NoError(t, err)
		assert.Equal(t, []byte(master.(scp03.Master)), same.ENC)
	}
	assert.ErrorContains(t, Create(path, 16, rand.Reader), "is there already")
	assert.Error(t, Create(path+"2", 17, rand.Reader))
}

func TestBadKeyFiles(t *testing.T) {
	folder := t.TempDir()
	for name, row := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"open to others": {"00112233445566778899AABBCCDDEEFF", 0o644, "chmod 600"},
		"short":          {"0011", 0o600, "not one AES key"},
		"no hex":         {"00112233445566778899AABBCCDDEEFG", 0o600, "not one AES key"},
		"odd":            {"00112233445566778899AABBCCDDEEFF0", 0o600, "not one AES key"},
	} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(row.content), row.mode))
		_, err := Read(path)
		require.ErrorContains(t, err, row.want, name)
		assert.NotContains(t, err.Error(), row.content)
	}
	_, err := Read(filepath.Join(folder, "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// A key that is given where the name of its file belongs is in no error.
func TestNoErrorRepeatsAKey(t *testing.T) {
	for _, key := range []string{"1234567890ABCDEF1234567890ABCDEF", "0x1234567890abcdef",
		"12:34:56:78:90:AB:CD:EF"} {
		for _, reference := range []string{key, "shared:" + key} {
			_, err := Read(reference)
			require.ErrorContains(t, err, "no file of that name")
			assert.NotContains(t, err.Error(), key)
		}
	}
	_, err := Read("nosuch.key")
	require.ErrorContains(t, err, "nosuch.key")
}
