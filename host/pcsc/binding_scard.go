//go:build pcsc

package pcsc

import (
	"errors"
	"sync"
	"time"

	"github.com/ebfe/scard"
)

// Available reports whether this program was built with PC/SC.
const Available = true

func establish() (connection, error) {
	context, err := scard.EstablishContext()
	if err != nil {
		return nil, coded(err)
	}
	return scardConnection{context}, nil
}

// coded turns the binding's errors into codes.
func coded(err error) error {
	var c scard.Error
	if errors.As(err, &c) {
		return code(c)
	}
	return err
}

type scardConnection struct{ *scard.Context }

// waiting is held by the one GetStatusChange at work, [monitor]'s. The binding keeps
// the names of the readers that it waits for under these names only: a second call
// for the same readers would free memory that the library still reads in the first.
var waiting sync.Mutex

func (s scardConnection) listReaders() ([]string, error) {
	readers, err := s.ListReaders()
	return readers, coded(err)
}

func (s scardConnection) statusChange(readers []readerStatus, timeout time.Duration) error {
	waiting.Lock()
	defer waiting.Unlock()
	states := make([]scard.ReaderState, len(readers))
	for i, r := range readers {
		states[i] = scard.ReaderState{Reader: r.reader, CurrentState: scard.StateFlag(r.expected)}
	}
	err := s.GetStatusChange(states, timeout)
	for i, state := range states {
		readers[i].found, readers[i].atr = flags(state.EventState), state.Atr
	}
	return coded(err)
}

func (s scardConnection) cancel() error  { return coded(s.Cancel()) }
func (s scardConnection) release() error { return coded(s.Release()) }

func (s scardConnection) connect(reader string) (handle, error) {
	card, err := s.Connect(reader, scard.ShareExclusive, scard.ProtocolAny)
	if err != nil {
		return nil, coded(err)
	}
	switch card.ActiveProtocol() {
	case scard.ProtocolT0, scard.ProtocolT1:
		return scardHandle{card}, nil
	default: // the binding panics on any other
		return nil, codeProtocolMismatch
	}
}

// scardHandle is never disconnected: SCardDisconnect of pcsc-lite (up to 2.5.1)
// walks through the handles of all connections without the lock under which other
// threads change and free them. SCardReleaseContext, which takes its handles along,
// does it under that lock, and every handle here has a connection of its own.
type scardHandle struct{ *scard.Card }

func (s scardHandle) begin() error { return coded(s.BeginTransaction()) }
func (s scardHandle) end() error   { return coded(s.EndTransaction(scard.ResetCard)) }
func (s scardHandle) overT0() bool { return s.ActiveProtocol() == scard.ProtocolT0 }

func (s scardHandle) atr() ([]byte, error) {
	status, err := s.Status()
	if err != nil {
		return nil, coded(err)
	}
	return status.Atr, nil
}

func (s scardHandle) transmit(command []byte) ([]byte, error) {
	answer, err := s.Transmit(command)
	return answer, coded(err)
}

func (s scardHandle) control(ioctl uint32, in []byte) ([]byte, error) {
	out, err := s.Control(ioctl, in)
	return out, coded(err)
}

func (s scardHandle) reset() error {
	return coded(s.Reconnect(scard.ShareExclusive, scard.ProtocolAny, scard.ResetCard))
}
