//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// A writer holds a lock on its temporary file as long as it has one; the system gives the lock back
// when the program ends, however it does. A temporary file without a lock is left of one that was
// killed.

// createLocked makes a temporary file that this program has locked.
func createLocked(folder, pattern string) (*os.File, error) {
	for {
		file, err := os.CreateTemp(folder, pattern)
		if err != nil {
			return nil, err
		}
		err = lock(file, syscall.LOCK_EX)
		if errors.Is(err, errors.ErrUnsupported) {
			return file, nil // and nobody removes what nobody can lock
		}
		isThere := false
		if err == nil {
			isThere, err = isNamed(file)
		}
		if err == nil && isThere {
			return file, nil
		}
		// Another program took it for one that is left, in the moment before it was locked.
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, errors.Join(err, os.Remove(file.Name()))
		}
	}
}

// lock locks a file. A signal breaks nothing off.
func lock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// isNamed reports whether a file still has its name.
func isNamed(file *os.File) (bool, error) {
	opened, err := file.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, named), err
}

// left are the temporary files that were in a folder when this program first wrote there, by the
// file that they were to become: a folder is read once, however many files it has.
var left = struct {
	sync.Mutex
	folders map[string]map[string][]string
}{folders: map[string]map[string][]string{}}

// sweepLeft removes the temporary files of a path whose writers are gone. What cannot be removed
// keeps nobody from writing.
func sweepLeft(path string) {
	folder, base := filepath.Dir(path), filepath.Base(path)
	if absolute, err := filepath.Abs(folder); err == nil {
		folder = absolute
	}
	left.Lock()
	names, known := left.folders[folder]
	if !known {
		names = temporaryIn(folder)
		left.folders[folder] = names
	}
	mine := names[base]
	delete(names, base)
	left.Unlock()
	for _, name := range mine {
		removeLeft(filepath.Join(folder, name))
	}
}

// temporaryIn finds temporary files in a folder.
func temporaryIn(folder string) map[string][]string {
	found := map[string][]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return found
	}
	for _, e := range entries {
		if e.Type().IsRegular() && temporary.MatchString(e.Name()) {
			base := e.Name()[1:strings.LastIndexByte(e.Name(), '.')]
			found[base] = append(found[base], e.Name())
		}
	}
	return found
}

// removeLeft removes a temporary file unless a program has it locked.
func removeLeft(path string) {
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return
	}
	defer file.Close()
	if lock(file, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return
	}
	if isThere, err := isNamed(file); err == nil && isThere {
		_ = os.Remove(path)
	}
}
