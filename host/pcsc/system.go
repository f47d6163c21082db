package pcsc

import (
	"errors"
	"slices"
	"time"
)

// System is the PC/SC service of this machine. It holds nothing open but what a [System.Watch] or a
// [Card] needs, and keeps working after a restart of the daemon. It is safe for concurrent use.
type System struct {
	establish func() (connection, error)
	monitor   *monitor
	patience  time.Duration // for the daemon to notice that a card, or a program, has gone
}

// patience is more than twice the time between two looks of pcscd at a reader that
// does not report by itself (PCSCLITE_STATUS_POLL_RATE, 400 ms).
const patience = time.Second

// machine is the PC/SC service of this computer.
var machine = newSystem(establish)

func newSystem(establish func() (connection, error)) *System {
	return &System{establish: establish, monitor: &monitor{establish: establish},
		patience: patience}
}

// Establish checks that the service is there; otherwise it returns [ErrUnavailable], [ErrNoDaemon]
// or [ErrDenied].
func Establish() (*System, error) {
	_, err := machine.Readers()
	return machine, err
}

// with calls do with its own connection.
func with(establish func() (connection, error), do func(connection) error) error {
	c, err := establish()
	if err != nil {
		return err
	}
	err = do(c)
	if released := c.release(); err == nil {
		err = released
	}
	return err
}

// Readers lists the readers plugged in, which may be none.
func (s *System) Readers() (readers []string, err error) {
	err = with(s.establish, func(c connection) (err error) {
		readers, err = list(c)
		return err
	})
	return readers, failed("", err, code.meaning)
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

// States returns what every reader holds at this moment.
func (s *System) States() ([]State, error) {
	readers, err := s.monitor.readers()
	states := make([]State, len(readers))
	for i, r := range readers {
		states[i] = r.state()
	}
	return states, failed("", err, code.meaning)
}

func (r readerStatus) state() State {
	s := State{Reader: r.reader, Card: r.found&flagPresent != 0}
	if s.Card {
		s.InUse = r.found&(flagExclusive|flagInUse) != 0
	}
	if s.Card && r.found&flagMute == 0 {
		s.ATR = r.atr
	}
	return s
}
