package catalogue

import (
	_ "embed"
	"io"

	"ekrona.example/host/page"
)

//go:embed report.html
var pageText string

var reportPage = page.New(pageText, nil)

// pagePart is the attacks on the page that are on one target.
type pagePart struct {
	Target  Target
	Results []Result
}

// HTML writes the report as one page.
func (r *Report) HTML(to io.Writer) error {
	var parts []pagePart
	for _, one := range r.Results {
		if n := len(parts); n == 0 || parts[n-1].Target != one.Target {
			parts = append(parts, pagePart{Target: one.Target})
		}
		last := &parts[len(parts)-1]
		last.Results = append(last.Results, one)
	}
	return reportPage.Write(to, struct {
		*Report
		Answer Answer
		Parts  []pagePart
	}{r, r.Answer(), parts})
}

// Class is the style of a verdict on the page.
func (v Verdict) Class() string {
	switch v {
	case Refused:
		return "refused"
	case NotRefused:
		return "taken"
	}
	return "weak"
}
