package week

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// Report is what became of a week.
type Report struct {
	Cards     int       `json:"cards"`
	Terminals int       `json:"terminals"`
	Seed      uint64    `json:"seed"`
	Limits    Limits    `json:"limits"`
	Liquidity Liquidity `json:"liquidity,omitzero"`
	Order     *Order    `json:"order,omitempty"` // the crisis order, if there was one
	Days      []Day     `json:"days"`
	Morning   *Morning  `json:"morning,omitempty"` // nil when it did not come to it
	// Violations are the invariants that did not hold, before the morning after and then.
	Violations []string `json:"violations"`
	BrokenOff  bool     `json:"broken_off,omitempty"`
	// Digest is of everything above: the same for the same plan.
	Digest string `json:"digest"`

	// How long it took, which no seed decides: for a person, not for a script.
	IssuingSeconds float64 `json:"-"`
	PayingSeconds  float64 `json:"-"`
	AuditSeconds   float64 `json:"-"` // of the last evening
	MorningSeconds float64 `json:"-"`
}

// Day is one day without network, and its evening.
type Day struct {
	Day      int      `json:"day"` // from 1
	Attempts int      `json:"attempts"`
	Unfunded int      `json:"unfunded"` // the card held less
	Paid     int      `json:"paid"`
	Failed   []Failed `json:"failed"` // of the funded ones, the most frequent reason first
	Torn     int      `json:"torn"`   // taps, healed or not
	// BusiestHour is the most sales that one terminal made in an hour.
	BusiestHour int `json:"busiest_hour"`

	Balances Sums   `json:"balances"` // of the cards, in the evening
	Records  Spread `json:"records"`  // in the cards' logs
	Receipts Spread `json:"receipts"` // of the terminals, since the network went
	Taken    Sums   `json:"taken"`    // by the terminals, since then

	Crisis Spreading `json:"crisis,omitzero"` // of the order, in the evening
}

// Failed is how many funded attempts failed for a reason.
type Failed struct {
	Reason
	Count int `json:"count"`
}

// Spread is how numbers are spread.
type Spread struct {
	Least  int64 `json:"least"`
	Median int64 `json:"median"`
	Most   int64 `json:"most"`
	Sum    int64 `json:"sum"`
}

// Sums is how sums of money are spread.
type Sums struct {
	Least  money.Ore `json:"least_ore"`
	Median money.Ore `json:"median_ore"`
	Most   money.Ore `json:"most_ore"`
	Sum    money.Ore `json:"sum_ore"`
}

func newSums(sums []int64) Sums {
	s := newSpread(sums)
	return Sums{money.Ore(s.Least), money.Ore(s.Median), money.Ore(s.Most), money.Ore(s.Sum)}
}

// Funded returns how many attempts the payer's card could have paid.
func (d Day) Funded() int { return d.Attempts - d.Unfunded }

// newDay counts what became of the attempts of a day.
func newDay(day int, attempts []attempt) Day {
	d := Day{Day: day + 1, Failed: []Failed{}}
	failed := map[Reason]int{}
	hours := map[[2]int]int{}
	for _, a := range attempts {
		if !a.outcome.played {
			continue
		}
		d.Attempts++
		d.Torn += a.outcome.torn
		switch {
		case a.outcome.unfunded:
			d.Unfunded++
		case a.outcome.reason != (Reason{}):
			failed[a.outcome.reason]++
		default:
			d.Paid++
			if a.merchant != nobody {
				hour := [2]int{a.merchant, a.minute / 60}
				hours[hour]++
				d.BusiestHour = max(d.BusiestHour, hours[hour])
			}
		}
	}
	for reason, count := range failed {
		d.Failed = append(d.Failed, Failed{reason, count})
	}
	slices.SortFunc(d.Failed, func(a, b Failed) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.String(), b.String()))
	})
	return d
}

// look fills in what cards and terminals hold.
func (d *Day) look(w *world, cards []*message.State) {
	var balances, records, receipts, taken []int64
	for _, c := range cards {
		balances = append(balances, int64(c.Balance))
		records = append(records, int64(c.ATC-c.AckedATC))
	}
	for _, s := range w.merchants {
		receipts = append(receipts, int64(s.receipts))
		taken = append(taken, int64(s.taken))
	}
	d.Balances, d.Records = newSums(balances), newSpread(records)
	d.Receipts, d.Taken = newSpread(receipts), newSums(taken)
}

func newSpread(numbers []int64) (s Spread) {
	slices.Sort(numbers)
	for _, n := range numbers {
		s.Sum += n
	}
	if n := len(numbers); n > 0 {
		s.Least, s.Median, s.Most = numbers[0], numbers[n/2], numbers[n-1]
	}
	return s
}

// WriteTable writes the days of weeks as one table in Markdown, a row for each day.
func WriteTable(out io.Writer, weeks ...Report) error {
	t := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row := func(cells ...any) {
		for _, c := range cells {
			fmt.Fprintf(t, "| %v\t", c)
		}
		fmt.Fprintln(t, "|")
	}
	row("limits", "day", "funded", "paid", "share", "why the others did not", "torn taps",
		"on a card, median", "log, most", "receipts, most", "taken, most",
		"order on cards, terminals")
	row(slices.Repeat([]any{"---"}, 12)...)
	for _, r := range weeks {
		for _, d := range r.Days {
			row(r.Limits, d.Day, d.Funded(), d.Paid, percent(d.Paid, d.Funded()),
				d.reasons(), d.Torn, d.Balances.Median, d.Records.Most,
				d.Receipts.Most, d.Taken.Most, r.spread(d))
		}
	}
	return t.Flush()
}

// spread returns which share of cards and of terminals held the crisis order in the evening of a
// day, and nothing for a day without an order or an evening.
func (r Report) spread(d Day) string {
	if d.Crisis.Used == nil {
		return ""
	}
	return percent(d.Crisis.Cards, r.Cards) + ", " + percent(d.Crisis.Terminals, r.Terminals)
}

// reasons returns why funded attempts did not succeed.
func (d Day) reasons() string {
	var all []string
	for _, f := range d.Failed {
		all = append(all, fmt.Sprintf("%v %d", f.Reason, f.Count))
	}
	return strings.Join(all, ", ")
}

// percent returns a share, rounded down, so that 100 % means all.
func percent(part, of int) string {
	if of == 0 {
		return "-"
	}
	hundredths := int64(part) * 10_000 / int64(of)
	return fmt.Sprintf("%d.%02d %%", hundredths/100, hundredths%100)
}
