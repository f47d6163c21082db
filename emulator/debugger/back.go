package debugger

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"

	"ekrona.example/emulator/vm"
)

// past is what a command that runs again looks for on its way to where it was.
type past struct {
	from    position      // where it was
	breaks  bool          // the last break is wanted, not the last line
	lines   map[int]begun // by depth, of the activations that there are
	found   int           // number of the instruction; 0 for none yet
	at      Stop          // the last break, if it is within the instruction
	present int           // number of the instruction at which it was
}

// begun is a line that an activation has begun.
type begun struct {
	position
	count int // of the line's first instruction
}

// Back goes to the line before in the method, or in its caller; at the first one to the first
// instruction of the command.
func (d *Debugger) Back() (Stop, error) { return d.back(false, false) }

// BackInstruction goes to the instruction before.
func (d *Debugger) BackInstruction() (Stop, error) { return d.back(false, true) }

// BackToBreak goes to the last break before, or the first instruction of the command.
func (d *Debugger) BackToBreak() (Stop, error) { return d.back(true, false) }

// errOtherWay is the error of a command that cannot be repeated.
var errOtherWay = errors.New("the command went another way when it was run again: the card's " +
	"randomness does not repeat; give it a seed")

func (d *Debugger) back(breaks, byOne bool) (Stop, error) {
	if d.run == nil {
		return Stop{}, errIdle
	}
	r := d.run
	p := &past{from: r.stopped, breaks: breaks, present: r.count, lines: map[int]begun{}}
	if r.inside && !breaks {
		p.present++ // the instruction that runs is one to go back to
	}
	r.resume <- how{kind: abandon}
	d.wait()
	if err := r.restore(); err != nil {
		return Stop{}, err
	}
	if byOne {
		return d.stopAt(r, max(1, p.present-1), Stop{})
	}
	if err := d.look(r, p); err != nil {
		return Stop{}, err
	}
	return d.stopAt(r, max(1, p.found), p.at)
}

// StartAtLastBreak sends a command, as [Debugger.StartAction] does, and stops it at the last break
// that it hits on its way to its end. If it hits none, the card is as before it: found is false.
func (d *Debugger) StartAtLastBreak(
	command []byte, action func() ([]byte, error),
) (s Stop, found bool, err error) {
	r, err := d.newRun(command, action)
	if err != nil {
		return Stop{}, false, err
	}
	p := &past{breaks: true, present: math.MaxInt}
	if err := d.look(r, p); err != nil || p.found == 0 {
		return Stop{}, false, err
	}
	s, err = d.stopAt(r, p.found, p.at)
	return s, err == nil, err
}

// look runs a command for what is to be found, and sets the card back.
func (d *Debugger) look(r *run, p *past) error {
	d.run = r
	d.launch(how{kind: again, until: p.present, seen: p})
	return r.restore()
}

// stopAt runs a command to an instruction. within is the break at which it stops there, if that
// is not the instruction.
func (d *Debugger) stopAt(r *run, instruction int, within Stop) (Stop, error) {
	d.run = r
	s := d.launch(how{kind: again, until: instruction, within: within})
	if s.Reason == Ended {
		return s, errOtherWay
	}
	return s, nil
}

// instructionAgain looks for what is wanted, or stops at the instruction that was found.
func (d *Debugger) instructionAgain(s vm.Site, first bool) vm.Action {
	r := d.run
	p := r.how.seen
	if p != nil && r.count >= r.how.until {
		return vm.Action{Kind: vm.Cut}
	}
	numbers, what := d.hitsAt(s, first)
	if p == nil {
		if r.count < r.how.until {
			return vm.Action{}
		}
		at := Stop{Reason: AtBreak, Breaks: numbers, What: what}
		if len(numbers) == 0 {
			at = r.how.within
			at.Reason = cmp.Or(at.Reason, AtStep)
		}
		at.Site = s
		return d.stop(at)
	}
	if p.breaks {
		if len(numbers) > 0 {
			p.found, p.at = r.count, Stop{}
		}
		return vm.Action{}
	}
	if s.Depth > p.from.site.Depth {
		return vm.Action{}
	}
	for depth := range p.lines {
		if depth > s.Depth {
			delete(p.lines, depth) // it has ended
		}
	}
	here, before := d.position(s), p.lines[s.Depth]
	if here.line == 0 || here.line != before.line || s.Method != before.site.Method {
		p.lines[s.Depth] = begun{here, r.count}
	}
	p.found = p.lines[slices.Max(slices.Collect(maps.Keys(p.lines)))].count
	return vm.Action{}
}

// passed notes a write or an exception at which a command that runs again would stop.
func (d *Debugger) passed(at Stop) vm.Action {
	if p := d.run.how.seen; p != nil && p.breaks && len(at.Breaks) > 0 {
		p.found, p.at = d.run.count, at
	}
	return vm.Action{}
}
