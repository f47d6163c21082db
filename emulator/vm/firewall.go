package vm

// The firewall of JCRE 3.0.5 §6: which context may access which object.

// mayAccess is the rule for the content of objects (§6.2.8.2, §6.2.8.3).
func (v *VM) mayAccess(o *object, ctx Context) bool {
	if ctx == 0 {
		return true
	}
	if o.flags&GlobalArray != 0 {
		return true
	}
	return o.ctx == ctx
}

func (v *VM) checkAccess(o *object, ctx Context) {
	if !v.mayAccess(o, ctx) {
		v.throwNew(classSecurity, 0)
	}
	v.checkDeselect(o, ctx)
}

// checkDeselect guards CLEAR_ON_DESELECT memory, which exists only for the
// selected applet's context (§5.1, §6.1.5).
func (v *VM) checkDeselect(o *object, ctx Context) {
	if o.storage == ClearOnDeselect && ctx != 0 && ctx != v.contextOf(v.selected) {
		v.throwNew(classSecurity, 0)
	}
}

// checkStorable forbids keeping a temporary entry point object or a global
// array (§6.2.1, §6.2.2).
func (v *VM) checkStorable(r Ref) {
	if r != 0 && v.object(r).flags&(Temporary|GlobalArray) != 0 {
		v.throwNew(classSecurity, 0)
	}
}

// checkInvoke is the rule for instance methods: it returns the instance in
// whose context the method runs (§6.2.8.4 to §6.2.8.6).
func (v *VM) checkInvoke(o *object, c *Call, through *Class) (Instance, Context) {
	switch {
	case o.ctx == c.ctx:
		return c.active, c.ctx
	case o.flags&EntryPoint != 0, o.flags&GlobalArray != 0, c.ctx == 0:
		return o.owner, o.ctx
	case through != nil && through.shareable && o.class != nil && o.kind == InstanceObject &&
		o.class.extends(through):
		return o.owner, o.ctx
	}
	v.throwNew(classSecurity, 0)
	return 0, 0
}

// checkThrow is the rule for athrow (§6.2.8.7).
func (v *VM) checkThrow(o *object, ctx Context) {
	if ctx != 0 && o.ctx != ctx && o.flags&EntryPoint == 0 {
		v.throwNew(classSecurity, 0)
	}
}

// checkCast is the rule for checkcast and instanceof (§6.2.8.8): an object of
// another context may only be tested for a shareable interface.
func (v *VM) checkCast(o *object, to *Class, ctx Context) {
	if ctx == 0 || o.ctx == ctx || o.flags&(EntryPoint|GlobalArray) != 0 {
		return
	}
	if to != nil && to.isIface && to.shareable {
		return
	}
	v.throwNew(classSecurity, 0)
}

// accessibleArray returns the array behind r after all checks.
func (v *VM) accessibleArray(r Ref, ctx Context) *object {
	o := v.object(r)
	if o.kind == InstanceObject {
		v.fault(FaultType, "an instance used as an array")
	}
	v.checkAccess(o, ctx)
	return o
}

func (v *VM) checkIndex(o *object, i int) {
	if uint(i) >= uint(o.length()) {
		v.throwNew(classArrayIndex, 0)
	}
}

// bytesAt returns n bytes of an array after all checks, for reading.
func (v *VM) bytesAt(c *Call, r Ref, off, n int) []byte {
	o := v.object(r)
	if o.kind != ByteArray && o.kind != BooleanArray {
		v.fault(FaultType, "not a byte array")
	}
	v.checkAccess(o, c.ctx)
	if off < 0 || n < 0 || off+n > len(o.bytes) {
		v.throwNew(classArrayIndex, 0)
	}
	return o.bytes[off : off+n : off+n]
}

// copyBytes is Util.arrayCopy and arrayCopyNonAtomic.
func (v *VM) copyBytes(c *Call, src Ref, srcOff int, dst Ref, dstOff, n int, atomic bool) {
	from := v.bytesAt(c, src, srcOff, n)
	v.bytesAt(c, dst, dstOff, n)
	if v.probe.Read != nil {
		from = v.readBytes(src, srcOff, n)
	}
	if v.heap.objects[dst].storage == Persistent && v.heap.objects[src].storage != Persistent {
		v.stats.Copies++
		v.stats.CopiedBytes += n
	}
	if src == dst && !atomic {
		// pages written one by one must not read what they wrote
		from = append([]byte(nil), from...)
	}
	if n == 0 {
		return
	}
	if atomic {
		v.putBytes(dst, dstOff, from)
	} else {
		v.putBytesNonAtomic(dst, dstOff, from)
	}
}
