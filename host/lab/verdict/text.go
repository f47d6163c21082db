package verdict

import (
	"fmt"
	"io"
	"strings"

	"ekrona.example/apdu/conform"
	"ekrona.example/host/progress"
)

// Text writes the report for a person: the verdict, what is not as it must or should be, and the
// times. All says to write every check.
func (r *Report) Text(out io.Writer, all bool) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "card           %s\n", r.Card)
	if len(r.Application) > 0 {
		fmt.Fprintf(b, "application    %v\n", r.Application)
	}
	if r.Identity != nil {
		for _, f := range r.Identity.Findings {
			if f.Subject == "chip" || f.Subject == "platform" {
				fmt.Fprintf(b, "%-14s %s\n", f.Subject, f.Text)
			}
		}
	}
	b.WriteString("\n")
	for _, c := range r.Checks {
		if !all && c.Outcome != conform.Failed && c.Outcome != conform.Noted {
			continue
		}
		fmt.Fprintf(b, "%-8s  %s  %s (%s)\n", c.Outcome, c.ID, c.Rule, c.Clause)
		if c.Reason != "" {
			fmt.Fprintf(b, "          %s\n", c.Reason)
		}
	}
	for _, clause := range r.Suite.Clauses {
		for _, f := range clause.Failed {
			fmt.Fprintf(b, "failed    %s: %s\n          %s\n", clause.Command, f.Case,
				strings.ReplaceAll(f.What, "\n", "\n          "))
		}
	}
	if !all {
		r.reasons(b, conform.Allowed)
		r.reasons(b, conform.LeftOut)
	}
	if !r.Suite.Ran {
		fmt.Fprintf(b, "left out  the applet's suite: %s\n", r.Suite.Why)
	}
	for _, l := range never {
		fmt.Fprintf(b, "left out  %s: %s\n", l.What, l.Why)
	}
	for _, k := range r.Known {
		fmt.Fprintf(b, "known     %s\n", k)
	}
	if len(r.Timings) > 0 {
		fmt.Fprintf(b, "\n%s\n", r.TimedBy)
	}
	for _, t := range r.Timings {
		line := fmt.Sprintf("%-38s", t.Command)
		if t.Measured != nil {
			line += fmt.Sprintf(" %10s", milliseconds(t.Measured.MedianUs))
		}
		if us := t.ModelUs(); us > 0 {
			line += fmt.Sprintf("  model %10s", milliseconds(us))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	n := r.Count()
	fmt.Fprintf(b, "\n%d passed, %d failed, %s, %d allowed, %d left out, "+
		"in %.1f s\n%s\n", n.Passed, n.Failed, progress.Plural(n.Notes, "note"), n.Allowed,
		n.LeftOut, r.Seconds, r.Verdict)
	_, err := io.WriteString(out, b.String())
	return err
}

// reasons writes why checks have an outcome, each reason once with those of which it is.
func (r *Report) reasons(b *strings.Builder, outcome conform.Outcome) {
	var all []string
	of := map[string][]string{}
	for _, c := range r.Checks {
		if c.Outcome != outcome {
			continue
		}
		if of[c.Reason] == nil {
			all = append(all, c.Reason)
		}
		of[c.Reason] = append(of[c.Reason], c.ID)
	}
	for _, why := range all {
		fmt.Fprintf(b, "%-8s  %s: %s\n", outcome, strings.Join(of[why], ", "), why)
	}
}
