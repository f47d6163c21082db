package vm

// Constants, locals and the operand stack. The loop has checked the stack
// against the table's effect, the linker the indices of locals.

func (f *Call) push(x int32) {
	f.stack[f.sp] = x
	f.sp++
}

func (f *Call) pushInt(x int32) {
	f.stack[f.sp], f.stack[f.sp+1] = splitInt(x)
	f.sp += 2
}

func (f *Call) pop() int32 {
	f.sp--
	return f.stack[f.sp]
}

func (f *Call) popInt() int32 {
	f.sp -= 2
	return joinInt(f.stack[f.sp], f.stack[f.sp+1])
}

func nop(*VM, *Call) {}

func pushConst(x int32) func(*VM, *Call) {
	return func(_ *VM, f *Call) { f.push(x) }
}

func pushIntConst(x int32) func(*VM, *Call) {
	return func(_ *VM, f *Call) { f.pushInt(x) }
}

func bspush(v *VM, f *Call) { f.push(int32(v.s1(f))) }
func sspush(v *VM, f *Call) { f.push(int32(v.s2(f))) }
func bipush(v *VM, f *Call) { f.pushInt(int32(v.s1(f))) }
func sipush(v *VM, f *Call) { f.pushInt(int32(v.s2(f))) }
func iipush(_ *VM, f *Call) { f.pushInt(s4At(f.code, f.pc+1)) }

func loadCell(v *VM, f *Call) { f.push(f.stack[v.u1(f)]) }

func loadInt(v *VM, f *Call) {
	i := v.u1(f)
	f.stack[f.sp], f.stack[f.sp+1] = f.stack[i], f.stack[i+1]
	f.sp += 2
}

func storeCell(v *VM, f *Call) { f.stack[v.u1(f)] = f.pop() }

func storeInt(v *VM, f *Call) {
	i := v.u1(f)
	f.sp -= 2
	f.stack[i], f.stack[i+1] = f.stack[f.sp], f.stack[f.sp+1]
}

func loadCellN(i int) func(*VM, *Call) {
	return func(_ *VM, f *Call) { f.push(f.stack[i]) }
}

func loadIntN(i int) func(*VM, *Call) {
	return func(_ *VM, f *Call) {
		f.stack[f.sp], f.stack[f.sp+1] = f.stack[i], f.stack[i+1]
		f.sp += 2
	}
}

func storeCellN(i int) func(*VM, *Call) {
	return func(_ *VM, f *Call) { f.stack[i] = f.pop() }
}

func storeIntN(i int) func(*VM, *Call) {
	return func(_ *VM, f *Call) {
		f.sp -= 2
		f.stack[i], f.stack[i+1] = f.stack[f.sp], f.stack[f.sp+1]
	}
}

func (f *Call) increment(i, by int) { f.stack[i] = int32(int16(f.stack[i] + int32(by))) }

func (f *Call) incrementInt(i, by int) {
	f.stack[i], f.stack[i+1] = splitInt(joinInt(f.stack[i], f.stack[i+1]) + int32(by))
}

func sinc(v *VM, f *Call)     { f.increment(v.u1(f), int(int8(f.code[f.pc+2]))) }
func sincWide(v *VM, f *Call) { f.increment(v.u1(f), s2At(f.code, f.pc+2)) }
func iinc(v *VM, f *Call)     { f.incrementInt(v.u1(f), int(int8(f.code[f.pc+2]))) }
func iincWide(v *VM, f *Call) { f.incrementInt(v.u1(f), s2At(f.code, f.pc+2)) }

func drop(_ *VM, f *Call)  { f.sp-- }
func drop2(_ *VM, f *Call) { f.sp -= 2 }

func dup(_ *VM, f *Call) {
	f.stack[f.sp] = f.stack[f.sp-1]
	f.sp++
}

func dup2(_ *VM, f *Call) {
	f.stack[f.sp], f.stack[f.sp+1] = f.stack[f.sp-2], f.stack[f.sp-1]
	f.sp += 2
}

// dupX copies the top m cells and puts the copy n cells down; n of 0 means
// directly below, which is on top.
func dupX(v *VM, f *Call) {
	m, n := v.u1(f)>>4, v.u1(f)&15
	if n == 0 {
		n = m
	}
	if f.sp-n < f.floor || f.sp+m > len(f.stack) {
		v.fault(FaultStack, "operand stack too small for dup_x")
	}
	copy(f.stack[f.sp-n+m:f.sp+m], f.stack[f.sp-n:f.sp])
	copy(f.stack[f.sp-n:f.sp-n+m], f.stack[f.sp:f.sp+m])
	f.sp += m
}

// swapX exchanges the top m cells with the n cells below.
func swapX(v *VM, f *Call) {
	m, n := v.u1(f)>>4, v.u1(f)&15
	if f.sp-m-n < f.floor {
		v.fault(FaultStack, "operand stack too small for swap_x")
	}
	var below [2]int32
	s := f.stack[f.sp-m-n : f.sp]
	copy(below[:n], s[:n])
	copy(s, s[n:])
	copy(s[m:], below[:n])
}
