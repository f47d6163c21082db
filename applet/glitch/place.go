package glitch

import (
	"fmt"
	"strings"

	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/lines"
)

// Places finds the source line of what ran.
type Places struct {
	table   *lines.Table // nil without one: then places are methods and offsets
	sources func(file string) ([]string, error)
}

// NewPlaces reads the table of source lines of a CAP file (package lines); that of another CAP
// file is an error. sources returns the lines of a source file, and may be nil. Without any table,
// the zero Places, a place is what the CAP file's own debug information says, or a method.
func NewPlaces(
	capFile, table []byte, sources func(file string) ([]string, error),
) (*Places, error) {
	file, err := cap.Parse(capFile)
	if err != nil {
		return nil, err
	}
	p := &Places{sources: sources}
	if p.table, err = lines.Parse(table); err != nil {
		return nil, err
	}
	if !p.table.Fits(file) {
		return nil, fmt.Errorf("the table of source lines is that of another CAP file; run " +
			"scripts/build-applet")
	}
	return p, nil
}

// Place is a source line, or as much as is known of it.
type Place struct {
	Method string `json:"method"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Text   string `json:"text,omitempty"` // of the line
}

// Of is the place of a step.
func (p *Places) Of(s fault.Step) Place {
	if p.table != nil {
		if m := p.table.At(s.PC); m != nil {
			place := Place{Method: m.String(), File: m.Source, Line: m.Line(s.PC)}
			if p.sources != nil {
				text, err := p.sources(place.File)
				if err == nil && place.Line >= 1 && place.Line <= len(text) {
					place.Text = strings.TrimSpace(text[place.Line-1])
				}
			}
			return place
		}
	}
	file, line := s.Method.Line(s.PC)
	if line == 0 {
		return Place{Method: s.Method.At(s.PC)}
	}
	return Place{Method: s.Method.String(), File: file, Line: line}
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
