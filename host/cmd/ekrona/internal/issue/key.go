package issue

import (
	"crypto/rand"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/personalization/cardkeys"
)

func keyCommand() *cobra.Command {
	bits, asJSON := 256, false
	c := &cobra.Command{
		Use:   "key FILE",
		Short: "Make a master key, from which each card's keys are derived",
		Long: `Make a master key in a new file, from which each card's keys are derived: the counter
KDF of NIST SP 800-108 with AES-CMAC over the card's diversification data, which card
tools know as KDF3. Keep a copy: without it the cards cannot be managed any more.`,
		Example: `  ekrona issue key master.key`,
		Args:    cli.Exactly(1, "the name of a file"),
		RunE: func(c *cobra.Command, arguments []string) error {
			const bitsPerByte = 8
			if bits%bitsPerByte != 0 {
				return cli.Usage("--bits: 128, 192 or 256, not %d", bits)
			}
			if err := cardkeys.Create(arguments[0], bits/bitsPerByte, rand.Reader); err != nil {
				return err
			}
			return cli.Answer(c, asJSON, struct {
				File string `json:"file"`
				Bits int    `json:"bits"`
			}{arguments[0], bits}, "AES-%d master key in %s", bits, arguments[0])
		},
	}
	c.Flags().IntVar(&bits, "bits", bits, "length: 128, 192 or 256; to replace a supplier's "+
		"numbered key set it must have the length of that")
	cli.JSONFlag(c, &asJSON)
	return c
}
