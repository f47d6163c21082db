package vm

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// JavaException is a Java exception that nothing caught: the applet's code threw it,
// within the rules.
type JavaException struct {
	// full name: "javacard/framework/ISOException"; of a CAP class, its debug name or place
	Class     string
	Reason    int16  // reason code, 0 if HasReason is false
	HasReason bool   // the class has a reason code (JCVM CardException, CardRuntimeException)
	Ref       Ref    // the exception object
	Where     string // method and program counter that threw it
	At        Site   // the same
}

func (e *JavaException) Error() string {
	if e.HasReason {
		reason := fmt.Sprintf("0x%04X %s", uint16(e.Reason), ReasonName(e.Class, e.Reason))
		return fmt.Sprintf("%s with reason %s, thrown at %s", e.Class,
			strings.TrimSpace(reason), e.Where)
	}
	return fmt.Sprintf("%s, thrown at %s", e.Class, e.Where)
}

// FaultKind is why a card went mute.
type FaultKind string

// The kinds of card fault.
const (
	FaultStack FaultKind = "stack" // operand stack or locals out of bounds
	// malformed bytecode: unknown opcode, jump outside the method, bad operand
	FaultCode    FaultKind = "code"
	FaultType    FaultKind = "type"     // a value used as what it is not
	FaultDepth   FaultKind = "depth"    // too many nested calls
	FaultBudget  FaultKind = "budget"   // more bytecodes or slow operations than a command may do
	FaultNative  FaultKind = "native"   // a native refused to go on
	FaultMissing FaultKind = "abstract" // a method without an implementation was called
)

// CardFault is what a card answers to malformed or hostile bytecode: it stops
// the command and stays mute until reset. It is neither a Java exception nor
// an error of ours.
type CardFault struct {
	Kind  FaultKind
	What  string
	Where string // method and program counter
	At    Site
}

func (e *CardFault) Error() string {
	return fmt.Sprintf("card fault (%s) at %s: %s; reset the card", e.Kind, e.Where, e.What)
}

// PowerCut reports that power was lost before a persistent write.
type PowerCut struct {
	Write int // the write that did not happen, counted from 1 within the command
	At    Site
}

func (e *PowerCut) Error() string {
	return fmt.Sprintf("power was cut before persistent write %d; reset the card", e.Write)
}

// InternalError is a bug in this program, never the applet's doing.
type InternalError struct {
	Value any    // what Go panicked with
	Where string // method and program counter that ran
	Stack []byte // Go stack
}

func (e *InternalError) Error() string {
	return fmt.Sprintf("bug in the virtual machine at %s: %v; please report it with the CAP file "+
		"and the commands sent\n%s",
		e.Where, e.Value, e.Stack)
}

// ProbeMisuse is a mistake of whoever gave the machine its [Probe], neither the applet's doing
// nor a bug in this program: an action that cannot be done at its event, or a panic in the
// probe's function.
type ProbeMisuse struct {
	What  string
	Where string // method and program counter that ran
	Stack []byte // Go stack of a panic, else nil
}

func (e *ProbeMisuse) Error() string {
	return fmt.Sprintf("probe of the virtual machine at %s: %s", e.Where, e.What)
}

// The closed set of traps, raised by panic and recovered by guard alone: *CardFault,
// *PowerCut and *ProbeMisuse as they are, and a Java exception on its way.
type javaTrap struct {
	ref    Ref
	at     Site
	astray ActionKind // Skip or Pass, by a probe
}

func (v *VM) fault(kind FaultKind, what string) {
	at := v.here()
	panic(&CardFault{Kind: kind, What: what, Where: at.String(), At: at})
}

func (v *VM) throwRef(r Ref) {
	if r == 0 {
		v.throwNew(classNullPointer, 0)
	}
	astray := GoOn
	if v.probe.Throw != nil {
		astray = v.throwing(r)
	}
	panic(javaTrap{r, v.here(), astray})
}

// throwNew throws the runtime environment's own instance of a class: a temporary entry
// point object in RAM (JCRE 3.0.5 §6.2.1).
func (v *VM) throwNew(class string, reason int16) {
	c := v.classNamed(class)
	r := v.root(exceptionRoot + class)
	if r == 0 {
		r = v.newInstance(c, 0, ClearOnReset, EntryPoint|Temporary)
		v.setRoot(exceptionRoot+class, r)
	}
	if slot := c.reasonSlot; slot >= 0 {
		*v.slot(r, slot) = int32(reason)
	}
	v.throwRef(r)
}

// recovered turns what recover returned into an error. It returns nil only for nil.
func (v *VM) recovered(p any) error {
	if v.asking {
		v.asking = false
		what := fmt.Sprintf("its function panicked: %v", p)
		return &ProbeMisuse{What: what, Where: v.where(), Stack: debug.Stack()}
	}
	switch t := p.(type) {
	case nil:
		return nil
	case javaTrap:
		return v.javaException(t)
	case *CardFault:
		return t
	case *PowerCut:
		return t
	case *ProbeMisuse:
		return t
	case *InternalError:
		return t
	default:
		return &InternalError{Value: p, Where: v.where(), Stack: debug.Stack()}
	}
}

func (v *VM) javaException(t javaTrap) *JavaException {
	o := v.object(t.ref)
	e := &JavaException{Class: o.class.Name(), Ref: t.ref, Where: t.at.String(), At: t.at}
	if slot := o.class.reasonSlot; slot >= 0 {
		e.HasReason = true
		e.Reason = int16(*v.slot(t.ref, slot))
	}
	return e
}

// Classes that the machine itself throws.
const (
	classObject          = "java/lang/Object"
	classThrowable       = "java/lang/Throwable"
	classNullPointer     = "java/lang/NullPointerException"
	classArithmetic      = "java/lang/ArithmeticException"
	classArrayIndex      = "java/lang/ArrayIndexOutOfBoundsException"
	classArrayStore      = "java/lang/ArrayStoreException"
	classClassCast       = "java/lang/ClassCastException"
	classNegativeArray   = "java/lang/NegativeArraySizeException"
	classSecurity        = "java/lang/SecurityException"
	classSystemException = "javacard/framework/SystemException"
	classTransaction     = "javacard/framework/TransactionException"
	classCardException   = "javacard/framework/CardException"
	classCardRuntime     = "javacard/framework/CardRuntimeException"

	exceptionRoot = "exception " // prefix of the roots that hold them

	reasonField = "reason" // hidden field of CardException and CardRuntimeException
)

// Reason codes of javacard.framework.SystemException and TransactionException.
const (
	systemNoTransientSpace = 2
	systemIllegalTransient = 3
	systemNoResource       = 5

	transactionInProgress    = 1
	transactionNotInProgress = 2
	transactionBufferFull    = 3
)
