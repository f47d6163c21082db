package verdict_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/emulator/card"
	"ekrona.example/host/lab/verdict"
	"ekrona.example/host/page/pagetest"
)

// look is what a browser makes of a page.
type look struct {
	Width, Scroll int    // of the window, of what is in it
	Verdict       string // as it is shown
	Colour        string // of the verdict
	States        int    // outcomes that have a height
	Bars, Outside int    // parts of plots, and those that reach out of their track
	Sections      int
	Images        int // what would come from elsewhere
}

// measuring is what the page measures of itself.
const measuring = `
const all = s => [...document.querySelectorAll(s)], box = e => e.getBoundingClientRect();
return {
Width: innerWidth, Scroll: document.documentElement.scrollWidth,
Verdict: document.querySelector("#verdict").innerText,
Colour: getComputedStyle(document.querySelector("#verdict b")).backgroundColor,
States: all("#checks ~ .panel td .state").filter(e => box(e).height > 5).length,
Bars: all(".track i").length,
Outside: all(".track i").filter(e => box(e).right > box(e.parentElement).right + 2.5).length,
Sections: all("h2").length, Images: all("img, link, iframe, script[src]").length,
}`

func lookedAt(t *testing.T, page []byte, width string) (seen look) {
	t.Helper()
	pagetest.Look(t, page, width, measuring, &seen)
	return seen
}

// The page is looked at in a browser: by a wide and a narrow window nothing is cut off, every check
// shows its outcome, and nothing comes from elsewhere.
func TestPageInChromium(t *testing.T) {
	r := judged(t, subject(t, managed(t, card.P71)))
	r.Virtual = false
	r.Timings[0].Measured = &verdict.Measured{Times: 10, LeastUs: 15000, MedianUs: 21000,
		MostUs: 34000}
	var page bytes.Buffer
	require.NoError(t, r.HTML(&page))
	for _, width := range []string{"1280", "500"} {
		seen := lookedAt(t, page.Bytes(), width)
		assert.LessOrEqual(t, seen.Scroll, seen.Width, "cut off at the right")
		assert.Contains(t, seen.Verdict, "Conforms: ")
		assert.Equal(t, "rgb(31, 157, 97)", seen.Colour)
		assert.Equal(t, len(r.Checks), seen.States)
		assert.Greater(t, seen.Bars, len(r.Timings))
		assert.Zero(t, seen.Outside)
		assert.GreaterOrEqual(t, seen.Sections, 5)
		assert.Zero(t, seen.Images)
	}
	r.Conforms, r.Verdict = false, "Does not conform."
	page.Reset()
	require.NoError(t, r.HTML(&page))
	assert.Equal(t, "rgb(209, 67, 91)", lookedAt(t, page.Bytes(), "1280").Colour)
}
