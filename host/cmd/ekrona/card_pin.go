package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona/apdu/pin"
)

func cardPINCommand() *cobra.Command {
	f, unblock := &holderFlags{}, false
	chosen := holderSecret{kind: "PIN", flag: "--new-pin-file", environment: "EKRONA_NEW_PIN", chosen: true}
	puk := holderSecret{kind: "PUK", flag: "--puk-file", environment: "EKRONA_PUK"}
	c := &cobra.Command{
		Use: "pin", Short: "Change a card's PIN, or set a new one by the PUK",
		Long: `
The new PIN, 4 to 12 digits, comes from --new-pin-file, from EKRONA_NEW_PIN, or is asked
for twice. With --unblock the PUK stands in for a PIN that is forgotten or blocked.`,
		Example: `  ekrona card pin anna --state DIR
  ekrona card pin anna --state DIR --unblock --puk-file puk --new-pin-file pin`,
	}
	holderCommand(f, c, func(ctx context.Context, h *heldCard) error {
		if err := errors.Join(h.absent, h.inClear); err != nil {
			return err
		}
		first, block, letter, change := f.pin, pin.NewBlock, h.letter.PIN, h.ChangePIN
		if unblock {
			first, block, letter, change = puk, pin.NewPUKBlock, h.letter.PUK, h.ResetPIN
		}
		known, err := first.read(ctx, letter)
		if err != nil {
			return err
		}
		old, err := block(known)
		if err != nil {
			return usage("%w", err)
		}
		digits, err := chosen.read(ctx, "")
		if err != nil {
			return err
		}
		replacement, err := pin.NewBlock(digits)
		if err != nil {
			return usage("new PIN: %w", err)
		}
		if err := change(ctx, old, replacement, h.transport); err != nil {
			return err
		}
		if err := h.noteNewPIN(digits); err != nil {
			return fmt.Errorf("the card has the new PIN, the PIN letter could not be changed: %w", err)
		}
		return f.world.answer(c, map[string]bool{"changed": true}, "the card has a new PIN")
	})
	c.Flags().BoolVar(&unblock, "unblock", false, "set the new PIN by the PUK")
	c.Flags().StringVar(&puk.file, "puk-file", "", "file with the PUK, which its owner alone may read")
	c.Flags().StringVar(&chosen.file, "new-pin-file", "", "file with the new PIN, which its owner alone may read")
	return c
}
