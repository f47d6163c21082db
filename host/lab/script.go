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

// ReadScript reads the lines of a script, in the language of the subject. Lines at its beginning
// that load the subject's CAP files are left out, and instances that it makes then are added to
// Install.
func (s *Subject) ReadScript(r io.Reader) ([]Line, error) {
	names := shell.Language(s.Names, s.Words)
	script, err := readScript(&names, r)
	if err != nil {
		return nil, err
	}
	if script = s.withoutContent(script); len(script) == 0 {
		return nil, fmt.Errorf("the script does nothing but load and install what is there already")
	}
	return script, nil
}

// withoutContent takes from the beginning of a script what the subject does by itself: loading its
// CAP files, making instances, and its cards' seed. A transcript of "ekrona shell --cap" begins
// with them; its seed and the instances that it makes are the subject's then.
func (s *Subject) withoutContent(lines []Line) []Line {
	loaded := func(name string) bool {
		return slices.ContainsFunc(s.CAPs, func(c string) bool { return shell.SameFile(c, name) })
	}
	isTranscript := false
	for i, l := range lines {
		step := l.Step
		instance, err := ParseInstance(step.Arguments)
		switch {
		case step.Word == shell.SeedWord && i == 0 && s.CardFile == "" && len(step.Arguments) == 1:
			s.Seed = step.Arguments[0]
		case step.Word == "load" && !slices.ContainsFunc(step.Arguments, func(name string) bool {
			return !loaded(name)
		}):
			isTranscript = true
		case step.Word == "install" && slices.ContainsFunc(s.Install, func(one Instance) bool {
			return shell.SameContent(step, one.step())
		}):
		case step.Word == "install" && isTranscript && err == nil &&
			step.Pattern.Check(instance.AID.String()) == nil:
			s.Install = append(s.Install, instance)
		default:
			return lines[i:]
		}
	}
	return nil
}

// step is the line that makes an instance.
func (i Instance) step() script.Step {
	step := script.Step{Word: "install", Arguments: []string{i.Module.String(), i.AID.String()}}
	if len(i.Parameters) > 0 {
		step.Arguments = append(step.Arguments, fmt.Sprintf("%X", i.Parameters))
	}
	return step
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
