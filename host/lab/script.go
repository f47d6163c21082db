package lab

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"ekrona/apdu/script"
)

// Line is one line of a script that does something.
type Line struct {
	Number int // from 1
	Text   string
	Step   script.Step
}

// Title is the line without what is expected and without a comment, shortened for a table.
func (l Line) Title() string {
	text, _, _ := strings.Cut(l.Text, "->")
	text = strings.TrimSpace(text)
	if len(text) > titleLength {
		return text[:titleLength-3] + "..."
	}
	return text
}

// titleLength is the most of a line that a table shows.
const titleLength = 48

// ReadScript reads the lines of a script, in the language of the subject.
func (s *Subject) ReadScript(r io.Reader) ([]Line, error) {
	names := s.Names
	names.Malformed = true
	names.Words = nil
	for _, w := range s.Words {
		if !slices.Contains(names.Words, w.Name) {
			names.Words = append(names.Words, w.Name)
		}
	}
	var found []Line
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, script.MaxLine)
	for number := 1; scanner.Scan(); number++ {
		text := scanner.Text()
		step, has, err := names.ParseLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if has {
			found = append(found, Line{number, strings.TrimSpace(text), step})
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", len(found)+1, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the script has no line that does anything")
	}
	return found, nil
}

// Installs reports whether a script makes its instances itself.
func Installs(script []Line) bool {
	return slices.ContainsFunc(script, func(l Line) bool { return l.Step.Word == "install" })
}
