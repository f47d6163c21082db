package inspect

import (
	"fmt"

	"ekrona/emulator/vm"
)

// Thrown names an exception with its reason and its place.
func Thrown(names *Names, e *vm.Exception) string {
	text := "array"
	if e.Class != nil {
		text = names.Class(e.Class)
	}
	if e.HasReason {
		text += fmt.Sprintf(" %04X", uint16(e.Reason))
	}
	return text + " at " + names.Site(e.Site)
}
