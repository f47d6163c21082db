package vm

// Fields. The linker has resolved a field to a cell and checked that its kind
// fits the instruction; here the object is checked (JCRE 3.0.5 §6.2.8.3).

// field checks access to an instance field and returns the object.
func (v *VM) field(f *Call, r Ref, k *constant) *object {
	o := v.object(r)
	if o.class != k.class && (o.kind != InstanceObject || !o.class.extends(k.class)) ||
		o.kind != InstanceObject {
		v.fault(FaultType, "a field of another class than the object's")
	}
	if o.ctx != f.ctx || o.storage == ClearOnDeselect {
		v.checkAccess(o, f.ctx)
	}
	return o
}

func (v *VM) constantU1(f *Call) *constant { return &f.method.pkg.pool[f.code[f.pc+1]] }
func (v *VM) constantU2(f *Call) *constant { return &f.method.pkg.pool[v.u2(f)] }

// Ref, byte, short and boolean fields are read alike, the write has narrowed
// the value.

func (v *VM) getCell(f *Call, r Ref, k *constant) { f.push(v.cell(r, v.field(f, r, k), k.slot)) }

func getCellField(v *VM, f *Call) {
	v.getCell(f, Ref(f.pop()), v.constantU1(f))
}

func getCellFieldWide(v *VM, f *Call) {
	v.getCell(f, Ref(f.pop()), v.constantU2(f))
}

func getCellFieldThis(v *VM, f *Call) {
	v.getCell(f, Ref(f.stack[0]), v.constantU1(f))
}

func (v *VM) getInt(f *Call, r Ref, k *constant) {
	o := v.field(f, r, k)
	if v.probe.Read != nil {
		f.pushInt(v.readInt(r, o, k.slot))
		return
	}
	f.pushInt(joinInt(o.cells[k.slot], o.cells[k.slot+1]))
}

func getIntField(v *VM, f *Call)     { v.getInt(f, Ref(f.pop()), v.constantU1(f)) }
func getIntFieldWide(v *VM, f *Call) { v.getInt(f, Ref(f.pop()), v.constantU2(f)) }
func getIntFieldThis(v *VM, f *Call) { v.getInt(f, Ref(f.stack[0]), v.constantU1(f)) }

func (v *VM) putField(f *Call, r Ref, k *constant, value int32) {
	v.field(f, r, k)
	v.putCell(r, k.slot, value)
}

func (v *VM) putRefField(f *Call, r Ref, k *constant, value int32) {
	v.field(f, r, k)
	if value != 0 && f.ctx != 0 {
		v.checkStorable(Ref(value))
	}
	v.putCell(r, k.slot, value)
}

func (v *VM) putIntField(f *Call, r Ref, k *constant, value int32) {
	v.field(f, r, k)
	high, low := splitInt(value)
	v.putTwoCells(r, k.slot, high, low)
}

func narrowByte(x int32) int32  { return int32(int8(x)) }
func narrowShort(x int32) int32 { return int32(int16(x)) }

func putRefField(v *VM, f *Call) {
	x := f.pop()
	v.putRefField(f, Ref(f.pop()), v.constantU1(f), x)
}
func putByteField(v *VM, f *Call) {
	x := f.pop()
	v.putField(f, Ref(f.pop()), v.constantU1(f), narrowByte(x))
}
func putShortField(v *VM, f *Call) {
	x := f.pop()
	v.putField(f, Ref(f.pop()), v.constantU1(f), narrowShort(x))
}
func putIntField(v *VM, f *Call) {
	x := f.popInt()
	v.putIntField(f, Ref(f.pop()), v.constantU1(f), x)
}

func putRefFieldWide(v *VM, f *Call) {
	x := f.pop()
	v.putRefField(f, Ref(f.pop()), v.constantU2(f), x)
}
func putByteFieldWide(v *VM, f *Call) {
	x := f.pop()
	v.putField(f, Ref(f.pop()), v.constantU2(f), narrowByte(x))
}
func putShortFieldWide(v *VM, f *Call) {
	x := f.pop()
	v.putField(f, Ref(f.pop()), v.constantU2(f), narrowShort(x))
}
func putIntFieldWide(v *VM, f *Call) {
	x := f.popInt()
	v.putIntField(f, Ref(f.pop()), v.constantU2(f), x)
}

func putRefFieldThis(v *VM, f *Call) { v.putRefField(f, Ref(f.stack[0]), v.constantU1(f), f.pop()) }
func putByteFieldThis(v *VM, f *Call) {
	v.putField(f, Ref(f.stack[0]), v.constantU1(f), narrowByte(f.pop()))
}
func putShortFieldThis(v *VM, f *Call) {
	v.putField(f, Ref(f.stack[0]), v.constantU1(f), narrowShort(f.pop()))
}
func putIntFieldThis(v *VM, f *Call) {
	v.putIntField(f, Ref(f.stack[0]), v.constantU1(f), f.popInt())
}

// Static fields (JCRE 3.0.5 §6.2.8.1). They are accessible from every context.

// static is the value of a static field as it is read.
func (v *VM) static(k *constant, size int, value int32) int32 {
	if v.probe.Read == nil {
		return value
	}
	return v.readStatic(k.home, k.slot, size, value)
}

func getstaticRef(v *VM, f *Call) {
	k := v.constantU2(f)
	f.push(v.static(k, staticRefBytes, v.statics[k.home.index].refs[k.slot/staticRefBytes]))
}

func getstaticByte(v *VM, f *Call) {
	k := v.constantU2(f)
	f.push(v.static(k, 1, int32(int8(v.statics[k.home.index].image[k.slot]))))
}

func getstaticShort(v *VM, f *Call) {
	k := v.constantU2(f)
	f.push(v.static(k, 2, int32(s2At(v.statics[k.home.index].image, k.slot))))
}

func getstaticInt(v *VM, f *Call) {
	k := v.constantU2(f)
	f.pushInt(v.static(k, 4, s4At(v.statics[k.home.index].image, k.slot)))
}

// staticRefBytes is what a reference takes in the static field image.
const staticRefBytes = 2

func putstaticRef(v *VM, f *Call) {
	k, value := v.constantU2(f), f.pop()
	if value != 0 && f.ctx != 0 {
		v.checkStorable(Ref(value))
	}
	v.putStaticRef(k.home, k.slot/staticRefBytes, value)
}

func putstaticByte(v *VM, f *Call) {
	k := v.constantU2(f)
	v.putStatic(k.home, k.slot, 1, f.pop())
}

func putstaticShort(v *VM, f *Call) {
	k := v.constantU2(f)
	v.putStatic(k.home, k.slot, 2, f.pop())
}

func putstaticInt(v *VM, f *Call) {
	k := v.constantU2(f)
	v.putStatic(k.home, k.slot, 4, f.popInt())
}
