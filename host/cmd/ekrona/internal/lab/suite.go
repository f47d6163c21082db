package lab

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/scp03"
	"ekrona.example/applet/suite"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/personalization/cardkeys"
)

// suiteAnswer is a run of the APDU suite.
type suiteAnswer struct {
	Card     string       `json:"card"`
	Passed   int          `json:"passed"`
	Failed   []caseAnswer `json:"failed"`
	Untested []string     `json:"untested"` // rows of the spec that no case touched
}

type caseAnswer struct {
	Case string `json:"case"`
	What string `json:"what"`
}

// managedTarget is a card of which the suite installs and deletes the applet, by the keys of its
// security domain.
func managedTarget(opened *cli.OpenCard, keys scp03.KeySource) (*suite.Managed, error) {
	return suite.NewManaged(opened.Unframed, opened.Reset, keys, suite.Capabilities{
		ShortOnly: !opened.ExtendedLength, Contactless: opened.Contactless()})
}

func suiteCommand() *cobra.Command {
	cards := &cli.CardFlags{MakeBlank: true}
	keys, named, mayDelete, verbose, asJSON := "", "", false, false, false
	c := &cobra.Command{
		Use:   "suite",
		Short: "Run every case of the applet's APDU suite on a card",
		Long: `Run every case of the applet's APDU suite on a card.

The applet of this program is loaded onto the card first. The suite is the one that the
virtual card and jCardSim pass in the tests. Each case installs an instance of its own
and deletes that of the case before, for good, with all keys and money in it: take a test
card, and confirm with --delete-applet. Exit code 1 when a case fails.`,
		Example: `  ekrona lab suite --card test.card --keys test --delete-applet
  ekrona lab suite --reader ACR --keys master.key --delete-applet`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case keys == "":
				return cli.Usage("%s: name the keys that the card has: --keys test for the "+
					"published ones, --keys FILE for others", c.CommandPath())
			case !mayDelete:
				return cli.Usage("%s: each case deletes the applet of the case before for good, "+
					"and what is in it: take a test card and add --delete-applet", c.CommandPath())
			}
			source, err := cardkeys.Read(keys)
			if err != nil {
				return cli.FlagFile("--keys", err)
			}
			return cli.WithCard(c, cards, func(opened *cli.OpenCard) error {
				target, err := managedTarget(opened, source)
				if err != nil {
					return err
				}
				answer, began := suiteAnswer{Card: opened.Where, Failed: []caseAnswer{},
					Untested: []string{}}, time.Now()
				out := c.OutOrStdout()
				if asJSON {
					out = io.Discard
				}
				answer.Untested = append(answer.Untested,
					suite.Check(c.Context(), target, named, func(r suite.Result) {
						switch err := r.Err(); {
						case err != nil:
							answer.Failed = append(answer.Failed, caseAnswer{r.Case, err.Error()})
							fmt.Fprintf(out, "FAILED  %s\n%s\n", r.Case, err)
						default:
							answer.Passed++
							if verbose {
								fmt.Fprintf(out, "passed  %s\n", r.Case)
							}
						}
					})...)
				fmt.Fprintf(out, "%d cases passed, %d failed, on the card in %s, in %.1f s\n",
					answer.Passed, len(answer.Failed), answer.Card, time.Since(began).Seconds())
				if asJSON {
					err = cli.WriteJSON(c.OutOrStdout(), answer)
				}
				switch {
				case err != nil:
					return err
				case answer.Passed+len(answer.Failed) == 0:
					return cli.Usage("--case: no case has %q in its name; --verbose names those "+
						"that there are", named)
				case c.Context().Err() != nil:
					return errors.New("the suite was interrupted: start it again")
				case len(answer.Failed) > 0:
					return errSuite
				}
				return nil
			})
		},
	}
	cards.Add(c)
	cli.AddProfile(c, &cards.Profile)
	c.Flags().StringVar(&keys, "keys", "", "keys of the card's security domain: "+cardkeys.Usage)
	c.Flags().StringVar(&named, "case", "", "only the cases whose name contains this")
	c.Flags().BoolVar(&mayDelete, "delete-applet", false,
		"allow the applet on the card to be deleted, with its keys and money")
	c.Flags().BoolVar(&verbose, "verbose", false, "show the cases that pass too")
	cli.JSONFlag(c, &asJSON)
	return c
}

var errSuite = errors.New("the card is not what the applet's spec says: look at the cases above")
