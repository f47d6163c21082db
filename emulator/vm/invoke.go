package vm

import "fmt"

// String names the site in messages.
func (s Site) String() string {
	at := s.Method.String()
	if s.Method != nil {
		at = s.Method.At(s.PC)
	}
	if s.Native != nil {
		return s.Native.String() + ", called at " + at
	}
	return at
}

func (v *VM) here() Site {
	s := Site{Depth: v.fp}
	for i := v.fp; i >= 0 && s.Method == nil; i-- {
		switch f := &v.frames[i]; {
		case f.method == nil:
		case f.method.native == nil:
			s.Method, s.PC = f.method, f.pc
		case s.Native == nil:
			s.Native = f.method
		}
	}
	return s
}

func (v *VM) where() string { return v.here().String() }

// push makes the next activation current. args cells are at the top of the operands of
// the current one.
func (v *VM) push(m *Method, args, size int, active Instance, ctx Context) *Call {
	base := 0
	if v.fp >= 0 {
		caller := &v.frames[v.fp]
		if args > caller.sp {
			v.fault(FaultStack, "operand stack underflow at an invocation")
		}
		base = caller.base + caller.sp - args
	}
	if v.fp+1 >= len(v.frames) {
		v.fault(FaultDepth, fmt.Sprintf("more than %d nested calls", len(v.frames)))
	}
	if base+size > len(v.stack) {
		v.fault(FaultDepth, fmt.Sprintf("more than %d stack cells", len(v.stack)))
	}
	v.fp++
	f := &v.frames[v.fp]
	f.vm, f.method, f.base = v, m, base
	f.stack = v.stack[base : base+size : base+size]
	f.active, f.ctx = active, ctx
	v.stats.MaxFrames = max(v.stats.MaxFrames, v.fp+1)
	return f
}

// enter calls m, whose arguments are on the operand stack of the current activation: a
// bytecode method becomes the current one, a native has run and left its result on that
// operand stack when enter returns.
func (v *VM) enter(m *Method, active Instance, ctx Context) {
	v.stats.Invocations++
	if v.probe.Call != nil && v.calling(m) {
		return
	}
	if m.native != nil {
		v.callNative(m)
		return
	}
	if m.code == nil {
		v.fault(FaultMissing, m.String()+" has no implementation")
	}
	locals := m.args + m.maxLocals
	f := v.push(m, m.args, locals+m.maxStack, active, ctx)
	clear(f.stack[m.args:locals])
	v.stats.MaxStack = max(v.stats.MaxStack, f.base+len(f.stack))
	f.code, f.floor, f.sp, f.next = m.code, locals, locals, m.start
}

// callNative runs a native in the context of its caller, not of the receiver's owner:
// objects in the arguments are checked against the caller's rights (JCRE 3.0.5
// §6.2.1.1), and the firewall does not apply to hidden fields.
func (v *VM) callNative(m *Method) {
	caller := &v.frames[v.fp]
	f := v.push(m, m.args, m.args, caller.active, caller.ctx)
	f.floor, f.sp = m.args, m.args
	v.stats.operating = false
	result := m.native(f)
	v.stats.operating = false
	if v.probe.Return != nil {
		result = v.returning(m, result)
	}
	v.fp--
	caller.sp -= m.args
	v.giveResult(caller, m.result, result)
}

// giveResult pushes the result of a method onto the operand stack of its caller.
func (v *VM) giveResult(caller *Call, kind resultKind, result Value) {
	if caller.sp+int(kind) > len(caller.stack) {
		v.fault(FaultStack, "operand stack overflow")
	}
	switch kind {
	case resultCell:
		caller.push(int32(result))
	case resultInt:
		caller.pushInt(int32(result))
	}
}

// scratchCells is the operand room of an activation of Go code, for the
// arguments of what it invokes.
const scratchCells = 32

// runAs runs Go code in the context of an instance.
func (v *VM) runAs(as Instance, fn func(c *Call)) {
	f := v.push(nil, 0, scratchCells, as, v.contextOf(as))
	f.floor, f.sp = 0, 0
	depth := v.fp
	fn(f)
	if v.fp != depth {
		panic(&InternalError{Value: "unbalanced frames", Where: v.where()})
	}
	v.fp--
}

// invokeFromGo calls m for a native or the runtime environment.
func (v *VM) invokeFromGo(c *Call, m *Method, this Ref, args []Value) Value {
	active, ctx := c.active, c.ctx
	target := m
	if !m.isStatic {
		o := v.object(this)
		if m.dispatch != direct {
			active, ctx = v.checkInvoke(o, c, m.class)
			target = v.implementationOf(m, o)
		}
	}
	if len(args) != len(m.argCells) {
		panic(&InternalError{Value: fmt.Sprintf("%s called with %d arguments", m, len(args)),
			Where: v.where()})
	}
	f := v.push(nil, 0, m.args+2, c.active, c.ctx) // argument room, and for the result
	f.floor, f.sp = 0, m.args
	if !m.isStatic {
		f.stack[0] = int32(this)
	}
	for i, a := range args {
		at := int(m.argCells[i])
		next := m.args
		if i+1 < len(args) {
			next = int(m.argCells[i+1])
		}
		if next-at == 2 {
			f.stack[at], f.stack[at+1] = splitInt(int32(a))
		} else {
			f.stack[at] = int32(a)
		}
	}
	depth := v.fp
	v.enter(target, active, ctx)
	if v.fp > depth {
		v.execute(depth + 1)
	}
	if f.sp != int(m.result) {
		v.fault(FaultType, target.String()+" returned what its descriptor does not allow")
	}
	result := Void
	switch m.result {
	case resultCell:
		result = Value(f.stack[f.sp-1])
	case resultInt:
		result = Value(joinInt(f.stack[f.sp-2], f.stack[f.sp-1]))
	}
	v.fp = depth - 1
	return result
}

// implementationOf dispatches a virtual or interface method on an object.
func (v *VM) implementationOf(m *Method, o *object) *Method {
	if o.kind != InstanceObject {
		return m // java.lang.Object's own, as arrays inherit them
	}
	var found *Method
	if m.dispatch == ifaceCall {
		found = o.class.implementing(m.class, m.token)
	} else if o.class.extends(m.class) && m.token < len(o.class.vtable) {
		found = o.class.vtable[m.token]
	}
	if found == nil {
		v.fault(FaultType, fmt.Sprintf("%s has no method %s", o.class.name, m))
	}
	return found
}

// try runs fn and catches a Java exception that fn does not.
func (v *VM) try(fn func()) (caught *JavaException) {
	depth := v.fp
	defer func() {
		switch t := recover().(type) {
		case nil:
		case javaTrap:
			caught = v.javaException(t)
			v.fp = depth
		default:
			panic(v.recovered(t))
		}
	}()
	fn()
	return nil
}

// previousInstance finds the instance that was active before the last context
// switch.
func (v *VM) previousInstance(c *Call) Instance {
	for i := v.fp; i >= 0; i-- {
		if f := &v.frames[i]; f.ctx != c.ctx {
			return f.active
		}
	}
	return 0
}

// Method finds a method of a native class or interface by name and
// descriptor, to be given to Call.Invoke.
func (v *VM) Method(class, name, desc string) (*Method, error) {
	c := v.cfg.API.byName[class]
	if c == nil {
		return nil, fmt.Errorf("vm: there is no native class %s", class)
	}
	for k := c; k != nil; k = k.super {
		for _, m := range k.declared {
			if m.name == name && m.desc == desc {
				return m, nil
			}
		}
	}
	return nil, fmt.Errorf("vm: %s has no method %s%s", class, name, desc)
}
