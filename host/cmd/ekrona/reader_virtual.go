package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"ekrona/apdu"
	"ekrona/emulator/card"
	"ekrona/emulator/globalplatform"
)

// openVirtual opens the virtual card in a file, a new one if there is none and
// makeBlank says so.
func openVirtual(path string, makeBlank bool) (*openCard, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && !makeBlank {
		return nil, fmt.Errorf("--card: no card in %s: make a blank one with \"ekrona card emulate --state %s\"", path, path)
	}
	unlock, err := lockCard(path)
	if err != nil {
		return nil, err
	}
	profile := card.P71
	managed, err := openManaged(card.Options{Profile: profile}, path)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	return &openCard{
		Card: apdu.Framing{Card: managed, ExtendedLength: profile.ExtendedLength},
		ATR:  globalplatform.ATR(), Where: path, Reset: managed.Reset, Close: unlock,
		Unframed: managed, ExtendedLength: profile.ExtendedLength,
	}, nil
}

func openManaged(options card.Options, path string) (*globalplatform.Card, error) {
	virtual, err := card.Open(options, path)
	if err != nil {
		return nil, err
	}
	managed, err := globalplatform.New(virtual, globalplatform.Options{})
	if err != nil {
		return nil, err
	}
	return managed, managed.Reset()
}

// lockCard keeps other programs away from the virtual card in a file, by a file
// beside it. The system lets go of it when the program dies.
func lockCard(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("virtual card: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another program has it open: wait until that ends, or reach the card through that program's reader")
		}
		return nil, errors.Join(fmt.Errorf("virtual card %s: %w", path, err), file.Close())
	}
	return file.Close, nil
}
