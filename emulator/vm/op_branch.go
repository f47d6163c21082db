package vm

// Branches, switches and subroutines. Distances count from the opcode; the
// linker has checked that targets are instructions of the same method.

func (f *Call) branch(taken bool, distance int) {
	if taken {
		f.next = f.pc + distance
	}
}

func ifEq(v *VM, f *Call) { f.branch(f.pop() == 0, v.s1(f)) }
func ifNe(v *VM, f *Call) { f.branch(f.pop() != 0, v.s1(f)) }
func ifLt(v *VM, f *Call) { f.branch(f.pop() < 0, v.s1(f)) }
func ifGe(v *VM, f *Call) { f.branch(f.pop() >= 0, v.s1(f)) }
func ifGt(v *VM, f *Call) { f.branch(f.pop() > 0, v.s1(f)) }
func ifLe(v *VM, f *Call) { f.branch(f.pop() <= 0, v.s1(f)) }

func ifEqWide(v *VM, f *Call) { f.branch(f.pop() == 0, v.s2(f)) }
func ifNeWide(v *VM, f *Call) { f.branch(f.pop() != 0, v.s2(f)) }
func ifLtWide(v *VM, f *Call) { f.branch(f.pop() < 0, v.s2(f)) }
func ifGeWide(v *VM, f *Call) { f.branch(f.pop() >= 0, v.s2(f)) }
func ifGtWide(v *VM, f *Call) { f.branch(f.pop() > 0, v.s2(f)) }
func ifLeWide(v *VM, f *Call) { f.branch(f.pop() <= 0, v.s2(f)) }

func pop2(f *Call) (a, b int32) {
	f.sp -= 2
	return f.stack[f.sp], f.stack[f.sp+1]
}

func ifCmpEq(v *VM, f *Call) { a, b := pop2(f); f.branch(a == b, v.s1(f)) }
func ifCmpNe(v *VM, f *Call) { a, b := pop2(f); f.branch(a != b, v.s1(f)) }
func ifCmpLt(v *VM, f *Call) { a, b := pop2(f); f.branch(a < b, v.s1(f)) }
func ifCmpGe(v *VM, f *Call) { a, b := pop2(f); f.branch(a >= b, v.s1(f)) }
func ifCmpGt(v *VM, f *Call) { a, b := pop2(f); f.branch(a > b, v.s1(f)) }
func ifCmpLe(v *VM, f *Call) { a, b := pop2(f); f.branch(a <= b, v.s1(f)) }

func ifCmpEqWide(v *VM, f *Call) { a, b := pop2(f); f.branch(a == b, v.s2(f)) }
func ifCmpNeWide(v *VM, f *Call) { a, b := pop2(f); f.branch(a != b, v.s2(f)) }
func ifCmpLtWide(v *VM, f *Call) { a, b := pop2(f); f.branch(a < b, v.s2(f)) }
func ifCmpGeWide(v *VM, f *Call) { a, b := pop2(f); f.branch(a >= b, v.s2(f)) }
func ifCmpGtWide(v *VM, f *Call) { a, b := pop2(f); f.branch(a > b, v.s2(f)) }
func ifCmpLeWide(v *VM, f *Call) { a, b := pop2(f); f.branch(a <= b, v.s2(f)) }

func jump(v *VM, f *Call)     { f.next = f.pc + v.s1(f) }
func jumpWide(v *VM, f *Call) { f.next = f.pc + v.s2(f) }

// jsr pushes the address after itself and jumps; ret takes such an address
// from a local. Any other value in that local is a card fault.
func jsr(v *VM, f *Call) {
	f.push(int32(f.next))
	f.next = f.pc + v.s2(f)
}

func ret(v *VM, f *Call) {
	to := int(f.stack[v.u1(f)])
	for _, site := range f.method.returnSites {
		if site == to {
			f.next = to
			return
		}
	}
	v.fault(FaultCode, "ret to an address that no jsr left")
}

// Layout of the switches, from the opcode: default distance at 1, then either
// the bounds and a distance for each value, or a count and pairs.
const (
	switchDefault    = 1
	switchLow        = 3
	shortTableStart  = 7
	intTableStart    = 11
	lookupCount      = 3
	lookupPairs      = 5
	shortPairBytes   = 4
	intPairBytes     = 6
	distanceBytes    = 2
	shortSwitchBound = 2
	intSwitchBound   = 4
)

func stableswitch(_ *VM, f *Call) {
	key := int(f.pop())
	low, high := s2At(f.code, f.pc+switchLow), s2At(f.code, f.pc+switchLow+shortSwitchBound)
	at := f.pc + switchDefault
	if key >= low && key <= high {
		at = f.pc + shortTableStart + (key-low)*distanceBytes
	}
	f.next = f.pc + s2At(f.code, at)
}

func itableswitch(_ *VM, f *Call) {
	key := int64(f.popInt())
	low, high := int64(s4At(f.code, f.pc+switchLow)),
		int64(s4At(f.code, f.pc+switchLow+intSwitchBound))
	at := f.pc + switchDefault
	if key >= low && key <= high {
		at = f.pc + intTableStart + int(key-low)*distanceBytes
	}
	f.next = f.pc + s2At(f.code, at)
}

func slookupswitch(_ *VM, f *Call) {
	key := int(f.pop())
	at := f.pc + switchDefault
	for i, n := 0, u2At(f.code, f.pc+lookupCount); i < n; i++ {
		if pair := f.pc + lookupPairs + i*shortPairBytes; s2At(f.code, pair) == key {
			at = pair + shortSwitchBound
			break
		}
	}
	f.next = f.pc + s2At(f.code, at)
}

func ilookupswitch(_ *VM, f *Call) {
	key := f.popInt()
	at := f.pc + switchDefault
	for i, n := 0, u2At(f.code, f.pc+lookupCount); i < n; i++ {
		if pair := f.pc + lookupPairs + i*intPairBytes; s4At(f.code, pair) == key {
			at = pair + intSwitchBound
			break
		}
	}
	f.next = f.pc + s2At(f.code, at)
}
