package issue

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/personalization/rehearsal"
)

// exchangeLog shows commands and answers, with --trace, as they are inside the secure
// channel; and measures time.
type exchangeLog struct {
	log    *cli.Log    // nil shows nothing
	rule   *trace.Rule // of what no log may show
	totals rehearsal.Totals
	took   time.Duration // in reader and card, or in the emulator
	failed error         // of the estimate
}

// newConversation takes over the trace from the flags, whose own shows the wire.
func newConversation(c *cobra.Command, cards *cli.CardFlags) *exchangeLog {
	talk := &exchangeLog{rule: vocabulary.Decoder().Rule()}
	if cards.Trace.On {
		log := cards.Trace.Log(c.ErrOrStderr())
		talk.log, cards.Trace = &log, cli.Trace{}
	}
	return talk
}

// reset takes note of a reset: what was selected is selected no longer.
func (t *exchangeLog) reset(atr []byte) {
	t.rule.Reset()
	if t.log != nil {
		t.log.Reset(atr)
	}
}

// Wire records the card.
func (t *exchangeLog) Wire(card apdu.Card) apdu.Card {
	return apdu.Recorder{Card: card, Secrets: t.rule.Secrets,
		Sink: func(e apdu.Exchange) {
			if !e.Carried {
				t.report(e)
			}
		}}
}

// Channel records a secure channel over the card; see [personalization.Line.Watch].
func (t *exchangeLog) Channel(channel apdu.Card) apdu.Card {
	return apdu.Recorder{Card: channel, Secrets: t.rule.Inside().Secrets, Sink: t.report}
}

func (t *exchangeLog) report(e apdu.Exchange) {
	t.totals.Add(e)
	if len(e.Wire) == 0 {
		t.took += e.Took
	}
	for _, carrier := range e.Wire {
		t.took += carrier.Took
	}
	if t.log != nil {
		t.log.Exchange(e)
	}
}

// priced wraps a virtual card and estimates how long a P71 would have taken.
func (t *exchangeLog) priced(opened *cli.OpenCard, link card.Link) apdu.Card {
	virtual := opened.Virtual
	if virtual == nil {
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

// timesAnswer is where the time went, for a script.
type timesAnswer struct {
	Commands    int     `json:"commands"`
	HostSeconds float64 `json:"host_seconds"`
	CardSeconds float64 `json:"card_seconds"`
	// Link is that with which a virtual card's time is estimated; empty for one that is measured,
	// with its reader.
	Link string `json:"estimated_by_link,omitempty"`
}

// times returns where the time went since a moment.
func (t *exchangeLog) times(since time.Time, link card.Link) timesAnswer {
	a := timesAnswer{Commands: t.totals.Commands,
		HostSeconds: (time.Since(since) - t.took).Seconds(), CardSeconds: t.took.Seconds()}
	if t.totals.Card > 0 {
		a.CardSeconds, a.Link = t.totals.Card.Seconds(), link.Name
	}
	return a
}

// String is one line for a person.
func (a timesAnswer) String() string {
	if a.Link != "" {
		return fmt.Sprintf("%d commands; host %.2f s; card about %.1f s on a P71 by %s, estimated",
			a.Commands, a.HostSeconds, a.CardSeconds, a.Link)
	}
	return fmt.Sprintf("%d commands; host %.2f s; card and reader %.2f s, measured", a.Commands,
		a.HostSeconds, a.CardSeconds)
}
