package inspect

import (
	"fmt"
	"strings"

	"ekrona.example/emulator/vm"
)

// Thrown names an exception with its reason and its place.
func Thrown(names *Names, e *vm.Exception) string {
	return ThrownName(names, e) + " at " + names.Site(e.Site)
}

// ThrownName names an exception with its reason, if it has one.
func ThrownName(names *Names, e *vm.Exception) string {
	class, full := "array", ""
	if e.Class != nil {
		class, full = names.Class(e.Class), e.Class.Name()
	}
	return withReason(class, full, e.HasReason, e.Reason)
}

// EscapedName is ThrownName of an exception that came out of the machine.
func EscapedName(e *vm.JavaException) string {
	return withReason(Short(e.Class), e.Class, e.HasReason, e.Reason)
}

// withReason has the short name of the class, then the number and the API's name of its reason.
func withReason(class, full string, hasReason bool, reason int16) string {
	if !hasReason {
		return class
	}
	text := fmt.Sprintf("%s %04X %s", class, uint16(reason), vm.ReasonName(full, reason))
	return strings.TrimSpace(text)
}
