package sandbox

import (
	"context"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/demo"
	"ekrona.example/host/sandbox"
)

// BooksCommand is "ekrona books".
func BooksCommand() *cobra.Command {
	f, agreement := &parties.Flags{}, false
	c := &cobra.Command{
		Use:   "books",
		Short: "Show every wallet of a sandbox, and check every invariant of the protocol",
		Long: `Show every wallet of a sandbox, and check every invariant of the protocol.

Only the central bank must be there. What a bank, a terminal or a card that is missing,
damaged or in use by another command would say is "not known", and why is written below the
rows; cards that were reported lost, replaced or ended are marked.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.Run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				books, err := s.Books(ctx, agreement)
				if err != nil {
					return err
				}
				if f.AsJSON {
					err = cli.WriteJSON(c.OutOrStdout(), books)
				} else {
					err = demo.WriteBooks(c.OutOrStdout(), books)
				}
				if err != nil {
					return err
				}
				return cli.Violated(books.Violations)
			})
		},
	}
	c.Flags().BoolVar(&agreement, "agreement", false,
		"check also that all wallets agree, as they do when everyone has synchronised twice")
	return f.Bind(c)
}
