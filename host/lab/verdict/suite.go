package verdict

import (
	"context"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/suite"
)

// Suite is the result of the applet's suite, by clause of its spec.
type Suite struct {
	Ran     bool     `json:"ran"`
	Why     string   `json:"why_not,omitempty"`
	Passed  int      `json:"passed"`
	Failed  int      `json:"failed"`
	Clauses []Clause `json:"clauses"`
}

// Clause is one command of the spec.
type Clause struct {
	Command  string   `json:"command"`
	Clause   string   `json:"clause"` // what it follows
	Cases    int      `json:"cases"`  // that sent it
	Failed   []Case   `json:"failed"`
	Untested []string `json:"untested"` // rows of the spec that no case touched
}

// Case is one that failed.
type Case struct {
	Case string `json:"case"`
	What string `json:"what"`
}

// watched is a target that notices when its card is lost.
type watched struct {
	suite.Target
	reset func() error
	lose  context.CancelCauseFunc
	broke bool // the present card gave no answer
	lost  error
}

func (w *watched) Install(ctx context.Context, parameters []byte) (apdu.Card, error) {
	if w.lost != nil {
		return nil, w.lost
	}
	w.broke = false
	installed, err := w.Target.Install(ctx, parameters)
	if err != nil {
		if lost := w.reset(); lost != nil {
			w.lost = lost
			w.lose(lost)
		}
		return nil, err
	}
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		r, err := installed.Transmit(ctx, c)
		w.broke = w.broke || err != nil
		return r, err
	}), nil
}

// suiteOf runs the suite. An error is that of a card that is lost, or of ctx.
func suiteOf(ctx context.Context, s *Subject) (Suite, error) {
	report := Suite{Why: s.NoSuite, Clauses: []Clause{}}
	if s.Suite == nil {
		return report, nil
	}
	running, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	w := &watched{Target: s.Suite, reset: s.Card.Reset, lose: lose}
	if s.Virtual { // it has cards of its own
		w.reset = func() error { return nil }
	}
	report.Ran = true
	clauses := map[string]*Clause{}
	for _, c := range spec.Commands {
		clauses[c.Name] = &Clause{Command: c.Name, Clause: c.Clause, Failed: []Case{},
			Untested: []string{}}
	}
	note := func(r suite.Result) {
		err := r.Err()
		if err != nil {
			report.Failed++
		} else {
			report.Passed++
		}
		for _, name := range r.Commands {
			clauses[name].Cases++
			if err != nil {
				clauses[name].Failed = append(clauses[name].Failed, Case{r.Case, err.Error()})
			}
		}
	}
	var pending []suite.Result // of a card that gave no answer: it may be gone
	missing := suite.Check(running, w, "", func(r suite.Result) {
		s.show(r.Case)
		if w.lost != nil {
			return
		}
		for _, former := range pending {
			note(former)
		}
		if pending = nil; w.broke {
			pending = append(pending, r)
			return
		}
		note(r)
	})
	if w.lost == nil {
		for _, former := range pending {
			note(former)
		}
	}
	for _, row := range missing {
		for name, clause := range clauses {
			if strings.HasPrefix(row, name+":") || strings.HasPrefix(row, name+" ") {
				clause.Untested = append(clause.Untested, row)
			}
		}
	}
	for _, c := range spec.Commands {
		report.Clauses = append(report.Clauses, *clauses[c.Name])
	}
	return report, context.Cause(running)
}
