package debugger

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// BreakKind is what a break waits for.
type BreakKind string

// The kinds.
const (
	OnMethod    BreakKind = "method"    // Where is Class.method, or a part of it
	OnLine      BreakKind = "line"      // Where is a file's name, Line its line
	OnCommand   BreakKind = "command"   // Where is the command's first bytes in hex, "" any
	OnWrite     BreakKind = "write"     // Where is a name as a dump shows it, "*" for anything
	OnException BreakKind = "exception" // Where is class and reason, or one; "*" for anything
	OnScript    BreakKind = "script"    // Line is one of a script, which calls [Debugger.Reach]
)

// Break is a place to stop at.
type Break struct {
	Number int
	Kind   BreakKind
	Where  string
	Line   int // of OnLine: the next one at or behind it that has code is meant
	When

	// Places says how many places it has been found at; 0 as long as nothing fits. Breaks on
	// commands, writes and exceptions have none.
	Places int
	Found  int // of OnLine, the line that has code; 0 for none
	Hits   int // at which its condition held

	compiled compiled
}

// String is the break as the shell's word makes it.
func (b *Break) String() string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s", b.Kind, b.Where))
	if b.Kind == OnLine {
		text = fmt.Sprintf("line %s:%d", b.Where, b.Line)
		if b.Found != b.Line && b.Found > 0 {
			text += fmt.Sprintf(" (has no code; it stops at the next that has, %d)", b.Found)
		}
	}
	if (b.Kind == OnLine || b.Kind == OnMethod) && b.Places == 0 {
		text += " (nothing there yet)"
	}
	if b.When != (When{}) {
		text += fmt.Sprintf("%s (%s so far)", b.When, times(b.Hits))
	}
	return fmt.Sprintf("%d: %s", b.Number, text)
}

func times(n int) string {
	if n == 1 {
		return "hit once"
	}
	return fmt.Sprintf("hit %d times", n)
}

// place is an instruction.
type place struct {
	pkg *vm.Package
	pc  int
}

// reasonPattern is a reason without its class, as in a break at all exceptions with it.
var reasonPattern = regexp.MustCompile(`^[0-9][0-9A-Fa-f*]+$`)

// isThrown reports whether a break at exceptions means one that is called by its class, and the
// number and the name of its reason, if it has one. A class alone means each of its reasons.
func isThrown(where, name string) bool {
	class, reason, given := strings.Cut(where, " ")
	thrown, why, _ := strings.Cut(name, " ")
	number, called, _ := strings.Cut(why, " ")
	return inspect.Matches(where, name) || inspect.Matches(class, thrown) && (!given ||
		inspect.Matches(reason, number) || inspect.Matches(reason, called))
}

// Add makes a break, and looks for its places. Its condition is wrong, too, if it has a name that
// is not known there.
func (d *Debugger) Add(b Break) (*Break, error) {
	switch {
	case b.Kind == OnLine && (b.Where == "" || b.Line < 1):
		return nil, fmt.Errorf("a break at a line is FILE:LINE")
	case b.Kind == OnMethod && b.Where == "":
		return nil, fmt.Errorf("a break at a method wants its name, such as Purse.process")
	case b.Kind == OnWrite && b.Where == "":
		return nil, fmt.Errorf("a break at a write wants a name, such as Purse.balance")
	case b.Kind == OnCommand && !isHexStart(b.Where):
		return nil, fmt.Errorf("a break at commands is their first bytes in hex, such as 8012")
	}
	if b.Kind == OnException {
		switch {
		case b.Where == "":
			b.Where = "*"
		case reasonPattern.MatchString(b.Where):
			b.Where = "* " + strings.ToUpper(b.Where)
		}
	}
	var err error
	if b.compiled, err = compile(b.When); err != nil {
		return nil, err
	}
	d.last++
	b.Number = d.last
	d.breaks = append(d.breaks, &b)
	d.resolve()
	if err := d.check(&b); err != nil {
		d.Remove(b.Number)
		d.last--
		return nil, err
	}
	return &b, nil
}

// AddFound makes a break, unless it is [Debugger.Missing]: then there is none, nor a number of it.
func (d *Debugger) AddFound(b Break) (*Break, error) {
	made, err := d.Add(b)
	if err != nil {
		return nil, err
	}
	if err := d.Missing(made); err != nil {
		d.Remove(made.Number)
		d.last--
		return nil, err
	}
	return made, nil
}

// Remove takes a break away; false if there is none of that number.
func (d *Debugger) Remove(number int) bool {
	at := slices.IndexFunc(d.breaks, func(b *Break) bool { return b.Number == number })
	if at < 0 {
		return false
	}
	d.breaks = slices.Delete(d.breaks, at, at+1)
	d.resolve()
	return true
}

// Break is the one of a number; nil for none.
func (d *Debugger) Break(number int) *Break {
	for _, b := range d.breaks {
		if b.Number == number {
			return b
		}
	}
	return nil
}

// Same reports whether another break is to stop at the same place at the same times.
func (b Break) Same(other Break) bool {
	return b.Kind == other.Kind && b.Where == other.Where && b.Line == other.Line &&
		b.When == other.When
}

// Breaks lists them.
func (d *Debugger) Breaks() []*Break { return slices.Clone(d.breaks) }

// resolve finds the places of all breaks in the CAP files on the card.
func (d *Debugger) resolve() {
	d.at, d.hasAny = map[place][]*Break{}, false
	for _, b := range d.breaks {
		b.Places, b.Found = 0, 0
		switch b.Kind {
		case OnLine:
			d.resolveLine(b)
		case OnMethod:
			d.resolveMethod(b)
		case OnWrite, OnException:
			d.hasAny = true
		}
		d.hasAny = d.hasAny || b.Places > 0
	}
}

func (d *Debugger) put(b *Break, p place) {
	if !slices.Contains(d.at[p], b) {
		d.at[p] = append(d.at[p], b)
		b.Places++
	}
}

// resolveLine takes the first instruction of the line in each method that has it, or of the next
// line with code.
func (d *Debugger) resolveLine(b *Break) {
	type start struct {
		at   place
		line int
	}
	var starts []start
	for _, p := range d.machine.Packages() {
		for _, m := range d.names.Methods(p) {
			if !isFile(b.Where, m.Source, m.Path()) {
				continue
			}
			first := map[int]int{}
			for _, l := range m.Lines {
				if at, known := first[l.Line]; !known || l.Start < at {
					first[l.Line] = l.Start
				}
			}
			for line, at := range first {
				if line >= b.Line {
					starts = append(starts, start{place{p, m.Code + at}, line})
				}
			}
		}
	}
	for _, s := range starts {
		if b.Found == 0 || s.line < b.Found {
			b.Found = s.line
		}
	}
	for _, s := range starts {
		if s.line == b.Found {
			d.put(b, s.at)
		}
	}
}

// isFile reports whether a path names a source file: by its name alone, or with folders of which
// the last are those of its package.
func isFile(path, source, whole string) bool {
	path = strings.ReplaceAll(path, "\\", "/")
	if !strings.Contains(path, "/") {
		return path == source
	}
	return strings.HasSuffix("/"+path, "/"+whole)
}

// resolveMethod takes the first instruction of the methods of that name.
func (d *Debugger) resolveMethod(b *Break) {
	for _, p := range d.machine.Packages() {
		for _, start := range d.starts(p) {
			if d.isMethod(b, p, start) {
				d.put(b, place{p, start})
			}
		}
	}
}

// isMethod reports whether a break on methods means the one whose first instruction is at start.
func (d *Debugger) isMethod(b *Break, p *vm.Package, start int) bool {
	name := d.methodName(p, start)
	return name == b.Where || strings.HasSuffix(name, "."+b.Where) ||
		inspect.Matches(b.Where, name) || b.Where == fmt.Sprintf("method@%d", start)
}

// Missing says why nothing on the card has code where a break is to stop, and what may have been
// meant; nil if there is some, if the card has no applet yet, or if the break needs none.
func (d *Debugger) Missing(b *Break) error {
	isEmpty := !slices.ContainsFunc(d.machine.Packages(), func(p *vm.Package) bool {
		return p.File() != nil
	})
	switch {
	case b.Places > 0 || isEmpty:
		return nil
	case b.Kind == OnException:
		return d.noException(b)
	case b.Kind == OnLine, b.Kind == OnMethod:
		return d.nothing(b)
	}
	return nil
}

// noException is the error of a break at exceptions of a class that there is not.
func (d *Debugger) noException(b *Break) error {
	class, _, _ := strings.Cut(b.Where, " ")
	var names []string
	for _, c := range d.machine.Exceptions() {
		names = append(names, d.names.Class(c))
	}
	if slices.ContainsFunc(names, func(n string) bool { return inspect.Matches(class, n) }) {
		return nil
	}
	return fmt.Errorf("no exception is called %q%s", apdu.Brief(class), apdu.Unknown(class, names))
}

// isHexStart reports whether a text is hex digits, with blanks between or without.
func isHexStart(text string) bool {
	return strings.Trim(text, " 0123456789ABCDEFabcdef") == ""
}

// nothing is the error of a break, or a name, for which there is no code.
func (d *Debugger) nothing(b *Break) error {
	last := 0
	for _, f := range d.Files() {
		if isFile(b.Where, f.Name, f.Path) {
			last = max(last, f.Lines[len(f.Lines)-1])
		}
	}
	var files []string
	for _, f := range d.Files() {
		files = append(files, f.Name)
	}
	brief := apdu.Brief(b.Where)
	switch {
	case b.Kind == OnMethod:
		return fmt.Errorf("no method on the card is called %q%s", brief,
			apdu.Unknown(b.Where, d.Methods()))
	case len(files) == 0:
		return errors.New("no source lines are known of what is on the card: load a CAP file " +
			"with its table FILE.lines beside it, or with debug information; or name a method")
	case last > 0:
		return fmt.Errorf("%s has no code at line %d, nor behind it; the last line with code is %d",
			brief, b.Line, last)
	}
	return fmt.Errorf("nothing on the card comes from %q%s", brief, apdu.Unknown(b.Where, files))
}

// atCommand are the breaks that name a command.
func (d *Debugger) atCommand(command []byte) (list []*Break) {
	for _, b := range d.breaks {
		if b.Kind == OnCommand && strings.HasPrefix(fmt.Sprintf("%X", command),
			strings.ToUpper(strings.ReplaceAll(b.Where, " ", ""))) {
			list = append(list, b)
		}
	}
	return list
}

// writesTo finds the breaks that a write is to, and says what it changes.
func (d *Debugger) writesTo(a *vm.Access) (to []*Break, what string) {
	var waiting []*Break
	for _, b := range d.breaks {
		if b.Kind == OnWrite {
			waiting = append(waiting, b)
		}
	}
	if len(waiting) == 0 {
		return nil, ""
	}
	image := inspect.Take(d.machine, d.names, inspect.Everything)
	object, names := image.Accessed(a)
	for _, b := range waiting {
		if inspect.Matches(b.Where, object) || slices.ContainsFunc(names,
			func(n string) bool { return inspect.Matches(b.Where, n) }) {
			to = append(to, b)
		}
	}
	if len(to) > 0 {
		what = image.Written(a)
	}
	return to, what
}
