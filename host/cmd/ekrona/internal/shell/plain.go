package shell

import (
	"errors"

	"github.com/spf13/cobra"

	"ekrona.example/host/lab"
	"ekrona.example/host/shell"
)

// Plain are --trace, --transcript, --capture and --unmask of a tool that does a script again and
// again, torn or altered: they show and keep the script done once as it is.
type Plain struct{ flags flags }

// PlainHelp tells what the flags of a [Plain] are for.
const PlainHelp = `--trace shows, and --transcript and --capture keep, the script done once as it is, before all else;
the seed of its card is that of --seed. Of a 6F00 the cause is said on standard error.`

// Add adds the flags.
func (p *Plain) Add(c *cobra.Command) { p.flags.addRecording(c) }

// Do does the script once on a card of the subject, if a flag wants to have it.
func (p *Plain) Do(c *cobra.Command, subject lab.Subject, script []lab.Line) error {
	f := p.flags
	if !f.trace.On && f.transcript == "" && f.capture == "" {
		return nil
	}
	f.seed, subject.Decoder = subject.Seed, f.decoder()
	prepared, err := subject.Lines()
	if err != nil {
		return err
	}
	bench, err := subject.Blank()
	if err != nil {
		return err
	}
	err = f.recorded(c, bench.Session, true, func(s *shell.Session) error {
		for _, line := range prepared {
			r := s.Prepare(c.Context(), line)
			if err := r.Err(); err != nil {
				return err
			}
			f.done(r)
		}
		for _, l := range script {
			f.done(s.Execute(c.Context(), l.Text)) // what fails in it is the tool's to tell
		}
		return c.Context().Err()
	})
	return errors.Join(err, bench.Close())
}
