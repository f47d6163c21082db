package vm

import "fmt"

// Probe sees what a machine does, just before it does it, and may change it. A function that
// is nil is not called, and costs the machine one branch at its kind of event; the zero
// Probe does nothing. All of them run within the command, and must not use the machine.
//
// All that observes or disturbs a card is built on it: coverage, inspection of memory,
// traces and profiles by functions that return the zero Action; fault injection by those
// that return another; a debugger by one that does not return until its user continues. An
// action that cannot be done at its event ends the command with a [ProbeMisuse].
type Probe struct {
	// Instruction is called before every instruction. Actions: Skip, Replace, Invert, Jump, Alter,
	// Cut.
	Instruction func(Site) Action

	// Call is called before every method is entered, of an API class too. Actions: Skip,
	// Replace, Alter, Cut.
	Call func(*Invocation) Action

	// Return is called when a method ends and gives its result, not when an exception
	// ends it. Actions: Replace, Cut.
	Return func(*Invocation) Action

	// Read is called at every read of a field, of array elements or of a static field:
	// what bytecode reads, and what a native reads through its Call. Actions: Replace, Cut.
	Read func(*Access) Action

	// Write is called at every write of the same, when a persistent one has been counted
	// and has entered the journal. Making objects does not count as a write, nor do the
	// changes of a reset, a deselection or an abort. Actions: Skip, Replace, Cut.
	Write func(*Access) Action

	// Throw is called when an exception is thrown, before a handler is looked for. Actions: Skip,
	// Pass, Cut.
	Throw func(*Exception) Action
}

// Action is what a probe has the machine do. The zero Action changes nothing.
type Action struct {
	Kind  ActionKind
	Index int   // of Replace at an access: which of its elements, from 0; see Alter
	Value Value // of Replace, Alter and Jump
}

// ActionKind is a kind of Action.
type ActionKind uint8

// The kinds of Action.
const (
	// GoOn changes nothing.
	GoOn ActionKind = iota

	// Skip leaves the event out. The stack stays as it is for an instruction; a call loses
	// its arguments and has 0 as its result (none, if the method has no instruction that
	// returns one); a write, though counted, changes nothing. To skip an instruction that
	// nothing follows in its method is a CardFault. An exception that is skipped is thrown and
	// finds nobody who looks for a handler: code goes on behind the instruction that threw, whose
	// results are 0.
	Skip

	// Replace puts Value in the place of what an instruction would push, cell by cell, after
	// its operands were popped (an invocation has its own event, Call); of the result
	// of a call, which is then not made; of a method's result; or of one element that is
	// read or written. Value is narrowed to the size of its place.
	Replace

	// Invert has a conditional branch go the other way.
	Invert

	// Cut takes the power away: the Enter returns a PowerCut.
	Cut

	// Jump has a branch or a switch go on so many instructions behind where it leads, by Value;
	// before, if that is negative. To leave the method so is a CardFault.
	Jump

	// Alter puts Value in the place of one cell before it is used: of an operand of an
	// instruction, Index cells below the top of the stack; or of a call's arguments, the one at
	// Index. Where there is none it is a CardFault.
	Alter

	// Pass has an exception pass the first handler that would catch it.
	Pass
)

// String names the kind as this package does.
func (k ActionKind) String() string {
	names := []string{"GoOn", "Skip", "Replace", "Invert", "Cut", "Jump", "Alter", "Pass"}
	if int(k) >= len(names) {
		return fmt.Sprintf("ActionKind(%d)", k)
	}
	return names[k]
}

// Site is where the machine is: the innermost bytecode method with its program counter, and
// the native that it called, if one runs.
type Site struct {
	Native *Method
	Method *Method // nil in the runtime environment
	PC     int

	// Depth is the number of activations below: it distinguishes a caller from what it
	// calls, also when an exception ends the call and there is no return.
	Depth int
}

// Instruction is the instruction at the site, which must be in a method.
func (s Site) Instruction() Instruction {
	i, err := InstructionAt(s.Method.code, s.PC)
	if err != nil {
		panic(&InternalError{Value: err, Where: s.String()})
	}
	return i
}

// Operand is a cell on the operand stack of the bytecode that runs, n cells below its top; false if
// there is none. It is for a probe's Instruction function.
func (v *VM) Operand(n int) (Value, bool) {
	if v.fp < 0 {
		return 0, false
	}
	f := &v.frames[v.fp]
	if n < 0 || f.sp-1-n < f.floor {
		return 0, false
	}
	return Value(f.stack[f.sp-1-n]), true
}

// Invocation is a call or a return. It is valid until the probe's function returns.
type Invocation struct {
	Site              // of the call, or of the end
	Callee    *Method // the method that is entered or ends
	Arguments []int32 // at a call: cells of 16 bits, receiver first; not to be changed
	Result    Value   // at a return; Void if there is none
}

// Exception is what is thrown. It is valid until the probe's function returns.
type Exception struct {
	Site
	Object    Ref
	Class     *Class
	Reason    int16 // reason code, 0 if HasReason is false
	HasReason bool
}

// Access is a read or a write of memory. It is valid until the probe's function returns.
type Access struct {
	Site
	Object  Ref      // 0 for a static field
	Package *Package // of a static field, else nil
	Storage Storage
	Index   int // of the first element; of a field its cell, of a static field its byte
	Length  int // elements; 1 for a field
	Bytes   int // that they take on a card

	// Transaction is the number of the transaction that a persistent write belongs to; 0
	// for one that no abort undoes, for other writes and for reads.
	Transaction int

	old, new           Value // of a single element
	oldBytes, newBytes []byte
}

// IsBytes reports whether it is of bytes in a row, as natives read and write arrays: each of them
// may be replaced by itself.
func (a *Access) IsBytes() bool { return a.oldBytes != nil }

// Old returns element i as it is before a write, or as it will be read.
func (a *Access) Old(i int) Value {
	if a.oldBytes != nil {
		return Value(int8(a.oldBytes[i]))
	}
	return a.old
}

// New returns element i of a write as it will be.
func (a *Access) New(i int) Value {
	if a.newBytes != nil {
		return Value(int8(a.newBytes[i]))
	}
	return a.new
}

// Probes stacks probes: each is called in turn, and the first action that is not the zero
// Action is done. All of them see the event as it would be without any of them.
func Probes(probes ...Probe) Probe {
	var instruction []func(Site) Action
	var call, end []func(*Invocation) Action
	var read, write []func(*Access) Action
	var throw []func(*Exception) Action
	for _, p := range probes {
		instruction = append(instruction, p.Instruction)
		call, end = append(call, p.Call), append(end, p.Return)
		read, write = append(read, p.Read), append(write, p.Write)
		throw = append(throw, p.Throw)
	}
	return Probe{stacked(instruction), stacked(call), stacked(end), stacked(read), stacked(write),
		stacked(throw)}
}

func stacked[E any](functions []func(E) Action) func(E) Action {
	var asked []func(E) Action
	for _, f := range functions {
		if f != nil {
			asked = append(asked, f)
		}
	}
	switch len(asked) {
	case 0:
		return nil
	case 1:
		return asked[0]
	}
	return func(event E) (action Action) {
		for _, f := range asked {
			if a := f(event); action == (Action{}) {
				action = a
			}
		}
		return action
	}
}
