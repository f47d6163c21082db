package cost

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
)

// groups are what a command's time is made of, with the letter that draws each in a bar.
var groups = []struct {
	group  card.CostGroup
	letter string
}{{card.CostCrypto, "#"}, {card.CostWrites, "w"}, {card.CostBytecode, "b"}, {card.CostWire, "="},
	{globalplatform.CostManager, "m"}}

// barStep is what one letter of a bar stands for.
const barStep = 5 * time.Millisecond

// longestBar is what a bar still draws.
const longestBar = 2 * time.Second

// Write draws the taps as tables of commands with a bar for each.
func Write(out io.Writer, link card.Link, taps []Tap) error {
	p := &printer{out: out}
	p.line("Estimated on an NXP P71 over %s, in ms. One letter of a bar is %d ms:", link.Name,
		barStep.Milliseconds())
	p.line("# signatures and hashes, w persistent writes, b bytecodes, = the wire.")
	if slices.ContainsFunc(taps, Tap.isManaged) {
		p.line("m what the card's manager takes in all, as published.")
	}
	for _, t := range taps {
		p.line("\n%s", t.Title)
		p.line("  %-34s %6s %6s %8s %6s %6s %6s %6s %6s", "", "writes", "bytes", "bytecode",
			"crypto", "writes", "code", "wire", "sum")
		for _, c := range t.shortened() {
			p.line("  %-34s %6d %6d %8d %6s %6s %6s %6s %6s  %s", c.Title, c.Stats.Writes,
				c.Stats.WrittenBytes, c.Stats.Bytecodes,
				ms(c.Cost.Of(card.CostCrypto)), ms(c.Cost.Of(card.CostWrites)),
				ms(c.Cost.Of(card.CostBytecode)),
				ms(c.Cost.Of(card.CostWire)), ms(c.Cost.Of()), bar(c.Cost))
		}
		whole := "the whole tap"
		if t.Script {
			whole = "all together"
		}
		p.line("  %-34s %52s %6s  %s", whole, "", ms(t.Total()), verdict(t))
		if t.Goal > 0 || t.Script {
			p.items(t)
		}
	}
	return p.err
}

// fewAlike is how many commands of one name in a row are a line each.
const fewAlike = 8

// shortened returns the commands of a tap with a longer row of one name as one of them.
func (t Tap) shortened() (lines []Command) {
	if t.Script {
		return t.Commands
	}
	for n := 0; n < len(t.Commands); {
		end := n + 1
		for end < len(t.Commands) && t.Commands[end].Title == t.Commands[n].Title {
			end++
		}
		if end-n <= fewAlike {
			lines, n = append(lines, t.Commands[n:end]...), end
			continue
		}
		all := Command{Title: fmt.Sprintf("%s, %d times", t.Commands[n].Title, end-n)}
		for ; n < end; n++ {
			c := t.Commands[n]
			all.Stats.Writes += c.Stats.Writes
			all.Stats.WrittenBytes += c.Stats.WrittenBytes
			all.Stats.Bytecodes += c.Stats.Bytecodes
			all.Cost = append(all.Cost, c.Cost...)
		}
		lines = append(lines, all)
	}
	return lines
}

// isManaged reports whether the card's manager carried out a command.
func (t Tap) isManaged() bool {
	return slices.ContainsFunc(t.Commands,
		func(c Command) bool { return c.Cost.Of(globalplatform.CostManager) > 0 })
}

// items draws what a tap with a goal is spent on.
func (p *printer) items(t Tap) {
	p.line("\n  %-34s %6s %8s", "where it goes", "times", "ms")
	for _, i := range t.Items() {
		p.line("  %-34s %6d %8.2f", i.What, i.Count, float64(i.Time)/float64(time.Millisecond))
	}
}

func verdict(t Tap) string {
	switch {
	case t.Goal == 0:
		return ""
	case t.Total() > t.Goal:
		return fmt.Sprintf("MISSES the goal of %s ms", ms(t.Goal))
	default:
		return fmt.Sprintf("within the goal of %s ms", ms(t.Goal))
	}
}

func bar(c card.Cost) string {
	var drawn strings.Builder
	if c.Of() > longestBar {
		return "..."
	}
	for _, g := range groups {
		drawn.WriteString(strings.Repeat(g.letter, int(c.Of(g.group).Round(barStep)/barStep)))
	}
	return drawn.String()
}

func ms(d time.Duration) string { return fmt.Sprint(d.Round(time.Millisecond).Milliseconds()) }

type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, arguments ...any) {
	if _, err := fmt.Fprintf(p.out, format+"\n", arguments...); p.err == nil {
		p.err = err
	}
}

// MarshalJSON writes times in microseconds.
func (t Tap) MarshalJSON() ([]byte, error) {
	type command struct {
		Title        string           `json:"title"`
		Writes       int              `json:"writes"`
		WrittenBytes int              `json:"written_bytes"`
		Bytecodes    int              `json:"bytecodes"`
		Microseconds map[string]int64 `json:"microseconds"`
	}
	all := []command{}
	for _, c := range t.Commands {
		times := map[string]int64{"sum": c.Cost.Of().Microseconds()}
		for _, g := range groups {
			times[string(g.group)] = c.Cost.Of(g.group).Microseconds()
		}
		all = append(all, command{c.Title, c.Stats.Writes, c.Stats.WrittenBytes, c.Stats.Bytecodes,
			times})
	}
	type item struct {
		Group        card.CostGroup `json:"group"`
		What         string         `json:"what"`
		Count        int            `json:"count"`
		Microseconds int64          `json:"microseconds"`
	}
	items := []item{}
	for _, i := range t.Items() {
		items = append(items, item{i.Group, i.What, i.Count, i.Time.Microseconds()})
	}
	return json.Marshal(map[string]any{
		"title": t.Title, "goal_microseconds": t.Goal.Microseconds(),
		"microseconds": t.Total().Microseconds(), "commands": all, "items": items,
	})
}
