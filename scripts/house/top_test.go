package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// top is everything on the module's first level, beside what begins with a dot.
var top = []string{"LICENSE", "README.md", "apdu", "applet", "emulator", "go.mod", "go.sum", "host",
	"personalization", "scripts"}

// The top level stays as it was agreed: a reader meets the folders of the map and nothing else.
// What git ignores, such as a binary that was built there, does not count.
func TestTopLevelIsAsAgreed(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("not a clone: nothing says which files are ignored")
	}
	git := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	git.Dir = root
	listed, err := git.Output()
	require.NoError(t, err)
	var names []string
	for file := range strings.SplitSeq(string(listed), "\x00") {
		name, _, _ := strings.Cut(file, "/")
		if name != "" && !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	assert.Equal(t, top, slices.Compact(names),
		"the top level: find what is new a place in one of its folders")
}
