package vm

// Arrays and the creation and testing of objects.

// array pops index and reference and returns the array after all checks
// (JCVM 3.0.5 §7.5.1, JCRE 3.0.5 §6.2.8.2).
func (v *VM) arrayAt(f *Call, ref, index int32, kinds ...Kind) *object {
	o := v.object(Ref(ref))
	for _, k := range kinds {
		if o.kind == k {
			if o.ctx != f.ctx || o.storage == ClearOnDeselect {
				v.checkAccess(o, f.ctx)
			}
			v.checkIndex(o, int(index))
			return o
		}
	}
	v.fault(FaultType, "an array instruction on an object of another type")
	return nil
}

func aaload(v *VM, f *Call) {
	ref, i := pop2(f)
	f.push(v.cell(Ref(ref), v.arrayAt(f, ref, i, RefArray), int(i)))
}

func baload(v *VM, f *Call) {
	ref, i := pop2(f)
	o := v.arrayAt(f, ref, i, ByteArray, BooleanArray)
	if v.probe.Read != nil {
		f.push(v.readByte(Ref(ref), o, int(i)))
		return
	}
	f.push(int32(int8(o.bytes[i])))
}

func saload(v *VM, f *Call) {
	ref, i := pop2(f)
	f.push(v.cell(Ref(ref), v.arrayAt(f, ref, i, ShortArray), int(i)))
}

func iaload(v *VM, f *Call) {
	ref, i := pop2(f)
	f.pushInt(v.cell(Ref(ref), v.arrayAt(f, ref, i, IntArray), int(i)))
}

func aastore(v *VM, f *Call) {
	value := f.pop()
	ref, i := pop2(f)
	o := v.arrayAt(f, ref, i, RefArray)
	if value != 0 {
		if f.ctx != 0 {
			v.checkStorable(Ref(value))
		}
		if !v.object(Ref(value)).instanceOf(o.class) {
			v.throwNew(classArrayStore, 0)
		}
	}
	v.putCell(Ref(ref), int(i), value)
}

func bastore(v *VM, f *Call) {
	value := f.pop()
	ref, i := pop2(f)
	o := v.arrayAt(f, ref, i, ByteArray, BooleanArray)
	if o.kind == BooleanArray {
		value &= 1
	}
	v.putByte(Ref(ref), o, int(i), byte(value))
}

func sastore(v *VM, f *Call) {
	value := f.pop()
	ref, i := pop2(f)
	v.arrayAt(f, ref, i, ShortArray)
	v.putCell(Ref(ref), int(i), value)
}

func iastore(v *VM, f *Call) {
	value := f.popInt()
	ref, i := pop2(f)
	v.arrayAt(f, ref, i, IntArray)
	v.putCell(Ref(ref), int(i), value)
}

func arraylength(v *VM, f *Call) {
	o := v.accessibleArray(Ref(f.stack[f.sp-1]), f.ctx)
	f.stack[f.sp-1] = int32(o.length())
}

func newObject(v *VM, f *Call) {
	c := f.method.pkg.pool[v.u2(f)].class
	f.push(int32(v.newInstance(c, f.active, Persistent, 0)))
}

// Element types of newarray, checkcast and instanceof (JCVM 3.0.5 §7.5.71).
const (
	atypeBoolean = 10
	atypeByte    = 11
	atypeShort   = 12
	atypeInt     = 13
	atypeRef     = 14 // of checkcast and instanceof only
)

func arrayKind(atype int) Kind { return BooleanArray + Kind(atype-atypeBoolean) }

func newarray(v *VM, f *Call) {
	n := int(f.stack[f.sp-1])
	f.stack[f.sp-1] = int32(v.newArray(arrayKind(v.u1(f)), nil, n, f.active, Persistent, 0))
}

func anewarray(v *VM, f *Call) {
	n := int(f.stack[f.sp-1])
	c := f.method.pkg.pool[v.u2(f)].class
	f.stack[f.sp-1] = int32(v.newArray(RefArray, c, n, f.active, Persistent, 0))
}

// isType decides checkcast and instanceof for an object that is not null.
func (v *VM) isType(f *Call, r Ref) bool {
	o := v.object(r)
	atype := v.u1(f)
	var c *Class
	if atype == 0 || atype == atypeRef {
		c = f.method.pkg.pool[u2At(f.code, f.pc+2)].class
	}
	v.checkCast(o, c, f.ctx)
	switch atype {
	case 0:
		return o.instanceOf(c)
	case atypeRef:
		return o.kind == RefArray && o.class.assignableTo(c)
	default:
		return o.kind == arrayKind(atype)
	}
}

func checkcast(v *VM, f *Call) {
	r := Ref(f.stack[f.sp-1])
	if r != 0 && !v.isType(f, r) {
		v.throwNew(classClassCast, 0)
	}
}

func instanceof(v *VM, f *Call) {
	r := Ref(f.stack[f.sp-1])
	is := int32(0)
	if r != 0 && v.isType(f, r) {
		is = 1
	}
	f.stack[f.sp-1] = is
}
