package durable

import (
	"os"
	"path/filepath"
	"syscall"
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

// Behind is the path of the file that a name leads to, which need not be there: the name itself if
// it is no symbolic link.
func Behind(path string) (string, error) {
	const most = 40 // as Linux follows
	for range most {
		to, err := os.Readlink(path)
		switch {
		case err != nil: // no link, or nothing
			return path, nil
		case !filepath.IsAbs(to):
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", &os.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}

// resolved is the path of a file that is not there, without symbolic links.
func resolved(path string) string {
	if behind, err := Behind(path); err == nil {
		path = behind
	}
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return path
	}
	return filepath.Join(folder, filepath.Base(path))
}
