package inspect

import (
	"fmt"

	"ekrona.example/emulator/vm"
)

// Thrown names an exception with its reason and its place.
func Thrown(names *Names, e *vm.Exception) string {
	return ThrownName(names, e) + " at " + names.Site(e.Site)
}

// ThrownName names an exception with its reason, if it has one.
func ThrownName(names *Names, e *vm.Exception) string {
	class := "array"
	if e.Class != nil {
		class = names.Class(e.Class)
	}
	return withReason(class, e.HasReason, e.Reason)
}

// EscapedName is ThrownName of an exception that came out of the machine.
func EscapedName(e *vm.JavaException) string {
	return withReason(Short(e.Class), e.HasReason, e.Reason)
}

func withReason(class string, hasReason bool, reason int16) string {
	if hasReason {
		return fmt.Sprintf("%s %04X", class, uint16(reason))
	}
	return class
}
