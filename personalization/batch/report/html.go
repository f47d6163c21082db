package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"ekrona.example/host/page"
	"ekrona.example/personalization/batch"
)

//go:embed page.html
var pageSource string

var reportPage = page.New(pageSource, template.FuncMap{
	"short":  short,
	"moment": func(t time.Time) string { return t.Format("2006-01-02 15:04:05") },
	"number": func(f float64) string { return fmt.Sprintf("%.3f", f) },
})

// HTML writes the report as one page that needs nothing else.
func HTML(out io.Writer, r batch.Record) error {
	return reportPage.Write(out, view(r))
}
