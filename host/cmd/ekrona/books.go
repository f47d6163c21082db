package main

import (
	"context"

	"github.com/spf13/cobra"

	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/demo"
	"ekrona/host/sandbox"
)

func booksCommand() *cobra.Command {
	f, agreement := &inSandbox{}, false
	c := &cobra.Command{
		Use: "books", Short: "Every wallet of a sandbox, and every invariant of the protocol checked",
		Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.run(c, func(ctx context.Context, s *sandbox.Sandbox) error {
				books, err := s.Books(ctx, agreement)
				if err != nil {
					return err
				}
				if f.asJSON {
					err = writeJSON(c.OutOrStdout(), books)
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
	c.Flags().BoolVar(&agreement, "agreement", false, "everyone has synchronised twice: check also that all agree")
	return f.bind(c)
}
