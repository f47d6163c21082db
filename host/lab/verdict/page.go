package verdict

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"ekrona.example/apdu/conform"
	"ekrona.example/emulator/card"
	emulated "ekrona.example/emulator/globalplatform"
	"ekrona.example/host/page"
)

//go:embed page.html
var pageSource string

var reportPage = page.New(pageSource, template.FuncMap{
	"yes": func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	},
	"colour": func(o conform.Outcome) string {
		return map[conform.Outcome]string{conform.Passed: "good", conform.Failed: "bad",
			conform.Noted: "warn"}[o]
	},
})

// content is what the page shows.
type content struct {
	*Report
	Outcomes Count
	Groups   []group
	Broken   []Check // failed, or noted
	Plots    []plot
	JSON     *Report
}

type group struct {
	ID, Title, Summary string
	Checks             []Check
}

// plot is a line of the plot of times; lengths are percents.
type plot struct {
	Timing
	From, Wide, Median string
	Parts              []bar
	Text               string
}

type bar struct{ Class, At, Wide, Title string }

// HTML writes the report as one page that needs nothing else. The report itself is in it, as JSON,
// in the element "report"; see [Embedded].
func (r *Report) HTML(out io.Writer) error {
	c := content{Report: r, Outcomes: r.Count(), Plots: plots(r.Timings), JSON: r}
	for _, check := range r.Checks {
		if check.Outcome == conform.Failed || check.Outcome == conform.Noted {
			c.Broken = append(c.Broken, check)
		}
	}
	for _, g := range conform.Groups {
		shown := group{ID: g.ID, Title: g.Title}
		passed, left := 0, 0
		for _, check := range r.Checks {
			if check.Group != g.ID {
				continue
			}
			shown.Checks = append(shown.Checks, check)
			switch check.Outcome {
			case conform.Passed:
				passed++
			case conform.Allowed:
				left++
			}
		}
		if len(shown.Checks) > 0 {
			shown.Summary = fmt.Sprintf("%d of %d passed", passed, len(shown.Checks))
			if left > 0 {
				shown.Summary += fmt.Sprintf(", %d allowed", left)
			}
			c.Groups = append(c.Groups, shown)
		}
	}
	return reportPage.Write(out, c)
}

// classes are the styles of the parts of an estimate.
var classes = map[card.CostGroup]string{emulated.CostManager: "manager", card.CostCrypto: "crypto",
	card.CostWrites: "writes", card.CostBytecode: "bytecode", card.CostWire: "wire"}

func plots(timings []Timing) (all []plot) {
	longest := int64(1)
	for _, t := range timings {
		longest = max(longest, t.ModelUs())
		if t.Measured != nil {
			longest = max(longest, t.Measured.MostUs)
		}
	}
	percent := func(us int64) string {
		return fmt.Sprintf("%.3f", float64(us)*100/float64(longest))
	}
	for _, t := range timings {
		p := plot{Timing: t}
		if m := t.Measured; m != nil {
			p.From, p.Wide = percent(m.LeastUs), percent(m.MostUs-m.LeastUs)
			p.Median = percent(m.MedianUs)
			p.Text = milliseconds(m.MedianUs)
		}
		at := int64(0)
		for _, part := range t.Model {
			p.Parts = append(p.Parts, bar{classes[part.Group], percent(at), percent(part.Us),
				string(part.Group) + ": " + milliseconds(part.Us)})
			at += part.Us
		}
		if at > 0 && p.Text != "" {
			p.Text += "; "
		}
		if at > 0 {
			p.Text += "model " + milliseconds(at)
		}
		all = append(all, p)
	}
	return all
}

func milliseconds(us int64) string { return fmt.Sprintf("%.1f ms", float64(us)/1000) }
