package layout

import (
	"encoding"
	"encoding/binary"

	"ekrona.example/apdu/tlv"
)

// Value is a member of a struct in its place of a layout: the content of the data
// object. The layout checks its length.
type Value interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// Optional is a value that may be absent.
type Optional interface {
	Value
	Absent() bool
	Clear()
}

// Whole is a value that brings its own tag, such as a message inside another.
type Whole interface {
	Value
	// ReadFrom takes the value from the front of r.
	ReadFrom(r *tlv.Reader) error
}

// Group is the members of a template inside another.
type Group []Value

// MarshalBinary fails: a group is encoded with its layout only.
func (g Group) MarshalBinary() ([]byte, error) {
	return nil, Malformed("a template where a data object is expected")
}

// UnmarshalBinary fails: a group is parsed with its layout only.
func (g Group) UnmarshalBinary([]byte) error {
	return Malformed("a template where a data object is expected")
}

// Fixed is a value that never varies.
type Fixed string

// MarshalBinary gives the content of the data object.
func (f Fixed) MarshalBinary() ([]byte, error) { return []byte(f), nil }

// UnmarshalBinary takes the content of the data object.
func (f Fixed) UnmarshalBinary(b []byte) error {
	if string(b) != string(f) {
		return Malformed("%X found where only %X is allowed", b, string(f))
	}
	return nil
}

// Bytes is an array of the struct, sliced.
type Bytes []byte

// MarshalBinary gives the content of the data object.
func (p Bytes) MarshalBinary() ([]byte, error) { return p, nil }

// UnmarshalBinary takes the content of the data object.
func (p Bytes) UnmarshalBinary(b []byte) error {
	if len(b) != len(p) {
		return Malformed("%d bytes found, %d expected", len(b), len(p))
	}
	copy(p, b)
	return nil
}

// Uint32 and Uint16 are unsigned numbers, big-endian.
type (
	Uint32 uint32
	Uint16 uint16
)

// MarshalBinary gives the content of the data object.
func (n *Uint32) MarshalBinary() ([]byte, error) {
	return binary.BigEndian.AppendUint32(nil, uint32(*n)), nil
}

// UnmarshalBinary takes the content of the data object.
func (n *Uint32) UnmarshalBinary(b []byte) error {
	if len(b) != 4 {
		return Malformed("a number of 4 bytes has %d", len(b))
	}
	*n = Uint32(binary.BigEndian.Uint32(b))
	return nil
}

// MarshalBinary gives the content of the data object.
func (n *Uint16) MarshalBinary() ([]byte, error) {
	return binary.BigEndian.AppendUint16(nil, uint16(*n)), nil
}

// UnmarshalBinary takes the content of the data object.
func (n *Uint16) UnmarshalBinary(b []byte) error {
	if len(b) != 2 {
		return Malformed("a number of 2 bytes has %d", len(b))
	}
	*n = Uint16(binary.BigEndian.Uint16(b))
	return nil
}

// ByteOf is one byte that must be valid.
type ByteOf[T ~byte] struct {
	P     *T
	Valid func(T) bool
}

// MarshalBinary gives the content of the data object.
func (v ByteOf[T]) MarshalBinary() ([]byte, error) {
	if !v.Valid(*v.P) {
		return nil, Malformed("%T %02X is not known", *v.P, byte(*v.P))
	}
	return []byte{byte(*v.P)}, nil
}

// UnmarshalBinary takes the content of the data object.
func (v ByteOf[T]) UnmarshalBinary(b []byte) error {
	if len(b) != 1 || !v.Valid(T(b[0])) {
		return Malformed("%T %X is not known", *v.P, b)
	}
	*v.P = T(b[0])
	return nil
}
