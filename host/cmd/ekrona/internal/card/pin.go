package card

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/pin"
	"ekrona.example/applet/client"
	"ekrona.example/host/cmd/ekrona/internal/cli"
)

func pINCommand(holders Holders) *cobra.Command {
	f, unblock := &holderFlags{holders: holders}, false
	chosen := cli.HolderSecret{Kind: "PIN", Flag: "--new-pin-file", Environment: "EKRONA_NEW_PIN",
		Chosen: true}
	puk := cli.HolderSecret{Kind: "PUK", Flag: "--puk-file", Environment: "EKRONA_PUK"}
	c := &cobra.Command{
		Use: "pin", Short: "Change a card's PIN, or set a new one by the PUK",
		Long: `
The new PIN, 4 to 12 digits, comes from --new-pin-file, from EKRONA_NEW_PIN, or from a
prompt, twice. With --unblock the PUK replaces a PIN that is forgotten or blocked.`,
		Example: `  ekrona card pin anna --state DIR
  ekrona card pin anna --state DIR --unblock --puk-file puk --new-pin-file pin`,
	}
	holderCommand(f, c, func(ctx context.Context, h *presentedCard) error {
		if err := errors.Join(h.absent, h.inClear); err != nil {
			return err
		}
		first, block, change := f.pin, pin.NewBlock, h.ChangePIN
		if unblock {
			first, block, change = puk, pin.NewPUKBlock, h.ResetPIN
		}
		digits := ""
		err := h.withEach(func(card HolderCard, transport client.PINTransport) error {
			letter := card.PIN
			if unblock {
				letter = card.PUK
			}
			known, err := first.Read(ctx, letter)
			if err != nil {
				return err
			}
			old, err := block(known)
			if err != nil {
				return cli.Usage("%w", err)
			}
			if digits == "" {
				if digits, err = chosen.Read(ctx, ""); err != nil {
					return err
				}
			}
			replacement, err := pin.NewBlock(digits)
			if err != nil {
				return cli.Usage("new PIN: %w", err)
			}
			if err := change(ctx, old, replacement, transport); err != nil {
				return err
			}
			if card.PairAgain != nil {
				if err := card.PairAgain(ctx, h.Client, replacement); err != nil {
					return fmt.Errorf("the card has the new PIN, but is not paired with the phone "+
						"any more: pair them again: %w", err)
				}
			}
			if err := card.NoteNewPIN(digits); err != nil {
				return fmt.Errorf("the card has the new PIN, but the PIN letter could not be "+
					"changed: %w", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return cli.Answer(c, f.asJSON, map[string]bool{"changed": true}, "the card has a new PIN")
	})
	c.Flags().BoolVar(&unblock, "unblock", false, "set the new PIN by the PUK")
	c.Flags().StringVar(&puk.File, "puk-file", "",
		"file with the PUK, readable by its owner only")
	c.Flags().StringVar(&chosen.File, "new-pin-file", "",
		"file with the new PIN, readable by its owner only")
	return c
}
