package parties

import (
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/sandbox"
)

// World is what is shown and kept of the cards that a command makes for itself, in a sandbox of its
// own. There is no transcript of them: no card is as they were before.
type World struct {
	Trace    cli.Trace
	Recorded cli.RecordingFlags
}

// Add adds --trace and --capture to a command.
func (w *World) Add(c *cobra.Command) {
	w.Trace.Add(c)
	w.Recorded.AddCapture(c)
}

// Wire has the cards of a sandbox to be made kept as the flags say, until close.
func (w *World) Wire(o *sandbox.Options) (closeFiles func() error, err error) {
	recording, err := w.Recorded.Create()
	if err != nil {
		return nil, err
	}
	cards := map[string]*cli.RecordedCard{} // a card is held to its maker, and to others later
	o.Wire = func(holder string, below apdu.Card) (apdu.Card, func(atr []byte)) {
		if cards[holder] == nil {
			cards[holder] = recording.Card(holder, "")
		}
		return cards[holder].Around(below), cards[holder].Reset
	}
	return recording.Close, nil
}

// observer shows the exchanges with several cards on standard error; nil shows none.
func observer(c *cobra.Command, t cli.Trace) sandbox.Observer {
	if !t.On {
		return nil
	}
	return func(e apdu.Exchange, _ card.Stats) {
		if !e.Carried { // what carried it is shown with it
			fmt.Fprintf(c.ErrOrStderr(), "%s's card\n%s", e.Label,
				t.Text().Exchange(vocabulary.Decoder().Exchange(e)))
		}
	}
}

// Observe is [World.Wire] that shows the exchanges too.
func (w *World) Observe(
	c *cobra.Command, o *sandbox.Options,
) (closeFiles func() error, err error) {
	o.Observe = observer(c, w.Trace)
	return w.Wire(o)
}
