package api

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/emulator/vm"
)

const (
	pinClass  = "javacard/framework/OwnerPIN"
	utilClass = "javacard/framework/Util"
	apduClass = "javacard/framework/APDU"
)

// newPIN makes a PIN 1234 with three tries, room for eight bytes, and arrays with the
// right and a wrong PIN.
func newPIN(b *bench) (pin, right, wrong vm.Ref) {
	pin = b.c.NewObject(pinClass)
	b.c.SetRoot("pin", pin)
	right, wrong = b.array([]byte("1234")), b.array([]byte("1235"))
	b.call(pinClass, "<init>(BB)V", pin, 3, 8)
	b.call(pinClass, "update([BSB)V", pin, vm.RefValue(right), 0, 4)
	return pin, right, wrong
}

func (b *bench) check(pin, presented vm.Ref) bool {
	return b.call(pinClass, "check([BSB)Z", pin, vm.RefValue(presented), 0, 4).Bool()
}

func (b *bench) tries(pin vm.Ref) int { return int(b.call(pinClass, "getTriesRemaining()B", pin)) }

func TestOwnerPIN(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		pin, right, wrong := newPIN(b)
		isValidated := func() bool { return b.call(pinClass, "isValidated()Z", pin).Bool() }
		assert.True(t, b.check(pin, right))
		assert.True(t, isValidated())
		assert.False(t, b.check(pin, wrong))
		assert.False(t, isValidated())
		assert.Equal(t, 2, b.tries(pin))
		b.throws("java/lang/NullPointerException", 0, func() { b.check(pin, 0) })
		assert.Equal(t, 1, b.tries(pin), "a failed access costs a try")
		assert.True(t, b.check(pin, right))
		assert.Equal(t, 3, b.tries(pin))
		for range 3 {
			assert.False(t, b.check(pin, wrong))
		}
		assert.False(t, b.check(pin, right), "blocked")
		b.call(pinClass, "reset()V", pin)
		assert.Equal(t, 0, b.tries(pin), "reset does nothing unless a PIN was presented")
		b.call(pinClass, "resetAndUnblock()V", pin)
		assert.True(t, b.check(pin, right))
		b.call(pinClass, "reset()V", pin)
		assert.False(t, isValidated())
		assert.Equal(t, 3, b.tries(pin))
		long := b.array(make([]byte, 9))
		b.throws(pinException, pinIllegalValue,
			func() { b.call(pinClass, "update([BSB)V", pin, vm.RefValue(long), 0, 9) })
		b.throws(pinException, pinIllegalValue,
			func() { b.call(pinClass, "<init>(BB)V", b.c.NewObject(pinClass), 0, 8) })
	})
}

func TestPINInTransactions(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		pin, right, wrong := newPIN(b)
		b.c.BeginTransaction()
		assert.False(t, b.check(pin, wrong))
		b.c.AbortTransaction()
		assert.Equal(t, 2, b.tries(pin), "an abort gives no try back")

		b.c.BeginTransaction()
		b.call(pinClass, "update([BSB)V", pin, vm.RefValue(wrong), 0, 4)
		b.c.AbortTransaction()
		assert.True(t, b.check(pin, right), "an aborted update leaves the PIN")
	})
}

// Power is cut before each write of a wrong guess, and of the right PIN: a try that was
// taken is never given back but by the right PIN, and the PIN is not validated
// afterwards.
func TestPowerCutGivesNoTryBack(t *testing.T) {
	for _, guess := range []string{"right", "wrong"} {
		for cut := 1; ; cut++ {
			b := newBench(t)
			var pin, presented vm.Ref
			b.run(func() {
				var right, wrong vm.Ref
				pin, right, wrong = newPIN(b)
				require.False(t, b.check(pin, wrong))
				presented = map[string]vm.Ref{"right": right, "wrong": wrong}[guess]
			})
			answered := false
			b.machine.CutBefore(cut)
			err := b.try(func() {
				b.check(pin, presented)
				answered = true
			})
			var torn *vm.PowerCut
			if !errors.As(err, &torn) {
				require.NoError(t, err)
				require.Greater(t, cut, 1, "checking a PIN must write")
				break
			}
			assert.False(t, answered, "the answer must not come before the writes")
			b.machine.Reset()
			b.run(func() {
				left := b.tries(pin)
				assert.LessOrEqual(t, left, 2)
				assert.GreaterOrEqual(t, left, 1)
				assert.False(t, b.call(pinClass, "isValidated()Z", pin).Bool())
			})
		}
	}
}

func TestUtil(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		array := b.array([]byte{0, 1, 2, 3, 4, 5, 6, 7})
		ref := vm.RefValue(array)
		for _, method := range []string{"arrayCopy([BS[BSS)S", "arrayCopyNonAtomic([BS[BSS)S"} {
			b.c.PutBytes(array, 0, []byte{0, 1, 2, 3, 4, 5, 6, 7})
			assert.EqualValues(t, 7, b.call(utilClass, method, 0, ref, 0, ref, 2, 5))
			assert.Equal(t, []byte{0, 1, 0, 1, 2, 3, 4, 7}, b.content(array, 0, 8))
			for _, bad := range [][3]vm.Value{{-1, 0, 1}, {0, -1, 1}, {0, 0, -1}, {4, 0, 5},
				{0, 4, 5}} {
				b.throws(arrayIndexException, 0,
					func() { b.call(utilClass, method, 0, ref, bad[0], ref, bad[1], bad[2]) })
			}
			b.throws("java/lang/NullPointerException", 0,
				func() { b.call(utilClass, method, 0, ref, 0, 0, 0, 1) })
		}
		assert.EqualValues(t, 10,
			b.call(utilClass, "setShort([BSS)S", 0, vm.RefValue(b.array(make([]byte, 10))), 8, -2))
		b.call(utilClass, "setShort([BSS)S", 0, ref, 1, -2)
		assert.EqualValues(t, -2, b.call(utilClass, "getShort([BS)S", 0, ref, 1))
		assert.EqualValues(t, 0x7F80, b.call(utilClass, "makeShort(BB)S", 0, 0x7F, -128))
		assert.EqualValues(t, -1, b.call(utilClass, "makeShort(BB)S", 0, -1, -1))
		b.throws(arrayIndexException, 0, func() { b.call(utilClass, "getShort([BS)S", 0, ref, 7) })

		for _, storage := range []vm.Storage{vm.Persistent, vm.ClearOnReset} {
			for _, method := range []string{"arrayFill([BSSB)S", "arrayFillNonAtomic([BSSB)S"} {
				filled := b.c.NewByteArray(200, storage)
				assert.EqualValues(t, 199, b.call(utilClass, method, 0, vm.RefValue(filled), 1, 198,
					-1))
				expected := bytes.Repeat([]byte{0xFF}, 200)
				expected[0], expected[199] = 0, 0
				assert.Equal(t, expected, b.content(filled, 0, 200))
				b.throws(arrayIndexException, 0,
					func() { b.call(utilClass, method, 0, vm.RefValue(filled), 1, 200, 1) })
			}
		}
	})
}

func TestArrayCompareOrdersBytesAsUnsigned(t *testing.T) {
	b := newBench(t)
	rapid.Check(t, func(t *rapid.T) {
		left := rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "left")
		right := rapid.SliceOfN(rapid.Byte(), len(left), len(left)).Draw(t, "right")
		b.run(func() {
			l, r := b.c.NewByteArray(len(left), vm.ClearOnReset),
				b.c.NewByteArray(len(right), vm.ClearOnReset)
			b.c.PutBytes(l, 0, left)
			b.c.PutBytes(r, 0, right)
			result := b.call(utilClass, "arrayCompare([BS[BSS)B", 0, vm.RefValue(l), 0,
				vm.RefValue(r), 0, vm.Value(len(left)))
			require.EqualValues(t, bytes.Compare(left, right), result)
			b.c.Delete(l)
			b.c.Delete(r)
		})
	})
}

func TestAID(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		raw := b.array([]byte{1, 2, 3, 4, 5, 6, 7})
		build := func(n int) vm.Ref {
			aid := b.c.NewObject(aidClass)
			b.call(aidClass, "<init>([BSB)V", aid, vm.RefValue(raw), 0, vm.Value(n))
			return aid
		}
		seven, five := build(7), build(5)
		jcre := NewAID(b.c, []byte{1, 2, 3, 4, 5, 6, 7})
		assert.Equal(t, []byte{1, 2, 3, 4, 5}, AIDBytes(b.c, five))
		equals := func(a, z vm.Ref) bool {
			return b.call(aidClass, "equals(Ljava/lang/Object;)Z", a, vm.RefValue(z)).Bool()
		}
		assert.True(t, equals(seven, jcre))
		assert.False(t, equals(seven, five))
		assert.False(t, equals(seven, 0))
		assert.False(t, equals(seven, raw), "an array is no AID")
		assert.True(t, b.call(aidClass, "RIDEquals(Ljavacard/framework/AID;)Z", seven,
			vm.RefValue(five)).Bool())
		assert.True(t, b.call(aidClass, "partialEquals([BSB)Z", seven, vm.RefValue(raw), 0,
			6).Bool())
		assert.False(t, b.call(aidClass, "partialEquals([BSB)Z", five, vm.RefValue(raw), 0,
			6).Bool())
		assert.True(t, b.call(aidClass, "equals([BSB)Z", five, vm.RefValue(raw), 0, 5).Bool())
		out := b.array(make([]byte, 10))
		assert.EqualValues(t, 7, b.call(aidClass, "getBytes([BS)B", seven, vm.RefValue(out), 3))
		assert.Equal(t, []byte{0, 0, 0, 1, 2, 3, 4, 5, 6, 7}, b.content(out, 0, 10))
		assert.EqualValues(t, 5,
			b.call(aidClass, "getPartialBytes(S[BSB)B", seven, 2, vm.RefValue(out), 0, 0))
		b.throws(arrayIndexException, 0,
			func() {
				b.call(aidClass, "getPartialBytes(S[BSB)B", seven, 5, vm.RefValue(out), 0,
					3)
			})
		b.throws(systemException, systemIllegalValue, func() { build(4) })
	})
}

func TestExceptionsCarryTheirReason(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		for _, class := range []string{isoException, "javacard/framework/UserException",
			"javacardx/framework/tlv/TLVException"} {
			b.throws(class, 0x6985, func() { b.call(class, "throwIt(S)V", 0, 0x6985) })
			own := b.c.NewObject(class)
			b.call(class, "<init>(S)V", own, 0x1234)
			assert.EqualValues(t, 0x1234, b.call(class, "getReason()S", own))
			b.call(class, "setReason(S)V", own, -1)
			b.throws(class, -1, func() { b.c.ThrowRef(own) })
		}
	})
}

func TestTransientMemoryAndLimits(t *testing.T) {
	b := newBench(t)
	const class = "javacard/framework/JCSystem"
	b.run(func() {
		array := b.call(class, "makeTransientByteArray(SB)[B", 0, 10, 1).Ref()
		assert.EqualValues(t, 1,
			b.call(class, "isTransient(Ljava/lang/Object;)B", 0, vm.RefValue(array)))
		assert.EqualValues(t, 0,
			b.call(class, "isTransient(Ljava/lang/Object;)B", 0, vm.RefValue(b.array([]byte{1}))))
		assert.EqualValues(t, 0, b.call(class, "isTransient(Ljava/lang/Object;)B", 0, 0))
		b.throws(systemException, systemIllegalValue,
			func() { b.call(class, "makeTransientByteArray(SB)[B", 0, 10, 3) })
		b.throws(systemException, 2,
			func() { b.call(class, "makeTransientByteArray(SB)[B", 0, 9000, 1) })
		b.throws("java/lang/NegativeArraySizeException", 0,
			func() { b.call(class, "makeTransientByteArray(SB)[B", 0, -1, 1) })
		assert.EqualValues(t, 7990, b.call(class, "getAvailableMemory(B)S", 0, 1))
		assert.EqualValues(t, 32767, b.call(class, "getAvailableMemory(B)S", 0, 0),
			"at most what a short holds")
		assert.EqualValues(t, 0x0305, b.call(class, "getVersion()S", 0))
		assert.EqualValues(t, 0, b.call(class, "getTransactionDepth()B", 0))
		b.call(class, "beginTransaction()V", 0)
		b.throws("javacard/framework/TransactionException", 1,
			func() { b.call(class, "beginTransaction()V", 0) })
		assert.EqualValues(t, 1, b.call(class, "getTransactionDepth()B", 0))
		b.call(class, "commitTransaction()V", 0)
		b.throws("javacard/framework/TransactionException", 2,
			func() { b.call(class, "abortTransaction()V", 0) })
	})
}
