package vm

// opcode is one row of the instruction table: everything that the loop and the
// check at link time need to know of an instruction.
type opcode struct {
	mnemonic string
	clause   int // n of JCVM 3.0.5 §7.5.n
	operand  operandKind
	length   int // with the opcode itself; of a switch, its fixed part
	pops     int // cells; an invocation or dup_x checks its own
	grows    int // cells pushed less cells popped
	run      func(v *VM, f *Call)
}

// operandKind is the shape of what follows the opcode.
type operandKind uint8

const (
	opNone      operandKind = iota
	opImmediate             // constant bytes
	opLocal                 // u1 index of a local
	opLocalInt              // u1 index of a local of two cells
	// local in the opcode: 0 to 3, the opcode's distance from the row of index 0
	opLocalFixed
	opLocalPair    // the same for a local of two cells
	opDupX         // u1: high nibble cells copied, low nibble cells jumped over
	opSwapX        // u1: two counts of cells, 1 or 2 each
	opBranch       // s1 distance
	opBranchWide   // s2 distance
	opJump         // s1 distance, does not fall through
	opJumpWide     // s2 distance, does not fall through
	opSubroutine   // s2 distance of jsr
	opRet          // u1 index of the local with a return address
	opShortTable   // stableswitch
	opIntTable     // itableswitch
	opShortLookup  // slookupswitch
	opIntLookup    // ilookupswitch
	opEnd          // returns or throws
	opStaticRef    // u2 constant: static field with a reference
	opStaticByte   // u2 constant: static byte or boolean
	opStaticShort  // u2 constant: static short
	opStaticInt    // u2 constant: static int
	opFieldRef     // u1 constant: instance field with a reference
	opFieldCell    // u1 constant: instance field of one cell
	opFieldInt     // u1 constant: int instance field
	opFieldRefWide // u2 constants of the same
	opFieldCellWide
	opFieldIntWide
	opVirtual      // u2 constant: virtual method
	opSpecial      // u2 constant: static or super method
	opStaticMethod // u2 constant: static method
	opInterface    // u1 cells, u2 constant: class, u1 token
	opClass        // u2 constant: class
	opAtype        // u1 element type
	opCast         // u1 type, u2 constant: class or 0
)

// opcodes and steps are filled in init, since the handlers lead back to them.
var (
	opcodes [256]opcode
	steps   [256]step
)

// step is what the loop needs of an opcode, small enough to stay in the cache.
type step struct {
	run    func(v *VM, f *Call)
	length uint8
	pops   uint8
	grows  int8
}

func init() {
	opcodes = instructionSet()
	for op, e := range opcodes {
		steps[op] = step{e.run, uint8(e.length), uint8(e.pops), int8(e.grows)}
	}
}

func (v *VM) u1(f *Call) int { return int(f.code[f.pc+1]) }
func (v *VM) s1(f *Call) int { return int(int8(f.code[f.pc+1])) }
func (v *VM) u2(f *Call) int { return u2At(f.code, f.pc+1) }
func (v *VM) s2(f *Call) int { return int(int16(v.u2(f))) }

func s2At(code []byte, at int) int   { return int(int16(u2At(code, at))) }
func u2At(code []byte, at int) int   { return int(code[at])<<8 | int(code[at+1]) }
func s4At(code []byte, at int) int32 { return int32(u2At(code, at))<<16 | int32(u2At(code, at+2)) }
