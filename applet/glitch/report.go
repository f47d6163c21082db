package glitch

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"ekrona.example/applet/campaign"
)

// Line is a source line at which faults gain something.
type Line struct {
	Place
	Gains []Group // of one kind of gain by one model each
}

// Group is the faults of one model that gain the same at one line.
type Group struct {
	Kinds   []Kind
	Model   string
	Count   int
	First   Found  // the easiest to hit: with the most bytecodes in a row
	Reasons string // that are written down, for each of the kinds
	Open    bool   // no reason is written down for some kind
}

// Report is a result by source line.
type Report struct {
	*Result
	Lines     []Line
	Gains     int // single faults with a gain
	PairGains int // pairs with a gain
	Weak      int // of both, those that only garble what is signed
	Open      int // groups without a reason

	// Stale are the reasons for gains that were not found, of a campaign that tried everything.
	Stale []string
}

// KeyOf names a gain at a line in a list of reasons. It has no line number, so that it outlives a
// change elsewhere in the file.
func KeyOf(p Place, k Kind, isPair bool) string {
	key := p.Method + campaign.Separator + p.Text + campaign.Separator + string(k)
	if isPair {
		key += campaign.Separator + "pair"
	}
	return key
}

// NewReport orders a result by source line, with the reasons that are written down. all says that
// the reasons are for no more than was asked for; then one that is not needed is stale, if all that
// was asked for was tried.
func NewReport(r *Result, reasons campaign.Reasons, all bool) *Report {
	report := &Report{Result: r}
	type group struct {
		place        Place
		kinds, model string
	}
	groups := map[group]*Group{}
	var order []group
	used := map[string]bool{}
	for _, f := range r.Found {
		if f.IsPair() {
			report.PairGains++
		} else {
			report.Gains++
		}
		if IsWeak(f.Kinds) {
			report.Weak++
		}
		f.Kinds = distinct(f.Kinds)
		g := group{f.Place, fmt.Sprint(f.Kinds), f.Model}
		known := groups[g]
		if known == nil {
			known = &Group{Kinds: f.Kinds, Model: f.Model, First: f}
			groups[g] = known
			order = append(order, g)
			for _, k := range f.Kinds {
				key := KeyOf(f.Place, k, f.IsPair())
				reason, written := reasons[key]
				used[key] = used[key] || written
				known.Open = known.Open || !written
				if written && !strings.Contains(known.Reasons, reason) {
					known.Reasons = strings.TrimPrefix(known.Reasons+"; "+reason, "; ")
				}
			}
			if known.Open {
				report.Open++
			}
		}
		known.Count++
		if f.Row > known.First.Row {
			known.First = f
		}
	}
	slices.SortStableFunc(order, func(a, b group) int { return byPlace(a.place, b.place) })
	for _, g := range order {
		if n := len(report.Lines); n == 0 || report.Lines[n-1].Place != g.place {
			report.Lines = append(report.Lines, Line{Place: g.place})
		}
		last := &report.Lines[len(report.Lines)-1]
		last.Gains = append(last.Gains, *groups[g])
	}
	if all && r.Untried == 0 && r.Faults == r.Possible {
		for key := range reasons {
			if !used[key] && !strings.HasSuffix(key, campaign.Separator+"pair") {
				report.Stale = append(report.Stale, key)
			}
		}
		slices.Sort(report.Stale)
	}
	return report
}

func distinct(kinds []Kind) []Kind {
	sorted := slices.Clone(kinds)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// byPlace compares places by file, line and method.
func byPlace(a, b Place) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Method, b.Method), cmp.Compare(a.Text, b.Text))
}

// Text writes the report: the lines, and last what was tried and found.
func (r *Report) Text(to io.Writer) error {
	w := bufio.NewWriter(to)
	for _, line := range r.Lines {
		fmt.Fprintln(w, line.Place)
		for _, g := range line.Gains {
			f := g.First
			mark := "  "
			if g.Open {
				mark = "! "
			}
			fmt.Fprintf(w, "  %s%s by %s, %d times: %s\n", mark, joined(g.Kinds), g.Model, g.Count,
				strings.Join(f.Details, "; "))
			fmt.Fprintf(w, "      %s\n      %s %s, which is answered %s; called by %s\n", f.Fault,
				f.Command, f.Mnemonic, f.Answered, path(f.Path))
			if f.IsPair() {
				fmt.Fprintf(w, "      %s\n", second(f))
			}
			fmt.Fprintf(w, "      %s\n", effort(f))
			if g.Reasons != "" {
				fmt.Fprintf(w, "      stays: %s\n", g.Reasons)
			}
		}
	}
	for _, b := range r.Broken {
		fmt.Fprintf(w, "not tried: %s\n", b)
	}
	for _, key := range r.Stale {
		fmt.Fprintf(w, "nothing was found any more, delete its reason: %s\n", key)
	}
	fmt.Fprintln(w, r.Summary())
	return w.Flush()
}

func joined(kinds []Kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, string(k))
	}
	return strings.Join(all, ", ")
}

// path is the calls down to a place, without the place itself.
func path(places []Place) string {
	var all []string
	for _, p := range places[:max(0, len(places)-1)] {
		if p.File == "" {
			all = append(all, p.Method)
		} else {
			all = append(all, fmt.Sprintf("%s:%d", p.File, p.Line))
		}
	}
	if len(all) == 0 {
		return "the platform"
	}
	return strings.Join(all, " > ")
}

// second says where the second fault of a pair is.
func second(f Found) string {
	return fmt.Sprintf("bytecodes from the first fault to the second: %d; that is at %s", f.Apart,
		f.Second)
}

// effort says how easy faults are to hit.
func effort(f Found) string {
	costs := "a miss costs " + cmp.Or(f.MissCosts, "nothing")
	return fmt.Sprintf("bytecode %d of %d, about %.1f ms after the command; %d in a row gain "+
		"something; %s", f.N, f.Steps, f.Milliseconds, f.Row, costs)
}

// Summary is what was tried and found, on one line.
func (r *Report) Summary() string {
	pairs, weak := "", ""
	if r.Weak > 0 {
		weak = fmt.Sprintf(" (%d of them only garble what is signed)", r.Weak)
	}
	if r.Pairs > 0 {
		pairs = fmt.Sprintf(", pairs tried: %d, gains: %d", r.Pairs, r.PairGains)
	}
	return fmt.Sprintf("faults tried: %d, gains: %d%s at %d lines%s", r.Faults, r.Gains, weak,
		len(r.Lines), pairs)
}

// Err is nil if everything was tried and a reason is written down for every gain, and none for
// what is not there.
func (r *Report) Err() error {
	switch {
	case len(r.Broken) > 0:
		return fmt.Errorf("%d cases could not be tried, the first: %s", len(r.Broken), r.Broken[0])
	case r.Open > 0:
		return fmt.Errorf("%d kinds of gain at source lines have no reason to stay: the lines "+
			"marked with !", r.Open)
	case len(r.Stale) > 0:
		return fmt.Errorf("%d reasons are for gains that are gone, the first: %s", len(r.Stale),
			r.Stale[0])
	}
	return nil
}

// List is a list of reasons: those that are written down, but for the stale ones, and for all else
// that was found the reason that is given.
func (r *Report) List(reasons campaign.Reasons, otherwise string) string {
	keys := map[string]bool{}
	for key := range reasons {
		keys[key] = !slices.Contains(r.Stale, key)
	}
	for _, f := range r.Found {
		for _, k := range distinct(f.Kinds) {
			keys[KeyOf(f.Place, k, f.IsPair())] = true
		}
	}
	var sorted []string
	for key, stays := range keys {
		if stays {
			sorted = append(sorted, key)
		}
	}
	slices.Sort(sorted)
	var b strings.Builder
	for _, key := range sorted {
		fmt.Fprintf(&b, "%s%s%s\n", key, campaign.Separator, cmp.Or(reasons[key], otherwise))
	}
	return b.String()
}
