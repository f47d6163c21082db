package issue

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/spec"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/personalization"
	"ekrona.example/personalization/desk"
	"ekrona.example/personalization/preflight"
)

func checkCommand() *cobra.Command {
	cards, file := &cli.CardFlags{}, &appletFlag{}
	ask, asJSON, slots := false, false, uint8(0)
	c := &cobra.Command{
		Use:   "check",
		Short: "Check, without keys, whether a card can take the applet",
		Long: `Check, without keys, whether a card can take the applet: one page of what the card
reports of itself, with a verdict. Nothing is changed on the card and no key is tried:
SELECT and GET DATA are sent, and with --ask INITIALIZE UPDATE, which names the key set
and costs no try.

Exit code 1 when the card cannot take the applet.`,
		Example: `  ekrona issue check
  ekrona issue check --card blank.card --json`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if slots < spec.MinSlots || slots > spec.MaxSlots {
				return cli.Usage("--slots: %d; give %d to %d", slots, spec.MinSlots, spec.MaxSlots)
			}
			return cli.WithCard(c, cards, func(opened *cli.OpenCard) error {
				report, err := inspect(c.Context(), opened, file, cards.Profile, slots, ask)
				if err != nil {
					return err
				}
				if asJSON {
					err = cli.WriteJSON(c.OutOrStdout(), report)
				} else {
					fmt.Fprintf(c.OutOrStdout(), "Card in %s\n\n", opened.Where)
					err = report.Write(c.OutOrStdout())
				}
				if err == nil && !report.Able {
					err = desk.ErrUnable
				}
				return err
			})
		},
	}
	cards.Add(c)
	cli.AddProfile(c, &cards.Profile)
	file.add(c)
	slotsFlag(c, &slots)
	c.Flags().BoolVar(&ask, "ask", false,
		"send INITIALIZE UPDATE too, which names the key set that the card would use")
	cli.JSONFlag(c, &asJSON)
	return c
}

// inspect examines a card before any key is tried.
func inspect(
	ctx context.Context, opened *cli.OpenCard, file *appletFlag, product string, slots uint8,
	ask bool,
) (*preflight.Report, error) {
	content, _, err := file.read()
	if err != nil {
		return nil, err
	}
	profile, err := cli.ProfileOf(product)
	if err != nil {
		return nil, err
	}
	need, err := preflight.NeedOn(content, slots, profile)
	if err != nil {
		return nil, fmt.Errorf("--cap: %w", err)
	}
	return preflight.Inspect(ctx, opened, preflight.Options{
		ATR: opened.ATR, Today: time.Now(), Need: need,
		FinalVersion: personalization.FinalKeyVersion, Ask: ask,
	})
}

// slotsFlag adds --slots.
func slotsFlag(c *cobra.Command, slots *uint8) {
	c.Flags().Uint8Var(slots, "slots", spec.DefaultSlots, fmt.Sprintf(
		"records that the card keeps until it is synchronised, %d to %d, for good",
		spec.MinSlots, spec.MaxSlots))
}
