package vm

// Arithmetic on short, which wraps at 16 bits, and on int, which wraps at 32
// (JCVM 3.0.5 §2.2.3).

func short2(f *Call) (a, b int32) {
	f.sp--
	return f.stack[f.sp-1], f.stack[f.sp]
}

func (f *Call) setShort(x int32) { f.stack[f.sp-1] = int32(int16(x)) }

func int2(f *Call) (a, b int32) {
	b = f.popInt()
	return joinInt(f.stack[f.sp-2], f.stack[f.sp-1]), b
}

func (f *Call) setInt(x int32) { f.stack[f.sp-2], f.stack[f.sp-1] = splitInt(x) }

func sadd(_ *VM, f *Call) { a, b := short2(f); f.setShort(a + b) }
func ssub(_ *VM, f *Call) { a, b := short2(f); f.setShort(a - b) }
func smul(_ *VM, f *Call) { a, b := short2(f); f.setShort(a * b) }
func sand(_ *VM, f *Call) { a, b := short2(f); f.setShort(a & b) }
func sor(_ *VM, f *Call)  { a, b := short2(f); f.setShort(a | b) }
func sxor(_ *VM, f *Call) { a, b := short2(f); f.setShort(a ^ b) }

func iadd(_ *VM, f *Call) { a, b := int2(f); f.setInt(a + b) }
func isub(_ *VM, f *Call) { a, b := int2(f); f.setInt(a - b) }
func imul(_ *VM, f *Call) { a, b := int2(f); f.setInt(a * b) }
func iand(_ *VM, f *Call) { a, b := int2(f); f.setInt(a & b) }
func ior(_ *VM, f *Call)  { a, b := int2(f); f.setInt(a | b) }
func ixor(_ *VM, f *Call) { a, b := int2(f); f.setInt(a ^ b) }

// divisor throws ArithmeticException for zero.
func (v *VM) divisor(b int32) int32 {
	if b == 0 {
		v.throwNew(classArithmetic, 0)
	}
	return b
}

func sdiv(v *VM, f *Call) { a, b := short2(f); f.setShort(a / v.divisor(b)) }
func srem(v *VM, f *Call) { a, b := short2(f); f.setShort(a % v.divisor(b)) }
func idiv(v *VM, f *Call) { a, b := int2(f); f.setInt(a / v.divisor(b)) }
func irem(v *VM, f *Call) { a, b := int2(f); f.setInt(a % v.divisor(b)) }

func sneg(_ *VM, f *Call) { f.setShort(-f.stack[f.sp-1]) }
func ineg(_ *VM, f *Call) { f.setInt(-joinInt(f.stack[f.sp-2], f.stack[f.sp-1])) }

// shiftMask: the low five bits of the count are the distance, for short too.
const shiftMask = 31

func sshl(_ *VM, f *Call)  { a, b := short2(f); f.setShort(a << (b & shiftMask)) }
func sshr(_ *VM, f *Call)  { a, b := short2(f); f.setShort(a >> (b & shiftMask)) }
func sushr(_ *VM, f *Call) { a, b := short2(f); f.setShort(int32(uint32(a) >> (b & shiftMask))) }
func ishl(_ *VM, f *Call)  { a, b := int2(f); f.setInt(a << (b & shiftMask)) }
func ishr(_ *VM, f *Call)  { a, b := int2(f); f.setInt(a >> (b & shiftMask)) }
func iushr(_ *VM, f *Call) { a, b := int2(f); f.setInt(int32(uint32(a) >> (b & shiftMask))) }

func s2b(_ *VM, f *Call) { f.stack[f.sp-1] = int32(int8(f.stack[f.sp-1])) }
func s2i(_ *VM, f *Call) { f.pushInt(f.pop()) }
func i2b(_ *VM, f *Call) { f.push(int32(int8(f.popInt()))) }
func i2s(_ *VM, f *Call) { f.push(int32(int16(f.popInt()))) }

func icmp(_ *VM, f *Call) {
	b, a := f.popInt(), f.popInt()
	switch {
	case a < b:
		f.push(-1)
	case a > b:
		f.push(1)
	default:
		f.push(0)
	}
}
