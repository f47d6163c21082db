package bank

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/party/bank"
)

func unpairCommand() *cobra.Command {
	f, name, cards, customer := &parties.Flags{}, "", []string(nil), ""
	c := &cobra.Command{
		Use:   "unpair",
		Short: "End the pair of cards with a phone that is gone",
		Long: `End the pair of cards with a phone that is gone, for an owner who asks at the bank and has
no other phone yet. Each card ends it with its next synchronisation. Until then who has both the
phone and the card reads the card and can refuse open Requests; nobody pays without the PIN.

The phone's key for the online wallet ends with "ekrona wallet new-phone", which ends the pairs
of all the owner's cards too. A card that is gone with its phone is blocked, for good, by "ekrona
wallet lost".`,
		Example: "  ekrona bank unpair --state DIR --bank SENORDIC --customer anna",
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if (len(cards) == 0) == (customer == "") {
				return cli.Usage("%s: say which cards: --card ID, or --customer NAME for all in "+
					"use", c.CommandPath())
			}
			return f.RunOwnBank(c, name, func(ctx context.Context, b *bank.Bank) error {
				ids, err := cardsOf(ctx, b, cards, customer)
				if err != nil {
					return err
				}
				texts := []string{}
				for _, id := range ids {
					if err := b.Unpair(ctx, id); err != nil {
						return err
					}
					texts = append(texts, string(id))
				}
				return f.Answer(c, map[string]any{"cards": ids}, "%s: each ends its pair with a "+
					"phone with its next synchronisation; \"ekrona wallet pair\" pairs it with "+
					"the next phone", strings.Join(texts, ", "))
			})
		},
	}
	f.Bind(c)
	c.Flags().StringVar(&name, "bank", "", "the bank, such as SENORDIC (needed)")
	c.Flags().StringArrayVar(&cards, "card", nil, "device id of a card (repeat for more)")
	c.Flags().StringVar(&customer, "customer", "", "customer whose cards in use are meant")
	return c
}

// cardsOf returns the cards that are named, or those in use of a customer.
func cardsOf(
	ctx context.Context, b *bank.Bank, named []string, customer string,
) (ids []message.DeviceID, err error) {
	for _, card := range named {
		id, err := message.ParseDeviceID(card)
		if err != nil {
			return nil, cli.Usage("--card: %w", err)
		}
		ids = append(ids, id)
	}
	if customer == "" {
		return ids, nil
	}
	known, err := b.Cards(ctx, customer)
	if err != nil {
		return nil, err
	}
	for _, card := range known {
		if card.InUse {
			ids = append(ids, card.Device.ID)
		}
	}
	if len(ids) == 0 {
		return nil, cli.Usage("--customer: %s has no card in use", customer)
	}
	return ids, nil
}
