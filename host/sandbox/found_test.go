package sandbox

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A founding begins in a folder with nothing but keys, goes on in its own, and leaves every other
// one as it was.
func TestAFoundingTakesNoFolderOfOtherThings(t *testing.T) {
	for name, c := range map[string]struct {
		files    []string
		occupied bool
	}{
		"keys made before": {[]string{"root/root.key", "crisis-key/crisis.key",
			"central-bank/keys/notary.key"}, false},
		"what comes with a volume": {[]string{".DS_Store", "lost+found/1"}, false},
		"a photograph":             {[]string{"holiday.jpg"}, true},
		"a folder of documents":    {[]string{"taxes/2025.pdf"}, true},
		"a file named as a folder": {[]string{"root"}, true},
		"more than keys":           {[]string{"work/keys/a.key", "work/notes"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for _, file := range c.files {
				path := filepath.Join(folder, file)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
				require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
			}
			require.Equal(t, c.occupied, CheckVacant(folder) != nil)
			if !c.occupied {
				return
			}
			before, err := os.ReadDir(folder)
			require.NoError(t, err)
			_, err = Found(t.Context(), folder, Pilot(), Options{})
			require.ErrorIs(t, err, ErrOccupied)
			after, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Equal(t, len(before), len(after))
		})
	}
	t.Run("a sandbox of another format", func(t *testing.T) {
		folder := t.TempDir()
		require.NoError(t, found(t, folder).Close())
		require.NoError(t, os.WriteFile(filepath.Join(folder, foundedFile),
			[]byte("This folder is a sandbox of offline e-krona.\n"), 0o600))
		_, err := Open(folder, Options{})
		require.ErrorIs(t, err, ErrFormat)
		_, err = Found(t.Context(), folder, Pilot(), Options{})
		require.ErrorIs(t, err, ErrFormat)
	})
	t.Run("a founding that was cut off", func(t *testing.T) {
		folder := t.TempDir()
		require.NoError(t, found(t, folder).Close())
		require.NoError(t, os.Remove(filepath.Join(folder, foundedFile)))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "dora.card"), nil, 0o600))
		require.NoError(t, found(t, folder).Close())
	})
}
