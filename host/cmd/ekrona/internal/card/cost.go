package card

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/lab"
	"ekrona.example/host/cost"
)

func costCommand() *cobra.Command {
	link, asJSON, subject := "", false, &lab.Subject{}
	c := &cobra.Command{
		Use:   "cost",
		Short: "Estimate how long commands and taps take on a P71, of any applet",
		Long: `Estimate how long the e-krona's commands and taps take on a P71, or with --cap or
--card the commands of a script on any applet.

Every flow runs on a virtual card that counts its signatures, hashes, persistent writes,
bytecodes and bytes on the wire; each is multiplied by what others have measured on a
P71. The time in which a reader finds the card is not included.

` + lab.SubjectHelp,
		Example: `  ekrona card cost
  ekrona card cost --cap purse.cap --script credit.txt --link contact-115200`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			on, err := card.LinkNamed(link)
			if err != nil {
				return cli.Usage("--link: %w", err)
			}
			if subject.IsGiven() {
				return costOfScript(c, subject, on, asJSON)
			}
			if err := cli.Together(c, "it is for a script's commands: name them with --script, "+
				"and with --cap or --card what they run on", "profile", "install", "seed",
				"symbols"); err != nil {
				return err
			}
			if err := cli.Together(c, "it is for a script's commands; \"ekrona demo --trace "+
				"--capture FILE\" shows and keeps those of taps", "trace", "transcript", "capture",
				"unmask"); err != nil {
				return err
			}
			folder, done, err := cli.TemporaryFolder()
			if err != nil {
				return err
			}
			taps, err := cost.Measure(c.Context(), folder, on)
			if err = errors.Join(err, done()); err != nil {
				return err
			}
			if asJSON {
				return cli.WriteJSON(c.OutOrStdout(), taps)
			}
			return cost.Write(c.OutOrStdout(), on, taps)
		},
	}
	subject.Add(c)
	c.Flags().StringVar(&link, "link", card.Links()[0].Name,
		"link to the card: contactless-106 to -848, contact-115200, contact-460800")
	c.Flags().BoolVar(&asJSON, "json", false, "answer as JSON, times in microseconds")
	return c
}

// costOfScript estimates the commands of a script.
func costOfScript(c *cobra.Command, subject *lab.Subject, on card.Link, asJSON bool) error {
	s, script, err := subject.Open(c)
	if err != nil {
		return err
	}
	commands, unknown, err := cost.Script(c.Context(), s, script, on)
	if err != nil {
		return err
	}
	for _, what := range unknown {
		fmt.Fprintf(c.ErrOrStderr(), "not counted: %s, of which no measured time is known\n", what)
	}
	commands.Title = "the script's commands"
	if asJSON {
		return cli.WriteJSON(c.OutOrStdout(), commands)
	}
	return cost.Write(c.OutOrStdout(), on, []cost.Tap{commands})
}
