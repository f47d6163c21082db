package card

import (
	"errors"
	"fmt"

	"ekrona/apdu"
	"ekrona/apdu/spec"
)

// Refusal is a command answered with a status word other than 9000. It unwraps to
// the [apdu.StatusWord], so that errors.Is finds the status word and its family.
type Refusal struct {
	Variant spec.Variant
	SW      apdu.StatusWord
}

// Error names the command, and says what the card means by it and what to do.
func (r *Refusal) Error() string {
	return fmt.Sprintf("the card refuses %s: %v", r.Variant.Title(), r.SW)
}

// Unwrap returns the status word.
func (r *Refusal) Unwrap() error { return r.SW }

// LinkLost says that no answer came: the card may or may not have acted. Every
// command of a payment can be given again to find out.
type LinkLost struct {
	Command string
	Err     error
}

// Error says what to do.
func (l *LinkLost) Error() string {
	return fmt.Sprintf("the card was lost during %s: hold it to the reader again (%v)", l.Command, l.Err)
}

// Cause is why no answer came, without what to do: for errors that say that
// themselves.
func Cause(err error) error {
	var lost *LinkLost
	if errors.As(err, &lost) {
		return lost.Err
	}
	return err
}

// Unwrap returns what the transport said.
func (l *LinkLost) Unwrap() error { return l.Err }

// ErrAnswer says that a card answered something that the spec does not allow.
var ErrAnswer = errors.New("the card's answer is not one of the applet's: is this an e-krona card?")

// ErrVersion says that the card's application follows another version of the spec.
var ErrVersion = errors.New("the card's application and this program are of different versions")

// Is tells whether err is a card's refusal with exactly this status word.
func Is(err error, sw uint16) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && uint16(refusal.SW) == sw
}

// IsLost tells whether err leaves open what the card has done.
func IsLost(err error) bool {
	var lost *LinkLost
	return errors.As(err, &lost)
}

func answerError(v spec.Variant, err error) error {
	return fmt.Errorf("%s: %w (%v)", v.Title(), ErrAnswer, err)
}
