package jcardsim

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Required is the environment variable that scripts/test sets to "required", so
// that a machine without the tools fails there instead of skipping.
const Required = "EKRONA_JCARDSIM"

// SkipWithoutTools skips the test when err is [ErrNoTools], unless the environment
// requires them.
func SkipWithoutTools(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNoTools) && os.Getenv(Required) != "required" {
		t.Skip(err)
	}
}

// BuildForTests builds the Maven project in projectDir for one test, or skips it as
// [SkipWithoutTools] does. It reads the sources that Maven will read, so that the go
// command does not use a cached result when they have changed.
func BuildForTests(t testing.TB, projectDir string) Classes {
	t.Helper()
	for _, dir := range []string{projectDir, filepath.Join(projectDir, "..", "src")} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() {
				_, err = os.ReadFile(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	classes, err := Build(t.Context(), projectDir, t.TempDir())
	SkipWithoutTools(t, err)
	if err != nil {
		t.Fatal(err)
	}
	return classes
}
