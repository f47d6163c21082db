package glitch

import (
	"cmp"
	_ "embed"
	"html/template"
	"io"

	"ekrona.example/host/page"
)

//go:embed report.html
var pageText string

var reportPage = page.New(pageText, template.FuncMap{
	"joined": joined, "path": path, "effort": effort, "second": second,
})

// pageFile is a source file on the page.
type pageFile struct {
	Name  string
	Lines []pageLine
}

// pageLine is a line of it with the gains beside it.
type pageLine struct {
	Number int
	Text   string
	Gains  []Group
	Open   bool
}

// HTML writes the report as one page with the source of every method beside what is gained there.
// source returns the lines of a file, named as a [Place] has its path; without it only lines at
// which something is gained are shown.
func (r *Report) HTML(
	to io.Writer, title string, source func(path string) ([]string, error),
) error {
	var files []pageFile
	for i := 0; i < len(r.Lines); {
		path := r.Lines[i].Path
		file := pageFile{Name: cmp.Or(path, r.Lines[i].File)}
		marked := map[int]*pageLine{}
		for ; i < len(r.Lines) && r.Lines[i].Path == path; i++ {
			l := r.Lines[i]
			if l.Line == 0 {
				file.Lines = append(file.Lines, pageLine{Text: l.Method, Gains: l.Gains,
					Open: anyOpen(l.Gains)})
				continue
			}
			m := marked[l.Line]
			if m == nil {
				m = &pageLine{Number: l.Line, Text: l.Text}
				marked[l.Line] = m
				file.Lines = append(file.Lines, pageLine{})
			}
			m.Gains = append(m.Gains, l.Gains...)
			m.Open = m.Open || anyOpen(l.Gains)
		}
		if len(marked) > 0 {
			file.Lines = listing(path, marked, source)
		}
		files = append(files, file)
	}
	return reportPage.Write(to, struct {
		*Report
		Title string
		Files []pageFile
	}{r, title, files})
}

func anyOpen(groups []Group) bool {
	for _, g := range groups {
		if g.Open {
			return true
		}
	}
	return false
}

// listing is a whole file, or what is known of it.
func listing(
	path string, marked map[int]*pageLine, source func(path string) ([]string, error),
) []pageLine {
	var text []string
	if source != nil {
		text, _ = source(path) // a page without the source is still a page
	}
	last := len(text)
	for n := range marked {
		last = max(last, n)
	}
	var lines []pageLine
	for n := 1; n <= last; n++ {
		m := marked[n]
		switch {
		case m != nil:
			if n <= len(text) {
				m.Text = text[n-1]
			}
			lines = append(lines, *m)
		case n <= len(text):
			lines = append(lines, pageLine{Number: n, Text: text[n-1]})
		}
	}
	return lines
}
