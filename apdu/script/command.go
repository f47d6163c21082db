package script

import (
	"fmt"
	"strconv"
	"strings"

	"ekrona/apdu"
	"ekrona/apdu/spec"
)

func parseCommand(words []string) (apdu.Command, error) {
	if len(words) == 0 {
		return apdu.Command{}, syntax("no command before \"->\"")
	}
	if isHex(words[0]) {
		c, err := apdu.ParseCommandText(strings.Join(words, " "))
		if err != nil {
			return apdu.Command{}, syntax("%w", err)
		}
		return c, nil
	}
	n := 0
	for n < len(words) && words[n] != "extended" && !strings.Contains(words[n], "=") {
		n++
	}
	v, err := findVariant(strings.Join(words[:n], " "))
	if err != nil {
		return apdu.Command{}, err
	}
	c := apdu.New(v)
	seen := map[string]bool{}
	for _, word := range words[n:] {
		key, value, _ := strings.Cut(word, "=")
		if seen[key] {
			return apdu.Command{}, syntax("%s is given twice", key)
		}
		seen[key] = true
		if err := setOption(&c, word, key, value); err != nil {
			return apdu.Command{}, err
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

// isHex tells whether a word is digits of whole bytes. No title of the spec
// begins with such a word.
func isHex(word string) bool {
	return len(word)%2 == 0 && strings.Trim(word, "0123456789abcdefABCDEF") == ""
}

// findVariant finds a variant by its title, or a command that has only one, or
// its first variant, by the command's name.
func findVariant(title string) (spec.Variant, error) {
	for _, c := range spec.Commands {
		for _, v := range c.Variants {
			if strings.EqualFold(v.Title(), title) {
				return v, nil
			}
		}
	}
	for _, c := range spec.Commands {
		if strings.EqualFold(c.Name, title) {
			return c.Only(), nil
		}
	}
	return spec.Variant{}, syntax("%q is neither hex nor a command of the applet's reference", title)
}

func setOption(c *apdu.Command, word, key, value string) error {
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
	case key == "data" && value != "":
		c.Data, err = apdu.ParseHex(value)
	case key == "ne":
		c.Ne, err = strconv.Atoi(value)
	default:
		return syntax("%q is not an option: use cla=, p1=, p2=, data=, ne=, extended", word)
	}
	if err != nil {
		return syntax("%s: %q is not its value", key, value)
	}
	return nil
}

func parseByte(s string) (byte, error) {
	n, err := strconv.ParseUint(s, 16, 8)
	if err == nil && len(s) != 2 {
		err = strconv.ErrSyntax
	}
	return byte(n), err
}

// commandText is the canonical text of a command: by name where its header is in
// the spec, in hex otherwise.
func commandText(c apdu.Command) string {
	v, ok := spec.Find(c.CLA, c.INS, c.P1, c.P2)
	if !ok {
		return c.String()
	}
	usual := apdu.New(v)
	var text strings.Builder
	text.WriteString(v.Title())
	if c.CLA != usual.CLA {
		fmt.Fprintf(&text, " cla=%02X", c.CLA)
	}
	if c.P1 != usual.P1 {
		fmt.Fprintf(&text, " p1=%02X", c.P1)
	}
	if len(c.Data) > 0 {
		fmt.Fprintf(&text, " data=%X", c.Data)
	}
	if c.Ne != usual.Ne {
		fmt.Fprintf(&text, " ne=%d", c.Ne)
	}
	if plain := (apdu.Command{Data: c.Data, Ne: c.Ne}); c.IsExtended() && !plain.IsExtended() {
		text.WriteString(" extended")
	}
	return text.String()
}
