package vm

import (
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/emulator/cap"
)

// Namer gives what is in packages the names that a reader knows.
type Namer interface {
	Method(m *Method) string
	Class(c *Class) string
	// CellName names a field of an instance by its cell, StaticName one of a package by its
	// place in the image.
	CellName(c *Class, cell int) string
	StaticName(p *Package, place int) string
}

// Disassembly is an instruction as text.
type Disassembly struct {
	PC       int // in the Method component's content
	Bytes    []byte
	Mnemonic string
	Operands string // "" for none
}

// String is the instruction with its operands.
func (d Disassembly) String() string { return strings.TrimSpace(d.Mnemonic + " " + d.Operands) }

// Disassemble reads the instruction of a method at pc. names may name what it works on.
func (m *Method) Disassemble(pc int, names Namer) (Disassembly, error) {
	i, err := InstructionAt(m.code, pc)
	if err != nil {
		return Disassembly{}, err
	}
	d := Disassembly{PC: pc, Bytes: m.code[pc : pc+i.Length], Mnemonic: i.Mnemonic}
	d.Operands = m.operands(pc, &opcodes[i.Opcode], names)
	return d, nil
}

// Instructions are the offsets of the instructions of the method that its code leads to, in their
// order.
func (m *Method) Instructions() (list []int) {
	for pc := m.start; pc < len(m.code); pc++ {
		if m.startsAt(pc) {
			list = append(list, pc)
		}
	}
	return list
}

// operands shows what follows an opcode: numbers as they are, places in the code as offsets from
// the method's first instruction, as Names.At has them, constants by name.
func (m *Method) operands(pc int, e *opcode, names Namer) string {
	code := m.code
	switch e.operand {
	case opImmediate:
		n := constantBytes(code[pc+1 : pc+e.length])
		if e.length > 2 { // a status word, often
			return fmt.Sprintf("%d (0x%X)", n, code[pc+1:pc+e.length])
		}
		return strconv.Itoa(n)
	case opLocal, opLocalInt, opRet:
		text := strconv.Itoa(int(code[pc+1]))
		if more := code[pc+2 : pc+e.length]; len(more) > 0 { // what sinc and iinc add
			text += fmt.Sprintf(", %d", constantBytes(more))
		}
		return text
	case opDupX, opSwapX:
		return fmt.Sprintf("%d, %d", code[pc+1]>>4, code[pc+1]&15)
	case opBranch, opJump, opBranchWide, opJumpWide, opSubroutine:
		return m.leads(pc, e)[0]
	case opShortTable, opIntTable, opShortLookup, opIntLookup:
		return m.cases(pc, e)
	case opStaticRef, opStaticByte, opStaticShort, opStaticInt, opVirtual, opSpecial,
		opStaticMethod, opClass, opFieldRefWide, opFieldCellWide, opFieldIntWide:
		return m.constantText(u2At(code, pc+1), names)
	case opFieldRef, opFieldCell, opFieldInt:
		return m.constantText(int(code[pc+1]), names)
	case opInterface:
		class := m.pkg.pool[u2At(code, pc+2)].class
		token := int(code[pc+4])
		if token < len(class.declared) && class.declared[token] != nil {
			return names.Method(class.declared[token])
		}
		return fmt.Sprintf("%s, method %d", names.Class(class), token)
	case opAtype:
		return atypeNames[int(code[pc+1])]
	case opCast:
		kind := atypeNames[int(code[pc+1])]
		if index := u2At(code, pc+2); index > 0 {
			kind = names.Class(m.pkg.pool[index].class)
			if code[pc+1] != 0 {
				kind += "[]"
			}
			return kind
		}
		return kind + "[]"
	}
	return ""
}

// atypeNames are the element types of arrays (JCVM 3.0.5 §7.5.77).
var atypeNames = map[int]string{atypeBoolean: "boolean", atypeByte: "byte", atypeShort: "short",
	atypeInt: "int"}

// constantBytes is the number that one, two or four bytes of an operand are.
func constantBytes(b []byte) int {
	switch len(b) {
	case 1:
		return int(int8(b[0]))
	case 2:
		return s2At(b, 0)
	}
	return int(s4At(b, 0))
}

// leads are the places to which a branch leads.
func (m *Method) leads(pc int, e *opcode) (places []string) {
	w, length := &walk{m: &Method{code: m.code}, end: len(m.code)}, e.length
	_, _ = w.targets(pc, e, &length) // the code was checked when the package was linked
	for _, to := range w.todo {
		places = append(places, fmt.Sprintf("+%d", to-m.start))
	}
	return places
}

// cases shows a switch: what leads where, and the default.
func (m *Method) cases(pc int, e *opcode) string {
	places, code := m.leads(pc, e), m.code
	keys := func(n int) int {
		switch e.operand {
		case opShortTable:
			return s2At(code, pc+switchLow) + n
		case opIntTable:
			return int(s4At(code, pc+switchLow)) + n
		case opShortLookup:
			return s2At(code, pc+e.length+n*shortPairBytes)
		}
		return int(s4At(code, pc+e.length+n*intPairBytes))
	}
	var parts []string
	for n, place := range places[1:] {
		parts = append(parts, fmt.Sprintf("%d: %s", keys(n), place))
	}
	return strings.Join(append(parts, "default: "+places[0]), ", ")
}

// constantText names a constant.
func (m *Method) constantText(index int, names Namer) string {
	k := &m.pkg.pool[index]
	switch k.kind {
	case cap.ConstInstanceField:
		return names.Class(k.class) + "." + names.CellName(k.class, k.slot)
	case cap.ConstStaticField:
		return names.StaticName(k.home, k.slot)
	case cap.ConstClass:
		return names.Class(k.class)
	}
	return names.Method(k.method)
}
