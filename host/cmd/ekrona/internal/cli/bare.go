package cli

import (
	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
)

// Bare is a virtual card without its manager that a tool has made, in a recording: the cause of
// each 6F00 is told by names, and what goes to the card is shown as a trace says. reset is to be
// told of each reset.
func (r *RecordedCard) Bare(
	c *cobra.Command, t Trace, virtual *card.Card, names *inspect.Names,
) (watched apdu.Card, reset func(atr []byte)) {
	out := c.ErrOrStderr()
	if r.recording.several {
		out = r.recording.Labelled(out, r.label)
	}
	watched = r.Around(explained{virtual, virtual,
		func() *inspect.Names { return names }, out})
	if !t.On {
		return watched, r.Reset
	}
	rule, log := vocabulary.Decoder().Rule(), t.Log(out)
	watched = apdu.Recorder{Card: watched, Label: r.label, Secrets: rule.Secrets,
		Sink: log.Exchange}
	return watched, func(atr []byte) {
		r.Reset(atr)
		rule.Reset()
		log.Reset(atr)
	}
}
