package pki

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// createFile writes a file that did not exist, whole or not at all: a
// temporary file is filled, synced and only then linked to its name, which
// fails with [fs.ErrExist] when the name is taken. A power cut leaves the old
// state or the new one, and at worst a temporary file beside it.
func createFile(path string, content []byte, mode fs.FileMode) error {
	return place(path, content, mode, os.Link)
}

// ReplaceSecret writes a file that only its owner may read, whole or not at all,
// in the place of any that was there.
func ReplaceSecret(path string, content []byte) error { return replaceFile(path, content, ownerOnly) }

// replaceFile does the same for a file that may exist already.
func replaceFile(path string, content []byte, mode fs.FileMode) error {
	return place(path, content, mode, os.Rename)
}

func place(path string, content []byte, mode fs.FileMode, put func(from, to string) error) (err error) {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, ownerFolder); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	// After a rename the name is gone already, which is no error.
	defer func() {
		if gone := os.Remove(temporary.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	if err := put(temporary.Name(), path); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a new name in a folder durable.
func syncFolder(folder string) error {
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
