package vm

import "fmt"

// What the machine does for a probe. Nothing here runs without one.

// refuseAction ends the command: the probe's action cannot be done.
func (v *VM) refuseAction(a Action, event string) {
	what := fmt.Sprintf("action %v does not fit %s; see vm.Probe for the actions of each event",
		a.Kind, event)
	panic(&ProbeMisuse{What: what, Where: v.where()})
}

// asked is what the probe's function wants at an event; a panic until it returns is the caller's.
func asked[E any](v *VM, function func(E) Action, event E) Action {
	v.asking = true
	action := function(event)
	v.asking = false
	return action
}

func (v *VM) cutPower() {
	v.powered = false
	panic(&PowerCut{Write: v.stats.Writes + 1, At: v.here()})
}

// act does the probe's action in place of the instruction at f.pc.
func (v *VM) act(f *Call, a Action) {
	i := Site{Method: f.method, PC: f.pc}.Instruction()
	following := f.pc + i.Length
	switch a.Kind {
	case Skip:
		v.passTo(f, following)
	case Replace:
		v.replaceResults(f, i, a)
		v.passTo(f, following)
	case Invert:
		if !i.IsConditional() {
			v.refuseAction(a, i.Mnemonic)
		}
		steps[i.InvertedCondition()].run(v, f)
	case Jump:
		if !i.IsBranch() {
			v.refuseAction(a, i.Mnemonic)
		}
		steps[i.Opcode].run(v, f)
		v.passTo(f, f.method.beside(f.next, int(a.Value)))
	case Alter:
		if _, has := v.Operand(a.Index); !has {
			v.fault(FaultStack, "operand stack underflow at "+i.Mnemonic)
		}
		f.stack[f.sp-1-a.Index] = int32(narrowed(a.Value, cellSize))
		steps[i.Opcode].run(v, f)
	case Cut:
		v.cutPower()
	default:
		v.refuseAction(a, i.Mnemonic)
	}
}

// passTo goes on at an instruction to which the code itself may not lead.
func (v *VM) passTo(f *Call, pc int) {
	if !f.method.startsAt(pc) {
		v.fault(FaultCode, "no instruction follows the one that was passed over")
	}
	f.next = pc
}

// beside is the program counter of the instruction so many behind the one at pc, or before it;
// where there are not so many, one at which none starts.
func (m *Method) beside(pc, instructions int) int {
	by := 1
	if instructions < 0 {
		by, instructions = -1, -instructions
	}
	for ; instructions > 0; instructions-- {
		for pc += by; !m.startsAt(pc); pc += by {
			if pc < m.start || pc > m.start+8*len(m.starts) {
				return -1
			}
		}
	}
	return pc
}

// replaceResults pops what the instruction would pop, and pushes the action's value for each
// cell that it would push.
func (v *VM) replaceResults(f *Call, i Instruction, a Action) {
	e := &opcodes[i.Opcode]
	pops, pushes := e.pops, e.pops+e.grows
	switch e.operand {
	case opVirtual, opSpecial, opStaticMethod, opInterface:
		v.refuseAction(a, i.Mnemonic)
	case opDupX:
		pushes = v.u1(f) >> 4
	case opSwapX:
		pops = v.u1(f)>>4 + v.u1(f)&15
		pushes = pops
	}
	if f.sp-pops < f.floor {
		v.fault(FaultStack, "operand stack underflow at "+i.Mnemonic)
	}
	f.sp -= pops
	if f.sp+pushes > len(f.stack) {
		v.fault(FaultStack, "operand stack overflow at "+i.Mnemonic)
	}
	for range pushes {
		f.push(int32(int16(a.Value)))
	}
}

// calling asks the probe about the call of m; true if its result is there already.
func (v *VM) calling(m *Method) (done bool) {
	caller := &v.frames[v.fp]
	args := m.args
	if args > caller.sp {
		v.fault(FaultStack, "operand stack underflow at an invocation")
	}
	arguments := caller.stack[caller.sp-args : caller.sp : caller.sp]
	v.invocation = Invocation{Site: v.here(), Callee: m, Arguments: arguments}
	a := asked(v, v.probe.Call, &v.invocation)
	switch a.Kind {
	case GoOn:
		return false
	case Skip:
		a.Value = 0
	case Replace:
	case Alter:
		if uint(a.Index) >= uint(args) {
			v.fault(FaultStack, "operand stack underflow at an invocation")
		}
		arguments[a.Index] = int32(narrowed(a.Value, cellSize))
		return false
	case Cut:
		v.cutPower()
	default:
		v.refuseAction(a, "a call")
	}
	caller.sp -= args
	v.giveResult(caller, m.result, narrowed(a.Value, cellSize*int(m.result)))
	return true
}

// returning asks the probe about the end of m and returns the result that its caller gets.
func (v *VM) returning(m *Method, result Value) Value {
	v.invocation = Invocation{Site: v.here(), Callee: m, Result: result}
	switch a := asked(v, v.probe.Return, &v.invocation); a.Kind {
	case GoOn:
	case Replace:
		return narrowed(a.Value, cellSize*int(m.result))
	case Cut:
		v.cutPower()
	default:
		v.refuseAction(a, "a return")
	}
	return result
}

// returningCells is returning for a result as bytecode leaves it: none, one cell, or two.
func (v *VM) returningCells(m *Method, cells []int32) {
	switch len(cells) {
	case 0:
		v.returning(m, Void)
	case 1:
		cells[0] = int32(v.returning(m, Value(cells[0])))
	default:
		cells[0], cells[1] = splitInt(int32(v.returning(m, Value(joinInt(cells[0], cells[1])))))
	}
}

// throwing asks the probe about an exception that is thrown, and returns how it goes astray.
func (v *VM) throwing(r Ref) ActionKind {
	o := v.object(r)
	e := &Exception{Site: v.here(), Object: r, Class: o.class}
	e.HasReason = o.kind == InstanceObject && o.class.reasonSlot >= 0
	if e.HasReason {
		e.Reason = int16(o.cells[o.class.reasonSlot])
	}
	a := asked(v, v.probe.Throw, e)
	switch a.Kind {
	case GoOn, Skip, Pass:
	case Cut:
		v.cutPower()
	default:
		v.refuseAction(a, "an exception")
	}
	return a.Kind
}

// goOn has code go on behind the instruction that threw, as if nobody had looked for a handler. It
// returns false if what threw was not called by bytecode.
func (v *VM) goOn(bottom int) bool {
	var native *Method // that bytecode called
	at := v.fp
	for ; at >= bottom; at-- {
		m := v.frames[at].method
		if m != nil && m.native == nil {
			break
		}
		native = m
	}
	if at < bottom {
		return false
	}
	v.fp = at
	f := &v.frames[at]
	i := Site{Method: f.method, PC: f.pc}.Instruction()
	switch {
	case native != nil:
		f.sp -= native.args
		v.giveResult(f, native.result, 0)
	case !i.IsCall():
		e := &opcodes[i.Opcode]
		for range min(max(0, e.pops+e.grows), len(f.stack)-f.sp) {
			f.push(0)
		}
	}
	v.passTo(f, f.pc+i.Length)
	return true
}

// cellSize is how many bytes of a card a cell of the stack is.
const cellSize = 2

// narrowed is a value as it fits into so many bytes of a card.
func narrowed(x Value, bytes int) Value {
	switch bytes {
	case 1:
		return Value(int8(x))
	case 2:
		return Value(int16(x))
	}
	return x
}

// elementAccess is the access to one element or field of r.
func (v *VM) elementAccess(r Ref, o *object, i, bytes int) *Access {
	v.access = Access{
		Site: v.here(), Object: r, Storage: o.storage, Index: i, Length: 1, Bytes: bytes,
	}
	return &v.access
}

func (v *VM) staticAccess(p *Package, off, bytes int) *Access {
	v.access = Access{Site: v.here(), Package: p, Index: off, Length: 1, Bytes: bytes}
	return &v.access
}

// number enters the transaction that a write belongs to.
func (v *VM) number(a *Access, undone bool) {
	if undone && v.tx.open && a.Storage == Persistent {
		a.Transaction = v.tx.number
	}
}

// read asks the probe about the read of a single element.
func (v *VM) read(a *Access, value Value) Value {
	a.old = value
	return v.elementAfter(asked(v, v.probe.Read, a), a, value, "a read")
}

// written asks the probe about the write of a single element and returns what it will be.
func (v *VM) written(a *Access, old, value Value, undone bool) Value {
	v.number(a, undone)
	a.old, a.new = old, value
	action := asked(v, v.probe.Write, a)
	if action.Kind == Skip {
		return old
	}
	return v.elementAfter(action, a, value, "a write")
}

// elementAfter is what a single element is, read or written, after the probe's action.
func (v *VM) elementAfter(action Action, a *Access, value Value, event string) Value {
	switch action.Kind {
	case GoOn:
	case Replace:
		v.checkElement(action, a)
		return narrowed(action.Value, a.Bytes)
	case Cut:
		v.cutPower()
	default:
		v.refuseAction(action, event)
	}
	return value
}

// writtenCell is written for a cell of an object.
func (v *VM) writtenCell(r Ref, o *object, i int, value int32, undone bool) int32 {
	a := v.elementAccess(r, o, i, o.cellBytes())
	return int32(v.written(a, Value(o.cells[i]), Value(value), undone))
}

// cell reads a cell of an object.
func (v *VM) cell(r Ref, o *object, i int) int32 {
	if v.probe.Read == nil {
		return o.cells[i]
	}
	return v.readCell(r, o, i)
}

func (v *VM) readCell(r Ref, o *object, i int) int32 {
	return int32(v.read(v.elementAccess(r, o, i, o.cellBytes()), Value(o.cells[i])))
}

func (v *VM) readInt(r Ref, o *object, i int) int32 {
	return int32(v.read(v.elementAccess(r, o, i, 4), Value(joinInt(o.cells[i], o.cells[i+1]))))
}

func (v *VM) readByte(r Ref, o *object, i int) int32 {
	return int32(v.read(v.elementAccess(r, o, i, 1), Value(int8(o.bytes[i]))))
}

func (v *VM) readStatic(p *Package, off, size int, value int32) int32 {
	return int32(v.read(v.staticAccess(p, off, size), Value(value)))
}

func (v *VM) checkElement(action Action, a *Access) {
	if uint(action.Index) >= uint(a.Length) {
		v.refuseAction(action, fmt.Sprintf("element %d of an access to %d", action.Index, a.Length))
	}
}

// bytesAccess is the access to n bytes of r, from off.
func (v *VM) bytesAccess(r Ref, o *object, off, n int) *Access {
	v.access = Access{
		Site: v.here(), Object: r, Storage: o.storage, Index: off, Length: n, Bytes: n,
		oldBytes: o.bytes[off : off+n : off+n],
	}
	return &v.access
}

// readBytes asks the probe about the read of n bytes and returns what is read.
func (v *VM) readBytes(r Ref, off, n int) []byte {
	a := v.bytesAccess(r, v.object(r), off, n)
	return v.bytesAfter(asked(v, v.probe.Read, a), a, a.oldBytes, "a read")
}

// writtenBytes asks the probe about the write of bytes and returns what is to be written.
func (v *VM) writtenBytes(r Ref, o *object, off int, data []byte, undone bool) []byte {
	a := v.bytesAccess(r, o, off, len(data))
	v.number(a, undone)
	a.newBytes = data
	action := asked(v, v.probe.Write, a)
	if action.Kind == Skip {
		return nil
	}
	return v.bytesAfter(action, a, data, "a write")
}

// bytesAfter is what bytes are, read or written, after the probe's action.
func (v *VM) bytesAfter(action Action, a *Access, data []byte, event string) []byte {
	switch action.Kind {
	case GoOn:
	case Replace:
		return v.withElement(action, a, data)
	case Cut:
		v.cutPower()
	default:
		v.refuseAction(action, event)
	}
	return data
}

// withElement is a copy of data with one element replaced.
func (v *VM) withElement(action Action, a *Access, data []byte) []byte {
	v.checkElement(action, a)
	changed := append([]byte(nil), data...)
	changed[action.Index] = byte(action.Value)
	return changed
}
