package rehearsal

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
)

// Totals are what exchanges come to.
type Totals struct {
	Commands int           `json:"commands"` // on the wire
	Sent     int           `json:"bytes_sent"`
	Received int           `json:"bytes_received"`
	Card     time.Duration `json:"-"` // as a P71 is estimated
}

// Add counts an exchange.
func (t *Totals) Add(e apdu.Exchange) {
	for _, below := range e.OnWire() {
		sent, received := below.Size()
		t.Commands, t.Sent, t.Received = t.Commands+1, t.Sent+sent, t.Received+received
	}
}

// String is the totals in words.
func (t Totals) String() string {
	return fmt.Sprintf("%d commands, %d bytes to the card and %d from it, about %.1f s on a P71",
		t.Commands, t.Sent, t.Received, t.Card.Seconds())
}

// MarshalJSON writes times in microseconds.
func (t Totals) MarshalJSON() ([]byte, error) {
	type plain Totals
	return json.Marshal(struct {
		plain
		Card int64 `json:"p71_us"`
	}{plain(t), t.Card.Microseconds()})
}

// Totals are what the steps come to.
func (c Case) Totals() Totals {
	var t Totals
	for _, step := range c.Steps {
		t.Add(step.Exchange)
		t.Card += step.Estimate.Of()
	}
	return t
}

// Name is the command in words, without its data.
func (s Step) Name() string { return vocabulary.Decoder().Command(s.Command).Title() }

// columns of the page, in characters.
const nameColumn = 50

// Write writes every command of the first case as a conversation, and how the other
// cases differ.
func (p Plan) Write(out io.Writer) error {
	page := &strings.Builder{}
	for n, c := range p.Cases {
		if n == 0 {
			fmt.Fprintf(page, "If %s:\n\n", c.Assumption)
			for i, step := range c.Steps {
				step.write(page, i+1)
			}
		} else {
			fmt.Fprintf(page, "\nIf %s: %s.\n", c.Assumption, difference(p.Cases[0].Steps, c.Steps))
		}
		fmt.Fprintf(page, "\n%v\n", c.Totals())
	}
	_, err := io.WriteString(out, page.String())
	return err
}

// WriteBrief writes one line for each command.
func (c Case) WriteBrief(out io.Writer) error {
	page := &strings.Builder{}
	for i, step := range c.Steps {
		fmt.Fprintf(page, "%4d > %-*s %s\n", i+1, nameColumn-2, step.Name(),
			wireText(step.Shapes()))
	}
	_, err := io.WriteString(out, page.String())
	return err
}

func wireText(wire []Shape) string {
	var all []string
	for _, shape := range wire {
		all = append(all, shape.String())
	}
	return strings.Join(all, ", ")
}

func (s Step) write(page *strings.Builder, number int) {
	lines := strings.Split(
		strings.TrimSuffix(trace.Text{}.Command(vocabulary.Decoder().Command(s.Command)), "\n"),
		"\n")
	fmt.Fprintf(page, "%4d %-*s %s  %3d ms\n", number, nameColumn, lines[0], wireText(s.Shapes()),
		s.Estimate.Of().Milliseconds())
	if s.Command.INS == gpc.InsLoad {
		return // its one line is enough
	}
	for _, line := range lines[1:] {
		fmt.Fprintf(page, "     %s\n", line)
	}
}

// String is header and length in hex.
func (s Shape) String() string {
	return fmt.Sprintf("%02X %02X %02X %02X, %3d bytes", s.CLA, s.INS, s.P1, s.P2, s.Length)
}

// difference describes how one list differs from another, between what they start and end
// with alike.
func difference(from, to []Step) string {
	same := func(a, b Step) bool { return slices.Equal(a.Shapes(), b.Shapes()) }
	begin := 0
	for begin < min(len(from), len(to)) && same(from[begin], to[begin]) {
		begin++
	}
	end := 0
	for end < min(len(from), len(to))-begin && same(from[len(from)-1-end], to[len(to)-1-end]) {
		end++
	}
	out, in := from[begin:len(from)-end], to[begin:len(to)-end]
	switch {
	case len(out) == 0 && len(in) == 0:
		return "the same commands"
	case len(in) == 0:
		return fmt.Sprintf("the same without %d to %d", begin+1, begin+len(out))
	}
	var names []string
	for _, step := range in {
		if name := step.Name(); len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	where := fmt.Sprintf("after %d", begin)
	if len(out) > 0 {
		where = fmt.Sprintf("in the place of %d to %d", begin+1, begin+len(out))
	}
	return where + ": " + strings.Join(names, ", ")
}

// MarshalJSON writes a step as a script needs it.
func (s Step) MarshalJSON() ([]byte, error) {
	type wire struct {
		Header string `json:"header"`
		Length int    `json:"length"`
	}
	var all []wire
	for _, shape := range s.Shapes() {
		all = append(all, wire{fmt.Sprintf("%02X%02X%02X%02X", shape.CLA, shape.INS, shape.P1,
			shape.P2), shape.Length})
	}
	return json.Marshal(struct {
		Name string `json:"name"`
		Wire []wire `json:"wire"`
		P71  int64  `json:"p71_us"`
	}{s.Name(), all, s.Estimate.Of().Microseconds()})
}

// MarshalJSON writes the assumption, the steps and their totals.
func (c Case) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		If     string `json:"if"`
		Steps  []Step `json:"steps"`
		Totals Totals `json:"totals"`
	}{c.Assumption, c.Steps, c.Totals()})
}
