package api

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ekrona.example/emulator/vm"
)

const (
	stringUtil  = "javacardx/framework/string/StringUtil"
	bcdUtil     = "javacardx/framework/math/BCDUtil"
	parityBit   = "javacardx/framework/math/ParityBit"
	arrayLogic  = "javacardx/framework/util/ArrayLogic"
	outputBytes = 64
)

// text gives a string as three arguments.
func (b *bench) text(s string) []vm.Value {
	return []vm.Value{vm.RefValue(b.array([]byte(s))), 0, vm.Value(len(s))}
}

// wrote calls a method whose last arguments are an output array and an offset, and
// returns what it wrote by its result.
func (b *bench) wrote(class, method string, arguments ...vm.Value) string {
	out := b.array(make([]byte, outputBytes))
	n := b.call(class, method, 0, append(arguments, vm.RefValue(out), 1)...)
	return string(b.content(out, 1, int(n.Short())))
}

func join(lists ...[]vm.Value) []vm.Value {
	var all []vm.Value
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func TestStrings(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		short := func(method string, arguments ...vm.Value) int {
			return int(b.call(stringUtil, method, 0, arguments...).Short())
		}
		const mixed = "aé€\U0001F600\xFF" // code points of 1 to 4 bytes, and a byte of none
		assert.Equal(t, 5, short("codePointCount([BSS)S", b.text(mixed)...))
		assert.Equal(t, "€", b.wrote(stringUtil, "codePointAt([BSSS[BS)S",
			append(b.text(mixed), 3)...))
		assert.Equal(t, "\U0001F600", b.wrote(stringUtil, "codePointBefore([BSSS[BS)S",
			append(b.text(mixed), 10)...))
		assert.Equal(t, 10, short("offsetByCodePoints([BSSSS)S", append(b.text(mixed), 0, 4)...))
		assert.Equal(t, 3, short("offsetByCodePoints([BSSSS)S",
			append(b.text(mixed), 10, vm.ShortValue(-2))...))
		b.throws(indexException, 0,
			func() { short("offsetByCodePoints([BSSSS)S", append(b.text(mixed), 0, 6)...) })
		assert.Equal(t, 0, short("compare(Z[BSS[BSS)S",
			join([]vm.Value{1}, b.text("HeLLo"), b.text("hEllO"))...))
		assert.Equal(t, int('H')-int('h'), short("compare(Z[BSS[BSS)S",
			join([]vm.Value{0}, b.text("Hello"), b.text("hello"))...))
		assert.Equal(t, -2, short("compare(Z[BSS[BSS)S",
			join([]vm.Value{0}, b.text("ab"), b.text("abcd"))...))
		assert.Equal(t, 2, short("indexOf([BSS[BSS)S", join(b.text("abcbc"), b.text("cb"))...))
		assert.Equal(t, -1, short("indexOf([BSS[BSS)S", join(b.text("abc"), b.text("d"))...))
		assert.Equal(t, "aXYcXY", b.wrote(stringUtil, "replace([BSS[BSS[BSS[BS)S",
			join(b.text("abcb"), b.text("b"), b.text("XY"))...))
		assert.Equal(t, "éa1", b.wrote(stringUtil, "toLowerCase([BSS[BS)S", b.text("éA1\xFF")...))
		assert.Equal(t, "éA1", b.wrote(stringUtil, "toUpperCase([BSS[BS)S", b.text("éa1")...))
		assert.Equal(t, "a b", b.wrote(stringUtil, "trim([BSS[BS)S", b.text(" \ta b\n")...))
		assert.Equal(t, "true", b.wrote(stringUtil, "valueOf(Z[BS)S", 1))
		assert.Equal(t, "-32768", b.wrote(stringUtil, "valueOf(S[BS)S", vm.ShortValue(-32768)))
		long := b.c.NewArray(vm.ShortArray, 4, vm.Persistent)
		for text, want := range map[string]int{"9223372036854775807": 4, "-1": 4, "65536": 2,
			"#FFFF": 1, "0x10": 1, "0": 1} {
			n := short("parseLongInteger([BSS[SS)S", append(b.text(text), vm.RefValue(long), 0)...)
			assert.Equal(t, want, n, text)
		}
		b.c.SetElement(long, 0, vm.ShortValue(-1))
		for i := 1; i < 4; i++ {
			b.c.SetElement(long, i, vm.ShortValue(0))
		}
		assert.Equal(t, "-281474976710656", b.wrote(stringUtil, "valueOf([S[BS)S",
			vm.RefValue(long)))
		for text, want := range map[string]int{"12": 12, "-0x7F": -127, "#ff": 255,
			"-32768": -32768} {
			assert.Equal(t, want, short("parseShortInteger([BSS)S", b.text(text)...), text)
		}
		for _, text := range []string{"", "-", "+1", "1 ", "32768", "0xG", "--1", "1_0", "0x#1"} {
			b.throws(stringException, stringNumber,
				func() { short("parseShortInteger([BSS)S", b.text(text)...) })
		}
		assert.Equal(t, 1, short("parseBoolean([BSS)Z", b.text("TrUe")...)&1)
		assert.Equal(t, 1, short("startsWith([BSS[BSSS)Z",
			join(b.text("aéb"), b.text("aéx"), []vm.Value{2})...))
		assert.Equal(t, 0, short("startsWith([BSS[BSSS)Z",
			join(b.text("aéb"), b.text("aéx"), []vm.Value{vm.ShortValue(-1)})...))
		assert.Equal(t, 1, short("endsWith([BSS[BSSS)Z",
			join(b.text("aéb"), b.text("éb"), []vm.Value{vm.ShortValue(-1)})...))
		assert.Equal(t, "é€", b.wrote(stringUtil, "substring([BSSSS[BS)S",
			append(b.text(mixed), 1, 3)...))
		assert.Equal(t, 0, short("check([BSS)Z", b.text(mixed)...))
		for encoding, want := range map[int]string{
			encodingUTF8: "é€", encodingUTF16: "\xFE\xFF\x00\xE9\x20\xAC",
			encodingUTF16LE: "\xE9\x00\xAC\x20", encodingUCS2: "\x00\xE9\x20\xAC",
		} {
			out := b.array(make([]byte, outputBytes))
			n := short("convertTo([BSS[BSB)S",
				append(b.text("é€"), vm.RefValue(out), 0, vm.Value(encoding))...)
			assert.Equal(t, want, string(b.content(out, 0, n)), encoding)
			n = short("convertFrom([BSS[BSB)S",
				append(b.text(want), vm.RefValue(out), 0, vm.Value(encoding))...)
			assert.Equal(t, "é€", string(b.content(out, 0, n)), encoding)
		}
		out := vm.RefValue(b.array(make([]byte, outputBytes)))
		b.throws(stringException, stringSequence,
			func() {
				short("convertTo([BSS[BSB)S",
					append(b.text("€"), out, 0, encodingLatin1)...)
			})
		b.throws(stringException, stringEncoding,
			func() { short("convertTo([BSS[BSB)S", append(b.text("a"), out, 0, 6)...) })
		b.throws(stringException, stringSequence,
			func() {
				short("convertFrom([BSS[BSB)S",
					append(b.text("\xD8\x00"), out, 0, encodingUTF16BE)...)
			})
	})
}

func TestNumbers(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		assert.Equal(t, "\x04\xD2", b.wrote(bcdUtil, "convertToHex([BSS[BS)S",
			b.text("\x12\x34")...))
		assert.Equal(t, "\x02\x56", b.wrote(bcdUtil, "convertToBCD([BSS[BS)S",
			b.text("\x01\x00")...))
		b.throws(arithmeticException, 0,
			func() { b.wrote(bcdUtil, "convertToHex([BSS[BS)S", b.text("\x1A")...) })
		number := b.c.NewObject(bigNumberClass)
		b.call(bigNumberClass, "<init>(S)V", number, 2)
		do := func(method, operand string, format int) {
			b.call(bigNumberClass, method+"([BSSB)V", number,
				append(b.text(operand), vm.Value(format))...)
		}
		value := func(format int) string {
			out := b.array(make([]byte, 4))
			b.call(bigNumberClass, "toBytes([BSSB)V", number, vm.RefValue(out), 0, 4,
				vm.Value(format))
			return string(b.content(out, 0, 4))
		}
		do("init", "\x09\x99", formatBCD)
		do("add", "\x01", formatHex)
		assert.Equal(t, "\x00\x00\x10\x00", value(formatBCD))
		do("multiply", "\x60", formatBCD)
		assert.Equal(t, "\x00\x00\xEA\x60", value(formatHex))
		b.throws(arithmeticException, 0, func() { do("add", "\xFF\xFF", formatHex) })
		b.throws(arithmeticException, 0, func() { do("subtract", "\x01\x00\x00", formatHex) })
		b.throws(arithmeticException, 0, func() { do("add", "\x01", 3) })
		assert.Equal(t, "\x00\x00\xEA\x60", value(formatHex), "what fails changes nothing")
		assert.EqualValues(t, 3, b.call(bigNumberClass, "getByteLength(B)S", number, formatBCD))
		assert.EqualValues(t, 1, b.call(bigNumberClass, "compareTo([BSSB)B", number,
			append(b.text("\x01"), formatHex)...))
		assert.EqualValues(t, 0, b.call(bigNumberClass,
			"compareTo(Ljavacardx/framework/math/BigNumber;)B", number, vm.RefValue(number)))
		do("setMaximum", "\xFF\xFF\xFF", formatHex)
		do("add", "\xFF\xFF", formatHex)
		assert.Equal(t, "\x00\x01\xEA\x5F", value(formatHex))
		b.call(bigNumberClass, "reset()V", number)
		assert.Equal(t, "\x00\x00\x00\x00", value(formatHex))
		bits := b.array([]byte{0x00, 0x03, 0x05})
		b.call(parityBit, "set([BSSZ)V", 0, vm.RefValue(bits), 0, 3, 0)
		assert.Equal(t, "\x01\x02\x04", string(b.content(bits, 0, 3)),
			"odd parity, as DES keys have it")
		b.call(parityBit, "set([BSSZ)V", 0, vm.RefValue(bits), 0, 3, 1)
		assert.Equal(t, "\x00\x03\x05", string(b.content(bits, 0, 3)))
	})
}

func TestArraysOfEveryType(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		bytes := b.array([]byte{0x80, 1, 2, 3, 4, 5, 6, 7})
		shorts := b.c.NewArray(vm.ShortArray, 4, vm.Persistent)
		ints := b.c.NewArray(vm.IntArray, 2, vm.ClearOnReset)
		ref := vm.RefValue
		const repackMethod = "arrayCopyRepack(Ljava/lang/Object;SSLjava/lang/Object;S)S"
		assert.EqualValues(t, 4, b.call(arrayLogic, repackMethod, 0, ref(bytes), 0, 8, ref(shorts),
			0))
		assert.Equal(t, int16(-0x7FFF), b.c.Element(shorts, 0).Short())
		assert.EqualValues(t, 2, b.call(arrayLogic, repackMethod, 0, ref(shorts), 0, 4, ref(ints),
			0))
		assert.Equal(t, int32(0x04050607), b.c.Element(ints, 1).Int())
		copied := b.array(make([]byte, 8))
		b.call(arrayLogic, "arrayCopyRepackNonAtomic(Ljava/lang/Object;SSLjava/lang/Object;S)S", 0,
			ref(ints), 0, 2, ref(copied), 0)
		assert.Equal(t, b.content(bytes, 0, 8), b.content(copied, 0, 8))
		b.throws(utilException, utilIllegal,
			func() { b.call(arrayLogic, repackMethod, 0, ref(bytes), 0, 3, ref(shorts), 0) })
		b.throws(arrayIndexException, 0,
			func() { b.call(arrayLogic, repackMethod, 0, ref(bytes), 0, 8, ref(shorts), 1) })
		b.call(arrayLogic, "arrayFillGeneric(Ljava/lang/Object;SSLjava/lang/Object;S)S", 0,
			ref(shorts), 1, 3, ref(shorts), 0)
		assert.Equal(t, int16(-0x7FFF), b.c.Element(shorts, 3).Short())
		b.throws(utilException, utilMismatched, func() {
			b.call(arrayLogic, "arrayFillGeneric(Ljava/lang/Object;SSLjava/lang/Object;S)S", 0,
				ref(shorts), 0, 1, ref(bytes), 0)
		})
		const compareMethod = "arrayCompareGeneric(Ljava/lang/Object;SLjava/lang/Object;SS)B"
		assert.EqualValues(t, 1, b.call(arrayLogic, compareMethod, 0, ref(bytes), 0, ref(bytes), 1,
			1), "bytes have no sign")
		b.c.SetElement(shorts, 1, 5)
		assert.EqualValues(t, -1, b.call(arrayLogic, compareMethod, 0, ref(shorts), 0, ref(shorts),
			1, 1), "shorts have")
		wanted := b.array([]byte{0, 5})
		assert.EqualValues(t, 1, b.call(arrayLogic, "arrayFindGeneric(Ljava/lang/Object;S[BS)S", 0,
			ref(shorts), 0, ref(wanted), 0))
		assert.EqualValues(t, -1, b.call(arrayLogic, "arrayFindGeneric(Ljava/lang/Object;S[BS)S", 0,
			ref(shorts), 2, ref(wanted), 0).Short())

		sensitive := b.c.NewSensitiveArray(vm.ByteArray, objectClass, 8, vm.Persistent)
		b.throws(systemException, systemIllegalValue, func() {
			b.call(utilClass, "arrayCopyNonAtomic([BS[BSS)S", 0, ref(bytes), 0, ref(sensitive), 0,
				8)
		})
		b.throws(systemException, systemIllegalValue, func() {
			b.call(utilClass, "arrayFillNonAtomic([BSSB)S", 0, ref(sensitive), 0, 8, 0)
		})
		b.call(utilClass, "arrayCopy([BS[BSS)S", 0, ref(bytes), 0, ref(sensitive), 0, 8)
	})
}

// SensitiveResult holds the result of the last sensitive method.
func TestSensitiveResults(t *testing.T) {
	b := newBench(t)
	b.run(func() {
		check := func(method string, arguments ...vm.Value) bool {
			return b.c.Try(func() { b.call(sensitiveResultClass, method, 0, arguments...) }) == nil
		}
		pin, right, wrong := newPIN(b)
		b.check(pin, wrong)
		assert.True(t, check("assertFalse()V"))
		assert.False(t, check("assertTrue()V"))
		b.check(pin, right)
		assert.True(t, check("assertTrue()V"))
		b.tries(pin)
		assert.True(t, check("assertEquals(S)V", 3) && check("assertPositive()V") &&
			check("assertGreaterThan(S)V", 2) && check("assertLessThan(S)V", 4))
		assert.False(t, check("assertZero()V") || check("assertNegative()V") ||
			check("assertTrue()V"))
		assert.NotNil(t, b.c.Try(func() { b.check(pin, 0) }))
		assert.False(t, check("assertFalse()V"), "an exception leaves nothing")
		b.call("javacard/framework/JCSystem", "getAID()Ljavacard/framework/AID;", 0)
		assert.True(t, check("assertEquals(Ljava/lang/Object;)V", 0))
		assert.False(t, check("assertEquals(Ljava/lang/Object;)V", vm.RefValue(pin)))
		b.tries(pin)
		b.call(sensitiveResultClass, "reset()V", 0)
		assert.False(t, check("assertEquals(S)V", 3))
	})
}
