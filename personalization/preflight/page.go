package preflight

import (
	"fmt"
	"io"
	"strings"
)

// Width of the page and of its columns, in characters.
const (
	pageWidth    = 100
	markWidth    = 6
	subjectWidth = 18
)

// Verdict is the report in one sentence.
func (r *Report) Verdict() string {
	unknown := 0
	for _, f := range r.Findings {
		switch f.Mark {
		case Stop:
			return "No: this card cannot take the applet as it is. " + capital(f.Do) + "."
		case Unknown:
			unknown++
		}
	}
	if unknown > 0 {
		return "Yes, as far as a card shows without keys: this card can take the applet."
	}
	return "Yes: this card can take the applet."
}

// Obstacle is the first thing that prevents the applet and what to do, empty for a card that
// can take it.
func (r *Report) Obstacle() string {
	for _, f := range r.Findings {
		if f.Mark == Stop {
			return fmt.Sprintf("%s: %s: %s", f.Subject, f.Text, f.Do)
		}
	}
	return ""
}

func capital(text string) string {
	if text == "" {
		return "See above"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// Write writes the page: a line for each finding and the verdict.
func (r *Report) Write(out io.Writer) error {
	page := &strings.Builder{}
	for _, f := range r.Findings {
		text := f.Text
		if f.Do != "" {
			text += " -> " + f.Do
		}
		indent := strings.Repeat(" ", markWidth+subjectWidth)
		for i, line := range wrap(text, pageWidth-markWidth-subjectWidth) {
			if i == 0 {
				fmt.Fprintf(page, "%-*s%-*s%s\n", markWidth, f.Mark, subjectWidth, f.Subject, line)
			} else {
				page.WriteString(indent + line + "\n")
			}
		}
	}
	fmt.Fprintf(page, "\n%s\n", r.Verdict())
	_, err := io.WriteString(out, page.String())
	return err
}

// wrap breaks text into lines at spaces. A word that is longer stays whole.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
