package inspect

import (
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
)

// Sum is what ran of several methods.
type Sum struct {
	Methods        int `json:"methods"`
	MethodsReached int `json:"methods_reached"`
	Instructions   int `json:"instructions"`
	Reached        int `json:"instructions_reached"`
	Lines          int `json:"lines"`
	LinesReached   int `json:"lines_reached"`
}

// SumOf adds up a report; a line of two methods counts in each.
func SumOf(report []Covered) (s Sum) {
	for _, c := range report {
		s.Methods++
		s.Instructions += c.Instructions
		s.Reached += c.Reached
		s.Lines += len(c.Lines)
		if c.Reached > 0 {
			s.MethodsReached++
		}
		for _, l := range c.Lines {
			if l.Reached > 0 {
				s.LinesReached++
			}
		}
	}
	return s
}

// bySource sorts the methods whose lines are known by their source file.
func bySource(report []Covered) (files []string, methods map[string][]Covered) {
	methods = map[string][]Covered{}
	for _, c := range report {
		if c.Source == "" {
			continue
		}
		if methods[c.Source] == nil {
			files = append(files, c.Source)
		}
		methods[c.Source] = append(methods[c.Source], c)
	}
	slices.Sort(files)
	return files, methods
}

// lineCounts are how often the lines of a file ran, 0 for those that did not.
func lineCounts(methods []Covered) (lines []int, counts map[int]int) {
	counts = map[int]int{}
	for _, m := range methods {
		for _, l := range m.Lines {
			if _, there := counts[l.Line]; !there {
				lines = append(lines, l.Line)
			}
			counts[l.Line] = max(counts[l.Line], l.Count)
		}
	}
	slices.Sort(lines)
	return lines, counts
}

// WriteLCOV writes a report as lcov's tracefile, for genhtml and editors; source folder is
// put before the names of the files. Methods whose lines are not known are left out.
func WriteLCOV(out io.Writer, report []Covered, folder string) {
	files, methods := bySource(report)
	for _, file := range files {
		fmt.Fprintf(out, "TN:\nSF:%s\n", folder+file)
		hit := 0
		for _, m := range methods[file] {
			if len(m.Lines) == 0 {
				continue
			}
			count := 0
			if m.Reached > 0 {
				count = max(1, m.Lines[0].Count)
				hit++
			}
			fmt.Fprintf(out, "FN:%d,%s\nFNDA:%d,%s\n", m.Lines[0].Line, m.Method, count, m.Method)
		}
		fmt.Fprintf(out, "FNF:%d\nFNH:%d\n", len(methods[file]), hit)
		lines, counts := lineCounts(methods[file])
		hit = 0
		for _, l := range lines {
			fmt.Fprintf(out, "DA:%d,%d\n", l, counts[l])
			if counts[l] > 0 {
				hit++
			}
		}
		fmt.Fprintf(out, "LF:%d\nLH:%d\nend_of_record\n", len(lines), hit)
	}
}

// coverStyle is how the page looks.
const coverStyle = `body{font-family:sans-serif}td,th{padding:0 8px;text-align:left}` +
	`pre{margin:0}.y{background:#cfc}.n{background:#fcc}.p{background:#ffc}` +
	`.c{color:#777;text-align:right}`

// WriteCoverHTML writes a report as one HTML page: what ran of each method, and the sources
// with the lines that ran, where read has the file; it returns nil for one that it lacks.
func WriteCoverHTML(out io.Writer, title string, report []Covered, read func(file string) []byte) {
	sum := SumOf(report)
	fmt.Fprintf(out, "<!DOCTYPE html><meta charset=\"utf-8\"><title>%s</title><style>%s</style>\n"+
		"<h1>%s</h1><p>%s</p>\n", html.EscapeString(title), coverStyle, html.EscapeString(title),
		sum)
	fmt.Fprintln(out, "<table><tr><th>method<th>instructions<th>reached")
	for _, m := range report {
		fmt.Fprintf(out, "<tr class=%q><td>%s<td>%d<td>%d\n", shade(m.Reached, m.Instructions),
			html.EscapeString(m.Method), m.Instructions, m.Reached)
	}
	fmt.Fprintln(out, "</table>")
	files, methods := bySource(report)
	for _, file := range files {
		content := read(file)
		if content == nil {
			continue
		}
		fmt.Fprintf(out, "<h2>%s</h2><table>\n", html.EscapeString(file))
		parts := map[int]CoveredLine{}
		for _, m := range methods[file] {
			for _, l := range m.Lines {
				was := parts[l.Line]
				parts[l.Line] = CoveredLine{l.Line, was.Instructions + l.Instructions,
					was.Reached + l.Reached, max(was.Count, l.Count)}
			}
		}
		for i, line := range strings.Split(strings.TrimRight(string(content), "\n"), "\n") {
			class, count := "", ""
			if l, is := parts[i+1]; is {
				class, count = shade(l.Reached, l.Instructions), fmt.Sprint(l.Count)
			}
			fmt.Fprintf(out, "<tr class=%q><td class=\"c\">%d<td class=\"c\">%s<td><pre>%s</pre>\n",
				class, i+1, count, html.EscapeString(line))
		}
		fmt.Fprintln(out, "</table>")
	}
}

// shade is the class of what ran as a whole, in part, or not.
func shade(reached, of int) string {
	switch {
	case reached == 0:
		return "n"
	case reached < of:
		return "p"
	}
	return "y"
}

// String is the sum as one line.
func (s Sum) String() string {
	return fmt.Sprintf("%d of %d instructions, %d of %d lines, %d of %d methods reached",
		s.Reached, s.Instructions, s.LinesReached, s.Lines, s.MethodsReached, s.Methods)
}
