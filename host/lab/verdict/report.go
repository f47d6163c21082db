package verdict

import (
	"fmt"

	"ekrona.example/apdu/conform"
	"ekrona.example/apdu/gpc"
	"ekrona.example/apdu/symptom"
	"ekrona.example/host/progress"
	"ekrona.example/personalization/preflight"
)

// Form is the version of a report's form in JSON. Since 2 a check can be "allowed".
const Form = 2

// Report is the verdict on a card.
type Report struct {
	Form        int     `json:"form"`
	Made        string  `json:"made"` // RFC 3339
	Card        string  `json:"card"` // the reader, or what kind of virtual card
	Virtual     bool    `json:"virtual"`
	Application gpc.Hex `json:"application"` // its AID; empty for none
	// Verdict is one sentence, and Conforms whether nothing failed and nothing was interrupted.
	Verdict  string `json:"verdict"`
	Conforms bool   `json:"conforms"`
	// Interrupted is why the run ended before its end; empty if it did not.
	Interrupted string `json:"interrupted,omitempty"`

	Identity *Identity         `json:"identity"` // nil if the card did not last as long
	Facts    Facts             `json:"facts"`
	Checks   []Check           `json:"checks"`
	Suite    Suite             `json:"suite"`
	Timings  []Timing          `json:"timings"`
	TimedBy  string            `json:"timed_by"`
	LeftOut  []LeftOut         `json:"left_out"`
	Known    []symptom.Symptom `json:"known"` // causes that others report of such answers
	Seconds  float64           `json:"seconds"`
}

// Identity is what a card reports of itself. What the e-krona applet needs of a card is told where
// it is the applet under test, and nowhere else.
type Identity struct {
	*preflight.Report
	// Able is whether the card can take the e-krona applet; nil if another is under test.
	Able *bool `json:"can_take_the_applet,omitempty"`
}

// Facts is what the card has, no verdict.
type Facts struct {
	LogicalChannels int  `json:"logical_channels"` // beside the basic one
	Chaining        bool `json:"chaining"`
	PartialSelect   bool `json:"partial_select"`
	Extended        bool `json:"extended_length"` // of card and reader
}

// Check is a check with its outcome.
type Check struct {
	ID        string          `json:"id"`
	Group     string          `json:"group"`
	Clause    string          `json:"clause"`
	Rule      string          `json:"rule"`
	Should    bool            `json:"should"` // else must
	Outcome   conform.Outcome `json:"outcome"`
	Reason    string          `json:"reason,omitempty"`
	Exchanges []Exchange      `json:"exchanges"`
}

// Exchange is one command of a check.
type Exchange struct {
	Sent     gpc.Hex `json:"sent"`
	Received gpc.Hex `json:"received"` // data and status word; empty if none came
	Failed   string  `json:"failed,omitempty"`
	Wanted   string  `json:"wanted,omitempty"`
}

// LeftOut is what was not tested, and why.
type LeftOut struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// never is what no check does, on purpose.
var never = []LeftOut{
	{"VERIFY and other commands that count tries", "a wrong value costs the card one"},
	{"Commands that write: UPDATE, PUT DATA, STORE DATA, INSTALL, DELETE",
		"they change the card for good; the applet's suite sends its own, when it is allowed to"},
	{"Electrical and protocol tests of ISO/IEC 10373", "they need a reader made for it"},
}

func checkOf(r conform.Result) Check {
	c := Check{ID: r.Check.ID, Group: r.Check.Group(), Clause: r.Check.Clause, Rule: r.Check.Rule,
		Should: r.Check.Should, Outcome: r.Outcome, Reason: r.Reason, Exchanges: []Exchange{}}
	for _, a := range r.Answers {
		c.Exchanges = append(c.Exchanges, Exchange{Sent: a.Sent, Received: a.Received,
			Failed: a.Failed, Wanted: a.Wanted})
	}
	return c
}

// Count is how many checks and cases have each outcome.
type Count struct{ Passed, Failed, Notes, Allowed, LeftOut int }

// Count counts the checks.
func (r *Report) Count() (n Count) {
	for _, c := range r.Checks {
		switch c.Outcome {
		case conform.Passed:
			n.Passed++
		case conform.Failed:
			n.Failed++
		case conform.Noted:
			n.Notes++
		case conform.Allowed:
			n.Allowed++
		case conform.LeftOut:
			n.LeftOut++
		}
	}
	return n
}

// judge makes the verdict.
func (r *Report) judge() {
	n := r.Count()
	for _, c := range r.Checks {
		if c.Outcome == conform.LeftOut {
			r.LeftOut = append(r.LeftOut, LeftOut{c.ID + ": " + c.Rule, c.Reason})
		}
	}
	r.LeftOut = append(r.LeftOut, never...)
	failed := n.Failed + r.Suite.Failed
	r.Conforms = failed == 0 && r.Interrupted == "" && n.Passed > 0
	tested := progress.Plural(n.Passed+n.Failed+n.Notes+n.Allowed, "check") + " by ISO/IEC 7816"
	if r.Suite.Ran {
		tested += " and " + progress.Plural(r.Suite.Passed+r.Suite.Failed, "case") +
			" by the applet's spec"
	}
	switch {
	case r.Interrupted != "":
		r.Verdict = fmt.Sprintf("Interrupted after %s: %s", tested, r.Interrupted)
	case failed > 0:
		r.Verdict = fmt.Sprintf("Does not conform: %d of %s failed.", failed, tested)
	case n.Passed == 0:
		r.Verdict = "Nothing could be tested."
	default:
		r.Verdict = fmt.Sprintf("Conforms: nothing of %s failed.", tested)
	}
	if n.Notes > 0 {
		r.Verdict += fmt.Sprintf(" %s: what should be is not.", progress.Plural(n.Notes, "note"))
	}
}
