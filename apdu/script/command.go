package script

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ekrona.example/apdu"
)

// parseCommand reads a command, or bytes that are none, which only some vocabularies take.
func (v *Vocabulary) parseCommand(words []string) (Step, error) {
	if len(words) == 0 {
		return Step{}, syntax("no command before \"->\"")
	}
	if !isBytes(words[0]) {
		return v.parseNamed(words)
	}
	raw, hidden, err := parseHidden(strings.Join(words, " "))
	if err != nil {
		return Step{}, syntax("%w", err)
	}
	c, err := apdu.ParseCommand(raw)
	switch {
	case err == nil:
		return Step{Command: c, Hidden: hidden}, nil
	case v.Malformed:
		return Step{Malformed: raw, Hidden: hidden}, nil
	}
	return Step{}, syntax("%w", err)
}

// parseNamed reads a command by its name. Its data may have bytes that are hidden.
func (v *Vocabulary) parseNamed(words []string) (Step, error) {
	var hidden []apdu.Span
	words = slices.Clone(words)
	for i, word := range words {
		data, is := strings.CutPrefix(word, "data=")
		if !is || !strings.Contains(data, unknown) {
			continue
		}
		raw, spans, err := parseHidden(data)
		if err != nil {
			return Step{}, syntax("data: %w", err)
		}
		words[i], hidden = fmt.Sprintf("data=%X", raw), spans
	}
	c, err := v.namedCommand(words)
	if err != nil {
		return Step{}, err
	}
	for i := range hidden {
		hidden[i].From += dataAt(c)
		hidden[i].To += dataAt(c)
	}
	return Step{Command: c, Hidden: hidden}, nil
}

func (v *Vocabulary) namedCommand(words []string) (apdu.Command, error) {
	n := 0
	for n < len(words) && words[n] != "extended" && !strings.Contains(words[n], "=") {
		n++
	}
	named, err := v.command(strings.Join(words[:n], " "))
	if err != nil {
		return apdu.Command{}, err
	}
	c, seen := named.Command, map[string]string{}
	for _, word := range words[n:] {
		key, value, _ := strings.Cut(word, "=")
		if _, twice := seen[key]; twice {
			return apdu.Command{}, syntax("%s is given twice", key)
		}
		seen[key] = value
		if named.has(key) && strings.Contains(word, "=") {
			continue
		}
		if err := setOption(&c, named, word, key, value); err != nil {
			return apdu.Command{}, err
		}
	}
	for _, f := range named.Fields {
		if value, given := seen[f.Name]; given {
			if err := f.Set(&c, value); err != nil {
				return apdu.Command{}, syntax("%s: %w; it takes %s", f.Name, err, f.Help)
			}
		}
	}
	if c.Extended && !c.IsExtended() {
		return apdu.Command{}, syntax("a command without data and ne has no extended form")
	}
	c.Extended = c.IsExtended()
	if _, err := c.Bytes(); err != nil {
		return apdu.Command{}, syntax("%w", err)
	}
	return c, nil
}

// isHex reports whether a word is digits of whole bytes.
func isHex(word string) bool {
	return len(word)%2 == 0 && strings.Trim(word, "0123456789abcdefABCDEF") == ""
}

// has reports whether the command has a field of this name.
func (c Command) has(name string) bool {
	return slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Name == name })
}

// options are those of every command.
var options = []string{"cla", "p1", "p2", "data", "ne", "extended"}

func isOption(name string) bool { return slices.Contains(options, name) }

// Options are what may follow the name of a command: those of every command, and its fields.
func (c Command) Options() []string {
	var all []string
	for _, f := range c.Fields {
		all = append(all, f.Name+"=")
	}
	for _, o := range options {
		if o != "extended" {
			o += "="
		}
		all = append(all, o)
	}
	return all
}

func setOption(c *apdu.Command, named Command, word, key, value string) error {
	var err error
	switch {
	case word == "extended":
		c.Extended = true
	case key == "cla":
		c.CLA, err = parseByte(value)
	case key == "p1":
		c.P1, err = parseByte(value)
	case key == "p2":
		c.P2, err = parseByte(value)
	case key == "data":
		if c.Data, err = apdu.ParseHex(value); len(c.Data) == 0 {
			return syntax("data: %q is not its value; it takes %s", apdu.Guarded(value),
				takes(key))
		}
	case key == "ne":
		c.Ne, err = strconv.Atoi(value)
	default:
		return syntax("%q is not an option: use %s", apdu.Guarded(word),
			strings.Join(named.Options(), ", "))
	}
	if err != nil {
		return syntax("%s: %q is not its value; it takes %s", key, apdu.Brief(value), takes(key))
	}
	return nil
}

// takes says what is the value of an option that every command has.
func takes(key string) string {
	switch key {
	case "data":
		return "hex, two digits for each byte"
	case "ne":
		return "a decimal number, 0 to 65536"
	}
	return "two hex digits, such as 02"
}

func parseByte(s string) (byte, error) {
	n, err := strconv.ParseUint(s, 16, 8)
	if err == nil && len(s) != 2 {
		err = strconv.ErrSyntax
	}
	return byte(n), err
}

// commandText is the canonical text of a command, some bytes of it hidden: by name where the
// vocabulary has its header, in hex otherwise.
func (v *Vocabulary) commandText(c apdu.Command, hidden []apdu.Span) string {
	name, known := v.named(c)
	usual, at := name.Command, dataAt(c)
	for _, h := range hidden {
		known = known && h.From >= at && h.To <= at+len(c.Data)
	}
	if !known || len(c.Data) == 0 && len(usual.Data) > 0 {
		raw, err := c.Bytes()
		if err != nil {
			return c.String()
		}
		return hexText(raw, hidden)
	}
	var text strings.Builder
	text.WriteString(name.Title)
	if c.CLA != usual.CLA {
		fmt.Fprintf(&text, " cla=%02X", c.CLA)
	}
	if c.P1 != usual.P1 {
		fmt.Fprintf(&text, " p1=%02X", c.P1)
	}
	if len(c.Data) > 0 {
		inside := slices.Clone(hidden)
		for i := range inside {
			inside[i].From -= at
			inside[i].To -= at
		}
		text.WriteString(" data=" + hexText(c.Data, inside))
	}
	if c.Ne != usual.Ne {
		fmt.Fprintf(&text, " ne=%d", c.Ne)
	}
	if plain := (apdu.Command{Data: c.Data, Ne: c.Ne}); c.IsExtended() && !plain.IsExtended() {
		text.WriteString(" extended")
	}
	return text.String()
}
