package house

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readsWhole are the files of host and personalization that read others without a limit, and why
// they may.
var readsWhole = map[string]string{
	"host/durable/durable.go":                    "compares with what it has just written",
	"host/lab/catalogue/parties.go":              "reads what the attack itself has written",
	"host/lab/catalogue/readers.go":              "reads what the attack itself has written",
	"host/pcsc/daemon/daemon.go":                 "reads the log of a daemon that it has started",
	"host/remote/remotetest/remotetest.go":       "is of tests",
	"host/store/storetest/cluster.go":            "is of tests",
	"personalization/batch/batchtest/examine.go": "is of tests",
}

// A file that a user names may be a device that never ends: durable.Read has a limit.
func TestFilesAreReadWithALimit(t *testing.T) {
	seen := 0
	for _, folder := range []string{"host", "personalization"} {
		top := filepath.Join(root, folder)
		err := filepath.WalkDir(top, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".go" ||
				strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			reads := strings.Contains(string(text), "os.ReadFile(")
			_, may := readsWhole[name]
			assert.Equal(t, may, reads, "%s: read with durable.Read, or say in readsWhole why not",
				name)
			seen++
			return nil
		})
		require.NoError(t, err)
	}
	assert.Greater(t, seen, 100)
}
