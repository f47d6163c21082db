package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// temporary is the name of a file that was not given its own yet.
var temporary = regexp.MustCompile(`^\..+\.[0-9]+$`)

// Sweep removes the temporary files that killed programs have left in a folder, which
// may not be there. Nobody may be writing into it.
func Sweep(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() && temporary.MatchString(e.Name()) {
			err = errors.Join(err, os.Remove(filepath.Join(folder, e.Name())))
		}
	}
	return err
}
