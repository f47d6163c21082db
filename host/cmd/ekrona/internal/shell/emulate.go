package shell

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/emulator/card"
	"ekrona.example/emulator/vpcd"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/shell"
)

// EmulateCommand is "ekrona card emulate".
func EmulateCommand() *cobra.Command {
	f := &flags{fileFlag: "--state", makeFile: true}
	port := vpcd.DefaultPort
	c := &cobra.Command{
		Use:   "emulate",
		Short: "Put a virtual card into a reader of the PC/SC daemon",
		Long: `Put a virtual card into a reader of the PC/SC daemon, until interrupted. Any program
for smart cards finds it there. It needs pcscd with the reader driver vpcd; on Debian:

  apt-get install pcscd vsmartcard-vpcd

By default it is a blank card of the P71 family: the issuer security domain with the
published test keys 40..4F as key set FF, and no applet. With --state the card is kept in
a file and is the same card next time. For a second card run the command again with the
next port, where vpcd's second reader listens.

The cause of a 6F00 is shown on standard error, with file and line where they are known.`,
		Example: `  ekrona card emulate --state blank.card &
  opensc-tool --atr
  gp --list`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if port < 1 || port > 65535 {
				return cli.Usage("--port: %d is no TCP port; vpcd's first is %d", port,
					vpcd.DefaultPort)
			}
			target, err := f.target(c)
			if err != nil {
				return err
			}
			return f.with(c, target, func(s *shell.Session) error {
				if err := f.addMissing(c, s); err != nil {
					return err
				}
				return vpcd.Port{
					Address: net.JoinHostPort("localhost", strconv.Itoa(port)),
					ATR:     s.Target().ATR,
					Card:    emulatedCard{c.Context(), s, f},
					Log:     slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
				}.Run(c.Context())
			})
		},
	}
	f.addCommon(c)
	c.Flags().StringVar(&f.file, "state", "", "file that keeps the card; made if there is none")
	cli.AddFiles(c, &f.caps, "cap", "load this CAP file and install its applets, as "+
		"far as they are not on the card yet (repeat for more, in dependency order)")
	f.addInstall(c)
	c.Flags().IntVar(&port, "port", port, "TCP port of the reader")
	return c
}

// addMissing loads the CAP files of the flags and installs their applets, as far as they are
// not on the card.
func (f *flags) addMissing(c *cobra.Command, s *shell.Session) error {
	instances, err := f.installLines()
	if err != nil {
		return err
	}
	lines, err := s.MissingLines(f.caps)
	if err != nil {
		return cli.FlagFile("--cap", err)
	}
	if len(instances) > 0 {
		lines = slices.DeleteFunc(lines, func(line string) bool {
			return strings.HasPrefix(line, "install ")
		})
	}
	lines = append(lines, instances...)
	if len(lines) == 1 && len(f.caps) > 0 && strings.HasPrefix(lines[0], "load ") {
		s.Note("nothing is installed: there is no applet in %s", strings.Join(f.caps, ", "))
	}
	return f.preload(c, s, lines)
}

// emulatedCard is a session's card, whose errors that no reset heals are marked.
type emulatedCard struct {
	ctx     context.Context // of the command: the reader has none
	session *shell.Session
	flags   *flags
}

func (e emulatedCard) Reset() error {
	r := e.session.Execute(e.ctx, "reset")
	e.flags.done(r)
	return gone(r.Failed)
}

func (e emulatedCard) TransmitBytes(command []byte) ([]byte, error) {
	r := e.session.Send(e.ctx, command)
	e.flags.done(r)
	return r.Response, gone(r.Failed)
}

// gone marks an error as [vpcd.ErrGone], except those that a reset heals: loss of power and
// mute cards.
func gone(err error) error {
	if err == nil || errors.Is(err, card.ErrPowerLost) || errors.Is(err, card.ErrMute) {
		return err
	}
	return fmt.Errorf("%w: %w", vpcd.ErrGone, err)
}
