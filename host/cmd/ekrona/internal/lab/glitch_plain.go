package lab

import (
	"errors"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/applet/glitch"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

// plainRun is a script for faults played once as it is, and recorded.
type plainRun struct {
	g         *labGlitch
	c         *cobra.Command
	recording *cli.Recording
	label     string
	reset     func(atr []byte)
}

// Begin implements [glitch.Played].
func (p *plainRun) Begin(c *card.Card, seed string, lines []string) apdu.Card {
	recorded := p.recording.Card(p.label, seed)
	recorded.Head = lines
	var watched apdu.Card
	watched, p.reset = recorded.Bare(p.c, p.g.trace, c, p.g.names)
	return watched
}

// Reset implements [glitch.Played].
func (p *plainRun) Reset() { p.reset(globalplatform.ATR()) }

// playPlain plays a script once as it is, and shows and keeps what the flags say.
func (g *labGlitch) playPlain(c *cobra.Command, s *glitch.Script) error {
	recording, err := g.recorded.Create()
	if err != nil {
		return err
	}
	return errors.Join(g.playOne(c, recording, s, s.FileName), recording.Close())
}

// playOne plays a script of a recording, which tells it from others by a label.
func (g *labGlitch) playOne(
	c *cobra.Command, recording *cli.Recording, s *glitch.Script, label string,
) error {
	return s.Play(c.Context(), &plainRun{g: g, c: c, recording: recording, label: label})
}
