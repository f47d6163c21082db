package client

import (
	"errors"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// Refusal is a command answered with a status word other than 9000. errors.Is finds in
// it the status word's family ([ErrLimit], [ErrNotAuthentic], ...) and, because it
// unwraps to it, the [apdu.StatusWord] itself; errors.As finds an [apdu.TriesLeft].
type Refusal struct {
	Variant spec.Variant
	SW      apdu.StatusWord
}

// Error states the command, what the applet means by the status word and what to do
// about it.
func (r *Refusal) Error() string {
	title, text := r.Variant.Title(), spec.StatusText(r.SW)
	return fmt.Sprintf("the card refuses %s: it answered %s", title, text)
}

// Unwrap returns the status word.
func (r *Refusal) Unwrap() error { return r.SW }

// Is matches a family of the applet's status words.
func (r *Refusal) Is(target error) bool {
	f, ok := target.(family)
	if !ok {
		return false
	}
	row, known := spec.Status(r.SW)
	return known && row.Family == spec.Family(f)
}

// ErrUnknownRoot says that a card knows no root that has certified the authority of the other side:
// one of the two has not synchronised since the central bank has replaced its root.
var ErrUnknownRoot = errors.New("the card knows no root that has certified the other side's " +
	"bank: the central bank has replaced its root; synchronise both sides first")

// LinkLost reports that no answer came: the card may or may not have acted. Every
// command of a payment can be given again to find out.
type LinkLost struct {
	Command string
	Err     error
}

// Error states what to do.
func (l *LinkLost) Error() string {
	return fmt.Sprintf("the card was lost during %s: hold it to the reader again (%v)", l.Command,
		l.Err)
}

// Cause is why no answer came, without the advice of [LinkLost]: for errors that give
// their own.
func Cause(err error) error {
	var lost *LinkLost
	if errors.As(err, &lost) {
		return lost.Err
	}
	return err
}

// Unwrap returns the transport's error.
func (l *LinkLost) Unwrap() error { return l.Err }

// ErrAnswer reports that a card answered something that the spec does not allow.
var ErrAnswer = errors.New("the card's answer is not one of the applet's: is this an e-krona card?")

// ErrVersion reports that the card's application follows another version of the spec.
var ErrVersion = errors.New("the card's application and this program are of different versions")

// Is reports whether err is a card's refusal with exactly this status word.
func Is(err error, sw apdu.StatusWord) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.SW == sw
}

// IsLost reports whether err leaves open what the card has done.
func IsLost(err error) bool {
	var lost *LinkLost
	return errors.As(err, &lost)
}

func answerError(v spec.Variant, err error) error {
	return fmt.Errorf("%s: %w (%v)", v.Title(), ErrAnswer, err)
}
