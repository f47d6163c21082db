package apdu

import (
	"fmt"
	"strings"
)

// StatusWord is SW1-SW2. Every one but 9000 is an error: errors.Is matches it
// against an exact StatusWord and against its class ([ErrWarning], [ErrExecution],
// [ErrChecking], [ErrProprietary]), and errors.As into a [TriesLeft] gives the
// counter of 63Cx.
//
// Its texts are the standards' ([StatusWords]). What a status word means to one
// applet, and what to do about it, is added by that applet's client.
type StatusWord uint16

// class is the kind of a status word (ISO/IEC 7816-4:2013 §5.6). 9000 and 61xx, which
// say that the command was carried out, have none.
type class string

// Error names the class.
func (c class) Error() string { return "card: " + string(c) }

// Classes of status words, for errors.Is.
var (
	// ErrWarning is 62xx and 63xx: carried out, with something to note. The
	// standard counts 63Cx here, although a PIN was wrong.
	ErrWarning error = class("warning")
	// ErrExecution is 64xx to 66xx: started, and failed.
	ErrExecution error = class("execution error")
	// ErrChecking is 67xx to 6Fxx: not started. 67xx, 6Bxx, 6Dxx, 6Exx and 6Fxx that
	// are not in the table are proprietary too.
	ErrChecking error = class("checking error")
	// ErrProprietary is what the standard leaves to the application: 9xxx but 9000,
	// and of 67xx, 6Bxx, 6Dxx, 6Exx and 6Fxx what it does not name.
	ErrProprietary error = class("proprietary status word")
)

// Is matches a class.
func (s StatusWord) Is(target error) bool {
	switch target {
	case ErrWarning:
		return s.sw1() == 0x62 || s.sw1() == 0x63
	case ErrExecution:
		return s.sw1() >= 0x64 && s.sw1() <= 0x66
	case ErrChecking:
		return s.sw1() >= 0x67 && s.sw1() <= 0x6F
	case ErrProprietary:
		return s.isProprietary()
	}
	return false
}

// TriesLeft is what errors.As finds in 63Cx: the counter, 0 to 15. After a command
// that verifies (ISO/IEC 7816-4:2013 §11.5.6) it is how many tries are left.
type TriesLeft int

// Error states how many tries are left.
func (n TriesLeft) Error() string {
	return fmt.Sprintf("wrong or not verified; tries left: %d", int(n))
}

// As gives the tries left of 63Cx.
func (s StatusWord) As(target any) bool {
	n, ok := target.(*TriesLeft)
	if !ok || s&0xFFF0 != SWTriesLeft {
		return false
	}
	*n = TriesLeft(s & 0x0F)
	return true
}

// Error states what the card answered and what that means by the standards.
func (s StatusWord) Error() string {
	text := fmt.Sprintf("card answered %s: %s", s.String(), s.Meaning())
	if row, known := Status(s); known && row.GlobalPlatform != "" {
		text += " (of a security domain: " + row.GlobalPlatform + ")"
	}
	return text
}

// String is the status word in four hex digits with its name, if it has one.
func (s StatusWord) String() string {
	if row, known := Status(s); known {
		return fmt.Sprintf("%04X %s", uint16(s), row.Name)
	}
	return fmt.Sprintf("%04X", uint16(s))
}

// Check fails, wrapping [ErrResponse], for what is no status word by ISO/IEC 7816-3:2006 §12.1.4:
// SW1 is 61 to 6F or 90 to 9F; 60 is a procedure byte of T=0.
func (s StatusWord) Check() error {
	if class := s & 0xF000; class == 0x9000 || class == 0x6000 && s.sw1() != 0x60 {
		return nil
	}
	return fmt.Errorf("%w: %04X is %s", ErrResponse, uint16(s), noStatusWord)
}

const noStatusWord = "no status word; it begins with 61 to 6F or 90 to 9F"

// Meaning is what the status word means by ISO/IEC 7816-4, or by another document that
// defines it; of an undefined one, its class.
func (s StatusWord) Meaning() string {
	if n := TriesLeft(0); s.As(&n) {
		return n.Error()
	}
	if row, known := Status(s); known {
		return strings.Replace(row.Meaning, "xx", fmt.Sprint(unzero(int(s&0xFF), MaxShortNe)), 1)
	}
	general, interindustry := generalMeanings[s.sw1()]
	switch {
	case interindustry && s.isProprietary():
		return general + ", proprietary: the application defines what it means"
	case interindustry:
		return general + "; SW2 is in no standard"
	case s.isProprietary():
		return "proprietary: the application defines what it means"
	}
	return noStatusWord
}

// MeaningOfDomain is the meaning of the status word from a security domain:
// GlobalPlatform's, or else [StatusWord.Meaning].
func (s StatusWord) MeaningOfDomain() string {
	if row, known := Status(s); known && row.GlobalPlatform != "" {
		return row.GlobalPlatform
	}
	return s.Meaning()
}

// generalMeanings are by SW1 (ISO/IEC 7816-4:2013 §5.6).
var generalMeanings = map[byte]string{
	0x61: "carried out",
	0x62: "warning, non-volatile memory is unchanged",
	0x63: "warning, non-volatile memory has changed",
	0x64: "execution error, non-volatile memory is unchanged",
	0x65: "execution error, non-volatile memory has changed",
	0x66: "execution error, security-related",
	0x67: "wrong length",
	0x68: "function in CLA not supported",
	0x69: "command not allowed",
	0x6A: "wrong parameters",
	0x6B: "wrong parameters P1-P2",
	0x6C: "wrong Le",
	0x6D: "instruction not supported",
	0x6E: "class not supported",
	0x6F: "no precise diagnosis",
}

// isProprietary reports whether ISO/IEC 7816-4:2013 §5.6 leaves the status word to
// the application.
func (s StatusWord) isProprietary() bool {
	switch s.sw1() {
	case 0x67, 0x6B, 0x6D, 0x6E, 0x6F:
		_, known := Status(s)
		return !known
	}
	return s>>12 == 9 && s != OK
}

func (s StatusWord) sw1() byte { return byte(s >> 8) }

// hasMore reports whether GET RESPONSE would bring more data.
func (s StatusWord) hasMore() bool { return s.sw1() == byte(SWMoreData>>8) }

// isWrongLe reports whether the same command with the Le in SW2 would be answered.
func (s StatusWord) isWrongLe() bool { return s.sw1() == byte(SWWrongLe>>8) }
