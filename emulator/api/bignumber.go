package api

import (
	"math/big"
	"math/bits"

	"ekrona.example/emulator/vm"
)

// maxNumberBytes is the longest number of javacardx.framework.math, as bytes.
const maxNumberBytes = 8

// Formats of numbers, as BigNumber's constants have them.
const (
	formatBCD = 1
	formatHex = 2
)

// Hidden fields of BigNumber: the value and the configured maximum, big-endian arrays of
// maxNumberBytes.
const (
	numberValue = iota
	numberLimit
)

const (
	bigNumberClass      = "javacardx/framework/math/BigNumber"
	arithmeticException = "java/lang/ArithmeticException"
)

// mathNatives are the functions of javacardx.framework.math.
func mathNatives() map[string]vm.Native {
	all := bind(bigNumberClass, map[string]vm.Native{
		"<init>(S)V":              makeNumber,
		"getMaxBytesSupported()S": func(*vm.Call) vm.Value { return maxNumberBytes },
		"setMaximum([BSSB)V": func(c *vm.Call) vm.Value {
			limit := numberIn(c, c.Byte(3))
			if limit.Cmp(largestNumber(maxNumberBytes)) > 0 ||
				limit.Cmp(numberField(c, c.This(), numberValue)) < 0 {
				c.Throw(arithmeticException, 0)
			}
			setNumber(c, numberLimit, limit)
			return vm.Void
		},
		"init([BSSB)V": changeNumber(func(_, operand *big.Int) *big.Int { return operand }),
		"add([BSSB)V": changeNumber(func(value,
			operand *big.Int) *big.Int {
			return value.Add(value, operand)
		}),
		"subtract([BSSB)V": changeNumber(func(value,
			operand *big.Int) *big.Int {
			return value.Sub(value, operand)
		}),
		"multiply([BSSB)V": changeNumber(func(value,
			operand *big.Int) *big.Int {
			return value.Mul(value, operand)
		}),
		"compareTo([BSSB)B": func(c *vm.Call) vm.Value {
			operand := numberIn(c, c.Byte(3))
			return vm.Value(numberField(c, c.This(), numberValue).Cmp(operand))
		},
		"compareTo(Ljavacardx/framework/math/BigNumber;)B": func(c *vm.Call) vm.Value {
			c.CheckAccess(c.Ref(0))
			return vm.Value(numberField(c, c.This(),
				numberValue).Cmp(numberField(c, c.Ref(0), numberValue)))
		},
		"toBytes([BSSB)V": func(c *vm.Call) vm.Value {
			n := int(c.Short(2))
			c.Bytes(c.Ref(0), int(c.Short(1)), n)
			digits := encodeNumber(c, numberField(c, c.This(), numberValue), c.Byte(3))
			if n == 0 || len(digits) > n {
				c.Throw(arithmeticException, 0)
			}
			c.PutBytes(c.Ref(0), int(c.Short(1)), append(make([]byte, n-len(digits)), digits...))
			return vm.Void
		},
		"getByteLength(B)S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(int16(len(encodeNumber(c, numberField(c, c.This(), numberValue),
				c.Byte(0)))))
		},
		"reset()V": func(c *vm.Call) vm.Value {
			setNumber(c, numberValue, new(big.Int))
			return vm.Void
		},
	})
	for name, native := range bind("javacardx/framework/math/BCDUtil", map[string]vm.Native{
		"<init>()V":               nothing,
		"getMaxBytesSupported()S": func(*vm.Call) vm.Value { return maxNumberBytes },
		"convertToHex([BSS[BS)S": func(c *vm.Call) vm.Value {
			return convertNumber(c, formatBCD, formatHex)
		},
		"convertToBCD([BSS[BS)S": func(c *vm.Call) vm.Value {
			return convertNumber(c, formatHex, formatBCD)
		},
		"isBCDFormat([BSS)Z": func(c *vm.Call) vm.Value {
			digits := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
			if len(digits) == 0 {
				c.Throw(arithmeticException, 0)
			}
			return vm.BoolValue(isBCD(digits))
		},
	}) {
		all[name] = native
	}
	all["javacardx/framework/math/ParityBit.<init>()V"] = nothing
	all["javacardx/framework/math/ParityBit.set([BSSZ)V"] = setParity
	return all
}

func makeNumber(c *vm.Call) vm.Value {
	if c.Short(0) < 1 || c.Short(0) > maxNumberBytes {
		c.Throw(arithmeticException, 0)
	}
	for _, field := range []int{numberValue, numberLimit} {
		c.SetField(c.This(), field, vm.RefValue(c.NewByteArray(maxNumberBytes, vm.Persistent)))
	}
	setNumber(c, numberLimit, largestNumber(int(c.Short(0))))
	return vm.Void
}

// largestNumber is the largest of so many bytes.
func largestNumber(n int) *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Sub(new(big.Int).Lsh(one, uint(8*n)), one)
}

func numberField(c *vm.Call, number vm.Ref, field int) *big.Int {
	return new(big.Int).SetBytes(c.Bytes(c.Field(number, field).Ref(), 0, maxNumberBytes))
}

func setNumber(c *vm.Call, field int, value *big.Int) {
	c.PutBytes(c.Field(c.This(), field).Ref(), 0, value.FillBytes(make([]byte, maxNumberBytes)))
}

// changeNumber computes the value anew from itself and the operand in the arguments. A
// result that is negative or over the maximum changes nothing.
func changeNumber(how func(value, operand *big.Int) *big.Int) vm.Native {
	return func(c *vm.Call) vm.Value {
		operand := numberIn(c, c.Byte(3))
		result := how(numberField(c, c.This(), numberValue), operand)
		if result.Sign() < 0 || result.Cmp(numberField(c, c.This(), numberLimit)) > 0 {
			c.Throw(arithmeticException, 0)
		}
		setNumber(c, numberValue, result)
		return vm.Void
	}
}

// numberIn reads the number that arguments 0 to 2 name.
func numberIn(c *vm.Call, format int8) *big.Int {
	digits := c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))
	switch {
	case len(digits) == 0:
	case format == formatHex:
		return new(big.Int).SetBytes(digits)
	case format == formatBCD && isBCD(digits):
		value, ten := new(big.Int), big.NewInt(10)
		for _, b := range digits {
			for _, digit := range []byte{b >> 4, b & 0x0F} {
				value.Mul(value, ten).Add(value, big.NewInt(int64(digit)))
			}
		}
		return value
	}
	c.Throw(arithmeticException, 0)
	return nil
}

func isBCD(digits []byte) bool {
	for _, b := range digits {
		if b>>4 > 9 || b&0x0F > 9 {
			return false
		}
	}
	return true
}

// encodeNumber is the shortest form of a number, one byte for zero.
func encodeNumber(c *vm.Call, value *big.Int, format int8) []byte {
	switch format {
	case formatHex:
		return value.FillBytes(make([]byte, max(1, (value.BitLen()+7)/8)))
	case formatBCD:
		text := value.String()
		if len(text)%2 != 0 {
			text = "0" + text
		}
		out := make([]byte, len(text)/2)
		for i := range out {
			out[i] = (text[2*i]-'0')<<4 | (text[2*i+1] - '0')
		}
		return out
	}
	c.Throw(arithmeticException, 0)
	return nil
}

// convertNumber is BCDUtil's conversion of the number in arguments 0 to 2 to argument 3.
func convertNumber(c *vm.Call, from, to int8) vm.Value {
	value := numberIn(c, from)
	if value.Cmp(largestNumber(maxNumberBytes)) > 0 {
		c.Throw(arithmeticException, 0)
	}
	out := encodeNumber(c, value, to)
	c.PutBytes(c.Ref(3), int(c.Short(4)), out)
	return vm.ShortValue(int16(len(out)))
}

// setParity makes the number of set bits of each byte even, or odd, by its lowest bit.
func setParity(c *vm.Call) vm.Value {
	content := append([]byte(nil), c.Bytes(c.Ref(0), int(c.Short(1)), int(c.Short(2)))...)
	if len(content) == 0 {
		c.Throw(arithmeticException, 0)
	}
	odd := 1
	if c.Bool(3) {
		odd = 0
	}
	for i, b := range content {
		content[i] = b&^1 | byte((bits.OnesCount8(b&^1)+odd)&1)
	}
	c.PutBytes(c.Ref(0), int(c.Short(1)), content)
	return vm.Void
}
