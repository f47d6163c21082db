package pos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestJournalKeyIsReadAsItWasWritten: an editor's newline does no harm, and any other length is
// refused with the name of the file.
func TestJournalKeyIsReadAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.key")
	whole := strings.Repeat("a5", 32)
	for _, content := range []string{whole, whole + "\n", whole + "\r\n"} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		key, err := readJournalKey(path)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("\xa5", 32), string(key[:]))
	}
	for _, content := range []string{"", whole + "a5", whole + whole, whole[2:], whole[1:], "xx"} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := readJournalKey(path)
		require.ErrorContains(t, err, path+" is damaged", content)
	}
}
