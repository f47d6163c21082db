package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/debugger"
	"ekrona.example/emulator/inspect"
	"ekrona.example/host/progress"
	"ekrona.example/host/shell"
)

// debugWords stop the card within a command.
func (w *words) debugWords() []shell.Word {
	word := func(
		name, usage, help string, run func(k *state, arguments []string) (shell.Answer, error),
		complete ...string,
	) shell.Word {
		return shell.Word{Name: name, Usage: usage, Help: help, Complete: chooses(complete...),
			Run: w.on(run)}
	}
	knowing := func(
		of func(k *state, before []string, last string) []string, known shell.Word,
	) shell.Word {
		known.Complete = w.knows(of)
		return known
	}
	holding := func(line func(arguments []string) int, known shell.Word) shell.Word {
		known.Line = line
		return known
	}
	return []shell.Word{
		knowing((*state).places, holding(brokenAt, word("break",
			"break METHOD|FILE:LINE|command [HEX]|write NAME|exception [NAME] "+
				"[if CONDITION] [hit COUNT] [log MESSAGE]",
			"stop there when debug runs a command; * is anything; log tells {EXPRESSIONS} and "+
				"does not stop", (*state).addBreak))),
		word("breaks", "breaks", "list where commands stop", (*state).listBreaks),
		knowing((*state).numbers,
			word("unbreak", "unbreak N|all", "stop there no more", (*state).unbreak)),
		holding(debugged, word("debug", "debug [entry] APDU",
			"run a command until it stops; entry: at its start", (*state).run, "entry")),
		word("continue", "continue", "go on to the next stop, or the end", (*state).goOn),
		word("step", "step [in|over|out|instruction]", "go on to the next line",
			(*state).step, "in", "over", "out", "instruction"),
		word("back", "back [line|instruction|stop]", "go back to the line before",
			(*state).back, "line", "instruction", "stop"),
		word("abandon", "abandon", "give the command up: the card is as before it",
			(*state).abandon),
		word("where", "where", "the methods that are running", (*state).where),
		word("locals", "locals [FRAME]", "parameters and local variables", (*state).locals),
		knowing((*state).methodsOf, word("disassemble", "disassemble [METHOD]",
			"the instructions of a method, of the one that runs without METHOD",
			(*state).disassemble)),
		word("stack", "stack [FRAME]", "what is on the operand stack", (*state).operands),
		knowing((*state).values, word("print", "print EXPRESSION",
			"of variables, fields of this, static fields, and names as dump shows them",
			(*state).print)),
	}
}

// whileStopped are the words that may be used while a command stands still.
var whileStopped = []string{"help", "break", "breaks", "unbreak", "continue", "step", "back",
	"abandon", "where", "locals", "disassemble", "stack", "print", "dump", "left"}

// allows refuses what a card that stands still cannot do.
func allows(word string) error {
	if slices.Contains(whileStopped, word) {
		return nil
	}
	return fmt.Errorf("the card stands still within a command: say continue or abandon first")
}

func (k *state) addBreak(arguments []string) (shell.Answer, error) {
	b, err := debugger.ParseBreak(strings.Join(arguments, " "))
	if err != nil {
		return shell.Answer{}, shell.Usage("%w", err)
	}
	if b.Kind == debugger.OnWrite && b.Where != "" {
		if err := k.isThere(b.Where); err != nil {
			return shell.Answer{}, err
		}
	}
	made, err := k.debug.AddFound(b)
	if err != nil {
		return shell.Answer{}, err
	}
	return shell.Answer{Line: made.String()}, nil
}

// isThere refuses a name of which a card with applets has nothing to write to.
func (k *state) isThere(pattern string) error {
	var names, fields []string
	object, _, _ := strings.Cut(pattern, "[")
	for _, o := range inspect.Take(k.card.Machine(), k.names, inspect.Everything).Dump() {
		all := []string{o.Object}
		for _, f := range o.Fields {
			all = append(all, inspect.Change{Object: o.Object, Field: f.Name}.Name())
		}
		if o.Object == object || slices.ContainsFunc(all, func(n string) bool {
			return inspect.Matches(pattern, n)
		}) {
			return nil
		}
		names, fields = append(names, o.Object), append(fields, all[1:]...)
	}
	if len(k.card.Applets()) == 0 { // which may come
		return nil
	}
	return nothingCalled(pattern, "", names, fields)
}

// nothingCalled is the error of a pattern that no object has, nor one of the fields, if those
// count: the nearest names, or the first objects.
func nothingCalled(pattern, where string, names, fields []string) error {
	const shown = 8
	nearest := apdu.Nearest(strings.Trim(pattern, "*"), slices.Concat(names, fields))
	said := "; nearest: " + strings.Join(nearest, ", ")
	switch {
	case len(names) == 0:
		said = "; there is nothing"
	case len(nearest) == 0 && len(names) > shown:
		said = fmt.Sprintf("; there are %s and %d more", strings.Join(names[:shown], ", "),
			len(names)-shown)
	case len(nearest) == 0:
		said = "; there are " + strings.Join(names, ", ")
	}
	return fmt.Errorf("nothing%s is called %q%s: dump lists them with their fields", where,
		apdu.Brief(pattern), said)
}

func (k *state) listBreaks(arguments []string) (shell.Answer, error) {
	if err := shell.Nothing(arguments); err != nil {
		return shell.Answer{}, err
	}
	texts := []string{}
	for _, b := range k.debug.Breaks() {
		texts = append(texts, b.String())
	}
	line := progress.Plural(len(texts), "break") + ": " + strings.Join(texts, "; ")
	return shell.Answer{Line: line, Text: strings.Join(texts, "\n"), Value: texts}, nil
}

func (k *state) unbreak(arguments []string) (shell.Answer, error) {
	if len(arguments) != 1 {
		return shell.Answer{}, shell.Usage("the number of a break, or all, is missing")
	}
	if arguments[0] == "all" {
		for _, b := range k.debug.Breaks() {
			k.debug.Remove(b.Number)
		}
		return shell.OK, nil
	}
	n, err := strconv.Atoi(arguments[0])
	if err != nil || !k.debug.Remove(n) {
		return shell.Answer{}, fmt.Errorf("there is no break %s; breaks lists them",
			apdu.Brief(arguments[0]))
	}
	return shell.OK, nil
}

func (k *state) run(arguments []string) (shell.Answer, error) {
	entry := len(arguments) > 0 && arguments[0] == "entry"
	if entry {
		arguments = arguments[1:]
	}
	step, found, err := k.session.Names().ParseLine(strings.Join(arguments, " "))
	switch {
	case err != nil:
		return shell.Answer{}, err
	case !found || step.Word != "":
		return shell.Answer{}, shell.Usage("it takes a command: an APDU in hex, or by name")
	}
	command, err := step.Bytes()
	if err != nil {
		return shell.Answer{}, err
	}
	if k.recorder != nil {
		k.recorder.Begin()
	}
	s, err := k.debug.Start(command, entry)
	return k.stopped(s, err, false)
}

// stopValue is where a card stands, for a program.
type stopValue struct {
	Reason   debugger.Reason `json:"reason"`
	Where    string          `json:"where,omitempty"`
	What     string          `json:"what,omitempty"`
	Breaks   []int           `json:"breaks,omitempty"`
	Response string          `json:"response,omitempty"` // of a command that has ended
	Logged   []string        `json:"logged,omitempty"`   // by breaks, since it went on

	Instruction *codeValue      `json:"instruction,omitempty"` // that is next
	Stack       []inspect.Named `json:"stack,omitempty"`       // of operands, the top first
}

// codeValue is an instruction, for a program.
type codeValue struct {
	Method string `json:"method"`
	PC     int    `json:"pc"`     // in the Method component's content
	Offset int    `json:"offset"` // from the method's first instruction
	Bytes  string `json:"bytes"`
	Text   string `json:"text"` // with its operands
	Line   int    `json:"line,omitempty"`
	Here   bool   `json:"here,omitempty"`
}

func valueOf(c debugger.Code) codeValue {
	return codeValue{c.Method, c.PC, c.Offset, fmt.Sprintf("%X", c.Bytes), c.Disassembly.String(),
		c.Line, c.Here}
}

// stopped is the answer of a word after which the card stands still, or has ended its command.
// byInstruction reports that it was to go on by one instruction: then this is shown.
func (k *state) stopped(
	s debugger.Stop, err error, byInstruction bool,
) (shell.Answer, error) {
	if !k.debug.Running() {
		k.session.Guard(nil)
		if k.recorder != nil && s.Reason == debugger.Ended {
			k.changes, k.account = k.recorder.End()
			k.recorder.Begin()
		}
	} else {
		k.session.Guard(allows)
	}
	logged := k.logged
	k.logged = nil
	switch {
	case err != nil:
		return shell.Answer{}, err
	case s.Err != nil:
		return shell.Answer{}, s.Err
	}
	value := stopValue{Reason: s.Reason, Where: s.Where, What: s.What, Breaks: s.Breaks,
		Logged: logged}
	if s.Reason == debugger.Ended {
		value.Response = fmt.Sprintf("%X", s.Response)
		return withLog(shell.Answer{Line: value.Response, Value: value}, logged), nil
	}
	line := fmt.Sprintf("stopped by %s at %s", s.Reason, s.Where)
	if s.What != "" {
		line += ": " + s.What
	}
	if frames := k.debug.View(); len(frames.Frames) > 0 {
		if c, is := frames.Instruction(frames.Frames[0]); is {
			made := valueOf(c)
			value.Instruction = &made
			value.Stack = named(frames.Operands(frames.Frames[0]))
		}
	}
	answer := shell.Answer{Line: line, Value: value}
	if value.Instruction != nil && (byInstruction || value.Instruction.Line == 0) {
		answer.Line = fmt.Sprintf("%s; pc %d, +%d %s; stack: %s", line, value.Instruction.PC,
			value.Instruction.Offset, value.Instruction.Text, stackText(value.Stack))
	}
	return withLog(answer, logged), nil
}

// withLog is an answer with what breaks have logged before it.
func withLog(a shell.Answer, logged []string) shell.Answer {
	if len(logged) > 0 {
		a.Text = strings.Join(logged, "\n") + "\n" + a.Line
		a.Line += "; logged: " + strings.Join(logged, "; ")
	}
	return a
}

// stackText shows operands, the top first.
func stackText(stack []inspect.Named) string {
	if len(stack) == 0 {
		return "empty"
	}
	var parts []string
	for _, s := range stack {
		parts = append(parts, s.Value)
	}
	return strings.Join(parts, " | ")
}

// disassemble lists the instructions of a method.
func (k *state) disassemble(arguments []string) (shell.Answer, error) {
	var list []debugger.Code
	switch len(arguments) {
	case 0:
		v, f, err := k.frame(nil)
		if err != nil {
			return shell.Answer{}, err
		}
		if list = v.Disassemble(f); len(list) == 0 {
			return shell.Answer{}, fmt.Errorf("%s is not bytecode: it is the card's own", f.Name)
		}
	case 1:
		var err error
		if list, err = k.debug.Disassemble(arguments[0]); err != nil {
			return shell.Answer{}, err
		}
	default:
		return shell.Answer{}, shell.Usage("one method at most")
	}
	text, values, methods := &strings.Builder{}, []codeValue{}, []string{}
	at := ""
	for _, c := range list {
		if !slices.Contains(methods, c.Method) {
			methods = append(methods, c.Method)
		}
		place := c.Method
		if c.Line > 0 {
			place = fmt.Sprintf("%s (%s:%d)", c.Method, inspect.Short(c.Source), c.Line)
		}
		if place != at {
			at = place
			fmt.Fprintln(text, place)
		}
		here := " "
		if c.Here {
			here = ">"
		}
		fmt.Fprintf(text, "%s %5d  %-6s %-12X %s\n", here, c.PC, fmt.Sprintf("+%d", c.Offset),
			c.Bytes, c.Disassembly)
		values = append(values, valueOf(c))
	}
	line := progress.Plural(len(list), "instruction") + " of " + strings.Join(methods, ", ")
	return shell.Answer{Line: line, Text: text.String(), Value: values}, nil
}

func (k *state) goOn(arguments []string) (shell.Answer, error) {
	if err := shell.Nothing(arguments); err != nil {
		return shell.Answer{}, err
	}
	s, err := k.debug.Resume()
	return k.stopped(s, err, false)
}

// how chooses what to do by the only argument, the first one without any.
func how(
	arguments []string, names []string, do ...func() (debugger.Stop, error),
) (func() (debugger.Stop, error), error) {
	if len(arguments) == 0 {
		return do[0], nil
	}
	at := slices.Index(names, arguments[0])
	if at < 0 || len(arguments) > 1 {
		return nil, shell.Usage("one of %s", strings.Join(names, ", "))
	}
	return do[at], nil
}

func (k *state) step(arguments []string) (shell.Answer, error) {
	do, err := how(arguments, []string{"in", "over", "out", "instruction"},
		k.debug.StepIn, k.debug.StepOver, k.debug.StepOut, k.debug.StepInstruction)
	if err != nil {
		return shell.Answer{}, err
	}
	s, err := do()
	return k.stopped(s, err, slices.Contains(arguments, "instruction"))
}

func (k *state) back(arguments []string) (shell.Answer, error) {
	do, err := how(arguments, []string{"line", "instruction", "stop"},
		k.debug.Back, k.debug.BackInstruction, k.debug.BackToBreak)
	if err != nil {
		return shell.Answer{}, err
	}
	if k.recorder != nil {
		k.recorder.Again()
	}
	s, err := do()
	return k.stopped(s, err, slices.Contains(arguments, "instruction"))
}

func (k *state) abandon(arguments []string) (shell.Answer, error) {
	if err := shell.Nothing(arguments); err != nil {
		return shell.Answer{}, err
	}
	err := k.debug.Abandon()
	k.session.Guard(nil)
	return shell.OK, err
}

// frameValue is an activation, for a program.
type frameValue struct {
	Method string `json:"method"`
	Source string `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"`
}

func errIdle() error { return fmt.Errorf("no command is in progress: debug starts one") }

func (k *state) where(arguments []string) (shell.Answer, error) {
	if err := shell.Nothing(arguments); err != nil {
		return shell.Answer{}, err
	}
	text, values, names := &strings.Builder{}, []frameValue{}, []string{}
	for i, f := range k.debug.View().Frames {
		at := f.Name
		if f.Line > 0 {
			at = fmt.Sprintf("%s (%s:%d)", f.Name, inspect.Short(f.Source), f.Line)
		}
		fmt.Fprintf(text, "%d  %s\n", i, at)
		values = append(values, frameValue{f.Name, f.Source, f.Line})
		names = append(names, at)
	}
	if len(values) == 0 {
		return shell.Answer{}, errIdle()
	}
	return shell.Answer{Line: strings.Join(names, " < "), Text: text.String(), Value: values}, nil
}

// frame is that of the only argument, the innermost without any.
func (k *state) frame(arguments []string) (*debugger.View, debugger.Frame, error) {
	v, n := k.debug.View(), 0
	if len(arguments) > 0 {
		var err error
		if n, err = strconv.Atoi(arguments[0]); err != nil || len(arguments) > 1 || n < 0 {
			return nil, debugger.Frame{}, shell.Usage("the number of a frame, as where shows it")
		}
	}
	if len(v.Frames) == 0 {
		return nil, debugger.Frame{}, errIdle()
	}
	if n >= len(v.Frames) {
		return nil, debugger.Frame{}, fmt.Errorf("there is no frame %d; where lists them", n)
	}
	return v, v.Frames[n], nil
}

func (k *state) locals(arguments []string) (shell.Answer, error) {
	v, f, err := k.frame(arguments)
	if err != nil {
		return shell.Answer{}, err
	}
	return variables(v.Locals(f)), nil
}

func (k *state) operands(arguments []string) (shell.Answer, error) {
	v, f, err := k.frame(arguments)
	if err != nil {
		return shell.Answer{}, err
	}
	return variables(v.Operands(f)), nil
}

// variables are an answer.
func variables(list []debugger.Variable) shell.Answer {
	text, parts := &strings.Builder{}, []string{}
	for _, l := range list {
		fmt.Fprintf(text, "%-20s %-12s %s\n", l.Name, l.Type, l.Value)
		parts = append(parts, l.Name+" = "+l.Value)
	}
	return shell.Answer{Line: strings.Join(parts, ", "), Text: text.String(), Value: named(list)}
}

// named are variables, for a program.
func named(list []debugger.Variable) []inspect.Named {
	values := []inspect.Named{}
	for _, l := range list {
		values = append(values, inspect.Named{Name: l.Name, Type: l.Type, Value: l.Value})
	}
	return values
}

func (k *state) print(arguments []string) (shell.Answer, error) {
	if len(arguments) == 0 {
		return shell.Answer{}, shell.Usage("an expression is missing")
	}
	v := k.debug.View()
	found, err := v.Evaluate(v.Bytecode(), strings.Join(arguments, " "))
	if err != nil {
		return shell.Answer{}, err
	}
	if hex := v.Bytes(found.Path); hex != "" {
		return shell.Answer{Line: hex}, nil
	}
	if inside, is := v.Inside(found.Path); is {
		return variables(inside), nil
	}
	return shell.Answer{Line: found.Value}, nil
}
