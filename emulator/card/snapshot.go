package card

import (
	"encoding"
	"errors"
	"fmt"
	"slices"

	"ekrona.example/emulator/vm"
)

// Snapshot is everything that a card held between two commands: its memory, RAM too, what is
// on it and what is selected, and what its card manager holds beside it: a session, a load in
// progress. The state of its source of randomness is part of it where the source can be saved, as
// [SeededRandom] can: then what follows is always the same.
type Snapshot struct {
	machine *vm.Snapshot
	applets []installed
	current vm.Instance
	channels
	random []byte // nil if the source cannot be saved

	manager        Manager // nil if the card had none
	restoreManager func()
}

// repeatable is a source of randomness whose state can be kept.
type repeatable interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
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
	s := &Snapshot{machine: machine, applets: slices.Clone(c.applets), current: c.current,
		channels: c.channels,
		manager:  c.manager, restoreManager: func() {}}
	if c.manager != nil {
		s.restoreManager = c.manager.Snapshot()
	}
	if source, can := c.random.Reader.(repeatable); can {
		if s.random, err = source.MarshalBinary(); err != nil {
			return nil, fmt.Errorf("snapshot: source of randomness: %w", err)
		}
	}
	return s, nil
}

// WithRandom is a snapshot that has the source of randomness as in another snapshot of the card: as
// if something had drawn of it, and done nothing else.
func (s *Snapshot) WithRandom(of *Snapshot) *Snapshot {
	other := *s
	other.random = of.random
	return &other
}

// RestoreSnapshot sets the card back to a snapshot of it, whatever has happened since: to
// the middle of a session, if it was taken in one. It refuses a snapshot that was taken under
// another card manager, or under none: this one would act on what is on the card no longer.
func (c *Card) RestoreSnapshot(s *Snapshot) error {
	if s.manager != c.manager {
		return errors.New("restore snapshot: the card had another card manager, or none: take " +
			"the snapshot after the manager was set")
	}
	if err := c.machine.RestoreSnapshot(s.machine); err != nil {
		return fmt.Errorf("restore snapshot: %w", err)
	}
	if source, can := c.random.Reader.(repeatable); can && s.random != nil {
		if err := source.UnmarshalBinary(s.random); err != nil {
			return fmt.Errorf("restore snapshot: source of randomness: %w", err)
		}
	}
	c.applets, c.current, c.channels = slices.Clone(s.applets), s.current, s.channels
	c.selecting, c.reselected, c.install, c.cut = false, 0, nil, 0
	s.restoreManager()
	c.dead = c.keep()
	c.note("restore snapshot")
	return c.dead
}
