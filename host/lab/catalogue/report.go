package catalogue

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Report is what became of all attacks.
type Report struct {
	Results []Result
	Found   *Found // the card that they were played on; nil for fresh ones
}

// Answer is the report, for a script.
type Answer struct {
	Card          string   `json:"card"` // what it was played on
	Tried         int      `json:"tried"`
	Refused       int      `json:"refused"`
	Not           int      `json:"not"`
	Elsewhere     int      `json:"elsewhere"`
	NotApplicable int      `json:"not_applicable"`
	LeftOut       int      `json:"left_out"`
	Verdict       string   `json:"verdict"` // what card it is
	Attacks       []Result `json:"attacks"`
}

// Answer returns the report for a script.
func (r *Report) Answer() Answer {
	a := Answer{Card: "fresh virtual cards", Tried: r.Tried(), Refused: r.Count(Refused),
		Not: r.Count(NotRefused), Elsewhere: r.Count(Elsewhere),
		NotApplicable: r.Count(NotApplicable), LeftOut: r.Count(LeftOut), Attacks: r.Results}
	if r.Found != nil {
		a.Card, a.Verdict = r.Found.Where, r.Found.Verdict
	}
	return a
}

// Count returns how many attacks have a verdict.
func (r *Report) Count(v Verdict) (n int) {
	for _, one := range r.Results {
		if one.Verdict == v {
			n++
		}
	}
	return n
}

// Tried returns how many attacks were played whose target has to refuse them.
func (r *Report) Tried() int { return r.Count(Refused) + r.Count(NotRefused) }

// ErrNotRefused says that an attack was not refused.
var ErrNotRefused = errors.New("not every attack was refused: look at those marked NOT REFUSED")

// Err returns [ErrNotRefused] if an attack was not refused.
func (r *Report) Err() error {
	if r.Count(NotRefused) > 0 {
		return ErrNotRefused
	}
	return nil
}

// Summary is the last line of the report.
func (r *Report) Summary() string {
	return fmt.Sprintf("attacks tried: %d, refused: %d, not: %d", r.Tried(), r.Count(Refused),
		r.Count(NotRefused))
}

// Besides says what was not tried, and why, by numbers; empty if all was.
func (r *Report) Besides() string {
	var parts []string
	for _, v := range []Verdict{NotApplicable, LeftOut, Elsewhere} {
		if n := r.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", v, n))
		}
	}
	return strings.Join(parts, ", ")
}

// Text writes the report: each attack with its verdict, and last how many there were of each.
func (r *Report) Text(to io.Writer) error {
	w := bufio.NewWriter(to)
	for _, one := range r.Results {
		fmt.Fprintf(w, "%-14s  %s", one.Verdict, one.Title())
		if one.Reason != "" {
			fmt.Fprintf(w, ": %s", one.Reason)
		}
		fmt.Fprintln(w)
		if one.Verdict != NotRefused {
			continue
		}
		fmt.Fprintf(w, "    threat   %s\n    defence  %s\n    clause   %s\n", one.Threat,
			one.Defence, one.Clause)
		for _, f := range one.Failures {
			way := f.Way
			if way != "" {
				way += ": "
			}
			fmt.Fprintf(w, "    %s%s\n", way, indented(f.What))
			if text := f.Text(); text != "" {
				fmt.Fprintf(w, "        %s\n", indented(text))
			}
		}
	}
	if r.Found != nil {
		fmt.Fprintln(w, r.Found.Verdict)
	}
	if besides := r.Besides(); besides != "" {
		fmt.Fprintln(w, besides)
	}
	fmt.Fprintln(w, r.Summary())
	return w.Flush()
}

// Title names the attack, and how many ways it has.
func (e Entry) Title() string {
	if len(e.Ways) < 2 {
		return e.Name
	}
	return fmt.Sprintf("%s (%d ways)", e.Name, len(e.Ways))
}

func indented(text string) string {
	return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n        ")
}

// List writes the attacks without playing them.
func List(to io.Writer, entries []Entry) error {
	w := bufio.NewWriter(to)
	for _, e := range entries {
		fmt.Fprintf(w, "%s\n    on       %s\n    threat   %s\n    defence  %s\n    clause   %s\n",
			e.Title(), e.Target, e.Threat, e.Defence, e.Clause)
		if e.Destroys != "" {
			fmt.Fprintf(w, "    destroys %s\n", e.Destroys)
		}
	}
	fmt.Fprintf(w, "attacks: %d\n", len(entries))
	return w.Flush()
}
