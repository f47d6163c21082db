package debugger

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/vm"
)

// When says at which of its hits a break stops. The zero When stops at each.
type When struct {
	Condition string // an [Expression] that is true or false
	Count     string // of the hits at which the condition holds: 5, >= 3, % 2
	Log       string // is logged in place of a stop: text with expressions in {braces}
}

// String is the same as the shell's word has it.
func (w When) String() string {
	text := ""
	for _, part := range []struct{ word, of string }{
		{"if", w.Condition}, {"hit", w.Count}, {"log", w.Log},
	} {
		if part.of != "" {
			text += " " + part.word + " " + part.of
		}
	}
	return text
}

// compiled is a When that has been read.
type compiled struct {
	condition *Expression // nil for none
	count     count
	log       []piece // empty for a break that stops
}

// count is a comparison of the number of hits.
type count struct {
	op string // "" for none
	n  int
}

// piece is a part of a message: text, or an expression.
type piece struct {
	text string
	of   *Expression // nil for text
}

// compile reads a When.
func compile(w When) (made compiled, err error) {
	if w.Condition != "" {
		if made.condition, err = ParseExpression(w.Condition); err != nil {
			return compiled{}, fmt.Errorf("condition %q: %w", apdu.Brief(w.Condition), err)
		}
	}
	if w.Count != "" {
		rest := ""
		if made.count, rest, err = parseCount(w.Count); err == nil && rest != "" {
			err = unexpected(rest)
		}
		if err != nil {
			return compiled{}, fmt.Errorf("hit count %q: %w", apdu.Brief(w.Count), err)
		}
	}
	if w.Log != "" {
		if made.log, err = parseMessage(w.Log); err != nil {
			return compiled{}, fmt.Errorf("message %q: %w", apdu.Brief(w.Log), err)
		}
	}
	return made, nil
}

// comparisons are what a number of hits is compared by, longer ones first.
var comparisons = []string{"==", ">=", "<=", "!=", "=", ">", "<", "%"}

// parseCount reads a number of hits with its comparison, and leaves what follows.
func parseCount(text string) (made count, rest string, err error) {
	made.op, rest = "==", strings.TrimSpace(text)
	for _, op := range comparisons {
		if after, found := strings.CutPrefix(rest, op); found {
			made.op, rest = op, strings.TrimSpace(after)
			break
		}
	}
	if made.op == "=" {
		made.op = "=="
	}
	digits := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = rest[:end]
	}
	made.n, err = strconv.Atoi(digits)
	if err != nil || made.n == 0 {
		return count{}, "", errors.New("give a number of hits from 1 on, alone or behind one of " +
			"==, !=, <, <=, >, >= and % (each so many): 5, >= 3, % 2")
	}
	return made, strings.TrimSpace(rest[len(digits):]), nil
}

func (c count) holds(hits int) bool {
	switch c.op {
	case "==":
		return hits == c.n
	case "!=":
		return hits != c.n
	case "<":
		return hits < c.n
	case "<=":
		return hits <= c.n
	case ">":
		return hits > c.n
	case ">=":
		return hits >= c.n
	case "%":
		return hits%c.n == 0
	}
	return true
}

// parseMessage reads a message. A backslash takes what a brace, or a backslash, would begin.
func parseMessage(text string) (list []piece, err error) {
	plain := ""
	for text != "" {
		switch {
		case len(text) > 1 && text[0] == '\\' && strings.IndexByte(`{}\`, text[1]) >= 0:
			plain, text = plain+text[1:2], text[2:]
		case text[0] == '}':
			return nil, errors.New("a brace is closed and none was opened; write \\} for the " +
				"character")
		case text[0] == '{':
			of, rest, err := parsePrefix(text[1:])
			if err != nil {
				return nil, err
			}
			if rest == "" || rest[0] != '}' {
				return nil, errors.New("a brace is not closed behind its expression; write \\{ " +
					"for the character")
			}
			list = append(list, piece{text: plain}, piece{of: of})
			plain, text = "", rest[1:]
		default:
			plain, text = plain+text[:1], text[1:]
		}
	}
	return append(list, piece{text: plain}), nil
}

// hit decides whether a break at which the card stands stops it, and says why, if its condition
// cannot be evaluated. extra is what can be named beside.
func (d *Debugger) hit(b *Break, extra map[string]value) (stops bool, why string) {
	if b.When == (When{}) {
		b.Hits++
		return true, ""
	}
	in := evaluation{scope: d.here(extra)}
	if c := b.compiled.condition; c != nil {
		is, err := in.isTrue(c.root)
		if err != nil {
			b.Hits++
			return true, fmt.Sprintf("the condition of break %d, %s, cannot be evaluated: %v",
				b.Number, b.Condition, err)
		}
		if !is {
			return false, ""
		}
	}
	b.Hits++
	if !b.compiled.count.holds(b.Hits) {
		return false, ""
	}
	if len(b.compiled.log) == 0 {
		return true, ""
	}
	if d.Log != nil && !d.isAgain() {
		d.Log(*b, in.message(b.compiled.log))
	}
	return false, ""
}

// isAgain reports whether a command runs only to come to where it was.
func (d *Debugger) isAgain() bool { return d.run != nil && d.run.how.kind == again }

// here is the card where it stands, from its innermost frame of bytecode.
func (d *Debugger) here(extra map[string]value) live {
	l := live{v: d.View(), extra: extra}
	l.frame = l.v.Bytecode()
	return l
}

// Bytecode is the innermost frame that is no Go code of the API; nil for none.
func (v *View) Bytecode() *Frame {
	for i := range v.Frames {
		if !v.Frames[i].Native {
			return &v.Frames[i]
		}
	}
	return nil
}

// message is the text of a message. What cannot be evaluated says so in its place.
func (e evaluation) message(list []piece) string {
	text := &strings.Builder{}
	view := e.scope.(live).v
	for _, p := range list {
		text.WriteString(p.text)
		if p.of == nil {
			continue
		}
		if v, err := e.of(p.of.root); err != nil {
			fmt.Fprintf(text, "{%v}", err)
		} else {
			text.WriteString(view.Text(view.variable("", v)))
		}
	}
	return text.String()
}

// Reach hits the breaks at a line of a script. Whoever plays it calls it before the line is done.
func (d *Debugger) Reach(line int) (numbers []int, what string) {
	var there []*Break
	for _, b := range d.breaks {
		if b.Kind == OnScript && b.Line == line {
			there = append(there, b)
		}
	}
	return d.hits(there, nil)
}

// Counts keeps how often each break has been hit, for who sets the card back.
func (d *Debugger) Counts() (setBack func()) {
	kept := map[*Break]int{}
	for _, b := range d.breaks {
		kept[b] = b.Hits
	}
	return func() {
		for _, b := range d.breaks {
			b.Hits = kept[b] // 0 of those that were made since
		}
	}
}

// hits are the breaks of a list that stop the card, by their numbers, and what they say of it.
func (d *Debugger) hits(list []*Break, extra map[string]value) (numbers []int, what string) {
	for _, b := range list {
		stops, why := d.hit(b, extra)
		if !stops {
			continue
		}
		numbers, what = append(numbers, b.Number), cmp.Or(what, why)
	}
	return numbers, what
}

// ofWrite is what the condition of a break on a write can name beside: what is there, and what
// will be.
func ofWrite(a *vm.Access) map[string]value {
	if a.Length != 1 {
		return nil
	}
	of := func(n vm.Value) value { return value{sort: aSize, size: "S", n: int32(n)} }
	return map[string]value{"old": of(a.Old(0)), "new": of(a.New(0))}
}

// words are those of a When.
var words = []string{"if", "hit", "log"}

// ParseWhen reads what stands behind the place of a break: if CONDITION hit COUNT log MESSAGE, each
// of which may be left out.
func ParseWhen(text string) (w When, err error) {
	for n, word := range words {
		after, found := strings.CutPrefix(text, word)
		if !found || after != "" && after[0] != ' ' {
			continue
		}
		from := strings.TrimSpace(after)
		rest := ""
		switch n {
		case 0:
			_, rest, err = parsePrefix(from)
		case 1:
			_, rest, err = parseCount(from)
		}
		if err == nil && from == "" {
			err = errors.New("something is missing at its end")
		}
		if err != nil {
			return When{}, fmt.Errorf("%s %s: %w", word, apdu.Brief(from), err)
		}
		of := strings.TrimSpace(strings.TrimSuffix(from, rest))
		text = rest
		switch n {
		case 0:
			w.Condition = of
		case 1:
			w.Count = of
		default:
			w.Log = of
		}
	}
	if text != "" {
		return When{}, unexpected(text)
	}
	_, err = compile(w)
	return w, err
}

// ParseBreak reads a break as the shell has it: METHOD, FILE:LINE, command [HEX], write NAME, or
// exception [NAME], and then a [When].
func ParseBreak(text string) (Break, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return Break{}, errors.New("where is missing")
	}
	b, at := Break{Kind: BreakKind(fields[0])}, 1
	switch b.Kind {
	case OnCommand, OnException:
	case OnWrite, OnMethod:
		at = min(2, len(fields)) // what comes first is a name, whatever it is
	default:
		b.Kind = OnMethod
	}
	end := at + slices.IndexFunc(fields[at:], func(f string) bool {
		return slices.Contains(words, f)
	})
	if end < at {
		end = len(fields)
	}
	var err error
	if b.When, err = ParseWhen(strings.Join(fields[end:], " ")); err != nil {
		return Break{}, err
	}
	where := fields[:end]
	if BreakKind(fields[0]) == b.Kind {
		where = fields[1:end]
	}
	b.Where = strings.Join(where, " ")
	if b.Kind != OnMethod || BreakKind(fields[0]) == OnMethod {
		return b, nil
	}
	if len(where) > 1 {
		return Break{}, fmt.Errorf("%q is neither command, write nor exception",
			apdu.Brief(fields[0]))
	}
	if file, line, found := strings.Cut(b.Where, ":"); found {
		b.Kind, b.Where = OnLine, file
		if b.Line, err = strconv.Atoi(line); err != nil {
			return Break{}, fmt.Errorf("%q is no line", apdu.Brief(line))
		}
	}
	return b, nil
}
