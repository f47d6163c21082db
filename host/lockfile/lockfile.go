//go:build unix

// Package lockfile keeps a second process away from what one process may change at a time, by a
// lock on a file. The system releases it when the process dies, so that nothing needs cleaning up
// after a crash. It trusts the file system to support locks, which network file systems may not.
// Start at [Take].
package lockfile

import (
	"errors"
	"os"
	"syscall"
)

// ErrTaken says that another process, or another part of this one, has the lock.
var ErrTaken = errors.New("another program has it open: wait until that ends")

// Take takes the lock of the file without waiting; it creates the file if there is none. Errors:
// [ErrTaken], those of the file.
func Take(path string) (release func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrTaken
		}
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}
