// Package durable writes small files whole or not at all: a temporary file beside
// them is filled, synced and only then given the name. A power cut leaves the old
// state or the new one, and at worst a temporary file, which the next program that
// writes the file removes. Start with [Create], [Ensure] and [Replace].
//
// A symbolic link stays one: the file that it leads to is the one that is replaced, as a program
// does that opens the file and writes.
//
// It trusts the file system to keep what a completed rename and a sync of its
// folder wrote.
package durable

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Modes of the files of a party.
const (
	OwnerOnly = fs.FileMode(0o600) // secrets
	Everyone  = fs.FileMode(0o644) // certificates and lists

	ownerFolder = fs.FileMode(0o700)
)

// Create writes a file that did not exist; the error is [fs.ErrExist] when the
// name is taken, also by another process at the same moment.
func Create(path string, content []byte, mode fs.FileMode) error {
	return writeInto(path, content, mode, os.Link)
}

// Ensure writes a file that did not exist, or finds the same content in it: a command
// repeated is no error. With other content the error is [fs.ErrExist].
func Ensure(path string, content []byte, mode fs.FileMode) error {
	err := Create(path, content, mode)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	defer clear(there)
	if !bytes.Equal(there, content) {
		return fmt.Errorf("%s: %w with other content", path, fs.ErrExist)
	}
	return nil
}

// ErrNoFile says that something else than a file has the name: a folder, a device, a pipe.
var ErrNoFile = errors.New("it is no file that can be replaced")

// Replace writes a file in the place of any that was there, where links lead to. Errors:
// [ErrNoFile], those of the file.
func Replace(path string, content []byte, mode fs.FileMode) error {
	path, err := Behind(path)
	if err != nil {
		return err
	}
	there, err := os.Stat(path)
	if err == nil && !there.Mode().IsRegular() { // root would rename over a device
		return fmt.Errorf("%s: %w", path, ErrNoFile)
	}
	return writeInto(path, content, mode, os.Rename)
}

// Replaceable reports why Replace could not write a file, as far as that can be known before: for
// who has long work to do before there is a content. It changes nothing.
func Replaceable(path string) error {
	path, err := Behind(path)
	if err != nil {
		return err
	}
	there, err := os.Stat(path)
	switch {
	case err == nil && !there.Mode().IsRegular():
		return fmt.Errorf("%s: %w", path, ErrNoFile)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	folder := filepath.Dir(path) // or the first above it that is there
	for {
		if there, err = os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		folder = filepath.Dir(folder)
	}
	if err == nil && !there.IsDir() {
		return fmt.Errorf("%s: %w", folder, syscall.ENOTDIR)
	}
	if err != nil {
		return err
	}
	probe, err := createLocked(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	return errors.Join(os.Remove(probe.Name()), probe.Close()) // with which its lock goes
}

func writeInto(
	path string, content []byte, mode fs.FileMode, put func(from, to string) error,
) (err error) {
	folder := filepath.Dir(path)
	if err := makeFolder(folder); err != nil {
		return err
	}
	sweepLeft(path)
	temporary, err := createLocked(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	// After a rename the temporary name is gone, which is no error.
	defer func() {
		if gone := os.Remove(temporary.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}()
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync())
	if err == nil {
		err = put(temporary.Name(), path)
	}
	if err = errors.Join(err, temporary.Close()); err != nil { // with which its lock goes
		return err
	}
	return syncFolder(folder)
}

// makeFolder makes a folder and those above it that are not there, each durable in the
// one that holds it: a file is not kept when its folder is lost.
func makeFolder(path string) error {
	err := os.Mkdir(path, ownerFolder)
	switch {
	case err == nil:
		return syncFolder(filepath.Dir(path))
	case errors.Is(err, fs.ErrNotExist):
		if err := makeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		return makeFolder(path)
	case errors.Is(err, fs.ErrExist):
		return nil // if it is not a folder, the next call fails
	default:
		return err
	}
}

// Rename gives a file that was synced another name in its folder, also that of one that is there.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

// syncFolder makes a new name in a folder durable.
func syncFolder(folder string) error {
	opened, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
