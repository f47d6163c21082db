package script

import (
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu"
)

// Vocabulary is what an application calls its commands and status words. The zero value
// knows commands in hex and the status words of package apdu.
type Vocabulary struct {
	// Commands are looked up in their order, by title when a script is read and by
	// header when a command is written.
	Commands []Command
	// Statuses are looked up before those of package apdu.
	Statuses []NamedStatus

	// Words are what a line may begin with beside a command.
	Words []string
	// Sending are those of Words that send one command: the card answers in their place.
	Sending []string
	// Malformed has lines in hex that are no command taken as bytes to be sent as they are.
	Malformed bool
}

// Command is a title and the command that it stands for, with the data that it has if a line gives
// none.
type Command struct {
	// Title is words with a blank between them. The first is no hex, and none has a
	// "=" or is "extended": see [Vocabulary.Check].
	Title   string
	Command apdu.Command
	// AnyP1 reports that P1 is a number from 1, and that of Command only an example.
	AnyP1 bool
	// Fields are set by name, such as "aid=A000000003", in the order of this list; those that
	// are not given are left out.
	Fields []Field
}

// Field is a named part of a command: of its data, or of P1, P2 and Ne.
type Field struct {
	// Name is in lower case, a to z, 0 to 9 and "-", and none of the options of every command.
	Name string
	Help string // what it takes
	// Set puts a value into the command; one of the data is appended to it.
	Set func(c *apdu.Command, value string) error
}

// NamedStatus is a status word and its name.
type NamedStatus struct {
	Name   string
	Status Status
}

// Check reports the first title that a script could not use.
func (v *Vocabulary) Check() error {
	for _, word := range v.Words {
		if !isWord(word) {
			return syntax("%q is no word: write a to z, no hex", word)
		}
	}
	for _, word := range v.Sending {
		if !slices.Contains(v.Words, word) {
			return syntax("%q sends a command and is none of the words", word)
		}
	}
	for _, c := range v.Commands {
		words := strings.Fields(c.Title)
		if len(words) == 0 || strings.Join(words, " ") != c.Title || isHex(words[0]) {
			return syntax("%q is no title: begin with a word that is no hex, one blank between "+
				"words",
				c.Title)
		}
		for _, word := range words {
			isSyntax := strings.ContainsAny(word, "=#") || strings.Contains(word, "->")
			if isSyntax || word == "extended" {
				return syntax("%q is no title: %q means something else in a script", c.Title, word)
			}
		}
		for i, f := range c.Fields {
			taken := isOption(f.Name) || slices.ContainsFunc(c.Fields[:i],
				func(g Field) bool { return g.Name == f.Name })
			if strings.Trim(f.Name, fieldLetters) != "" || f.Name == "" || taken {
				return syntax("%q of %s is no field: write a to z, 0 to 9 and -, once", f.Name,
					c.Title)
			}
		}
	}
	return nil
}

// fieldLetters are those of a field's name.
const fieldLetters = "abcdefghijklmnopqrstuvwxyz0123456789-"

// command finds a command by its title.
func (v *Vocabulary) command(title string) (Command, error) {
	for _, c := range v.Commands {
		if strings.EqualFold(c.Title, title) {
			return c, nil
		}
	}
	names := slices.Clone(v.Words)
	for _, c := range v.Commands {
		names = append(names, c.Title)
	}
	first, _, _ := strings.Cut(title, " ") // of a word with arguments
	near := apdu.Nearest(title, names)
	if len(near) == 0 {
		near = apdu.Nearest(first, v.Words)
	}
	text := fmt.Sprintf("%q is neither hex nor the name of a command", apdu.Guarded(title))
	if len(near) > 0 {
		text += "; nearest: " + strings.Join(near, ", ")
	}
	return Command{}, syntax("%s", text)
}

// named finds the command that a header means; the chaining bit is ignored.
func (v *Vocabulary) named(c apdu.Command) (Command, bool) {
	for _, known := range v.Commands {
		h := known.Command
		if h.CLA == c.CLA&^apdu.ClassChaining && h.INS == c.INS && h.P2 == c.P2 &&
			(h.P1 == c.P1 || known.AnyP1 && c.P1 > 0) {
			return known, true
		}
	}
	return Command{}, false
}

// status finds a status word by its name.
func (v *Vocabulary) status(name string) (Status, bool) {
	for _, s := range v.Statuses {
		if strings.EqualFold(s.Name, name) {
			return s.Status, true
		}
	}
	for _, row := range apdu.StatusWords {
		if strings.EqualFold(row.Name, name) {
			return statusOf(row)
		}
	}
	return Status{}, false
}

// StatusName is a status word in four hex digits with its name, if it has one.
func (v *Vocabulary) StatusName(sw apdu.StatusWord) string {
	for _, s := range v.Statuses {
		if s.Status.matches(sw) {
			return fmt.Sprintf("%04X %s", uint16(sw), s.Name)
		}
	}
	return sw.String()
}

// statusOf is a row's status word with digits that may be anything, where that says the
// same as the row's first and last.
func statusOf(row apdu.StatusRow) (Status, bool) {
	s := Status{Code: uint16(row.First), Mask: 0xFFFF}
	for digit := uint16(0x000F); s.Code|^s.Mask != uint16(row.Last) && digit != 0; digit <<= 4 {
		s.Mask &^= digit
	}
	return s, s.Code&s.Mask == s.Code && s.Code|^s.Mask == uint16(row.Last)
}
