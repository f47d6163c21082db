package pcsc

import (
	"errors"
	"fmt"
)

// What can be wrong, for errors.Is.
var (
	ErrUnavailable = errors.New("this ekrona was built without PC/SC: install gcc, " +
		"libpcsclite-dev and pcscd (on Debian: apt-get install gcc libpcsclite-dev pcscd) and " +
		"build it with: go build -tags pcsc ./host/cmd/ekrona")
	ErrNoDaemon = errors.New(
		"the PC/SC daemon does not answer: start pcscd (systemctl start pcscd.socket)")
	ErrDenied = errors.New("the PC/SC daemon does not let this user use cards: work at the " +
		"console, or allow org.debian.pcsc-lite.access_pcsc and access_card in polkit")
	ErrNoReader = errors.New(
		"no such reader is plugged in: plug it in, and look with \"ekrona card readers\"")
	ErrNoCard      = errors.New("no card in the reader: insert one")
	ErrBusy        = errors.New("another program uses the card: end it and start again")
	ErrCardRemoved = errors.New("the card was taken away: insert it and start again")
	ErrCardReset   = errors.New("another program has reset the card: end it and start again")
	ErrMute        = errors.New(
		"the card does not answer: check how it sits in the reader, and start again")
)

// code is a return code of PC/SC (pcsclite.h; the same numbers in winscard.h).
type code uint32

const (
	codeCancelled         code = 0x80100002
	codeInvalidHandle     code = 0x80100003
	codeUnknownReader     code = 0x80100009
	codeTimeout           code = 0x8010000A
	codeSharingViolation  code = 0x8010000B
	codeNoSmartcard       code = 0x8010000C
	codeProtocolMismatch  code = 0x8010000F
	codeNotReady          code = 0x80100010
	codeSystemCancelled   code = 0x80100012
	codeCommunication     code = 0x80100013
	codeNotTransacted     code = 0x80100016
	codeReaderUnavailable code = 0x80100017
	codeNoService         code = 0x8010001D
	codeServiceStopped    code = 0x8010001E
	codeNoReaders         code = 0x8010002E
	codeUnsupportedCard   code = 0x80100065
	codeUnresponsiveCard  code = 0x80100066
	codeUnpoweredCard     code = 0x80100067
	codeResetCard         code = 0x80100068
	codeRemovedCard       code = 0x80100069
	codeSecurityViolation code = 0x8010006A
)

// meanings are the errors of the codes before a card is connected. meaningAfter has those of
// afterwards.
var meanings = map[code]error{
	codeInvalidHandle:     ErrNoDaemon, // it was restarted and does not know the handle
	codeSystemCancelled:   ErrNoDaemon,
	codeCommunication:     ErrNoDaemon, // how the library reports a dead socket
	codeNoService:         ErrNoDaemon,
	codeServiceStopped:    ErrNoDaemon,
	codeSecurityViolation: ErrDenied,
	codeUnknownReader:     ErrNoReader,
	codeReaderUnavailable: ErrNoReader,
	codeNoReaders:         ErrNoReader,
	codeNoSmartcard:       ErrNoCard,
	codeRemovedCard:       ErrNoCard,
	codeSharingViolation:  ErrBusy,
	codeResetCard:         ErrCardReset,
	codeProtocolMismatch:  ErrMute,
	codeNotReady:          ErrMute,
	codeNotTransacted:     ErrMute,
	codeUnsupportedCard:   ErrMute,
	codeUnresponsiveCard:  ErrMute,
	codeUnpoweredCard:     ErrMute,
}

// meaning returns what a code means for a reader that may have no card.
func (c code) meaning() error { return meanings[c] }

// meaningAfter returns what it means for one that had a card.
func (c code) meaningAfter() error {
	switch meant := meanings[c.inUse()]; meant {
	case ErrNoCard:
		return ErrCardRemoved
	default:
		return meant
	}
}

// inUse returns the code on a connection that has been used already. The library reports some dead
// sockets as access denied, which can be true only before the first use.
func (c code) inUse() code {
	if c == codeSecurityViolation {
		return codeServiceStopped
	}
	return c
}

// Error returns the text of a code without a meaning.
func (c code) Error() string { return fmt.Sprintf("PC/SC error %08X", uint32(c)) }

// Error is what PC/SC reported. It unwraps to one of this package's errors if it
// means one.
type Error struct {
	Reader string // "" where none is concerned
	Code   uint32 // SCARD_E_..., as in pcsclite.h
	Means  error  // nil for none of this package's errors
}

// Error says what is wrong, where, and what to do.
func (e *Error) Error() string {
	text := fmt.Sprintf("%v: see the log of pcscd", code(e.Code))
	if e.Means != nil {
		text = e.Means.Error()
	}
	if e.Reader == "" {
		return text
	}
	return fmt.Sprintf("reader %q: %s", e.Reader, text)
}

// Unwrap returns what the code means.
func (e *Error) Unwrap() error { return e.Means }

// failed returns the error of a call; nil stays nil.
func failed(reader string, err error, meaning func(code) error) error {
	var c code
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &c):
		return err
	}
	return &Error{Reader: reader, Code: uint32(c), Means: meaning(c)}
}
