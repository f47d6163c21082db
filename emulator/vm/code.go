package vm

import (
	"fmt"
	"sort"

	"ekrona.example/emulator/cap"
)

// checkCode walks through every method that can be called and refuses what is
// malformed: unknown opcodes, operands that lead nowhere, jumps to where no instruction
// of the method starts, code that runs off its end. The interpreter does not check
// these again. Types and stack depths are not checked here; the interpreter checks
// stack depths at each instruction.
func (l *linker) checkCode() error {
	offsets := make([]int, 0, len(l.pkg.methods))
	for off := range l.pkg.methods {
		offsets = append(offsets, off)
	}
	if l.file.Descriptor != nil {
		for _, c := range l.file.Descriptor.Classes {
			for _, m := range c.Methods {
				if !m.Interface && l.pkg.methods[m.Offset] == nil {
					// never called, but the end of the method before it
					offsets = append(offsets, m.Offset)
				}
			}
		}
	}
	sort.Ints(offsets)
	content := l.file.Methods.Content
	for i, off := range offsets {
		m := l.pkg.methods[off]
		if m == nil || m.abstract {
			continue
		}
		end := len(content)
		if i+1 < len(offsets) {
			end = offsets[i+1]
		}
		m.code = content[:end:end]
		if err := l.checkMethod(m, end); err != nil {
			return fmt.Errorf("method at %d (%s): %w", off, m, err)
		}
	}
	return nil
}

// walk is the state of the check of one method.
type walk struct {
	l     *linker
	m     *Method
	pool  []constant
	end   int
	start map[int]bool // offsets of instructions found
	inner map[int]bool // offsets within them
	todo  []int
}

func (l *linker) checkMethod(m *Method, end int) error {
	w := &walk{l: l, m: m, pool: l.pkg.pool, end: end, start: map[int]bool{}, inner: map[int]bool{},
		todo: []int{m.start}}
	taken := make([]bool, len(l.file.Methods.Handlers))
	defer w.keepStarts()
	for {
		if err := w.follow(); err != nil {
			return err
		}
		grown, err := w.handlers(taken)
		if err != nil {
			return err
		}
		if !grown {
			break
		}
	}
	for i, h := range l.file.Methods.Handlers {
		if taken[i] {
			catch, err := l.catchType(h)
			if err != nil {
				return err
			}
			m.handlers = append(m.handlers,
				handler{h.Start, h.Start + h.Length, h.At, catch, h.Stop})
		}
	}
	return nil
}

// keepStarts notes in the method where its instructions start.
func (w *walk) keepStarts() {
	w.m.starts = make([]byte, (w.end-w.m.start+7)/8)
	for at := range w.start {
		w.m.starts[(at-w.m.start)/8] |= 1 << ((at - w.m.start) % 8)
	}
}

// startsAt reports whether an instruction of the method starts at pc.
func (m *Method) startsAt(pc int) bool {
	i := pc - m.start
	return i >= 0 && i/8 < len(m.starts) && m.starts[i/8]&(1<<(i%8)) != 0
}

// noteResult takes the kind of the method's result from an instruction that returns, where
// no descriptor has it.
func (w *walk) noteResult(e *opcode) {
	if e.operand != opEnd || w.m.desc != "" {
		return
	}
	switch e.mnemonic {
	case "areturn", "sreturn":
		w.m.result = resultCell
	case "ireturn":
		w.m.result = resultInt
	}
}

func (l *linker) catchType(h cap.Handler) (*Class, error) {
	if h.CatchType == 0 {
		return nil, nil
	}
	if h.CatchType >= len(l.pkg.pool) || l.pkg.pool[h.CatchType].kind != cap.ConstClass {
		return nil, fmt.Errorf("exception handler at %d catches constant %d, which is no class",
			h.At, h.CatchType)
	}
	return l.pkg.pool[h.CatchType].class, nil
}

// handlers adds the code of exception handlers that cover instructions found.
func (w *walk) handlers(taken []bool) (grown bool, err error) {
	for i, h := range w.l.file.Methods.Handlers {
		if taken[i] || h.Start >= w.end || h.Start+h.Length <= w.m.start {
			continue
		}
		for at := range w.start {
			if at >= h.Start && at < h.Start+h.Length {
				taken[i], grown = true, true
				if h.At < w.m.start || h.At >= w.end {
					return false, fmt.Errorf("exception handler at %d is outside the method",
						h.At)
				}
				w.todo = append(w.todo, h.At)
				break
			}
		}
	}
	return grown, nil
}

func (w *walk) follow() error {
	for len(w.todo) > 0 {
		at := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		if w.start[at] {
			continue
		}
		if at < w.m.start || at >= w.end {
			return fmt.Errorf("code leads to offset %d, outside the method", at)
		}
		e := &opcodes[w.m.code[at]]
		if e.run == nil {
			return fmt.Errorf("offset %d: 0x%02X is no instruction", at, w.m.code[at])
		}
		if err := w.instruction(at, e); err != nil {
			return fmt.Errorf("offset %d, %s: %w", at, e.mnemonic, err)
		}
	}
	return nil
}

// instruction checks one instruction and notes where it leads.
func (w *walk) instruction(at int, e *opcode) error {
	length := e.length
	if at+length > w.end {
		return fmt.Errorf("ends outside the method")
	}
	next, err := w.targets(at, e, &length)
	if err != nil {
		return err
	}
	if at+length > w.end {
		return fmt.Errorf("ends outside the method")
	}
	if w.inner[at] {
		return fmt.Errorf("starts within another instruction")
	}
	w.start[at] = true
	w.noteResult(e)
	for i := at + 1; i < at+length; i++ {
		if w.start[i] {
			return fmt.Errorf("another instruction starts within it")
		}
		w.inner[i] = true
	}
	if next {
		w.todo = append(w.todo, at+length)
	}
	return w.operand(at, e)
}

// targets notes where a branch leads, and whether the next instruction follows.
func (w *walk) targets(at int, e *opcode, length *int) (next bool, err error) {
	code := w.m.code
	to := func(distance int) { w.todo = append(w.todo, at+distance) }
	switch e.operand {
	case opBranch, opJump:
		to(int(int8(code[at+1])))
		return e.operand == opBranch, nil
	case opBranchWide, opJumpWide:
		to(s2At(code, at+1))
		return e.operand == opBranchWide, nil
	case opSubroutine:
		to(s2At(code, at+1))
		w.m.returnSites = append(w.m.returnSites, at+e.length)
		return true, nil
	case opRet, opEnd:
		return false, nil
	case opShortTable, opIntTable, opShortLookup, opIntLookup:
		return false, w.switchTargets(at, e, length, to)
	}
	return true, nil
}

func (w *walk) switchTargets(at int, e *opcode, length *int, to func(int)) error {
	code := w.m.code
	count, stride, skip := 0, distanceBytes, 0
	switch e.operand {
	case opShortTable:
		count = s2At(code, at+switchLow+shortSwitchBound) - s2At(code, at+switchLow) + 1
	case opIntTable:
		n := int64(s4At(code, at+switchLow+intSwitchBound)) - int64(s4At(code, at+switchLow)) + 1
		if n > int64(w.end) {
			return fmt.Errorf("%d entries do not fit into the method", n)
		}
		count = int(n)
	case opShortLookup:
		count, stride, skip = u2At(code, at+lookupCount), shortPairBytes, shortSwitchBound
	case opIntLookup:
		count, stride, skip = u2At(code, at+lookupCount), intPairBytes, intSwitchBound
	}
	if count < 0 {
		return fmt.Errorf("its lower bound is above its upper bound")
	}
	*length = e.length + count*stride
	if at+*length > w.end {
		return fmt.Errorf("%d entries do not fit into the method", count)
	}
	to(s2At(code, at+switchDefault))
	for i := 0; i < count; i++ {
		to(s2At(code, at+e.length+i*stride+skip))
	}
	return nil
}

// operand checks locals, constants and small numbers.
func (w *walk) operand(at int, e *opcode) error {
	code := w.m.code
	switch e.operand {
	case opLocal, opRet:
		return w.local(int(code[at+1]), 1)
	case opLocalInt:
		return w.local(int(code[at+1]), 2)
	case opLocalFixed, opLocalPair:
		return w.local(int(e.mnemonic[len(e.mnemonic)-1]-'0'), 1+int(e.operand-opLocalFixed))
	case opDupX:
		m, n := int(code[at+1]>>4), int(code[at+1]&15)
		if m < 1 || m > 4 || n != 0 && (n < m || n > m+4) {
			return fmt.Errorf("operand %02X is out of range", code[at+1])
		}
	case opSwapX:
		if m, n := code[at+1]>>4, code[at+1]&15; m < 1 || m > 2 || n < 1 || n > 2 {
			return fmt.Errorf("operand %02X is out of range", code[at+1])
		}
	case opAtype:
		if t := int(code[at+1]); t < atypeBoolean || t > atypeInt {
			return fmt.Errorf("element type %d does not exist", t)
		}
	default:
		return w.constantOperand(at, e)
	}
	return nil
}

func (w *walk) local(i, cells int) error {
	if n := w.m.args + w.m.maxLocals; i+cells > n {
		return fmt.Errorf("local %d, the method has %d", i, n)
	}
	return nil
}
