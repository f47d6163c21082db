package card

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
)

func profileCommand() *cobra.Command {
	constants := false
	c := &cobra.Command{
		Use:   "profile NAME | FILE",
		Short: "Write the profile of a card product as a file, to change it for one's own card",
		Long: `Write the profile of a card product as a file, to change it for a card of one's own:
memory and what objects take of it, algorithms, version, ATR, production data, transport. Every
command that has --profile takes such a file, FILE.yaml. What a file does not say is as in the
profile of "like".

NAME is one that "ekrona card memory" lists. FILE is a profile of one's own, which is checked, or
results of JCAlgTest for the card, FILE.csv, from which a profile is made.

Elliptic curves over F2m the virtual card has not, with any profile, unlimited too: an applet is
refused them with NO_SUCH_ALGORITHM.`,
		Example: `  ekrona card profile j3r180-8pin > mine.yaml
  ekrona card profile NXP_J3R180_ALGSUPPORT.csv > mine.yaml
  ekrona shell --profile mine.yaml --cap applet.cap`,
		RunE: func(c *cobra.Command, arguments []string) error {
			if constants {
				if len(arguments) > 0 {
					return cli.Usage("--constants: it lists names, and takes no profile")
				}
				for _, constant := range card.Constants() {
					fmt.Fprintln(c.OutOrStdout(), constant.Name)
				}
				return nil
			}
			if len(arguments) != 1 {
				return cli.Usage("%s takes the name of a profile, or a file", c.CommandPath())
			}
			p, err := profileOf(arguments[0])
			if err != nil {
				return err
			}
			file, err := p.File()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(file)
			return err
		},
	}
	c.Flags().BoolVar(&constants, "constants", false,
		"list the names of algorithms that \"with\" and \"without\" take")
	return c
}

func profileOf(name string) (card.Profile, error) {
	if filepath.Ext(name) != ".csv" {
		return cli.ProfileOf(name)
	}
	content, err := durable.Read(name)
	if err != nil {
		return card.Profile{}, cli.Usage("%w", err)
	}
	p, err := card.ProfileOfJCAlgTest(strings.TrimSuffix(filepath.Base(name), ".csv"), content)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return p, err
}
