package card_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"ekrona.example/emulator/card"
)

// Status words that the test applet makes of exceptions.
const (
	swArithmetic = "6F01"
	swIndex      = "6F02"
	swNull       = "6F03"
	swCast       = "6F04"
	swNegative   = "6F05"
	swArrayStore = "6F06"
)

func TestSwitches(t *testing.T) {
	run(t, newProbe(t, card.Unlimited), []row{
		{"dense below", insSwitch, 0, 0, "FFFFFFFD", "0063 9000"},
		{"dense first", insSwitch, 0, 0, "FFFFFFFE", "000A 9000"},
		{"dense second", insSwitch, 0, 0, "FFFFFFFF", "0014 9000"},
		{"dense falls through", insSwitch, 0, 0, "00000000", "0023 9000"},
		{"dense fallen into", insSwitch, 0, 0, "00000001", "0005 9000"},
		{"dense hole", insSwitch, 0, 0, "00000002", "0063 9000"},
		{"dense", insSwitch, 0, 0, "00000003", "0032 9000"},
		{"dense last", insSwitch, 0, 0, "00000004", "003C 9000"},
		{"dense above", insSwitch, 0, 0, "00000005", "0063 9000"},
		{"sparse least", insSwitch, 1, 0, "FFFF8000", "0001 9000"},
		{"sparse", insSwitch, 1, 0, "FFFFFED4", "0002 9000"},
		{"sparse zero", insSwitch, 1, 0, "00000000", "0003 9000"},
		{"sparse five", insSwitch, 1, 0, "00000005", "0004 9000"},
		{"sparse thousand", insSwitch, 1, 0, "000003E8", "0005 9000"},
		{"sparse greatest", insSwitch, 1, 0, "00007FFF", "0006 9000"},
		{"sparse none", insSwitch, 1, 0, "00000001", "0000 9000"},
		{"dense int", insSwitch, 2, 0, "000186A0", "0001 9000"},
		{"dense int hole", insSwitch, 2, 0, "000186A3", "0000 9000"},
		{"dense int last", insSwitch, 2, 0, "000186A4", "0005 9000"},
		{"dense int, equal in 16 bits", insSwitch, 2, 0, "000086A0", "0000 9000"},
		{"sparse int least", insSwitch, 3, 0, "80000000", "0001 9000"},
		{"sparse int negative", insSwitch, 3, 0, "FFFF0000", "0002 9000"},
		{"sparse int zero", insSwitch, 3, 0, "00000000", "0003 9000"},
		{"sparse int", insSwitch, 3, 0, "00010000", "0004 9000"},
		{"sparse int large", insSwitch, 3, 0, "01000000", "0005 9000"},
		{"sparse int greatest", insSwitch, 3, 0, "7FFFFFFF", "0006 9000"},
		{"sparse int none", insSwitch, 3, 0, "00000005", "0000 9000"},
		{"no such switch", insSwitch, 4, 0, "00000005", "6A86"},
	})
}

func TestObjects(t *testing.T) {
	run(t, newProbe(t, card.Unlimited), []row{
		{"class of the library", insDescribe, 0, 0, "", "01 00015F90 0002BF20 0004 FFFF 9000"},
		{"subclass of it", insDescribe, 1, 0, "", "02 00013880 00027100 0000 04B0 9000"},
		{"second level, with super", insDescribe, 2, 0, "", "03 000493E0 000927C0 0000 0834 9000"},
		{"array is no Measurable", insDescribe, 3, 0, "", swCast},
		{"null passes a cast and fails a call", insDescribe, 7, 0, "", swNull},
		{"index above", insDescribe, 9, 0, "", swIndex},
		{"scale by the derived interface", insScale, 0, 3, "", "9000"},
		{"scaled", insDescribe, 0, 0, "", "01 000C5C10 0018B820 0004 FFFF 9000"},
		{"scale what is not Scalable", insScale, 1, 3, "", swCast},
		{"scale the second level", insScale, 2, 2, "", "9000"},
		{"scaled too", insDescribe, 2, 0, "", "03 00249F00 00493E00 0000 1068 9000"},

		{"types of Square", insTypes, 0, 0, "", "0067 9000"},
		{"types of Rectangle", insTypes, 1, 0, "", "002B 9000"},
		{"types of Box", insTypes, 2, 0, "", "007B 9000"},
		{"types of byte[]", insTypes, 3, 0, "", "0081 9000"},
		{"types of Shape[]", insTypes, 4, 0, "", "2601 9000"},
		{"types of an exception", insTypes, 5, 0, "", "0801 9000"},
		{"types of int[]", insTypes, 6, 0, "", "0101 9000"},
		{"types of null", insTypes, 7, 0, "", "0000 9000"},
		{"types of Box[]", insTypes, 8, 0, "", "6601 9000"},

		{"cast to the class", insCast, 0, 0, "", "9000"},
		{"cast to a sibling", insCast, 0, 1, "", swCast},
		{"cast to an interface", insCast, 0, 2, "", "9000"},
		{"cast to a missing interface", insCast, 1, 2, "", swCast},
		{"cast an object to an array", insCast, 0, 3, "", swCast},
		{"cast byte[]", insCast, 3, 3, "", "9000"},
		{"cast int[] to byte[]", insCast, 6, 3, "", swCast},
		{"cast Box[] to Shape[]", insCast, 8, 4, "", "9000"},
		{"cast Shape[] to Measurable[]", insCast, 4, 5, "", "9000"},
		{"cast byte[] to Object[]", insCast, 3, 6, "", swCast},
		{"cast Box[] to Object[]", insCast, 8, 6, "", "9000"},
		{"cast null", insCast, 7, 1, "", "9000"},

		{"store a subclass", insStore, 2, 0, "", "9000"},
		{"store null", insStore, 7, 0, "", "9000"},
		{"store an array", insStore, 3, 0, "", swArrayStore},
		{"store another class", insStore, 5, 0, "", swArrayStore},

		{"same", insSame, 0, 0, "", "01 9000"},
		{"other", insSame, 0, 1, "", "02 9000"},
		{"null", insSame, 7, 1, "", "03 9000"},
		{"static of the library counts constructors", insMade, 0, 0, "", "0003 9000"},
	})
}

func TestExceptions(t *testing.T) {
	b := newProbe(t, card.Unlimited)
	for _, depth := range []byte{0, 1, 20} {
		run(t, b, []row{
			{"nothing thrown", insNested, depth, 0, "", "01 06 07 09 02 05 0E 0F 9000"},
			{"caught by class", insNested, depth, 1, "", "01 06 09 04 21 34 05 0E 0F 9000"},
			{"caught by subclass, thrown on as another", insNested, depth, 2, "",
				"01 06 09 03 5A 05 0A 0F 9000"},
			{"caught far away", insNested, depth, 3, "", "01 06 09 05 0B 07 77 0F 9000"},
		})
	}
	run(t, b, []row{
		{"finally after the value is fixed", insReturn, 0x12, 0x34, "", "1234 0035 9000"},
		{"finally, a byte that wraps", insReturn, 0x00, 0x7F, "", "007F FF80 9000"},
	})
}

func TestExceptionsOfTheMachine(t *testing.T) {
	rows := []row{
		{"no such case", insRaise, 99, 0, "", "6A86"},
		{"null array read", insRaise, 12, 0, "", swNull},
		{"null array length", insRaise, 13, 0, "", swNull},
		{"null array write", insRaise, 14, 0, "", swNull},
		{"virtual method of null", insRaise, 15, 0, "", swNull},
		{"method of null with an int result", insRaise, 16, 0, "", swNull},
		{"throw null", insRaise, 17, 0, "", swNull},
		{"field of null", insRaise, 21, 0, "", swNull},
		{"write a field of null", insRaise, 22, 0, "", swNull},
		{"API with a null array", insRaise, 24, 0, "", swNull},
		{"API copies to the end", insRaise, 23, 2, "", "0004 9000"},
		{"API copies past the end", insRaise, 23, 3, "", swIndex},
		{"API copies to a negative offset", insRaise, 23, 0xFF, "", swIndex},
		{"getShort at the end", insRaise, 25, 2, "", "0000 9000"},
		{"getShort past the end", insRaise, 25, 3, "", swIndex},
		{"short division", insRaise, 0, 7, "", "000E 9000"},
		{"short remainder", insRaise, 1, 7, "", "0002 9000"},
		{"int division", insRaise, 2, 7, "", "37CD 9000"},
		{"int remainder", insRaise, 3, 7, "", "0005 9000"},
	}
	for p1 := byte(0); p1 < 4; p1++ {
		rows = append(rows, row{"by zero", insRaise, p1, 0, "", swArithmetic})
	}
	for p1 := byte(4); p1 < 12; p1++ {
		inside := "0001 9000"
		if p1 < 7 {
			inside = "0000 9000" // what a new array holds
		}
		rows = append(rows,
			row{"last element", insRaise, p1, 3, "", inside},
			row{"above", insRaise, p1, 4, "", swIndex},
			row{"below", insRaise, p1, 0xFF, "", swIndex})
	}
	for p1 := byte(18); p1 < 21; p1++ {
		rows = append(rows,
			row{"array of three", insRaise, p1, 3, "", "0003 9000"},
			row{"array of none", insRaise, p1, 0, "", "0000 9000"},
			row{"array of less than none", insRaise, p1, 0xFF, "", swNegative})
	}
	// The same without a handler anywhere (JCRE 3.0.5 §3.3).
	rows = append(rows,
		row{"nobody catches", insRaw, 0, 0, "", "6F00"},
		row{"nobody catches either", insRaw, 12, 0, "", "6F00"},
		row{"nothing to catch", insRaw, 4, 0, "", "9000"})
	run(t, newProbe(t, card.Unlimited), rows)
}

func TestStatics(t *testing.T) {
	b := newProbe(t, card.Unlimited)
	run(t, b, []row{
		{"as initialised", insStatics, 0, 0, "",
			"07 CFC7 12345678 01 01FE03 0102FFFE 01020304FFFFFFFB 010001 00 0302 DEADBEEF 9000"},
		{"change", insChangeStatics, 2, 0, "", "9000"},
		{"changed", insStatics, 0, 0, "",
			"09 CFC9 1234567A 00 010003 01020000 01020304FFFFFFFD 010101 01 0304 DEADBEF1 9000"},
	})
	b.Reset()
	b.selectApplet(coreInstance)
	run(t, b, []row{
		{"kept", insStatics, 0, 0, "",
			"09 CFC9 1234567A 00 010003 01020000 01020304FFFFFFFD 010101 01 0304 DEADBEF1 9000"},
	})
}

// edges are the operands on which machines of 16 and 32 bits go wrong.
var edges = []int32{
	0, 1, -1, 2, 7, 31, 32, 33, 100, 127, 128, -128, -129, 255, 256, 32767, 32768, -32768, -32769,
	65535, 65536, 70000,
	0x12345678, -559038737, 1<<31 - 1, -1 << 31,
}

func operand() *rapid.Generator[int32] {
	return rapid.OneOf(rapid.SampledFrom(edges), rapid.Int32())
}

func asInt(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// onInts computes each operation of the instruction INT by the rules of Java.
func onInts(operation byte, a, b int32) (int32, bool) {
	if b == 0 && (operation == 3 || operation == 4) {
		return 0, false
	}
	switch operation {
	case 0:
		return a + b, true
	case 1:
		return a - b, true
	case 2:
		return a * b, true
	case 3:
		return a / b, true
	case 4:
		return a % b, true
	case 5:
		return a & b, true
	case 6:
		return a | b, true
	case 7:
		return a ^ b, true
	case 8:
		return a << (b & 31), true
	case 9:
		return a >> (b & 31), true
	case 10:
		return int32(uint32(a) >> (b & 31)), true
	case 11:
		return -a, true
	case 12:
		return ^a, true
	case 13:
		return asInt(a < b), true
	case 14:
		return asInt(a <= b), true
	case 15:
		return asInt(a == b), true
	case 16:
		return asInt(a != b), true
	case 17:
		return asInt(a >= b), true
	case 18:
		return asInt(a > b), true
	case 19:
		return int32(int8(a)), true
	case 20:
		return int32(int16(a)), true
	default:
		x := (a + b) ^ 0x55AA55AA
		x += 1 + 100 + 30000 - 70000
		x = int32(uint32(x<<3) >> 1)
		small := int8(x)
		medium := int16(x + int32(small))
		return (x | int32(small)) - int32(medium), true
	}
}

func TestIntArithmetic(t *testing.T) {
	b := newProbe(t, card.Unlimited)
	rapid.Check(t, func(r *rapid.T) {
		operation := rapid.ByteRange(0, 21).Draw(r, "operation")
		x, y := operand().Draw(r, "a"), operand().Draw(r, "b")
		want := swArithmetic
		if result, ok := onInts(operation, x, y); ok {
			want = fmt.Sprintf("%08x9000", uint32(result))
		}
		data := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(x)),
			uint32(y))
		if got := b.send(insInt, operation, 0, data...); got != lower(want) {
			r.Fatalf("operation %d of %d and %d: %s, not %s", operation, x, y, got, want)
		}
	})
}

// onShorts computes each operation of the instruction SHORT by the rules of Java:
// operands promoted to int and the result cast to short.
func onShorts(operation byte, a, b int16) (int16, bool) {
	switch operation {
	case 20:
		return a&0xFF + b&0xFF, true
	case 21:
		x := a + 1 + 100 + 1000 - 200
		if x < 0 {
			x = -x
		}
		for x > 0 && b != 0 {
			x, b = x-7, b>>1
		}
		return x, true
	}
	result, ok := onInts(operation, int32(a), int32(b))
	return int16(result), ok
}

func TestShortArithmetic(t *testing.T) {
	b := newProbe(t, card.Unlimited)
	rapid.Check(t, func(r *rapid.T) {
		operation := rapid.ByteRange(0, 21).Draw(r, "operation")
		x, y := int16(operand().Draw(r, "a")), int16(operand().Draw(r, "b"))
		if operation == 21 && y < 0 {
			y = -(y + 1) // a negative one never becomes zero by shifting
		}
		want := swArithmetic
		if result, ok := onShorts(operation, x, y); ok {
			want = fmt.Sprintf("%04x9000", uint16(result))
		}
		data := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, uint16(x)),
			uint16(y))
		if got := b.send(insShort, operation, 0, data...); got != lower(want) {
			r.Fatalf("operation %d of %d and %d: %s, not %s", operation, x, y, got, want)
		}
	})
}

func TestLoopsAndRecursion(t *testing.T) {
	b := newProbe(t, card.Unlimited)
	run(t, b, []row{
		{"Collatz of 27 takes 111 steps", insCollatz, 0, 0, "0000001B", "0000006F 9000"},
		{"of 77671 takes 231 and reaches 1570824736", insCollatz, 0, 0, "00012F67",
			"000000E7 9000"},
		{"sum of 0", insSum, 0, 0, "00000007", "00000000 9000"},
		{"100 deep: 5050 times 70000", insSum, 0, 100, "00011170", "1511FB60 9000"},
		{"20th Fibonacci number", insFibonacci, 0, 20, "", "1A6D 9000"},
	})
	rapid.Check(t, func(r *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(r, "data")
		want := fmt.Sprintf("%08x9000", crc32.ChecksumIEEE(data))
		if got := b.send(insCRC, 0, 0, data...); got != want {
			r.Fatalf("CRC-32: %s, not %s", got, want)
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		values := rapid.SliceOfN(rapid.Int16(), 1, 60).Draw(r, "values")
		var data, want []byte
		for _, v := range values {
			data = binary.BigEndian.AppendUint16(data, uint16(v))
		}
		slices.Sort(values)
		for _, v := range values {
			want = binary.BigEndian.AppendUint16(want, uint16(v))
		}
		if got := b.send(insSort, 0, 0, data...); got != fmt.Sprintf("%x9000", want) {
			r.Fatalf("sorted: %s, not %x", got, want)
		}
	})
}

// A recursion that does not end stops the card, not the program.
func TestEndlessRecursionMutesTheCard(t *testing.T) {
	b := newProbe(t, card.P71)
	_, err := b.TransmitBytes(command(insSum, 0x7F, 0xFF, 0, 0, 0, 1))
	assert.ErrorIs(t, err, card.ErrMute)
	_, err = b.TransmitBytes(command(insMade, 0, 0))
	assert.ErrorIs(t, err, card.ErrMute, "until a reset")
	b.Reset()
	b.selectApplet(coreInstance)
	assert.Equal(t, "00039000", b.send(insMade, 0, 0))
}
