package glitch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/fault"
)

// NameOf is the whole name of faults on the n-th command of a case: skip@PAY/3#1242; of a pair
// skip@PAY/3#1242,zero#1250.
func NameOf(named string, exchange int, faults ...fault.Fault) string {
	var b strings.Builder
	for i, f := range faults {
		model, at, _ := strings.Cut(f.String(), "#")
		if i == 0 {
			fmt.Fprintf(&b, "%s@%s/%d#%s", model, named, exchange, at)
		} else {
			fmt.Fprintf(&b, ",%s#%s", model, at)
		}
	}
	return b.String()
}

// ErrNoFault reports that a name is none of a fault, or of one that cannot happen.
var ErrNoFault = errors.New("no name of a fault")

// ParseName reads the whole name of faults.
func ParseName(name string) (named string, exchange int, faults []fault.Fault, err error) {
	bad := fmt.Errorf("%q is %w, such as skip@PAY/3#1242: the model, the case, the number of the "+
		"command in it, and that of the bytecode", apdu.Brief(name), ErrNoFault)
	model, rest, ok := strings.Cut(name, "@")
	end := strings.IndexByte(rest, '#')
	if !ok || end < 0 {
		return "", 0, nil, bad
	}
	// a case's name may have # and / in it
	for !strings.ContainsRune("0123456789", rune(byteAfter(rest, end))) || !hasNumber(rest[:end]) {
		more := strings.IndexByte(rest[end+1:], '#')
		if more < 0 {
			return "", 0, nil, bad
		}
		end += 1 + more
	}
	slash := strings.LastIndexByte(rest[:end], '/')
	if exchange, err = strconv.Atoi(rest[slash+1 : end]); err != nil || exchange < 1 {
		return "", 0, nil, bad
	}
	parts := strings.Split(rest[end+1:], ",")
	parts[0] = model + "#" + parts[0]
	for _, part := range parts {
		f, err := fault.Parse(part)
		if err != nil {
			return "", 0, nil, fmt.Errorf("%w: %w", ErrNoFault, err)
		}
		faults = append(faults, f)
	}
	return rest[:slash], exchange, faults, nil
}

// byteAfter is the byte behind position i, 0 at the end.
func byteAfter(s string, i int) byte {
	if i+1 < len(s) {
		return s[i+1]
	}
	return 0
}

// hasNumber reports whether a text ends with a slash and a number.
func hasNumber(s string) bool {
	_, err := strconv.Atoi(s[strings.LastIndexByte(s, '/')+1:])
	return err == nil && strings.Contains(s, "/")
}

// isPair reports whether a name is of more than one fault.
func isPair(name string) bool {
	_, _, faults, err := ParseName(name)
	return err == nil && len(faults) > 1
}
