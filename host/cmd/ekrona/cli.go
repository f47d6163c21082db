package main

import (
	"io"

	"github.com/spf13/cobra"

	"ekrona/host/cmd/ekrona/internal/cli"
)

// What the commands of this package take from package cli.
type (
	cardFlags    = cli.CardFlags
	holderSecret = cli.HolderSecret
)

func usage(format string, arguments ...any) error { return cli.Usage(format, arguments...) }

func exactly(n int, what string) cobra.PositionalArgs { return cli.Exactly(n, what) }

func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	return cli.Group(use, short, commands...)
}

func writeJSON(out io.Writer, v any) error { return cli.WriteJSON(out, v) }
