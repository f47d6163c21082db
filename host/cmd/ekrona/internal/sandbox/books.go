package sandbox

import (
	"context"

	"github.com/spf13/cobra"

	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/cmd/ekrona/internal/parties"
	"ekrona/host/demo"
	"ekrona/host/sandbox"
)

// BooksCommand is "ekrona books".
func BooksCommand() *cobra.Command {
	f, agreement := &parties.Flags{}, false
	c := &cobra.Command{
		Use: "books", Short: "Every wallet of a sandbox, and every invariant of the protocol " +
			"checked",
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
		"everyone has synchronised twice: check also that all agree")
	return f.Bind(c)
}
