package vm

// Calls, returns and throws.

// arguments checks that n cells of arguments are on the operand stack.
func (v *VM) arguments(f *Call, n int) {
	if n < 0 || f.sp-n < f.floor {
		v.fault(FaultStack, "operand stack underflow at an invocation")
	}
}

func invokestatic(v *VM, f *Call) {
	m := v.constantU2(f).method
	v.arguments(f, m.args)
	v.enter(m, f.active, f.ctx)
}

// invokespecial calls a constructor, a private method or a method of the
// superclass, without dispatch.
func invokespecial(v *VM, f *Call) {
	m := v.constantU2(f).method
	if m.args == 0 {
		v.fault(FaultType, "invokespecial of a method without receiver")
	}
	v.arguments(f, m.args)
	o := v.object(Ref(f.stack[f.sp-m.args]))
	if m.native != nil {
		v.checkAccess(o, f.ctx)
		if !o.instanceOf(m.class) {
			v.fault(FaultType, "receiver is not of the method's class")
		}
	}
	v.enter(m, f.active, f.ctx)
}

func invokevirtual(v *VM, f *Call) {
	k := v.constantU2(f)
	args := k.method.args
	v.arguments(f, args)
	o := v.object(Ref(f.stack[f.sp-args]))
	active, ctx := f.active, f.ctx
	if o.ctx != ctx {
		active, ctx = v.checkInvoke(o, f, nil)
	}
	table := k.class.vtable // of java.lang.Object, for an array
	if o.kind == InstanceObject {
		if o.class != k.class && !o.class.extends(k.class) {
			v.fault(FaultType, "receiver is not of the method's class")
		}
		table = o.class.vtable
		if k.packageVisible { // a subclass in another package numbers its own from 0
			visible := o.class
			for visible.pkg != k.class.pkg {
				visible = visible.super
			}
			table = visible.pvtable
		}
	}
	if k.slot >= len(table) || table[k.slot] == nil || table[k.slot].args != args {
		v.fault(FaultType, "receiver does not have the method")
	}
	v.enter(table[k.slot], active, ctx)
}

func invokeinterface(v *VM, f *Call) {
	args := v.u1(f)
	iface := f.method.pkg.pool[u2At(f.code, f.pc+2)].class
	token := int(f.code[f.pc+4])
	if args == 0 {
		v.fault(FaultType, "invokeinterface without receiver")
	}
	v.arguments(f, args)
	o := v.object(Ref(f.stack[f.sp-args]))
	active, ctx := f.active, f.ctx
	if o.ctx != ctx {
		active, ctx = v.checkInvoke(o, f, iface)
	}
	var m *Method
	if o.kind == InstanceObject {
		m = o.class.implementing(iface, token)
	}
	if m == nil || m.args != args {
		v.fault(FaultType, "receiver does not implement the interface's method")
	}
	v.enter(m, active, ctx)
}

// leave ends a bytecode method: its caller loses the arguments and gets the
// result.
func (v *VM) leave(f *Call, result ...int32) {
	if v.probe.Return != nil {
		v.returningCells(f.method, result)
	}
	v.fp--
	caller := &v.frames[v.fp]
	caller.sp -= f.method.args
	if caller.sp+len(result) > len(caller.stack) {
		v.fault(FaultStack, "operand stack overflow at a result")
	}
	caller.sp += copy(caller.stack[caller.sp:], result)
}

func returnVoid(v *VM, f *Call) { v.leave(f) }

func returnCell(v *VM, f *Call) { v.leave(f, f.stack[f.sp-1]) }

func returnInt(v *VM, f *Call) { v.leave(f, f.stack[f.sp-2], f.stack[f.sp-1]) }

func athrow(v *VM, f *Call) {
	r := Ref(f.pop())
	o := v.object(r)
	v.checkThrow(o, f.ctx)
	if !o.instanceOf(v.cfg.API.throwable) {
		v.fault(FaultType, "athrow of an object that is no Throwable")
	}
	v.throwRef(r)
}
