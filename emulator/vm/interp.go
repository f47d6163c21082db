package vm

// execute runs bytecode until the activation at index bottom has returned.
// A Java exception goes to the innermost handler at or above bottom; without
// one it goes on to the Go code below.
func (v *VM) execute(bottom int) {
	for {
		trap := v.protected(bottom)
		if trap == nil {
			return
		}
		if trap.astray == Skip && v.goOn(bottom) {
			continue
		}
		if !v.unwind(trap.ref, bottom, trap.astray == Pass) {
			v.fp = bottom - 1
			panic(*trap)
		}
	}
}

// protected is the loop with the one recover that a run has for Java
// exceptions; every other trap passes.
func (v *VM) protected(bottom int) (trap *javaTrap) {
	defer func() {
		switch t := recover().(type) {
		case nil:
		case javaTrap:
			trap = &t
		default:
			panic(v.recovered(t))
		}
	}()
	v.loop(bottom)
	return nil
}

// unwind finds the handler for an exception (JCVM 3.0.5 §6.10.1, §7.5.7) and
// makes its activation current. pass has it pass the first one.
func (v *VM) unwind(r Ref, bottom int, pass bool) bool {
	o := v.object(r)
	for v.fp >= bottom {
		f := &v.frames[v.fp]
		if f.method != nil && f.method.native == nil {
			for _, h := range f.method.handlers {
				if f.pc < h.from || f.pc >= h.to {
					continue
				}
				if h.catch == nil || o.instanceOf(h.catch) {
					if pass {
						pass = false
						continue
					}
					f.sp = f.floor
					if f.sp >= len(f.stack) {
						v.fault(FaultStack, "no room for the exception")
					}
					f.stack[f.sp] = int32(r)
					f.sp++
					f.next = h.at
					return true
				}
				if h.last {
					break
				}
			}
		}
		v.fp--
	}
	return false
}

// loop is the interpreter. Code was checked when it was linked (code.go), so
// that every program counter it reaches is the start of an instruction; stack
// bounds are checked here, for each instruction.
func (v *VM) loop(bottom int) {
	instruction := v.probe.Instruction
	for v.fp >= bottom {
		fp := v.fp
		f := &v.frames[fp]
		code := f.code
		for v.fp == fp {
			pc := f.next
			op := code[pc]
			s := &steps[op]
			f.pc = pc
			f.next = pc + int(s.length)
			if f.sp-int(s.pops) < f.floor {
				v.fault(FaultStack, "operand stack underflow at "+opcodes[op].mnemonic)
			}
			if f.sp+int(s.grows) > len(f.stack) {
				v.fault(FaultStack, "operand stack overflow at "+opcodes[op].mnemonic)
			}
			if v.fuel == 0 {
				v.fault(FaultBudget, "more bytecodes than one command may run")
			}
			v.fuel--
			if instruction != nil {
				at := Site{Method: f.method, PC: pc, Depth: fp}
				if action := asked(v, instruction, at); action != (Action{}) {
					v.act(f, action)
					continue
				}
			}
			s.run(v, f)
		}
	}
}
