// Package page is what the HTML pages of this program have in common: one file that needs nothing
// else, one look, by day and by night, on a narrow screen and on paper. Start at [New].
//
// A page's own template defines "title", "body" and, if it needs any, "style":
//
//	{{define "title"}}Cards of {{.Job}}{{end}}
//	{{define "style"}}.lane { display:grid }{{end}}
//	{{define "body"}}<h1>Cards of {{.Job}}</h1>{{end}}
//
// Styles that all have: .soft, .num (figures to the right), .tiles with .tile, .panel around a
// table, .state with .good, .warn or .bad (a word in colour), .key (of a plot).
//
// Templates escape what they are given: a page can show what a card or a stranger sent.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed page.html
var frame string

// Page is a template of a page.
type Page struct{ template *template.Template }

// New makes a page of its own template, with functions for it beside those of html/template. It
// panics if the template cannot be parsed: it belongs to the program.
func New(own string, functions template.FuncMap) Page {
	framed := template.Must(template.New("page").Funcs(functions).Parse(frame))
	return Page{template.Must(framed.Parse(own))}
}

// Write writes the page for a value.
func (p Page) Write(out io.Writer, value any) error {
	if err := p.template.ExecuteTemplate(out, "page", value); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}
