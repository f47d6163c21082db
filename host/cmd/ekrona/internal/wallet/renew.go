package wallet

import (
	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/parties"
)

// RenewCommand is "ekrona card renew".
func RenewCommand() *cobra.Command {
	f := &parties.Flags{}
	return parties.PersonCommand(f, "renew NAME",
		"Renew a card's certificate: a later last day for the same key", 0,
		"a person's name", func(c *cobra.Command, v parties.Visit) error {
			if err := parties.AtHand(v.Person.Holder, v.Person.Phone.Device()); err != nil {
				return err
			}
			until, err := v.Sandbox.Renew(c.Context(), v.Person)
			if err != nil {
				return err
			}
			return f.Answer(c, map[string]any{"name": v.Person.Name,
				"certificate_expiry": until.String()}, "%s's card has a certificate until %s",
				v.Person.Name, until)
		})
}
