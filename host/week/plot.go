package week

import (
	"fmt"
	"strconv"

	"github.com/go-analyze/charts"
)

// Measures of a plot, in pixels.
const (
	plotWidth  = 800
	plotHeight = 400
)

// Plot returns a picture in SVG: for each week a line of the share of funded attempts that
// succeeded, by day, and for one with a crisis order a line of the share of cards that hold it.
func Plot(weeks ...Report) ([]byte, error) {
	days := 0
	for _, r := range weeks {
		days = max(days, len(r.Days))
	}
	var values [][]float64
	var names []string
	draw := func(name string, r Report, of func(Day) float64) {
		var line []float64
		for _, d := range r.Days {
			line = append(line, of(d))
		}
		for len(line) < days { // of a week that was broken off
			line = append(line, charts.GetNullValue())
		}
		values, names = append(values, line), append(names, name)
	}
	for _, r := range weeks {
		draw("limits "+string(r.Limits), r, Day.share)
		if r.Order != nil {
			draw("cards with the crisis order", r, func(d Day) float64 {
				return float64(d.Crisis.Cards) * 100 / float64(r.Cards)
			})
		}
	}
	options := charts.NewLineChartOptionWithData(values)
	options.Title.Text = "Funded payments that succeeded without network, in per cent"
	options.Legend.SeriesNames = names
	options.Legend.Offset = charts.OffsetStr{Top: charts.PositionBottom}
	options.XAxis.Labels = make([]string, days)
	for day := range days {
		options.XAxis.Labels[day] = "day " + strconv.Itoa(day+1)
	}
	options.YAxis[0].Min, options.YAxis[0].Max = charts.Ptr(0.0), charts.Ptr(100.0)
	options.YAxis[0].Unit = 20
	options.YAxis[0].ValueFormatter = func(v float64) string { return fmt.Sprintf("%.0f", v) }
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG,
		Width: plotWidth, Height: plotHeight})
	if err := painter.LineChart(options); err != nil {
		return nil, fmt.Errorf("plot: %w", err)
	}
	picture, err := painter.Bytes()
	if err != nil {
		return nil, fmt.Errorf("plot: %w", err)
	}
	return picture, nil
}

// share is the part of the funded attempts that succeeded, in per cent.
func (d Day) share() float64 {
	if d.Funded() == 0 {
		return charts.GetNullValue()
	}
	return float64(d.Paid) * 100 / float64(d.Funded())
}
