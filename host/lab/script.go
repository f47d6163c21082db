package lab

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"ekrona.example/apdu/script"
	"ekrona.example/host/shell"
)

// Line is one line of a script that does something.
type Line script.Line

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
	names := shell.Language(s.Names, s.Words)
	return readScript(&names, r)
}

// readScript reads the lines of a script in a language.
func readScript(names *script.Vocabulary, r io.Reader) ([]Line, error) {
	lines, err := names.ParseAll(r)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("the script has no line that does anything")
	}
	found := make([]Line, 0, len(lines))
	for _, l := range lines {
		if err := l.Step.Whole(); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.Number, err)
		}
		found = append(found, Line(l))
	}
	return found, nil
}

// Installs reports whether a script makes its instances itself.
func Installs(script []Line) bool {
	return slices.ContainsFunc(script, func(l Line) bool { return l.Step.Word == "install" })
}
