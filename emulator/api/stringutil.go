package api

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"ekrona.example/emulator/vm"
)

const (
	stringException     = "javacardx/framework/string/StringException"
	stringEncoding      = 1
	stringNumber        = 2
	stringSequence      = 3
	indexException      = "java/lang/IndexOutOfBoundsException"
	longIntegerElements = 4
)

// stringIn returns the text that three arguments name.
func stringIn(c *vm.Call, first int) []byte {
	return c.Bytes(c.Ref(first), int(c.Short(first+1)), int(c.Short(first+2)))
}

// putString copies text to an array and offset in the arguments and returns its length.
func putString(c *vm.Call, first int, text []byte) vm.Value {
	c.PutBytes(c.Ref(first), int(c.Short(first+1)), text)
	return vm.ShortValue(int16(len(text)))
}

// stringNatives are the functions of javacardx.framework.string.StringUtil. Text is
// UTF-8; a byte that begins no well-formed sequence is a code point of its own. Case is
// that of US-ASCII.
func stringNatives() map[string]vm.Native {
	return bind("javacardx/framework/string/StringUtil", map[string]vm.Native{
		"codePointCount([BSS)S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(int16(utf8.RuneCount(stringIn(c, 0))))
		},
		"codePointAt([BSSS[BS)S": func(c *vm.Call) vm.Value {
			text, at := stringIn(c, 0), int(c.Short(3))
			if at < 0 || at >= len(text) {
				c.Throw(indexException, 0)
			}
			_, n := utf8.DecodeRune(text[at:])
			return putString(c, 4, bytes.Clone(text[at:at+n]))
		},
		"codePointBefore([BSSS[BS)S": func(c *vm.Call) vm.Value {
			text, at := stringIn(c, 0), int(c.Short(3))
			if at < 1 || at > len(text) {
				c.Throw(indexException, 0)
			}
			_, n := utf8.DecodeLastRune(text[:at])
			return putString(c, 4, bytes.Clone(text[at-n:at]))
		},
		"offsetByCodePoints([BSSSS)S": func(c *vm.Call) vm.Value {
			at, ok := offsetBy(stringIn(c, 0), int(c.Short(3)), int(c.Short(4)))
			if !ok {
				c.Throw(indexException, 0)
			}
			return vm.ShortValue(int16(at))
		},
		"compare(Z[BSS[BSS)S": compareStrings,
		"indexOf([BSS[BSS)S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(int16(bytes.Index(stringIn(c, 0), stringIn(c, 3))))
		},
		"replace([BSS[BSS[BSS[BS)S": func(c *vm.Call) vm.Value {
			text, old := stringIn(c, 0), stringIn(c, 3)
			if len(old) == 0 {
				return putString(c, 9, bytes.Clone(text))
			}
			return putString(c, 9, bytes.ReplaceAll(text, old, stringIn(c, 6)))
		},
		"toLowerCase([BSS[BS)S": func(c *vm.Call) vm.Value {
			return putString(c, 3, changeCase(stringIn(c, 0), 'A', 'Z'))
		},
		"toUpperCase([BSS[BS)S": func(c *vm.Call) vm.Value {
			return putString(c, 3, changeCase(stringIn(c, 0), 'a', 'z'))
		},
		"trim([BSS[BS)S": func(c *vm.Call) vm.Value {
			return putString(c, 3,
				bytes.Clone(bytes.TrimFunc(stringIn(c, 0), func(r rune) bool { return r <= ' ' })))
		},
		"valueOf(Z[BS)S": func(c *vm.Call) vm.Value {
			return putString(c, 1, strconv.AppendBool(nil, c.Bool(0)))
		},
		"valueOf(S[BS)S": func(c *vm.Call) vm.Value {
			return putString(c, 1, strconv.AppendInt(nil, int64(c.Short(0)), 10))
		},
		"valueOf([S[BS)S": valueOfLong,
		"parseBoolean([BSS)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(strings.EqualFold(string(stringIn(c, 0)), "true"))
		},
		"parseShortInteger([BSS)S": func(c *vm.Call) vm.Value {
			return vm.ShortValue(int16(parseInteger(c, stringIn(c, 0), math.MinInt16,
				math.MaxInt16)))
		},
		"parseLongInteger([BSS[SS)S": parseLong,
		"convertTo([BSS[BSB)S": func(c *vm.Call) vm.Value {
			text := stringIn(c, 0)
			if !utf8.Valid(text) {
				c.Throw(stringException, stringSequence)
			}
			return putString(c, 3, encodeText(c, text, c.Byte(5)))
		},
		"convertFrom([BSS[BSB)S": func(c *vm.Call) vm.Value {
			return putString(c, 3, decodeText(c, stringIn(c, 0), c.Byte(5)))
		},
		"check([BSS)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(utf8.Valid(stringIn(c, 0)))
		},
		"startsWith([BSS[BSSS)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(bytes.HasPrefix(stringIn(c, 0), firstPoints(c)))
		},
		"endsWith([BSS[BSSS)Z": func(c *vm.Call) vm.Value {
			return vm.BoolValue(bytes.HasSuffix(stringIn(c, 0), firstPoints(c)))
		},
		"substring([BSSSS[BS)S": substring,
	})
}

// offsetBy moves an index by code points; false if the text has fewer.
func offsetBy(text []byte, at, points int) (int, bool) {
	if at < 0 || at > len(text) {
		return 0, false
	}
	for ; points > 0; points-- {
		if at == len(text) {
			return 0, false
		}
		_, n := utf8.DecodeRune(text[at:])
		at += n
	}
	for ; points < 0; points++ {
		if at == 0 {
			return 0, false
		}
		_, n := utf8.DecodeLastRune(text[:at])
		at -= n
	}
	return at, true
}

// changeCase turns the case of the letters from first to last and leaves out what is not
// well-formed.
func changeCase(text []byte, first, last byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
		case n == 1 && text[0] >= first && text[0] <= last:
			out = append(out, text[0]^0x20)
		default:
			out = append(out, text[:n]...)
		}
		text = text[n:]
	}
	return out
}

// compareStrings returns the difference of the first bytes that differ, or of the lengths.
func compareStrings(c *vm.Call) vm.Value {
	a, b := stringIn(c, 1), stringIn(c, 4)
	if c.Bool(0) {
		a, b = changeCase(a, 'A', 'Z'), changeCase(b, 'A', 'Z')
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return vm.ShortValue(int16(a[i]) - int16(b[i]))
		}
	}
	return vm.ShortValue(int16(len(a) - len(b)))
}

// firstPoints returns the first code points of the text in arguments 3 to 5, as many as
// argument 6 says; all of them if it is negative.
func firstPoints(c *vm.Call) []byte {
	text, points := stringIn(c, 3), int(c.Short(6))
	if points < 0 {
		return text
	}
	end, ok := offsetBy(text, 0, points)
	if !ok {
		c.Throw(indexException, 0)
	}
	return text[:end]
}

func substring(c *vm.Call) vm.Value {
	text, begin, end := stringIn(c, 0), int(c.Short(3)), int(c.Short(4))
	from, ok := offsetBy(text, 0, begin)
	to := len(text)
	if ok && end >= 0 {
		to, ok = offsetBy(text, 0, end)
	}
	if !ok || begin < 0 || to < from {
		c.Throw(indexException, 0)
	}
	return putString(c, 5, bytes.Clone(text[from:to]))
}

// valueOfLong is the decimal form of a number in one to four shorts, high one first.
func valueOfLong(c *vm.Call) vm.Value {
	n := c.Length(c.Ref(0))
	if n < 1 || n > longIntegerElements {
		c.Throw(stringException, stringNumber)
	}
	value := int64(c.Element(c.Ref(0), 0).Short())
	for i := 1; i < n; i++ {
		value = value<<16 | int64(uint16(c.Element(c.Ref(0), i).Short()))
	}
	return putString(c, 1, strconv.AppendInt(nil, value, 10))
}

// parseInteger reads a decimal number, or a hexadecimal one after 0x, 0X or #; a minus
// may come first.
func parseInteger(c *vm.Call, text []byte, least, most int64) int64 {
	digits, minus := strings.CutPrefix(string(text), "-")
	base := 10
	for _, prefix := range []string{"0x", "0X", "#"} {
		if rest, found := strings.CutPrefix(digits, prefix); found && base == 10 {
			digits, base = rest, 16
		}
	}
	sign := ""
	if minus {
		sign = "-"
	}
	value, err := strconv.ParseInt(sign+digits, base, 64)
	if err != nil || strings.ContainsAny(digits, "+-_") || value < least || value > most {
		c.Throw(stringException, stringNumber)
	}
	return value
}

// parseLong writes a number in shorts, high one first, and leaves out those that are
// zero at the front.
func parseLong(c *vm.Call) vm.Value {
	value := parseInteger(c, stringIn(c, 0), math.MinInt64, math.MaxInt64)
	var elements []int16
	for shift := 48; shift >= 0; shift -= 16 {
		if element := int16(value >> shift); element != 0 || len(elements) > 0 || shift == 0 {
			elements = append(elements, element)
		}
	}
	checkRange(c, c.Ref(3), int(c.Short(4)), len(elements))
	for i, element := range elements {
		c.SetElement(c.Ref(3), int(c.Short(4))+i, vm.ShortValue(element))
	}
	return vm.ShortValue(int16(len(elements)))
}
