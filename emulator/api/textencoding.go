package api

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"

	"ekrona.example/emulator/vm"
)

// Encodings of StringUtil. UTF-16 is big-endian and has a byte order mark where it is
// made; GSM septets are not offered.
const (
	encodingUTF8    = 1
	encodingUTF16   = 2
	encodingUTF16LE = 3
	encodingUTF16BE = 4
	encodingUCS2    = 5
	encodingLatin1  = 7
)

const (
	byteOrderMark = 0xFEFF
	lastOfPlane0  = 0xFFFF
	lastOfLatin1  = 0xFF
	swappedMark   = 0xFFFE
	bytesOfUnit   = 2
)

func byteOrder(encoding int8) binary.ByteOrder {
	if encoding == encodingUTF16LE {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// encodeText converts well-formed UTF-8. What the encoding cannot represent is
// INVALID_BYTE_SEQUENCE.
func encodeText(c *vm.Call, text []byte, encoding int8) []byte {
	var out []byte
	unit := func(u uint16) {
		var b [bytesOfUnit]byte
		byteOrder(encoding).PutUint16(b[:], u)
		out = append(out, b[:]...)
	}
	switch encoding {
	case encodingUTF8:
		return append(out, text...)
	case encodingUTF16:
		unit(byteOrderMark)
	case encodingUTF16LE, encodingUTF16BE, encodingUCS2, encodingLatin1:
	default:
		c.Throw(stringException, stringEncoding)
	}
	for _, r := range string(text) {
		switch {
		case encoding == encodingLatin1 && r > lastOfLatin1, encoding == encodingUCS2 &&
			r > lastOfPlane0:
			c.Throw(stringException, stringSequence)
		case encoding == encodingLatin1:
			out = append(out, byte(r))
		case r > lastOfPlane0:
			high, low := utf16.EncodeRune(r)
			unit(uint16(high))
			unit(uint16(low))
		default:
			unit(uint16(r))
		}
	}
	return out
}

// decodeText converts to UTF-8.
func decodeText(c *vm.Call, text []byte, encoding int8) []byte {
	var out []byte
	switch encoding {
	case encodingUTF8:
		if !utf8.Valid(text) {
			c.Throw(stringException, stringSequence)
		}
		return append(out, text...)
	case encodingLatin1:
		for _, b := range text {
			out = utf8.AppendRune(out, rune(b))
		}
		return out
	case encodingUTF16, encodingUTF16LE, encodingUTF16BE, encodingUCS2:
	default:
		c.Throw(stringException, stringEncoding)
	}
	if len(text)%bytesOfUnit != 0 {
		c.Throw(stringException, stringSequence)
	}
	order := byteOrder(encoding)
	if encoding == encodingUTF16 && len(text) > 0 {
		switch order.Uint16(text) {
		case swappedMark:
			order, text = binary.LittleEndian, text[bytesOfUnit:]
		case byteOrderMark:
			text = text[bytesOfUnit:]
		}
	}
	for len(text) > 0 {
		r := rune(order.Uint16(text))
		text = text[bytesOfUnit:]
		if utf16.IsSurrogate(r) {
			if encoding == encodingUCS2 || len(text) == 0 {
				c.Throw(stringException, stringSequence)
			}
			if r = utf16.DecodeRune(r, rune(order.Uint16(text))); r == utf8.RuneError {
				c.Throw(stringException, stringSequence)
			}
			text = text[bytesOfUnit:]
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}
