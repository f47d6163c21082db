package suite

import (
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
)

// row is one line of the spec that a case can touch: a variant's success, or a
// command's status word. A status word with digits that vary counts as one.
type row struct {
	Command string
	Variant string // of a success only
	SW      apdu.StatusWord
}

func (r row) String() string {
	name := r.Command
	if r.Variant != "" {
		name += " " + r.Variant
	}
	return fmt.Sprintf("%s: %s", name, spec.StatusText(r.SW))
}

// noCommand is the name of the rows that belong to no command.
const noCommand = "(no command)"

// underSecureMessaging is the name of the rows of what carries the other rows.
const underSecureMessaging = "(secure messaging)"

// reachable reports whether a card that works can answer the command so at all.
func reachable(c *spec.Command, sw apdu.StatusWord) bool {
	switch sw {
	case spec.SWUnknown:
		return false // what it answers to an error of its own
	case spec.SWInstruction:
		return false // belongs to no command: see specRows
	case spec.SWChaining:
		return len(c.Variants[0].In) == 0
	case spec.SWChannel:
		return c != spec.Select // on a channel it is the platform's, and may open that
	}
	return true
}

// specRows are all rows of the spec.
func specRows() []row {
	rows := []row{{Command: noCommand, SW: spec.SWInstruction},
		{Command: underSecureMessaging, SW: spec.SWOK},
		{Command: underSecureMessaging, SW: spec.SWMACWrong}}
	for _, c := range spec.Commands {
		for _, v := range c.Variants {
			rows = append(rows, row{c.Name, v.Name, spec.SWOK})
		}
		for _, a := range slices.Concat(c.Answers, spec.CommonAnswers) {
			if reachable(c, a.SW) {
				rows = append(rows, row{Command: c.Name, SW: a.SW})
			}
		}
	}
	return rows
}

// coverage collects the rows that exchanges touched, and what a card answered
// that is in no row.
type coverage struct {
	touched    map[row]int
	unexpected []string
	commands   map[byte]*spec.Command // by instruction
}

func newCoverage() *coverage {
	v := &coverage{touched: make(map[row]int), commands: make(map[byte]*spec.Command)}
	for _, c := range spec.Commands {
		v.commands[c.INS] = c
	}
	return v
}

// note counts one exchange. A part of a chain that is not the last does not count as a
// command, unless it is refused. 61xx is the success of its command: the rest of the
// answer follows.
func (v *coverage) note(c apdu.Command, r apdu.Response) {
	if c.IsChained() && r.SW == apdu.OK {
		return
	}
	status, known := spec.Status(r.SW)
	command := v.commands[c.INS]
	touched := row{Command: noCommand, SW: status.Code}
	switch {
	case command == nil:
	case isSecured(c) && (r.SW == apdu.OK || status.Code == spec.SWMoreData):
		touched = row{Command: underSecureMessaging, SW: spec.SWOK}
	case isSecured(c) && r.SW == spec.SWMACWrong:
		touched = row{Command: underSecureMessaging, SW: spec.SWMACWrong}
	case r.SW == apdu.OK || status.Code == spec.SWMoreData:
		variant, found := spec.Find(c.CLA, c.INS, c.P1, c.P2)
		known = known && found
		touched = row{command.Name, variant.Name, spec.SWOK}
	default:
		touched.Command = command.Name
	}
	if !known || !slices.Contains(allRows, touched) {
		v.unexpected = append(v.unexpected,
			fmt.Sprintf("%s was answered %s; it is in no row of the spec",
				header(c), spec.StatusText(r.SW)))
		return
	}
	v.touched[touched]++
}

// isSecured reports whether a command is under secure messaging.
func isSecured(c apdu.Command) bool { return c.CLA&spec.ClassSecured == spec.ClassSecured }

// add counts what another has counted.
func (v *coverage) add(other *coverage) {
	for r, n := range other.touched {
		v.touched[r] += n
	}
}

// missing are the rows that nothing touched, in the order of the spec.
func (v *coverage) missing() []row {
	return slices.DeleteFunc(specRows(), func(r row) bool {
		return v.touched[r] > 0 || r.isOptional()
	})
}

// isOptional reports whether a card may do without: it need not find the next application of
// a name (JCRE 3.0.4 §4.5.2).
func (r row) isOptional() bool {
	return r.Command == spec.Select.Name && strings.HasPrefix(r.Variant, "next")
}

// commandNames are the names of the spec's commands that were sent, in the spec's order.
func (v *coverage) commandNames() (names []string) {
	sent := map[string]bool{}
	for r := range v.touched {
		sent[r.Command] = true
	}
	for _, c := range spec.Commands {
		if sent[c.Name] {
			names = append(names, c.Name)
		}
	}
	return names
}

// allRows are the rows that a card may touch at all.
var allRows = specRows()

// header names a command without its data, which may hold a PIN.
func header(c apdu.Command) string {
	return fmt.Sprintf("%02X %02X %02X %02X with %d bytes", c.CLA, c.INS, c.P1, c.P2, len(c.Data))
}

// record is a sink for [apdu.Recorder]: it counts each exchange that has a response.
func (v *coverage) record(e apdu.Exchange) {
	if e.Err == nil {
		v.note(e.Command, e.Response)
	}
}
