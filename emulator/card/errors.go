package card

import (
	"errors"
	"fmt"

	"ekrona.example/emulator/vm"
)

// ErrPowerLost reports that a command was cut off as [Card.CutBefore] asked, or that
// the card has had no power since. The card answers nothing until [Card.Reset].
var ErrPowerLost = errors.New("the card has lost power")

// ErrMute reports that an applet's code broke the rules of the machine, on which a
// card stops answering until [Card.Reset].
var ErrMute = errors.New("the card has gone mute")

// ErrRefused reports that the card refused to load, install or delete, and is as
// before.
var ErrRefused = errors.New("refused")

// ErrNotKept reports that a card from [Open] has changed and its file could not be
// written. It answers nothing until a [Card.Reset] that can write it.
var ErrNotKept = errors.New("the card's file could not be written; mend that and reset the card")

// powerLost is ErrPowerLost with the machine's own account of it.
type powerLost struct{ cut *vm.PowerCut }

func (e *powerLost) Error() string {
	return fmt.Sprintf("%v before persistent write %d; reset it", ErrPowerLost, e.cut.Write)
}

func (e *powerLost) Unwrap() []error { return []error{ErrPowerLost, e.cut} }

// mute is ErrMute with the machine's own account of it.
type mute struct{ fault *vm.CardFault }

func (e *mute) Error() string {
	return fmt.Sprintf("%v (%s fault at %s: %s); reset it", ErrMute, e.fault.Kind, e.fault.Where,
		e.fault.What)
}

func (e *mute) Unwrap() []error { return []error{ErrMute, e.fault} }

// stopped turns what ended vm.Enter into an error of the card.
func stopped(err error) error {
	var cut *vm.PowerCut
	var fault *vm.CardFault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &cut):
		return &powerLost{cut}
	case errors.As(err, &fault):
		return &mute{fault}
	default:
		return err
	}
}
