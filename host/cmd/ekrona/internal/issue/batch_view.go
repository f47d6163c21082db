package issue

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"ekrona/personalization/batch"
)

// viewOfBatch shows the people at the readers what happens and what they should do: a
// line for each event, and under them a bar if it is shown on a terminal.
type viewOfBatch struct {
	out io.Writer
	bar *progressbar.ProgressBar // nil without a terminal
}

func newBatchView(out io.Writer, count batch.Count) *viewOfBatch {
	v := &viewOfBatch{out: out}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		v.bar = progressbar.NewOptions(count.Total-count.Active,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("cards"), progressbar.OptionSetItsString("card"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true), progressbar.OptionFullWidth(), progressbar.OptionSetRenderBlankState(true))
	}
	return v
}

// say shows a line.
func (v *viewOfBatch) say(line string) {
	if v.bar == nil {
		fmt.Fprintln(v.out, line)
		return
	}
	// An error of the terminal is no reason to stop issuing.
	_, _ = progressbar.Bprintln(v.bar, line)
}

// told shows a notice.
func (v *viewOfBatch) told(n batch.Notice, count batch.Count) {
	v.say(sentence(n, count))
	if n.Kind == batch.Made && v.bar != nil {
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

// sentence says what happened and what to do.
func sentence(n batch.Notice, count batch.Count) string {
	card := fmt.Sprintf("%s for %s", n.Device, n.Owner)
	reason := strings.Join(strings.Fields(n.Reason), " ")
	insert := "take it out and insert the next"
	if count.Active+count.Begun == count.Total {
		insert = "take it out"
	}
	switch n.Kind {
	case batch.Taken:
		if n.Stage == 0 {
			return fmt.Sprintf("%s: %s: leave the card in", n.Reader, card)
		}
		return fmt.Sprintf("%s: %s goes on from %q: leave the card in", n.Reader, card, n.Stage)
	case batch.Made:
		return fmt.Sprintf("%s: %s is made, %d of %d, in %.1f s: %s", n.Reader, card, count.Active, count.Total, n.Took.Round(100*time.Millisecond).Seconds(), insert)
	case batch.Pulled:
		if n.Device == "" {
			return fmt.Sprintf("%s: the card went away before it was begun (%s): insert it again", n.Reader, reason)
		}
		return fmt.Sprintf("%s: %s went away at %q (%s): insert it again, into any reader", n.Reader, card, orNone(n.Stage), reason)
	case batch.Failed:
		return fmt.Sprintf("%s: %s refused at %q (%s): take it out and insert it again, it is tried once more", n.Reader, card, orNone(n.Stage), reason)
	case batch.Rejected:
		return fmt.Sprintf("%s: %s is REJECTED at %q (%s): put the card aside and insert another", n.Reader, card, orNone(n.Stage), reason)
	case batch.Refused:
		return fmt.Sprintf("%s: this card is NOT taken: %s", n.Reader, reason)
	default:
		return fmt.Sprintf("%s: nothing is done with this card: %s", n.Reader, reason)
	}
}
