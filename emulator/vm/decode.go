package vm

import "fmt"

// Instruction is one instruction of bytecode.
type Instruction struct {
	Opcode   byte
	Mnemonic string
	Length   int // bytes, operands included
}

// InstructionAt reads the instruction at an offset of bytecode.
func InstructionAt(code []byte, at int) (Instruction, error) {
	if at < 0 || at >= len(code) {
		return Instruction{}, fmt.Errorf("offset %d is not in the code", at)
	}
	e := &opcodes[code[at]]
	if e.run == nil {
		return Instruction{}, fmt.Errorf("offset %d: 0x%02X is no instruction", at, code[at])
	}
	length := e.length
	if at+length <= len(code) {
		w := &walk{m: &Method{code: code}, end: len(code)}
		if _, err := w.targets(at, e, &length); err != nil {
			return Instruction{}, fmt.Errorf("offset %d, %s: %w", at, e.mnemonic, err)
		}
	}
	if at+length > len(code) {
		return Instruction{}, fmt.Errorf("offset %d, %s: ends outside the code", at, e.mnemonic)
	}
	return Instruction{code[at], e.mnemonic, length}, nil
}

// IsConditional reports whether the instruction is a conditional branch (JCVM 3.0.5
// §7.5.35 to §7.5.44).
func (i Instruction) IsConditional() bool {
	operand := opcodes[i.Opcode].operand
	return operand == opBranch || operand == opBranchWide
}

// IsBranch reports whether the instruction is a branch, conditional or not, or a switch.
func (i Instruction) IsBranch() bool {
	switch opcodes[i.Opcode].operand {
	case opBranch, opBranchWide, opJump, opJumpWide, opSubroutine, opShortTable, opIntTable,
		opShortLookup, opIntLookup:
		return true
	}
	return false
}

// IsIncrement reports whether the instruction adds a constant to a local (JCVM 3.0.5 §7.5.46,
// §7.5.93).
func (i Instruction) IsIncrement() bool {
	switch i.Mnemonic {
	case "sinc", "sinc_w", "iinc", "iinc_w":
		return true
	}
	return false
}

// ArrayIndex is how many cells below the top of the stack an instruction that reads or writes an
// element of an array finds its index; false of any other instruction.
func (i Instruction) ArrayIndex() (below int, ok bool) {
	switch i.Mnemonic {
	case "aaload", "baload", "saload", "iaload":
		return 0, true
	case "aastore", "bastore", "sastore":
		return 1, true
	case "iastore":
		return 2, true
	}
	return 0, false
}

// Results is how many cells an instruction that is no call pushes, and Pops how many it pops. Of
// dup_x and swap_x, whose operand says so, both are 0.
func (i Instruction) Results() int {
	e := &opcodes[i.Opcode]
	return max(0, e.pops+e.grows)
}

// Pops is how many cells an instruction that is no call pops.
func (i Instruction) Pops() int { return opcodes[i.Opcode].pops }

// IsCall reports whether the instruction calls a method.
func (i Instruction) IsCall() bool {
	switch opcodes[i.Opcode].operand {
	case opVirtual, opSpecial, opStaticMethod, opInterface:
		return true
	}
	return false
}

// TouchesStack reports whether the instruction pops or pushes something.
func (i Instruction) TouchesStack() bool {
	e := &opcodes[i.Opcode]
	return e.pops != 0 || e.grows != 0 || e.operand == opDupX || e.operand == opSwapX
}

// InvertedCondition is the opcode of the opposite condition: they come in pairs.
func (i Instruction) InvertedCondition() byte { return i.Opcode ^ 1 }

// Callee is the index of the constant that names the method which a call calls;
// false for other instructions and for calls through an interface. code begins with
// the instruction.
func (i Instruction) Callee(code []byte) (constant int, isStatic, ok bool) {
	switch opcodes[i.Opcode].operand {
	case opStaticMethod:
		return u2At(code, 1), true, true
	case opVirtual, opSpecial:
		return u2At(code, 1), false, true
	}
	return 0, false, false
}

// IsPush reports whether all that the instruction does is to push one cell, but for
// what it throws.
func (i Instruction) IsPush() bool {
	e := &opcodes[i.Opcode]
	return e.pops == 0 && e.grows == 1 && e.operand != opClass && e.operand != opSubroutine
}
