package pcsc

import "time"

// connection is one connection to the resource manager (SCARDCONTEXT), as far as
// this package needs it. Errors are a [code].
type connection interface {
	listReaders() ([]string, error)
	// statusChange waits until a reader is not as its expected says, timeout has
	// passed (codeTimeout) or cancel was called (codeCancelled).
	statusChange(readers []readerStatus, timeout time.Duration) error
	// cancel ends a statusChange that waits. One that has not started to wait is not ended.
	cancel() error
	// connect takes the reader's card for this program alone.
	connect(reader string) (handle, error)
	release() error
}

// handle is a connected card (SCARDHANDLE).
type handle interface {
	begin() error
	// end ends the transaction and resets the card. The handle is released with its connection.
	end() error
	atr() ([]byte, error)
	// overT0 reports whether the card uses T=0 and not T=1.
	overT0() bool
	transmit(command []byte) ([]byte, error)
	control(code uint32, in []byte) ([]byte, error)
	// reset is a warm reset.
	reset() error
}

// readerStatus is a reader in statusChange.
type readerStatus struct {
	reader   string
	expected flags // what the caller knows; 0 for nothing
	found    flags
	atr      []byte
}

// flags are SCARD_STATE_...; in the higher half, how many events there have been.
type flags uint32

const (
	flagChanged   flags = 0x0002
	flagPresent   flags = 0x0020
	flagExclusive flags = 0x0080
	flagInUse     flags = 0x0100
	flagMute      flags = 0x0200
)

// events returns how many events there have been, modulo 65536.
func (f flags) events() uint32 { return uint32(f) >> 16 }

// plugAndPlay is the name under which statusChange reports that a reader came or went.
const plugAndPlay = `\\?PnP?\Notification`
