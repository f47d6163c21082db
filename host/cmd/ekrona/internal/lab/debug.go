package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/lab"
	"ekrona.example/host/lab/adapter"
)

func debugCommand() *cobra.Command {
	listen := ""
	c := &cobra.Command{
		Use:   "debug",
		Short: "Debug any applet from an editor, by the Debug Adapter Protocol",
		Long: `Debug any applet from an editor, by the Debug Adapter Protocol.

An editor starts it and speaks with it on standard input and output, or on a port with --listen. The
launch request has: script, cap, install, card, profile, seed as the flags of "ekrona lab tear";
sources, the folders of the Java sources above those of the packages; stopOnEntry, keepGoing. The
script runs line by line; breaks can be set in the sources, in the script, at methods, exceptions
and writes to fields, with conditions, hit counts and messages to log, and steps go back too. What
goes to the card is shown and kept by "ekrona shell", with the same --cap, --card, --script and
--seed.

For VS Code start "code --extensionDevelopmentPath=host/lab/vscode", and describe the launch in
.vscode/launch.json with "type": "ekrona-card"; host/lab/README.md tells it. In ekrona shell the
same is done by the words break, debug, step, back, locals.`,
		Example: `  ekrona lab debug --listen localhost:4711`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			open := func(ctx context.Context, l adapter.Launch) (*lab.Player, error) {
				return play(ctx, c, l)
			}
			if listen == "" {
				return adapter.Serve(c.Context(), c.InOrStdin(), c.OutOrStdout(), open)
			}
			return serveClients(c, listen, open)
		},
	}
	c.Flags().StringVar(&listen, "listen", "",
		"serve clients on this TCP address, one after the other (HOST:PORT)")
	return c
}

// play makes a player of a launch request, as the flags of a command line would.
func play(ctx context.Context, c *cobra.Command, l adapter.Launch) (*lab.Player, error) {
	f := subjectFlags{profile: cmp.Or(l.Profile, card.P71.Name), seed: l.Seed, card: l.Card,
		script: l.Script, caps: l.CAP, install: l.Install}
	if l.Script == "-" {
		return nil, errors.New("script: name a file")
	}
	s, script, err := f.open(c)
	if err != nil {
		return nil, err
	}
	return s.Play(ctx, script)
}

// serveClients serves the clients of an address until the command is stopped.
func serveClients(c *cobra.Command, address string, open adapter.Open) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return cli.Usage("--listen: %w", err)
	}
	stop := context.AfterFunc(c.Context(), func() { _ = listener.Close() })
	defer stop()
	fmt.Fprintf(c.ErrOrStderr(), "serving the Debug Adapter Protocol on %s\n", listener.Addr())
	for {
		client, err := listener.Accept()
		switch {
		case c.Context().Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("lab debug: %w", err)
		}
		closed := context.AfterFunc(c.Context(), func() { _ = client.Close() })
		if err := adapter.Serve(c.Context(), client, client, open); err != nil {
			fmt.Fprintf(c.ErrOrStderr(), "a client: %v\n", err)
		}
		closed()
		_ = client.Close()
	}
}
