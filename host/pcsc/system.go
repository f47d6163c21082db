package pcsc

import (
	"errors"
	"slices"
)

// System is the PC/SC service of this machine. It holds nothing open: when the daemon
// is started anew, it goes on. Several goroutines can use it.
type System struct {
	establish func() (connection, error)
}

// Establish looks whether the service is there: [ErrUnavailable], [ErrNoDaemon],
// [ErrDenied] if not.
func Establish() (*System, error) {
	s := &System{establish: establish}
	return s, s.with(func(connection) error { return nil })
}

// with does something over a connection of its own.
func (s *System) with(do func(connection) error) error {
	c, err := s.establish()
	if err != nil {
		return failed("", err, code.meaning)
	}
	err = failed("", do(c), code.meaning)
	if released := c.release(); err == nil {
		err = failed("", released, code.meaning)
	}
	return err
}

// Readers lists the readers plugged in, which may be none.
func (s *System) Readers() (readers []string, err error) {
	err = s.with(func(c connection) (err error) {
		readers, err = list(c)
		return err
	})
	return readers, err
}

func list(c connection) ([]string, error) {
	readers, err := c.listReaders()
	if errors.Is(err, codeNoReaders) {
		return nil, nil
	}
	slices.Sort(readers)
	return slices.Compact(readers), err
}

// State is what a reader holds.
type State struct {
	Reader string
	Card   bool   // one is in it
	ATR    []byte // of the card; nil for one that does not answer
	InUse  bool   // some program has the card
}

// States tells what every reader holds at this moment. It answers [ErrWatching] while
// a [System.Watch] of this program runs.
func (s *System) States() (states []State, err error) {
	err = s.with(func(c connection) error {
		readers, err := list(c)
		if err != nil || len(readers) == 0 {
			return err
		}
		found := make([]readerStatus, len(readers))
		for i, reader := range readers {
			found[i].reader = reader
		}
		if err := c.statusChange(found, 0); err != nil && !errors.Is(err, codeTimeout) {
			return err
		}
		for _, f := range found {
			states = append(states, f.state())
		}
		return nil
	})
	return states, err
}

func (r readerStatus) state() State {
	s := State{Reader: r.reader, Card: r.found&flagPresent != 0, InUse: r.found&(flagExclusive|flagInUse) != 0}
	if s.Card && r.found&flagMute == 0 {
		s.ATR = r.atr
	}
	return s
}
