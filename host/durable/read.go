package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxFile is the most bytes that [Read] takes from a file.
const MaxFile = 1 << 26

// ErrTooLong says that a file has more bytes than are read.
var ErrTooLong = errors.New("the file is too long")

// Read reads a file that a user has named, whatever it is: a link to a device that never ends, or a
// file of the wrong kind, takes no more than [MaxFile] bytes of memory. Errors: [ErrTooLong], those
// of the file.
func Read(path string) ([]byte, error) { return ReadAtMost(path, MaxFile) }

// ReadAtMost is [Read] with a limit of its own, in bytes.
func ReadAtMost(path string, most int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%s: %w: it has more than %d bytes", path, ErrTooLong, most)
	}
	return content, nil
}

// Exists reports whether a file is there.
func Exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
