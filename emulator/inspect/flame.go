package inspect

import (
	"fmt"
	"html"
	"io"
)

// The measures of a flame graph, in pixels.
const (
	flameWidth  = 1200.0
	flameRow    = 18
	flameLetter = 6.6 // of the font, on average
	flameLeast  = 0.5 // a narrower box is left out
)

// WriteFlame writes the profile as a flame graph in SVG: a box for each method in its place in
// the calls, as wide as its bytecodes with those of what it called; the outermost at the top.
// Pointing at a box shows its name and numbers.
func (p *Profile) WriteFlame(out io.Writer, title string) {
	total, deepest := p.root.all(), p.root.deepest()
	height := (deepest+1)*flameRow + flameRow
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" `+
		`font-family="monospace" font-size="11">`+"\n", flameWidth, height)
	fmt.Fprintf(out, `<text x="4" y="13">%s: %d bytecodes</text>`+"\n", html.EscapeString(title),
		total)
	p.root.draw(out, p.names, box{width: flameWidth, row: 1, total: max(total, 1)})
	fmt.Fprintln(out, "</svg>")
}

// box is where a node is drawn.
type box struct {
	x, width float64
	row      int
	total    int
}

func (n *node) deepest() int {
	most := 0
	for _, c := range n.below {
		if c.all() > 0 {
			most = max(most, 1+c.deepest())
		}
	}
	return most
}

func (n *node) draw(out io.Writer, names *Names, at box) {
	x := at.x
	for _, c := range n.below {
		all := c.all()
		width := flameWidth * float64(all) / float64(at.total)
		if width < flameLeast {
			continue
		}
		name := names.Method(c.method)
		y := at.row * flameRow
		fmt.Fprintf(out, `<g><title>%s: %d bytecodes (%.1f %%), %d its own, %d calls</title>`+
			`<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" stroke="white"/>`,
			html.EscapeString(name), all, 100*float64(all)/float64(at.total), c.own, c.calls, x, y,
			width, flameRow-1, colour(name))
		if letters := int(width / flameLetter); letters > 2 {
			fmt.Fprintf(out, `<text x="%.1f" y="%d">%s</text>`, x+2, y+13,
				html.EscapeString(cut(name, letters)))
		}
		fmt.Fprintln(out, "</g>")
		c.draw(out, names, box{x, width, at.row + 1, at.total})
		x += width
	}
}

func cut(name string, letters int) string {
	if len(name) <= letters {
		return name
	}
	return name[:letters-1] + "…"
}

// colour is a warm one that follows from the name.
func colour(name string) string {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return fmt.Sprintf("#%02X%02X%02X", 220+h%36, 110+h>>8%110, 60+h>>16%40)
}
