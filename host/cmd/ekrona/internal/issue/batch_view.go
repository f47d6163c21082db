package issue

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"ekrona.example/apdu"
	"ekrona.example/host/progress"
)

// viewOfBatch shows the operators at the readers what happens and what to do: a line for
// each event, and below them a progress bar if the output is a terminal.
type viewOfBatch struct {
	out io.Writer
	bar *progressbar.ProgressBar // nil without a terminal

	counted bool // it was shown how many are made
}

func newBatchView(out io.Writer, count progress.Count) *viewOfBatch {
	v := &viewOfBatch{out: out}
	if file, ok := out.(interface{ Fd() uintptr }); ok && term.IsTerminal(int(file.Fd())) {
		v.bar = progressbar.NewOptions(count.Total-count.Done,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("cards"),
			progressbar.OptionSetItsString("card"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true), progressbar.OptionFullWidth(),
			progressbar.OptionSetRenderBlankState(true))
	}
	return v
}

// line shows a line.
func (v *viewOfBatch) line(line string) {
	if v.bar == nil {
		fmt.Fprintln(v.out, line)
		return
	}
	// An error of the terminal is no reason to stop issuing.
	_, _ = progressbar.Bprintln(v.bar, line)
}

// show shows an event.
func (v *viewOfBatch) show(e progress.Event) {
	v.line(sentence(e))
	v.counted = v.counted || e.Kind == progress.Made
	if e.Kind == progress.Made && v.bar != nil {
		_ = v.bar.Add(1)
	}
}

// end leaves the bar where it is.
func (v *viewOfBatch) end() {
	if v.bar != nil {
		_ = v.bar.Exit()
		fmt.Fprintln(v.out)
	}
}

// sentence describes what happened and what to do.
func sentence(e progress.Event) string {
	card := fmt.Sprintf("%s for %s", e.Device, e.Owner)
	reason := apdu.Joined(e.Text)
	insert := "take it out and insert the next"
	if e.Count.Left() == 0 {
		insert = "take it out"
	}
	switch e.Kind {
	case progress.Taken:
		if e.Stage == "" {
			return fmt.Sprintf("%s: %s: leave the card in", e.Who, card)
		}
		return fmt.Sprintf("%s: %s goes on from %q: leave the card in", e.Who, card, e.Stage)
	case progress.Made:
		return fmt.Sprintf("%s: %s is made, %d of %d, in %.1f s: %s", e.Who, card, e.Count.Done,
			e.Count.Total, e.Took.Round(100*time.Millisecond).Seconds(), insert)
	case progress.Pulled:
		if e.Device == "" {
			return fmt.Sprintf("%s: the card was taken out before it was started (%s): insert it "+
				"again", e.Who, reason)
		}
		return fmt.Sprintf("%s: %s was taken out at %q (%s): insert it again, into any reader",
			e.Who, card, orNone(e.Stage), reason)
	case progress.Failed:
		return fmt.Sprintf("%s: %s refused at %q (%s): take it out and insert it again, it is "+
			"tried once more", e.Who, card, orNone(e.Stage), reason)
	case progress.Rejected:
		return fmt.Sprintf("%s: %s is REJECTED at %q (%s): put the card aside and insert another",
			e.Who, card, orNone(e.Stage), reason)
	case progress.Refused:
		return fmt.Sprintf("%s: this card is NOT taken: %s", e.Who, reason)
	default:
		return fmt.Sprintf("%s: nothing is done with this card: %s", e.Who, reason)
	}
}
