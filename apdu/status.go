package apdu

import (
	"fmt"

	"ekrona/apdu/spec"
)

// StatusWord is SW1-SW2. Every one but 9000 is an error: errors.Is matches it
// against an exact StatusWord and against its family ([ErrPINWrong],
// [ErrSecurity], ...), and errors.As into a [PINWrong] gives the tries left.
type StatusWord uint16

// OK is the status word of success.
const OK StatusWord = spec.SWOK

// SW1 of the status words that transport answers by itself (ISO/IEC
// 7816-4:2013 §5.6).
const (
	sw1MoreData = spec.SWMoreData >> 8
	sw1WrongLe  = spec.SWWrongLe >> 8
)

// family is the error that stands for all status words of a spec family.
type family spec.Family

// Error names the family.
func (f family) Error() string { return "card: " + string(f) }

// Families of status words, for errors.Is.
var (
	ErrPINWrong     error = family(spec.FamilyPINWrong)    // 63Cx; see PINWrong
	ErrSecurity     error = family(spec.FamilySecurity)    // PIN needed, blocked, in the wrong form
	ErrConditions   error = family(spec.FamilyConditions)  // life-cycle state or order of commands
	ErrWrongData    error = family(spec.FamilyWrongData)   // command malformed
	ErrNotFound     error = family(spec.FamilyNotFound)    // record, key or request unknown
	ErrUnsupported  error = family(spec.FamilyUnsupported) // class, instruction or parameters unknown
	ErrCardFault    error = family(spec.FamilyCardFault)   // the card itself failed
	ErrLimit        error = family(spec.FamilyLimit)       // balance, amount, transactions, log
	ErrNotAuthentic error = family(spec.FamilyAuthentic)   // signature, certificate, role, expiry
	ErrConflict     error = family(spec.FamilyConflict)    // contradicts what the card knows
)

// PINWrong is what errors.As finds in 63Cx.
type PINWrong struct {
	Tries int // tries left, 0 to 15
}

// Error says how many tries are left.
func (p PINWrong) Error() string {
	return fmt.Sprintf("PIN wrong or not verified; tries left: %d", p.Tries)
}

// Error says what the card answered, what it means and what to do about it.
func (s StatusWord) Error() string {
	row, ok := spec.Status(uint16(s))
	if !ok {
		return fmt.Sprintf("card answered %04X, which the applet's spec does not know", uint16(s))
	}
	meaning := row.Meaning
	if row.Code == spec.SWPINWrong {
		meaning = PINWrong{int(s & 0x0F)}.Error()
	}
	return fmt.Sprintf("card answered %04X %s: %s; %s", uint16(s), row.Name, meaning, row.Remedy)
}

// String is the status word in four hex digits with its name.
func (s StatusWord) String() string {
	if row, ok := spec.Status(uint16(s)); ok {
		return fmt.Sprintf("%04X %s", uint16(s), row.Name)
	}
	return fmt.Sprintf("%04X", uint16(s))
}

// Is matches a family.
func (s StatusWord) Is(target error) bool {
	f, ok := target.(family)
	if !ok {
		return false
	}
	row, known := spec.Status(uint16(s))
	return known && row.Family == spec.Family(f)
}

// As gives the tries left of 63Cx.
func (s StatusWord) As(target any) bool {
	p, ok := target.(*PINWrong)
	if !ok || s&0xFFF0 != spec.SWPINWrong {
		return false
	}
	p.Tries = int(s & 0x0F)
	return true
}

// hasMore tells whether GET RESPONSE would bring more data.
func (s StatusWord) hasMore() bool { return s>>8 == sw1MoreData }
