package catalogue_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/lab/catalogue"
	"ekrona.example/host/page/pagetest"
)

// look is what a browser makes of a page.
type look struct {
	Width, Scroll  int // of the window, of what is in it
	Refused, Taken int // rows that have a height
	Colour         string
	Exchanges      int // that are shown
	Foreign        int // what would come from elsewhere
}

// measuring is what the page measures of itself.
const measuring = `
const seen = s => [...document.querySelectorAll(s)].filter(
	e => e.getBoundingClientRect().height > 5);
return {
Width: innerWidth, Scroll: document.documentElement.scrollWidth,
Refused: seen("tr.refused").length, Taken: seen("tr.taken").length,
Colour: getComputedStyle(document.querySelector("td")).backgroundColor,
Exchanges: seen("pre").length,
Foreign: seen("img, link, iframe, script[src]").length,
}`

// The page is looked at in a browser: in a wide and a narrow window nothing is cut off, and what
// was not refused is red and shown with what was sent.
func TestPageInChromium(t *testing.T) {
	refused := played(t, catalogue.Plan{Entries: catalogue.Named("malformed signature"),
		Seed: "page"})
	genuine, _ := foundCard(t)
	require.NoError(t, genuine.Begin())
	selected, err := genuine.Card.Transmit(t.Context(),
		spec.Select.Only().APDU([]byte(spec.AppletAID)))
	require.NoError(t, err)
	taken := played(t, catalogue.Plan{Entries: catalogue.Named("logical channel"),
		Found: fake(func(c apdu.Command) apdu.Response {
			if isSelectOf(c, spec.AppletAID) {
				return selected
			}
			return apdu.Response{SW: apdu.OK}
		})})
	for _, row := range []struct {
		report *catalogue.Report
		colour string
	}{{refused, "rgb(217, 242, 217)"}, {taken, "rgb(255, 214, 208)"}} {
		var page bytes.Buffer
		require.NoError(t, row.report.HTML(&page))
		for _, width := range []string{"1280", "500"} {
			var seen look
			pagetest.Look(t, page.Bytes(), width, measuring, &seen)
			assert.LessOrEqual(t, seen.Scroll, seen.Width, "cut off at the right")
			assert.Equal(t, row.report.Count(catalogue.Refused), seen.Refused)
			assert.Equal(t, row.report.Count(catalogue.NotRefused), seen.Taken)
			assert.Equal(t, row.colour, seen.Colour)
			assert.Equal(t, seen.Taken > 0, seen.Exchanges > 0)
			assert.Zero(t, seen.Foreign)
		}
	}
}
