package issue

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"ekrona/apdu"
	"ekrona/apdu/trace"
	"ekrona/emulator/card"
	"ekrona/emulator/globalplatform"
	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/personalization/rehearsal"
)

// conversation shows what is said with a card, if that is wanted, as it was meant and
// not as the secure channel makes it; and counts time.
type conversation struct {
	rehearsal.Recorder
	to     io.Writer // nil shows nothing
	totals rehearsal.Totals
	took   time.Duration // in reader and card, or in the emulator
	failed error         // of the estimate
}

// newConversation takes over the trace from the flags, whose own shows the wire.
func newConversation(c *cobra.Command, cards *cli.CardFlags) *conversation {
	talk := &conversation{}
	if cards.Traced {
		talk.to, cards.Traced = c.ErrOrStderr(), false
	}
	talk.Tell = talk.tell
	return talk
}

func (t *conversation) tell(e rehearsal.Exchange) {
	t.totals.Add(e)
	t.took += e.Took
	if t.to == nil {
		return
	}
	answer := fmt.Sprintf("< no answer: %v\n", e.Err)
	if e.Err == nil {
		answer = trace.Response(e.Command, e.Response)
	}
	fmt.Fprintf(t.to, "%s%s", trace.Command(e.Command), answer)
}

// priced stands before a virtual card and estimates how long a P71 would have taken.
func (t *conversation) priced(opened *cli.OpenCard, link card.Link) apdu.Card {
	virtual, isVirtual := opened.Unframed.(interface {
		LastCommand() globalplatform.Account
	})
	if !isVirtual {
		return opened
	}
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		response, err := opened.Transmit(ctx, c)
		cost, failed := globalplatform.Estimate(virtual.LastCommand(), link)
		if t.totals.Card += cost.Of(); failed != nil {
			t.failed = failed
		}
		return response, err
	})
}

// times is one line about where the time went since a moment.
func (t *conversation) times(since time.Time, link card.Link) string {
	host := time.Since(since) - t.took
	if t.totals.Card > 0 {
		return fmt.Sprintf("%d commands; host %.2f s; card about %.1f s on a P71 by %s, estimated", t.totals.Commands, host.Seconds(), t.totals.Card.Seconds(), link.Name)
	}
	return fmt.Sprintf("%d commands; host %.2f s; card and reader %.2f s, measured", t.totals.Commands, host.Seconds(), t.took.Seconds())
}
