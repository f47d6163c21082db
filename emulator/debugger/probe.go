package debugger

import (
	"slices"

	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// probe is what the machine asks while a command is debugged.
func (d *Debugger) probe() vm.Probe {
	return vm.Probe{Instruction: d.instruction, Write: d.write, Throw: d.throw}
}

// instruction decides whether the card stops before an instruction.
func (d *Debugger) instruction(s vm.Site) vm.Action {
	r := d.run
	r.count++
	first := !r.entered
	r.entered = true
	switch r.how.kind {
	case abandon:
		return vm.Action{Kind: vm.Cut}
	case again:
		return d.instructionAgain(s, first)
	}
	reason := Reason("")
	here := position{site: s}
	switch {
	case d.pause.CompareAndSwap(true, false):
		reason = AtPause
	case first && r.how.kind == stepInstruction:
		reason = AtEntry
	case r.how.kind != toBreak:
		here = d.position(s)
		if d.ends(r.how.kind, r.from, here) {
			reason = AtStep
		}
	}
	numbers, what := d.hitsAt(s, first)
	switch {
	case len(numbers) > 0 && first && len(d.at[place{s.Method.Package(), s.PC}]) == 0:
		reason = AtEntry // by a break on commands
	case len(numbers) > 0:
		reason = AtBreak
	case reason == "":
		return vm.Action{}
	}
	return d.stop(Stop{Reason: reason, Breaks: numbers, What: what, Site: s})
}

// hitsAt are the breaks that stop the card before an instruction, those on the command before its
// first one.
func (d *Debugger) hitsAt(s vm.Site, first bool) (numbers []int, what string) {
	list := d.at[place{s.Method.Package(), s.PC}]
	if first {
		list = slices.Concat(d.atCommand(d.run.command), list)
	}
	return d.hits(list, nil)
}

// position finds the line of a site.
func (d *Debugger) position(s vm.Site) position {
	p := position{site: s}
	p.file, p.line = d.names.Line(s.Method, s.PC)
	return p
}

// ends reports whether a step that began at from ends here.
func (d *Debugger) ends(k kind, from, here position) bool {
	a, b := from.site, here.site
	switch k {
	case stepInstruction:
		return true
	case stepOut:
		return b.Depth < a.Depth
	case stepOver:
		if b.Depth > a.Depth {
			return false
		}
	}
	moved := b.Depth != a.Depth || b.Method != a.Method
	return moved || here.line == 0 || here.line != from.line
}

// write stops before a write to what a break names.
func (d *Debugger) write(a *vm.Access) vm.Action {
	if d.run.how.kind == abandon {
		return d.quiet()
	}
	to, what := d.writesTo(a)
	numbers, why := d.hits(to, ofWrite(a))
	if len(numbers) == 0 {
		return vm.Action{}
	}
	if why != "" {
		what += "; " + why
	}
	return d.within(Stop{Reason: AtWrite, Breaks: numbers, What: what, Site: a.Site})
}

// throw stops where an exception is thrown that a break names.
func (d *Debugger) throw(e *vm.Exception) vm.Action {
	if d.run.how.kind == abandon {
		return d.quiet()
	}
	var at []*Break
	name := inspect.ThrownName(d.names, e)
	for _, b := range d.breaks {
		if b.Kind == OnException && isThrown(b.Where, name) {
			at = append(at, b)
		}
	}
	numbers, why := d.hits(at, nil)
	if len(numbers) == 0 {
		return vm.Action{}
	}
	what := inspect.Thrown(d.names, e)
	if why != "" {
		what += "; " + why
	}
	return d.within(Stop{Reason: AtException, Breaks: numbers, What: what, Site: e.Site})
}

// within stops the card within an instruction, at a write or an exception.
func (d *Debugger) within(s Stop) vm.Action {
	if d.run.how.kind == again {
		return d.passed(s)
	}
	return d.stop(s)
}

// stop tells the debugger where the card stands, and waits until it is to go on.
func (d *Debugger) stop(s Stop) vm.Action {
	r := d.run
	s.Where = d.names.Site(s.Site)
	// whoever comes back to a write or an exception stands before its instruction
	r.inside = (s.Reason == AtWrite || s.Reason == AtException) && r.how.kind != again
	r.stopped = d.position(s.Site)
	r.events <- s
	r.how = <-r.resume
	r.from = r.stopped
	return d.quiet()
}

// quiet is what a probe's function returns beside stopping.
func (d *Debugger) quiet() vm.Action {
	if d.run.how.kind == abandon {
		return vm.Action{Kind: vm.Cut}
	}
	return vm.Action{}
}
