package lab

import (
	"context"
	"fmt"

	"ekrona.example/emulator/debugger"
	"ekrona.example/host/shell"
)

// Player does a script line by line under a debugger: it stands before a line, or within one.
type Player struct {
	Bench    *Bench
	Debugger *debugger.Debugger
	Script   []Line

	// Show gets each line that has ended, with its answer.
	Show func(l Line, answer string, failed error)
	// KeepGoing goes on after a line that failed.
	KeepGoing bool
	next      int            // line that is done, or comes, by its place
	starts    []func() error // set all back to before each line that has begun; nil if it cannot be
	reaches   map[int]func() // set the breaks' counts back to before each line was reached
	result    shell.Result   // of the line that ended last
	failed    error          // the first line that failed
}

// Stand is where a player stands.
type Stand struct {
	Done bool // the script has ended
	// Line is the one that is done or comes; the last one if the script has ended.
	Line Line
	// Within reports that the line has begun: Stop says where in it the card stands. Before a line
	// Stop says only which break on the script it is.
	Within bool
	Stop   debugger.Stop
	// Failed is the first line that failed.
	Failed error
}

// Play opens a card of the subject for a script.
func (s *Subject) Play(ctx context.Context, script []Line) (*Player, error) {
	b, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	p := &Player{Bench: b, Script: script,
		Debugger: debugger.New(b.Managed, b.Machine(), b.Sources())}
	p.Debugger.Hold = b.Hold
	return p, nil
}

// Stand is where it stands now, before a line or at the end.
func (p *Player) Stand() Stand {
	at := min(p.next, len(p.Script)-1)
	return Stand{Done: p.next >= len(p.Script) || p.failed != nil && !p.KeepGoing,
		Line: p.Script[at], Failed: p.failed}
}

// Continue goes on to the next break, or the end of the script.
func (p *Player) Continue(ctx context.Context) (Stand, error) {
	return p.goOn(ctx, p.Debugger.Resume, false, false)
}

// StepIn goes on to the next line of the source, or into the line of the script.
func (p *Player) StepIn(ctx context.Context) (Stand, error) {
	return p.goOn(ctx, p.Debugger.StepIn, true, true)
}

// StepOver goes on to the next line of the source, or of the script.
func (p *Player) StepOver(ctx context.Context) (Stand, error) {
	return p.goOn(ctx, p.Debugger.StepOver, true, false)
}

// StepOut goes on until the method has ended, or the line of the script.
func (p *Player) StepOut(ctx context.Context) (Stand, error) {
	return p.goOn(ctx, p.Debugger.StepOut, true, false)
}

// StepInstruction goes on to the next instruction, or into the line of the script.
func (p *Player) StepInstruction(ctx context.Context) (Stand, error) {
	return p.goOn(ctx, p.Debugger.StepInstruction, true, true)
}

// goOn does lines until something stops it: step, the end of a line too.
func (p *Player) goOn(
	ctx context.Context, resume func() (debugger.Stop, error), step, into bool,
) (Stand, error) {
	within := p.Debugger.Running()
	for first := true; ; first = false {
		stand := p.Stand()
		if stand.Done {
			return stand, nil
		}
		var stop debugger.Stop
		var err error
		if within {
			stop, err = resume()
		} else {
			if !first {
				if there, stops := p.Reach(); stops || step {
					return there, nil
				}
			}
			stop, err = p.begin(ctx, stand.Line, into && first)
		}
		if err != nil {
			return stand, err
		}
		if stop.Reason != debugger.Ended {
			stand.Within, stand.Stop = true, stop
			return stand, nil
		}
		p.end(stand.Line, stop)
		within = false
		if err := ctx.Err(); err != nil {
			return stand, err
		}
	}
}

// Reach hits the breaks of the kind [debugger.OnScript] before the line where it stands.
func (p *Player) Reach() (stand Stand, stops bool) {
	stand = p.Stand()
	if stand.Done {
		return stand, false
	}
	if p.reaches == nil {
		p.reaches = map[int]func(){}
	}
	p.reaches[p.next] = p.Debugger.Counts()
	numbers, why := p.Debugger.Reach(stand.Line.Number)
	if len(numbers) > 0 {
		stand.Stop = debugger.Stop{Reason: debugger.AtBreak, Breaks: numbers, What: why}
	}
	return stand, len(numbers) > 0
}

// begin does a line until it stops or ends.
func (p *Player) begin(ctx context.Context, l Line, entry bool) (debugger.Stop, error) {
	if !p.hold() { // a card that is off can be reset, and no more
		p.result = p.Bench.Execute(ctx, l.Text)
		return debugger.Stop{Reason: debugger.Ended}, nil
	}
	command, do, err := p.action(ctx, l)
	if err != nil {
		return debugger.Stop{}, err
	}
	return p.Debugger.StartAction(command, do, entry)
}

// hold keeps all as it is before a line; false if the card is off, and cannot be kept.
func (p *Player) hold() bool {
	start, err := p.Bench.Hold()
	if err != nil {
		p.starts = append(p.starts, nil)
		return false
	}
	counts := p.Debugger.Counts()
	p.starts = append(p.starts, func() error {
		counts()
		return start()
	})
	return true
}

// action is what a line does, and the command that breaks on commands look at.
func (p *Player) action(
	ctx context.Context, l Line,
) (command []byte, do func() ([]byte, error), err error) {
	if command, err = l.Step.Bytes(); err != nil {
		return nil, nil, fmt.Errorf("line %d: %w", l.Number, err)
	}
	return command, func() ([]byte, error) {
		p.result = p.Bench.Execute(ctx, l.Text)
		return p.result.Response, nil
	}, nil
}

// end takes note of a line that has ended.
func (p *Player) end(l Line, stop debugger.Stop) {
	failed := p.result.Err()
	if failed == nil {
		failed = stop.Err
	}
	if failed != nil && p.failed == nil {
		p.failed = fmt.Errorf("line %d: %w", l.Number, failed)
	}
	if p.Show != nil {
		p.Show(l, p.result.Line(), failed)
	}
	p.next++
}

// Back goes to the line of the source before; at the first one to before the line of the script,
// and from there to before the line before it.
func (p *Player) Back() (Stand, error) { return p.back(p.Debugger.Back) }

// BackInstruction goes to the instruction before.
func (p *Player) BackInstruction() (Stand, error) { return p.back(p.Debugger.BackInstruction) }

// BackToBreak goes to the last break before, in the line of the script, at it or in one before it,
// at most to the beginning of the script.
func (p *Player) BackToBreak(ctx context.Context) (Stand, error) {
	if p.Debugger.Running() {
		if !p.Debugger.AtFirst() {
			stop, err := p.Debugger.BackToBreak()
			if err != nil || len(stop.Breaks) > 0 {
				stand := p.Stand()
				stand.Within, stand.Stop = true, stop
				return stand, err
			}
		}
		if stand, err := p.abandon(); err != nil {
			return stand, err
		}
		if stand, stops := p.reachAgain(); stops {
			return stand, nil
		}
	}
	for p.next > 0 {
		if stand, err := p.undo(); err != nil {
			return stand, err
		}
		if stand, stops, err := p.beginAtLastBreak(ctx); err != nil || stops {
			return stand, err
		}
		if stand, stops := p.reachAgain(); stops {
			return stand, nil
		}
	}
	return p.Stand(), nil
}

// reachAgain is Reach for a line that has been reached before.
func (p *Player) reachAgain() (stand Stand, stops bool) {
	if counts := p.reaches[p.next]; counts != nil {
		counts()
		return p.Reach()
	}
	return p.Stand(), false
}

// beginAtLastBreak does the line before which it stands to the last break in it, if there is one.
func (p *Player) beginAtLastBreak(ctx context.Context) (stand Stand, stops bool, err error) {
	stand = p.Stand()
	command, do, err := p.action(ctx, stand.Line)
	if err != nil {
		return stand, false, err
	}
	p.hold() // it could be kept before
	stop, stops, err := p.Debugger.StartAtLastBreak(command, do)
	if !stops {
		p.starts = p.starts[:p.next]
		return stand, false, err
	}
	stand.Within, stand.Stop = true, stop
	return stand, true, nil
}

func (p *Player) back(back func() (debugger.Stop, error)) (Stand, error) {
	stand := p.Stand()
	switch {
	case p.Debugger.AtFirst():
		return p.abandon()
	case p.Debugger.Running():
		stop, err := back()
		stand.Within, stand.Stop = true, stop
		return stand, err
	case p.next == 0:
		return stand, nil
	}
	return p.undo()
}

// abandon goes to before the line within which it stands.
func (p *Player) abandon() (Stand, error) {
	if err := p.Debugger.Abandon(); err != nil {
		return p.Stand(), err
	}
	p.starts = p.starts[:p.next]
	return p.Stand(), nil
}

// undo goes to before the line that was done last.
func (p *Player) undo() (Stand, error) {
	stand := p.Stand()
	if p.starts[p.next-1] == nil {
		return stand, fmt.Errorf("the card was off before line %d: there is no way back over it",
			p.Script[p.next-1].Number)
	}
	p.next--
	if err := p.starts[p.next](); err != nil {
		return stand, err
	}
	p.starts, p.failed = p.starts[:p.next], nil
	return p.Stand(), nil
}

// Close gives up a line that stands still, so that nothing waits for it.
func (p *Player) Close() error { return p.Debugger.Abandon() }
