package main

import "github.com/spf13/cobra"

func cardRenewCommand() *cobra.Command {
	f := &inSandbox{}
	return personCommand(f, "renew NAME", "Give a card a later certificate for its key", 0, "a person's name", func(c *cobra.Command, v visit) error {
		if err := atHand(v.person.Holder, v.person.Phone.Device()); err != nil {
			return err
		}
		until, err := v.sandbox.Renew(c.Context(), v.person)
		if err != nil {
			return err
		}
		return f.answer(c, map[string]any{"name": v.person.Name, "certificate_expiry": until.String()}, "%s's card has a certificate until %s", v.person.Name, until)
	})
}
