// Package tlv reads and writes BER-TLV data objects as cards use them (ISO/IEC
// 7816-4:2013 §5.2.2, ITU-T X.690 §8.1), strictly and within bounds.
//
// It accepts definite lengths in their shortest form and tags of one to three
// bytes, and nothing else; so what it accepts encodes back to the same bytes. It
// trusts nothing: every length is checked before it is used, and [Parse] bounds
// depth and size. Values alias the input; they are not copied.
//
// Start at [Reader] for a known layout, at [Parse] for whatever is there, and at
// [Append] to write.
package tlv

import (
	"errors"
	"fmt"
)

// Tag is a tag as it stands on the wire: 5F2A is 0x5F2A.
type Tag uint32

// MaxLength is the longest value in bytes; its length field has three bytes.
const MaxLength = 0xFFFF

// ErrMalformed is wrapped by every error of parsing in this package.
var ErrMalformed = errors.New("tlv: malformed")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// IsConstructed reports whether the value holds data objects (X.690 §8.1.2.5).
func (t Tag) IsConstructed() bool { return t>>(8*(t.Len()-1))&0x20 != 0 }

// Len is the number of bytes of the tag.
func (t Tag) Len() int {
	switch {
	case t > 0xFFFF:
		return 3
	case t > 0xFF:
		return 2
	default:
		return 1
	}
}

// String is the tag in hex.
func (t Tag) String() string { return fmt.Sprintf("%0*X", 2*t.Len(), uint32(t)) }

// valid reports whether the bytes of t are those of one tag.
func (t Tag) valid() bool {
	var b [3]byte
	n := t.Len()
	for i := range n {
		b[i] = byte(t >> (8 * (n - 1 - i)))
	}
	got, size, err := readTag(b[:n])
	return err == nil && size == n && got == t
}

// HeaderLen is the number of bytes of tag and length field in front of n bytes.
func HeaderLen(t Tag, n int) int {
	switch {
	case n < 0x80:
		return t.Len() + 1
	case n < 0x100:
		return t.Len() + 2
	default:
		return t.Len() + 3
	}
}

// Append writes a data object whose value is the parts, joined.
// It fails when t is no tag or the value is longer than [MaxLength].
func Append(dst []byte, t Tag, parts ...[]byte) ([]byte, error) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if !t.valid() {
		return nil, fmt.Errorf("tlv: %X is no tag of one to three bytes", uint32(t))
	}
	if n > MaxLength {
		return nil, fmt.Errorf("tlv: value of %v has %d bytes, the limit is %d", t, n, MaxLength)
	}
	for i := t.Len() - 1; i >= 0; i-- {
		dst = append(dst, byte(t>>(8*i)))
	}
	switch {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n < 0x100:
		dst = append(dst, 0x81, byte(n))
	default:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	}
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return dst, nil
}

// Object is one data object. Raw is all of it, Value what follows the length.
type Object struct {
	Tag   Tag
	Value []byte
	Raw   []byte
}

// Reader takes data objects from the front of its input, one after the other.
type Reader struct {
	rest []byte
	at   int

	longer bool // lengths may have longer forms than the shortest
}

// NewReader reads b.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// NewBERReader reads what applications of others wrote, whose lengths may have longer forms than
// the shortest, as ISO/IEC 7816-4:2013 §5.2.2.2 leaves it to them: 81 05 for 05.
func NewBERReader(b []byte) *Reader { return &Reader{rest: b, longer: true} }

// Empty reports whether everything has been read.
func (r *Reader) Empty() bool { return len(r.rest) == 0 }

// Rest is what has not been read.
func (r *Reader) Rest() []byte { return r.rest }

// Next takes the next data object.
func (r *Reader) Next() (Object, error) {
	o, err := read(r.rest, r.longer)
	if err != nil {
		return Object{}, fmt.Errorf("%w at byte %d", err, r.at)
	}
	r.rest = r.rest[len(o.Raw):]
	r.at += len(o.Raw)
	return o, nil
}

// Expect takes the next data object, which must have the tag t.
func (r *Reader) Expect(t Tag) (Object, error) {
	if !r.At(t) {
		if r.Empty() {
			return Object{}, malformed("%v is missing at the end, byte %d", t, r.at)
		}
		found, _, err := readTag(r.rest)
		if err != nil {
			return Object{}, fmt.Errorf("%w at byte %d", err, r.at)
		}
		return Object{}, malformed("%v expected, %v found at byte %d", t, found, r.at)
	}
	return r.Next()
}

// At reports whether the next data object has the tag t.
func (r *Reader) At(t Tag) bool {
	found, _, err := readTag(r.rest)
	return err == nil && found == t
}

// Skip passes over n bytes that are no data object.
func (r *Reader) Skip(n int) error {
	if n < 0 || n > len(r.rest) {
		return malformed("%d bytes expected, %d are left at byte %d", n, len(r.rest), r.at)
	}
	r.rest = r.rest[n:]
	r.at += n
	return nil
}

// End fails when anything has not been read.
func (r *Reader) End() error {
	if len(r.rest) > 0 {
		return malformed("%d bytes left over at byte %d", len(r.rest), r.at)
	}
	return nil
}

// TagLen is how many bytes of b are a tag, whatever its length (ISO/IEC 7816-4:2013 §5.2.2.1);
// more than b has if the tag is cut short. b is not empty.
func TagLen(b []byte) int {
	if b[0]&0x1F != 0x1F {
		return 1
	}
	for n := 1; n < len(b); n++ {
		if b[n]&0x80 == 0 {
			return n + 1
		}
	}
	return len(b) + 1
}

// readTag takes a tag of one to three bytes. 00 is no tag (ISO/IEC 7816-4:2013
// §5.2.2.1). EMV's 9F01 to 9F1E are allowed, though X.690 would write them shorter.
func readTag(b []byte) (Tag, int, error) {
	if len(b) == 0 {
		return 0, 0, malformed("no tag")
	}
	if b[0] == 0 {
		return 0, 0, malformed("00 is no tag")
	}
	if b[0]&0x1F != 0x1F {
		return Tag(b[0]), 1, nil
	}
	t := Tag(b[0])
	for i := 1; i <= 2; i++ {
		if i >= len(b) {
			return 0, 0, malformed("tag cut short")
		}
		if i == 1 && b[i]&0x7F == 0 {
			return 0, 0, malformed("tag number begins with zero")
		}
		t = t<<8 | Tag(b[i])
		if b[i]&0x80 == 0 {
			return t, i + 1, nil
		}
	}
	return 0, 0, malformed("tag longer than three bytes")
}

// readLength takes a length field in its shortest form, or in a longer one.
func readLength(b []byte, longer bool) (n, size int, err error) {
	switch {
	case len(b) == 0:
		return 0, 0, malformed("no length")
	case b[0] < 0x80:
		return int(b[0]), 1, nil
	case b[0] == 0x81 && len(b) >= 2:
		n, size = int(b[1]), 2
	case b[0] == 0x82 && len(b) >= 3:
		n, size = int(b[1])<<8|int(b[2]), 3
	case b[0] == 0x81 || b[0] == 0x82:
		return 0, 0, malformed("length cut short")
	default:
		return 0, 0, malformed(
			"length field begins with %02X; definite lengths of at most two bytes are allowed",
			b[0])
	}
	if !longer && (n < 0x80 || size == 3 && n < 0x100) {
		return 0, 0, malformed("length %d is not in its shortest form", n)
	}
	return n, size, nil
}

func read(b []byte, longer bool) (Object, error) {
	t, tagSize, err := readTag(b)
	if err != nil {
		return Object{}, err
	}
	n, lengthSize, err := readLength(b[tagSize:], longer)
	if err != nil {
		return Object{}, err
	}
	header := tagSize + lengthSize
	if n > len(b)-header {
		return Object{}, malformed("%v says %d bytes and %d follow", t, n, len(b)-header)
	}
	end := header + n
	return Object{Tag: t, Value: b[header:end:end], Raw: b[:end:end]}, nil
}
