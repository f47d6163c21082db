// Package network is "ekrona network", "ekrona centralbank" and "ekrona intermediary": the nodes of
// the network as services. Start at [Command].
package network

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/network"
	"ekrona/host/party"
)

// Command is "ekrona network".
func Command() *cobra.Command {
	return cli.Group("network", "A whole scheme as services on this machine", upCommand())
}

// logFlag adds the flag for how much a service logs on standard error.
func logFlag(c *cobra.Command, level *string) {
	c.Flags().StringVar(level, "log", "warn", "log calls of this level and above on standard "+
		"error, as JSON: debug, info, warn or error")
}

// logOf returns the log of a service.
func logOf(c *cobra.Command, level string) (*slog.Logger, error) {
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(level)); err != nil {
		return nil, cli.Usage("--log %q: give debug, info, warn or error", level)
	}
	return slog.New(slog.NewJSONHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: parsed})), nil
}

func upCommand() *cobra.Command {
	listen, level := "", ""
	c := &cobra.Command{
		Use:   "up DIR",
		Short: "Found a sandbox and serve its central bank and two banks until Ctrl-C",
		Long: `Found the pilot's sandbox in a folder, if it is not there, and serve its central bank and two
banks: on loopback, on SQLite, with certificates that are made for them. When all answer, one line
says where. Ctrl-C ends it when the calls that are under way have ended.

Phones and terminals of the sandbox reach their banks by --bank, with the same commands as without
a network; the root that they trust is in their folders:

  ekrona network up DIR
  ekrona wallet load anna 200 --state DIR --bank URL
  ekrona terminal sync cafe --state DIR --bank URL

The sandbox holds every secret of the scheme: it is for demonstrations and tests.`,
		Args: cli.Exactly(1, "a folder"),
		RunE: func(c *cobra.Command, arguments []string) error {
			log, err := logOf(c, level)
			if err != nil {
				return err
			}
			return network.Up(c.Context(), arguments[0], network.Options{Listen: listen, Log: log},
				func(n network.Network) error {
					parts := []string{"central bank " + n.CentralBank}
					for _, b := range n.Banks {
						parts = append(parts, string(b.Name)+" "+b.URL)
					}
					_, err := fmt.Fprintln(c.OutOrStdout(), strings.Join(parts, ", "))
					return err
				})
		},
	}
	c.Flags().StringVar(&listen, "listen", party.DefaultListen, "HOST:PORT of the central bank; "+
		"the banks have the ports after it; with port 0 each has any that is free")
	logFlag(c, &level)
	return c
}
