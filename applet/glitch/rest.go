package glitch

import (
	"context"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/vm"
)

// rest plays on after a command: what followed it without a fault, sent again without any.
type rest struct {
	ctx      context.Context // of the one fault
	e        *fault.Experiment
	commands []next

	usual [][]reply // without a fault; see usually
	known map[fate][]reply
}

// next is a command that follows, or a reset.
type next struct {
	reset   bool
	command apdu.Command
}

// reply is what a command was answered; nothing for a reset, or by a card that is mute.
type reply struct {
	apdu.Response
	answered bool
}

// isDone reports whether a command was carried out.
func (r reply) isDone() bool {
	return r.answered && (r.SW == apdu.OK || r.SW>>8 == moreData)
}

// fate is what the replies depend on.
type fate struct {
	holds vm.Fingerprint
	reset bool
}

func newRest(ctx context.Context, e *fault.Experiment, commands []next) *rest {
	return &rest{ctx: ctx, e: e, commands: commands, known: map[fate][]reply{}}
}

// after plays on with the card as it stands, which holds that. reset says that it was reset, being
// mute. The card is left anyhow.
func (r *rest) after(holds vm.Fingerprint, reset bool) []reply {
	at := fate{holds, reset}
	replies, known := r.known[at]
	if !known {
		replies = r.play(everyOne)
		r.known[at] = replies
	}
	return replies
}

func everyOne(int) bool { return true }

// play resets the card and sends the commands, those that sends says by their number. The reply to
// a reset, and to a command that was not sent, is empty.
func (r *rest) play(sends func(n int) bool) []reply {
	all := make([]reply, len(r.commands))
	for n, next := range r.commands {
		switch {
		case next.reset:
			r.e.Card.Reset()
		case sends(n):
			answer, err := r.e.Card.Transmit(r.ctx, next.command)
			all[n] = reply{answer, err == nil}
		}
	}
	return all
}

// states are those from which the commands that follow may be answered: after the command of the
// experiment, before it, and before it but with the randomness drawn that it draws.
func (r *rest) states() []*card.Snapshot {
	return []*card.Snapshot{r.e.After, r.e.Before, r.e.Before.WithRandom(r.e.After)}
}

// playFromEach plays from each of the states, with the power taken away and not.
func (r *rest) playFromEach(sends func(n int) bool) (all [][]reply, err error) {
	for _, state := range r.states() {
		for _, reset := range []bool{false, true} {
			if err := r.e.Card.RestoreSnapshot(state); err != nil {
				return nil, err
			}
			if reset {
				r.e.Card.Reset()
			}
			all = append(all, r.play(sends))
		}
	}
	return all, nil
}

// usually are the replies to the n-th command without a fault: from each of the states, with the
// power taken away and not.
func (r *rest) usually(n int) ([]reply, error) {
	if r.usual == nil {
		played, err := r.playFromEach(everyOne)
		if err != nil {
			return nil, err
		}
		r.usual = played
	}
	return toThe(n, r.usual), nil
}

// toThe are the replies to the n-th command.
func toThe(n int, played [][]reply) (all []reply) {
	for _, replies := range played {
		all = append(all, replies[n])
	}
	return all
}

// alone are the replies to the n-th command without a fault where of those before it only the ones
// are sent that replies say were carried out: one that is refused with a fault and carried out
// without, such as a payment, may leave something to the next.
func (r *rest) alone(replies []reply, n int) ([]reply, error) {
	played, err := r.playFromEach(func(i int) bool {
		return i == n || i < n && replies[i].isDone()
	})
	return toThe(n, played), err
}

// Following is a command that follows one with a fault.
type Following struct {
	Command apdu.Command
	Reset   bool // the card was reset, and no command sent
	Answer  apdu.Response
	Mute    bool
	// Usual are its answers without the fault: as the case goes, and with the power taken away or
	// without the command that the fault hit; the last two without it, though its randomness is
	// drawn.
	Usual []apdu.Response
}

// playOn is the commands that follow, with the card as it stands; err says whether it is mute.
func (r *rest) playOn(err error) ([]Following, error) {
	if failed := revive(r.e.Card, err); failed != nil {
		return nil, failed
	}
	replies := r.after(r.e.Card.Fingerprint(), err != nil)
	var all []Following
	for n, next := range r.commands {
		f := Following{Command: next.command, Reset: next.reset, Answer: replies[n].Response,
			Mute: !replies[n].answered}
		usual, err := r.usually(n)
		if err != nil {
			return nil, err
		}
		for _, u := range usual {
			f.Usual = append(f.Usual, u.Response)
		}
		all = append(all, f)
	}
	return all, nil
}
