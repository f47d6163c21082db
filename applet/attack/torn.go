package attack

import (
	"context"
	"fmt"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// torn are attacks by who pulls the card, or cuts its power, within a command.
var torn = []Attack{
	{
		Name:    "PIN guessed until the card is blocked",
		Threat:  "a finder tries all PINs",
		Defence: "each wrong PIN costs a try, and none is left after three",
		Clause:  "PROTOCOL.md §3", Card: Active, Keeps: KeepsMoney, Stranger: true,
		Answers: sw(spec.SWPINBlocked, spec.SWPINForm), Destroys: "all tries of the PIN",
		Ways: []Way{
			{"guesses", guessing(wrongPIN, spec.PINTries, false)},
			{"the right one, too late", verifies.Make},
		},
	},
	{
		Name:    "PIN guessed while the power is cut",
		Threat:  "a guess whose try is not counted: a thief tries all PINs",
		Defence: "a try is taken before the comparison, and never given back by a cut",
		Clause:  "PROTOCOL.md §3", Card: Active,
		Answers: sw(spec.SWPINBlocked, spec.SWPINForm), Keeps: KeepsMoney, Stranger: true,
		Torn: true, Destroys: "all tries of the PIN",
		Ways: []Way{
			{"guesses", guessing(wrongPIN, spec.PINTries, true)},
			{"the right one, too late", verifies.Make},
		},
	},
	{
		Name:    "PUK guessed while the power is cut",
		Threat:  "a guess whose try is not counted: a thief gives himself a PIN",
		Defence: "a try is taken before the comparison, and never given back by a cut",
		Clause:  "PROTOCOL.md §3", Card: Active, Answers: sw(spec.SWPINBlocked), Control: resets,
		Keeps: KeepsMoney, Torn: true,
		Ways: []Way{
			{"guesses", guessing(wrongPUK, spec.PUKTries, true)},
			{"the right one, too late", resets.Make},
		},
	},
}

// guessing guesses until the card is blocked, torn with the power cut before each write in turn if
// somebody can. Each guess that is answered must have cost a try, and none may have come back.
func guessing(
	wrong func(s *Setup) (Blow, error), tries int, torn bool,
) func(s *Setup) (Blow, error) {
	return func(s *Setup) (Blow, error) {
		guess, err := wrong(s)
		return Blow{Act: func(ctx context.Context, card apdu.Card) error {
			t := &tearing{ctx: ctx, card: card, command: guess.Command()}
			if torn {
				t.power = s.Power
			}
			return t.exhaust(guess.title(), tries)
		}}, err
	}
}

// exhaust makes guesses until no try is left.
func (t *tearing) exhaust(title string, tries int) error {
	left := tries
	for n := 1; n <= maxCuts; n++ {
		next, err := t.guess(n)
		switch {
		case err != nil:
			return err
		case next == 0:
			return nil
		case next >= left:
			return fmt.Errorf("%s: %d tries were left before a wrong guess, and %d after it",
				title, left, next)
		}
		left = next
	}
	return fmt.Errorf("%s was answered wrong for %d guesses, and the card is not blocked", title,
		maxCuts)
}

// maxCuts is above the number of guesses that it takes.
const maxCuts = 64

// tearing are guesses under cuts.
type tearing struct {
	ctx     context.Context // of the one attack
	card    apdu.Card
	power   *Power
	command apdu.Command
	writes  int // of the command, once they are known
}

// guess makes the n-th guess, and returns how many tries are left as the card says after it: those
// of a guess that is answered.
func (t *tearing) guess(n int) (left int, err error) {
	cut := n
	if t.writes > 0 {
		cut = 1 + n%t.writes
	}
	if t.power != nil {
		t.power.Cut(cut)
	}
	answer, lost := t.card.Transmit(t.ctx, t.command)
	switch {
	case lost != nil && t.power == nil:
		return 0, lost
	case lost == nil && t.writes == 0:
		t.writes = cut // it makes fewer
	case lost != nil:
		if err := t.power.Reset(); err != nil {
			return 0, err
		}
		if _, err := apdu.Send(t.ctx, t.card, selectCommand()); err != nil {
			return 0, err
		}
		if answer, err = t.card.Transmit(t.ctx, t.command); err != nil {
			return 0, err
		}
	}
	switch {
	case answer.SW == spec.SWPINBlocked, answer.SW == spec.SWPINForm: // no PIN like this
		return 0, nil
	case answer.SW&0xFFF0 == spec.SWPINWrong:
		return int(answer.SW & 0x0F), nil
	}
	return 0, fmt.Errorf("a wrong guess was answered %s", answer.SW.String())
}
