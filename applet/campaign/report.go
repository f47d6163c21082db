package campaign

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Outcome is the result of one variant.
type Outcome struct {
	Variant string  `json:"variant"` // its name
	Title   string  `json:"title,omitempty"`
	Verdict Verdict `json:"verdict"`
	Case    string  `json:"case,omitempty"`   // that decided; "" if none did
	Detail  string  `json:"detail,omitempty"` // what was seen
	Reason  string  `json:"reason,omitempty"` // that is written down
	Tried   int     `json:"tried"`            // cases that it was tried on
}

// judge compares a verdict with the reasons.
func (o *Outcome) judge(reasons Reasons) {
	reason, written := reasons[o.Variant]
	if !written {
		return
	}
	switch o.Verdict {
	case Finding:
		o.Verdict, o.Reason = Accepted, reason
	case Held:
		o.Verdict, o.Reason = Stale, reason
	}
}

// String is one line, without the detail.
func (o Outcome) String() string {
	line := o.Verdict.String() + "  " + o.Variant
	if o.Title != "" {
		line = o.Verdict.String() + "  " + o.Title
	}
	if o.Case != "" {
		line += "  (" + o.Case + ")"
	}
	if o.Reason != "" {
		line += "  " + o.Reason
	}
	return line
}

// Report is the results of all variants, in their order.
type Report struct {
	Campaign string    `json:"campaign"`
	Outcomes []Outcome `json:"outcomes"`
}

// Count is how many variants have that verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for _, o := range r.Outcomes {
		if o.Verdict == v {
			n++
		}
	}
	return n
}

// Tried is on how many cases variants were tried, all together.
func (r *Report) Tried() int {
	n := 0
	for _, o := range r.Outcomes {
		n += o.Tried
	}
	return n
}

// Err returns each outcome that does not pass, with its detail and, for a finding, its line
// in the list of reasons; nil if all pass.
func (r *Report) Err() error {
	var all []error
	for _, o := range r.Outcomes {
		if o.Verdict.Passes() {
			continue
		}
		text := o.String()
		if o.Detail != "" {
			text += "\n" + o.Detail
		}
		if o.Verdict == Finding {
			text += "\nin the list of reasons it would be\n" + o.Variant + Separator
		}
		all = append(all, errors.New(text))
	}
	return errors.Join(all...)
}

// summary is the count of each verdict that there is.
func (r *Report) summary() string {
	line := fmt.Sprintf("%s: %d tried", r.Campaign, len(r.Outcomes)-r.Count(Open))
	for v := Open; int(v) < len(verdictNames); v++ {
		if n := r.Count(v); n > 0 {
			line += fmt.Sprintf(", %d %s", n, v)
		}
	}
	return line
}

// Text writes the report as text: the outcomes that are not simply held, and last the
// counts.
func (r *Report) Text(to io.Writer) error {
	w := bufio.NewWriter(to)
	for _, o := range r.Outcomes {
		if o.Verdict == Held {
			continue
		}
		fmt.Fprintln(w, o)
		for line := range strings.Lines(o.Detail) {
			fmt.Fprintf(w, "    %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	fmt.Fprintln(w, r.summary())
	return w.Flush()
}

// JSON writes the whole report as one JSON object.
func (r *Report) JSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // a file, not a page: source lines stay as they are
	return e.Encode(r)
}
