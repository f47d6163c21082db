package apdu

import (
	"bufio"
	"encoding/binary"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// inUTF8 returns the text in UTF-8 if its first bytes say that it is in UTF-16, as what a shell of
// Windows writes to a file is.
func inUTF8(in *bufio.Reader) *bufio.Reader {
	// no more than is needed is waited for: a client may send one byte and wait itself
	if first, err := in.Peek(1); err != nil || first[0] < 0xFE {
		return in
	}
	mark, _ := in.Peek(2) // an error comes again when the text is read
	switch string(mark) {
	case "\xFF\xFE":
		return bufio.NewReader(&utf16Text{in: in, order: binary.LittleEndian})
	case "\xFE\xFF":
		return bufio.NewReader(&utf16Text{in: in, order: binary.BigEndian})
	}
	return in
}

// utf16Text gives a text in UTF-16 as UTF-8, a character at a time. Half a character becomes the
// replacement character, as everywhere in Go; half a unit at the end is [io.ErrUnexpectedEOF].
type utf16Text struct {
	in    *bufio.Reader
	order binary.ByteOrder
	left  []byte // of the character in progress
}

func (u *utf16Text) Read(p []byte) (int, error) {
	if len(u.left) == 0 {
		var unit [2]byte
		if _, err := io.ReadFull(u.in, unit[:]); err != nil {
			return 0, err
		}
		u.left = utf8.AppendRune(u.left, u.character(rune(u.order.Uint16(unit[:]))))
	}
	n := copy(p, u.left)
	u.left = u.left[n:]
	return n, nil
}

// character is the one that begins with a unit.
func (u *utf16Text) character(unit rune) rune {
	const firstOfSecond = 0xDC00
	if !utf16.IsSurrogate(unit) || unit >= firstOfSecond {
		return unit // of a second half alone AppendRune makes the replacement character
	}
	second, err := u.in.Peek(2)
	if err != nil {
		return utf8.RuneError
	}
	whole := utf16.DecodeRune(unit, rune(u.order.Uint16(second)))
	if whole != utf8.RuneError {
		_, _ = u.in.Discard(2) // what was looked at
	}
	return whole
}
