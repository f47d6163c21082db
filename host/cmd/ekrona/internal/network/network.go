// Package network is "ekrona network", "ekrona centralbank" and "ekrona intermediary": the nodes of
// the network as services. Start at [Command].
package network

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/parties"
	"ekrona.example/host/network"
	"ekrona.example/host/party"
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
	listen, level, databases := "", "", []string(nil)
	c := &cobra.Command{
		Use:   "up DIR",
		Short: "Found a sandbox and serve its central bank and two banks until Ctrl-C",
		Long: `Found the pilot's sandbox in a folder, if it is not there, and serve its central bank and two
banks: on loopback, on SQLite, with certificates that are made for them. When all answer, one line
says where. Ctrl-C ends it when the calls that are under way have ended, a second one at once;
SIGHUP has the nodes read certificates and revocation lists anew. With --listen 0.0.0.0:PORT the
nodes answer at every address of this machine, and their certificates name all of them.

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
			o := network.Options{Environment: parties.Environment(c.Context()), Listen: listen,
				Log: log}
			if o.Databases, err = databasesOf(databases); err != nil {
				return err
			}
			if err := network.CheckListen(listen); err != nil {
				return cli.Usage("--listen: %w", err)
			}
			hangup, stop := hangups()
			defer stop()
			defer context.AfterFunc(c.Context(), endBySecondSignal)()
			o.Hangup = hangup
			return network.Up(c.Context(), arguments[0], o,
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
	c.Flags().StringArrayVar(&databases, "database", nil, "at the founding, the database of a "+
		"node: central-bank=postgres://USER@HOST/NAME, or that of a bank by its name, such as "+
		"SENORDIC=postgres://... (repeat for more; default: a file in its folder)")
	logFlag(c, &level)
	return c
}

// databasesOf reads where the nodes keep what they keep.
func databasesOf(texts []string) (map[message.Name]string, error) {
	all := map[message.Name]string{}
	for _, text := range texts {
		name, source, found := strings.Cut(text, "=")
		if name == "central-bank" {
			name = ""
		} else if _, err := message.ParseName(name); err != nil {
			return nil, cli.Usage("--database %q: %w", name, err)
		}
		if !found || source == "" {
			return nil, cli.Usage("--database %q: give central-bank=SOURCE or NAME=SOURCE", name)
		}
		if err := party.Source("--database", source); err != nil {
			return nil, cli.Usage("%w", err)
		}
		all[message.Name(name)] = source
	}
	return all, nil
}
