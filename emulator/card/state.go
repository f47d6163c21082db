package card

import (
	"errors"
	"fmt"
	"io/fs"

	"ekrona.example/emulator/vm"
	"ekrona.example/host/durable"
)

// Save writes to a file what the card keeps without power. The file appears whole
// or not at all. A card that was cut off or went mute must be reset first.
func (c *Card) Save(path string) error {
	state, err := c.machine.Save()
	if err != nil {
		return fmt.Errorf("save card: %w", err)
	}
	if err := durable.Replace(path, state, durable.OwnerOnly); err != nil {
		return fmt.Errorf("save card: %w", err)
	}
	return nil
}

// Restore makes a card from a file that Save wrote, as after a reset. What it holds
// must fit the profile.
func Restore(options Options, path string) (*Card, error) {
	state, err := durable.Read(path)
	if err != nil {
		return nil, fmt.Errorf("restore card: %w", err)
	}
	c, err := newCard(options,
		func(config vm.Config) (*vm.VM, error) { return vm.Restore(config, state) })
	if err == nil {
		err = c.findApplets()
	}
	if err != nil {
		return nil, fmt.Errorf("restore card from %s: %w", path, err)
	}
	c.note("restore %s", path)
	return c, nil
}

// Open makes a card that is kept in a file: restored from it, or blank if there is none
// yet. Whatever changes persistent memory is in the file before the command's answer
// comes out, so that what was acknowledged survives a crash of the program; a crash
// within a command leaves the card as it was before. One program at a time may have it
// open.
func Open(options Options, path string) (*Card, error) {
	c, err := Restore(options, path)
	if errors.Is(err, fs.ErrNotExist) {
		c, err = New(options)
		if err == nil {
			err = c.Save(path)
		}
	}
	if err != nil {
		return nil, err
	}
	c.file = path
	return c, nil
}

// keep saves the card in its file, if it has one.
func (c *Card) keep() error {
	if c.file == "" {
		return nil
	}
	if err := c.Save(c.file); err != nil {
		return fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	return nil
}
