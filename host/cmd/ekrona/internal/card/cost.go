package card

import (
	"errors"

	"github.com/spf13/cobra"

	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cost"
)

func costCommand() *cobra.Command {
	link, asJSON := "", false
	c := &cobra.Command{
		Use:   "cost",
		Short: "Estimate how long the applet's commands and taps take on a P71",
		Long: `Estimate how long the applet's commands and taps take on a P71.

Every flow runs on a virtual card that counts its signatures, hashes, persistent writes,
bytecodes and bytes on the wire; each is multiplied by what others have measured on a
P71. The time in which a reader finds the card is not included.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			on, err := card.LinkNamed(link)
			if err != nil {
				return cli.Usage("--link: %w", err)
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
	c.Flags().StringVar(&link, "link", card.Links()[0].Name,
		"link to the card: contactless-106 to -848, contact-115200, contact-460800")
	c.Flags().BoolVar(&asJSON, "json", false, "answer as JSON, times in microseconds")
	return c
}
