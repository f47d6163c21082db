package vm

import (
	"fmt"

	"ekrona.example/emulator/cap"
)

// constantOperand checks that an instruction's constant is of the kind that it
// works on.
func (w *walk) constantOperand(at int, e *opcode) error {
	code := w.m.code
	switch e.operand {
	case opStaticRef, opStaticByte, opStaticShort, opStaticInt:
		k, err := w.constant(u2At(code, at+1), cap.ConstStaticField)
		if err != nil {
			return err
		}
		return checkStatic(k, e.operand)
	case opFieldRef, opFieldCell, opFieldInt:
		if w.receiverless(e) {
			return fmt.Errorf("a method without locals has no this")
		}
		return w.field(int(code[at+1]), e.operand-opFieldRef)
	case opFieldRefWide, opFieldCellWide, opFieldIntWide:
		return w.field(u2At(code, at+1), e.operand-opFieldRefWide)
	case opVirtual:
		_, err := w.constant(u2At(code, at+1), cap.ConstVirtualMethod)
		return err
	case opSpecial:
		k, err := w.constant(u2At(code, at+1), cap.ConstStaticMethod, cap.ConstSuperMethod)
		if err == nil && k.method.abstract {
			return fmt.Errorf("calls an abstract method")
		}
		return err
	case opStaticMethod:
		_, err := w.constant(u2At(code, at+1), cap.ConstStaticMethod)
		return err
	case opInterface:
		k, err := w.constant(u2At(code, at+2), cap.ConstClass)
		if err == nil && !k.class.isIface {
			return fmt.Errorf("%s is no interface", k.class.name)
		}
		return err
	case opClass:
		k, err := w.constant(u2At(code, at+1), cap.ConstClass)
		if err == nil && e.clause == clauseNew && k.class.abstract {
			return fmt.Errorf("%s cannot be instantiated", k.class.name)
		}
		return err
	case opCast:
		return w.cast(int(code[at+1]), u2At(code, at+2))
	}
	return nil
}

// clauseNew is the clause of the instruction new.
const clauseNew = 70

// receiverless reports that a getfield_this or putfield_this has no local 0.
func (w *walk) receiverless(e *opcode) bool {
	this := len(e.mnemonic) > 5 && e.mnemonic[len(e.mnemonic)-5:] == "_this"
	return this && w.m.args+w.m.maxLocals == 0
}

func (w *walk) constant(i int, kinds ...cap.ConstantKind) (*constant, error) {
	if i >= len(w.pool) {
		return nil, fmt.Errorf("constant %d of %d", i, len(w.pool))
	}
	for _, k := range kinds {
		if w.pool[i].kind == k {
			return &w.pool[i], nil
		}
	}
	return nil, fmt.Errorf("constant %d is a %s", i, w.pool[i].kind)
}

// field checks an instance field: kind 0 holds a reference, 1 a cell, 2 an int.
func (w *walk) field(i int, kind operandKind) error {
	k, err := w.constant(i, cap.ConstInstanceField)
	if err != nil {
		return err
	}
	const ref, wide = 0, 2
	if k.class.isRef[k.slot] != (kind == ref) {
		return fmt.Errorf("field %d of %s is of another type", k.slot-k.class.base, k.class.name)
	}
	if kind == wide && (k.slot+1 >= k.class.cells || k.class.isRef[k.slot+1]) {
		return fmt.Errorf("field %d of %s has no room for an int", k.slot-k.class.base,
			k.class.name)
	}
	return nil
}

func checkStatic(k *constant, kind operandKind) error {
	refs := staticRefBytes * k.home.file.Statics.References
	width := 1
	switch kind {
	case opStaticRef:
		if k.slot >= refs || k.slot%staticRefBytes != 0 {
			return fmt.Errorf("static field %d holds no reference", k.slot)
		}
		return nil
	case opStaticShort:
		width = 2
	case opStaticInt:
		width = 4
	}
	if k.slot < refs || k.slot+width > k.home.file.Statics.ImageSize {
		return fmt.Errorf("static field %d does not hold %d bytes", k.slot, width)
	}
	return nil
}

func (w *walk) cast(atype, i int) error {
	switch {
	case atype == 0 || atype == atypeRef:
		_, err := w.constant(i, cap.ConstClass)
		return err
	case atype >= atypeBoolean && atype <= atypeInt:
		return nil
	}
	return fmt.Errorf("type %d does not exist", atype)
}
