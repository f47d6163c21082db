package card

import (
	"errors"
	"fmt"
	"slices"

	"ekrona/emulator/vm"
)

// Snapshot is everything that a card held between two commands: its memory, RAM too, what is
// on it and what is selected. The state of its source of randomness is no part of it.
type Snapshot struct {
	machine *vm.Snapshot
	applets []installed
	current vm.Instance
}

// Snapshot keeps what the card holds, for [Card.RestoreSnapshot]. A card that was cut off or
// went mute must be reset first.
func (c *Card) Snapshot() (*Snapshot, error) {
	if c.dead != nil || c.install != nil {
		return nil, errors.New("snapshot: the card is not at rest; reset it first")
	}
	machine, err := c.machine.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return &Snapshot{machine, slices.Clone(c.applets), c.current}, nil
}

// RestoreSnapshot sets the card back to a snapshot that was taken of it, whatever has become
// of it since. It is as it was then, in the middle of a session if it was.
func (c *Card) RestoreSnapshot(s *Snapshot) error {
	if err := c.machine.RestoreSnapshot(s.machine); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	c.applets, c.current = slices.Clone(s.applets), s.current
	c.selecting, c.install, c.cut = false, nil, 0
	c.dead = c.keep()
	c.note("restore snapshot")
	return c.dead
}
