// Package atr reads the answer to reset of a contact card, or what a contactless
// reader makes in its place: "ISO/IEC 7816-3:2006" §8.2 for the interface bytes,
// "ISO/IEC 7816-4:2013" §12.1.1 for the historical bytes.
//
// Nothing in an ATR is trusted; what [Parse] accepts encodes back to the same bytes.
// Start there.
package atr

import (
	"bytes"
	"errors"
	"fmt"
)

// MaxLength is the most bytes of an ATR (ISO/IEC 7816-3 §8.2.1).
const MaxLength = 33

// ErrMalformed reports that bytes are no ATR.
var ErrMalformed = errors.New("atr: malformed")

// Interface are the interface bytes of one group; those that are absent are nil.
type Interface struct{ TA, TB, TC, TD *byte }

// ATR is an answer to reset.
type ATR struct {
	Inverse    bool        // the convention is inverse, TS 3F, else direct, 3B
	Interfaces []Interface // the groups after T0, in their order
	Historical []byte
	Check      *byte // TCK; absent if only T=0 is offered
}

// Parse reads an ATR exactly.
func Parse(b []byte) (*ATR, error) {
	if len(b) < 2 || len(b) > MaxLength {
		return nil, fmt.Errorf("%w: %d bytes; an ATR has 2 to %d", ErrMalformed, len(b), MaxLength)
	}
	a := &ATR{Inverse: b[0] == 0x3F}
	if b[0] != 0x3B && b[0] != 0x3F {
		return nil, fmt.Errorf("%w: it begins with %02X, not 3B or 3F", ErrMalformed, b[0])
	}
	rest, y, historical := b[2:], b[1]>>4, int(b[1]&0x0F)
	needsCheck := false
	for y != 0 {
		var group Interface
		for i, to := range []**byte{&group.TA, &group.TB, &group.TC, &group.TD} {
			if y>>i&1 == 0 {
				continue
			}
			if len(rest) == 0 {
				return nil, fmt.Errorf("%w: it ends within the interface bytes", ErrMalformed)
			}
			value := rest[0]
			*to, rest = &value, rest[1:]
		}
		a.Interfaces = append(a.Interfaces, group)
		if group.TD == nil {
			break
		}
		y = *group.TD >> 4
		needsCheck = needsCheck || *group.TD&0x0F != 0
	}
	if needsCheck {
		historical++
	}
	if len(rest) != historical {
		return nil, fmt.Errorf("%w: %d bytes follow the interface bytes; T0 and TD announce %d",
			ErrMalformed, len(rest), historical)
	}
	a.Historical = bytes.Clone(rest)
	if needsCheck {
		check := rest[len(rest)-1]
		a.Historical, a.Check = bytes.Clone(rest[:len(rest)-1]), &check
		sum := byte(0)
		for _, v := range b[1:] {
			sum ^= v
		}
		if sum != 0 {
			return nil, fmt.Errorf("%w: the check byte is wrong: the reader may have a bad contact",
				ErrMalformed)
		}
	}
	return a, nil
}

// Bytes is the ATR as the card sent it.
func (a *ATR) Bytes() []byte {
	out := []byte{0x3B, byte(len(a.Historical))}
	if a.Inverse {
		out[0] = 0x3F
	}
	mask := 1 // where the next group's presence bits go
	for _, group := range a.Interfaces {
		next := mask
		for i, value := range []*byte{group.TA, group.TB, group.TC, group.TD} {
			if value == nil {
				continue
			}
			out[mask] |= 0x10 << i
			if i == 3 {
				next = len(out)
				out = append(out, *value&0x0F)
				continue
			}
			out = append(out, *value)
		}
		mask = next
	}
	out = append(out, a.Historical...)
	if a.Check != nil {
		out = append(out, *a.Check)
	}
	return out
}

// Protocols are the numbers T that the card offers, in their order; 0 if it names
// none.
func (a *ATR) Protocols() []int {
	var all []int
	seen := map[int]bool{}
	for _, group := range a.Interfaces {
		if group.TD == nil {
			continue
		}
		if t := int(*group.TD & 0x0F); t != 15 && !seen[t] {
			seen[t] = true
			all = append(all, t)
		}
	}
	if all == nil {
		return []int{0}
	}
	return all
}

// speedFactors are Fi and Di by the halves of TA1 (ISO/IEC 7816-3 tables 7 and 8);
// 0 is reserved.
var (
	clockFactors = [16]int{372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048,
		0, 0}
	baudFactors = [16]int{0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0}
)

// defaultTA1 is the TA1 that holds if there is none.
const defaultTA1 = 0x11

// Speed is Fi and Di, the most that the card offers: a bit takes Fi/Di clock cycles.
// ok is false for reserved values.
func (a *ATR) Speed() (fi, di int, ok bool) {
	ta1 := byte(defaultTA1)
	if len(a.Interfaces) > 0 && a.Interfaces[0].TA != nil {
		ta1 = *a.Interfaces[0].TA
	}
	fi, di = clockFactors[ta1>>4], baudFactors[ta1&0x0F]
	return fi, di, fi > 0 && di > 0
}

// Capabilities are the card capabilities in the historical bytes, nil if there are
// none: one to three bytes of a compact data object 7x (ISO/IEC 7816-4 §12.1.1.9).
func (a *ATR) Capabilities() []byte {
	const compact, capabilities = 0x80, 0x7
	if len(a.Historical) == 0 || a.Historical[0] != compact {
		return nil
	}
	for rest := a.Historical[1:]; len(rest) > 0; {
		tag, n := rest[0]>>4, int(rest[0]&0x0F)
		if n > len(rest)-1 {
			return nil
		}
		if tag == capabilities && n >= 1 && n <= 3 {
			return rest[1 : 1+n]
		}
		rest = rest[1+n:]
	}
	return nil
}

// ExtendedLength reports whether the card declares that it takes extended length
// (ISO/IEC 7816-4 table 119). Other cards may take it too.
func (a *ATR) ExtendedLength() bool {
	c := a.Capabilities()
	return len(c) == 3 && c[2]&0x40 != 0
}

// IsContactless reports whether a contactless reader made the ATR: T=0 and T=1 are
// offered and nothing else stands before the historical bytes (PC/SC part 3, 2.01.09,
// §3.1.3.2.3.1).
func (a *ATR) IsContactless() bool {
	const both, t1 = 0x80, 0x01
	if len(a.Interfaces) != 2 {
		return false
	}
	first, second := a.Interfaces[0], a.Interfaces[1]
	return first == Interface{TD: first.TD} && first.TD != nil && *first.TD == both &&
		second == Interface{TD: second.TD} && second.TD != nil && *second.TD == t1
}
