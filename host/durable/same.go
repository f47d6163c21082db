package durable

import (
	"os"
	"path/filepath"
)

// SameFile reports whether two paths lead to one file that could be destroyed by writing to it, or
// would when it is there.
func SameFile(a, b string) bool {
	one, err := os.Stat(a)
	other, failed := os.Stat(b)
	if err == nil && failed == nil {
		return one.Mode().IsRegular() && os.SameFile(one, other)
	}
	return err != nil && failed != nil && resolved(a) == resolved(b)
}

// resolved is the path of a file that is not there, without symbolic links before its name.
func resolved(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return path
	}
	return filepath.Join(folder, filepath.Base(path))
}
