package liquidity

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-analyze/charts"
)

// WriteTable writes the rows as one table in Markdown.
func (r Report) WriteTable(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	row := func(cells ...any) {
		for _, c := range cells {
			fmt.Fprintf(t, "| %v\t", c)
		}
		fmt.Fprintln(t, "|")
	}
	row("case", "way", "payments wanted", "paid", "refused by cards", "claims", "waited",
		"median wait", "longest", "pool lent, most", "of its cap", "carried, bytes",
		"beside one payment", "seen by other banks", "by other payees")
	row(slices.Repeat([]any{"---"}, 15)...)
	for _, w := range r.Rows {
		row(fmt.Sprintf("%s, %d cards", w.Case, w.Cards), w.Way, w.Wanted, w.Paid, w.Refused,
			w.Count, w.Waited, hours(w.Median), hours(w.Longest),
			orNone(w.PoolMost > 0, w.PoolMost),
			orNone(w.Cap > 0, w.Cap), w.Carried, w.CarriedMost, w.AtBanks, w.AtOthers)
	}
	return t.Flush()
}

// hours are a time, rounded up to minutes.
func hours(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	minutes := int64((d + time.Minute - 1) / time.Minute)
	return fmt.Sprintf("%d:%02d h", minutes/60, minutes%60)
}

func orNone(there bool, value any) any {
	if !there {
		return "-"
	}
	return value
}

// Measures of a plot, in pixels.
const (
	plotWidth  = 800
	plotHeight = 400
)

// Plot returns a picture in SVG: of each case, by the ways, which share of its claims waited.
func (r Report) Plot() ([]byte, error) {
	var cases []string
	values := make([][]float64, len(Ways))
	for _, row := range r.Rows {
		if !slices.Contains(cases, row.Case) {
			cases = append(cases, row.Case)
		}
		way := slices.Index(Ways, row.Way)
		values[way] = append(values[way], row.share())
	}
	options := charts.NewBarChartOptionWithData(values)
	options.Title.Text = "Claims that waited, in per cent"
	for _, way := range Ways {
		options.Legend.SeriesNames = append(options.Legend.SeriesNames, string(way))
	}
	options.Legend.Offset = charts.OffsetStr{Top: charts.PositionBottom}
	options.CategoryAxis.Labels, options.CategoryAxis.LabelCount = cases, len(cases)
	options.ValueAxis[0].Min, options.ValueAxis[0].Max = charts.Ptr(0.0), charts.Ptr(100.0)
	options.ValueAxis[0].Unit = 20
	options.ValueAxis[0].ValueFormatter = func(v float64) string { return fmt.Sprintf("%.0f", v) }
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG,
		Width: plotWidth, Height: plotHeight})
	if err := painter.BarChart(options); err != nil {
		return nil, fmt.Errorf("plot: %w", err)
	}
	picture, err := painter.Bytes()
	if err != nil {
		return nil, fmt.Errorf("plot: %w", err)
	}
	return picture, nil
}

// share is the part of the claims that waited, in per cent.
func (r Row) share() float64 {
	if r.Count == 0 {
		return 0
	}
	return float64(r.Waited) * 100 / float64(r.Count)
}

// Wrong returns what does not hold or is stuck, a line each.
func (r Report) Wrong() (lines []string) {
	for _, row := range r.Rows {
		for _, line := range row.Wrong {
			lines = append(lines, strings.Join([]string{row.Case, string(row.Way), line}, ", "))
		}
	}
	return lines
}
