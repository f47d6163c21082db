package glitch

import (
	"fmt"
	"strings"
	"sync"

	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/lines"
	"ekrona.example/emulator/vm"
)

// Places finds the source line of what ran. The zero value knows what the CAP files' own debug
// information says.
type Places struct {
	tables  []*lines.Table
	sources func(path string) ([]string, error)

	mu    sync.Mutex
	known map[string]*lines.Table // of the CAP file of a package, by its AID
	texts map[string][]string     // of source files, by their path
}

// NewPlaces makes places for CAP files without debug information, each of which has its table of
// source lines (package lines) among these; of one that has none a place is a method. sources
// returns the lines of a source file, named with the folders of its package, and may be nil.
func NewPlaces(sources func(path string) ([]string, error), tables ...*lines.Table) *Places {
	return &Places{tables: tables, sources: sources}
}

// of is the table of a package; an empty one where nothing is known. All cards of a campaign have
// the same CAP files.
func (p *Places) of(on *vm.Package) *lines.Table {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = map[string]*lines.Table{}
	}
	name := string(on.AID())
	if p.known[name] == nil {
		p.known[name] = p.tableOf(on)
	}
	return p.known[name]
}

func (p *Places) tableOf(on *vm.Package) *lines.Table {
	file := on.File()
	if file == nil {
		return &lines.Table{}
	}
	if made, err := lines.Of(file); err == nil {
		return made
	}
	for _, t := range p.tables {
		if t.Fits(file) {
			return t
		}
	}
	return &lines.Table{}
}

// text is a line of a source file; "" where it is not to be had.
func (p *Places) text(path string, line int) string {
	if p.sources == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	text, known := p.texts[path]
	if !known {
		if p.texts == nil {
			p.texts = map[string][]string{}
		}
		text, _ = p.sources(path) // a place without its text is still a place
		p.texts[path] = text
	}
	if line < 1 || line > len(text) {
		return ""
	}
	return strings.TrimSpace(text[line-1])
}

// Place is a source line, or as much as is known of it.
type Place struct {
	Method string `json:"method"`
	File   string `json:"file,omitempty"`
	Path   string `json:"path,omitempty"` // of the file, with the folders of its package
	Line   int    `json:"line,omitempty"`
	Text   string `json:"text,omitempty"` // of the line
}

// Of is the place of a step.
func (p *Places) Of(s fault.Step) Place {
	m := p.of(s.Method.Package()).At(s.PC)
	if m == nil {
		return Place{Method: s.Method.At(s.PC)}
	}
	line := m.Line(s.PC)
	return Place{Method: m.String(), File: m.Source, Path: m.Path(), Line: line,
		Text: p.text(m.Path(), line)}
}

// String is file, line, method and text.
func (p Place) String() string {
	if p.File == "" {
		return p.Method
	}
	at := fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Method)
	if p.Text == "" {
		return at
	}
	return at + ": " + p.Text
}
