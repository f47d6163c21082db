package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// temporary is the name of a file that was not given its own yet.
var temporary = regexp.MustCompile(`^\..+\.[0-9]+$`)

// SweepFile removes the temporary files that killed programs have left beside a file of this
// path. Its folder may not be there, and may hold what is others'. Nobody may be writing
// the file.
func SweepFile(path string) error {
	return sweep(filepath.Dir(path), func(name string) bool {
		number, ours := strings.CutPrefix(name, "."+filepath.Base(path)+".")
		return ours && number != "" && strings.Trim(number, "0123456789") == ""
	})
}

// Sweep removes the temporary files that killed programs have left in a folder, which
// may not be there. Nobody may be writing into it.
func Sweep(folder string) error { return sweep(folder, temporary.MatchString) }

func sweep(folder string, isLeft func(name string) bool) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() && isLeft(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
		}
	}
	return err
}
