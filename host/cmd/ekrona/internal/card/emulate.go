package card

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"ekrona/emulator/cap"
	"ekrona/emulator/card"
	"ekrona/emulator/globalplatform"
	"ekrona/emulator/vpcd"
	"ekrona/host/cmd/ekrona/internal/cli"
)

func emulateCommand() *cobra.Command {
	var profile, state string
	var caps []string
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
next port, where vpcd's second reader listens.`,
		Example: `  ekrona card emulate --state blank.card &
  opensc-tool --atr
  gp --list`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			options := card.Options{}
			if options.Profile, err = cli.ProfileOf(profile); err != nil {
				return err
			}
			if port < 1 || port > 65535 {
				return cli.Usage("--port: %d is no TCP port; vpcd's first is %d", port,
					vpcd.DefaultPort)
			}
			if state != "" {
				unlock, lockErr := cli.LockCard(state)
				if lockErr != nil {
					return lockErr
				}
				defer func() { err = errors.Join(err, unlock()) }()
			}
			virtual, err := emulated(options, state)
			if err != nil {
				return err
			}
			for _, path := range caps {
				if err := preload(virtual, path); err != nil {
					return fmt.Errorf("--cap: %w", err)
				}
			}
			managed, err := globalplatform.New(virtual, globalplatform.Options{})
			if err != nil {
				return err
			}
			return vpcd.Port{
				Address: net.JoinHostPort("localhost", strconv.Itoa(port)),
				ATR:     globalplatform.ATR(), Card: emulatedCard{managed},
				Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil)),
			}.Run(c.Context())
		},
	}
	cli.AddProfile(c, &profile)
	c.Flags().StringVar(&state, "state", "", "file that keeps the card; made if there is none")
	c.Flags().StringArrayVar(&caps, "cap", nil, "load this CAP file if its package is not on the "+
		"card yet (repeat for more, in dependency order)")
	c.Flags().IntVar(&port, "port", port, "TCP port of the reader")
	return c
}

// emulated makes the card, in its file if it has one.
func emulated(options card.Options, state string) (*card.Card, error) {
	if state == "" {
		return card.New(options)
	}
	return card.Open(options, state)
}

// preload loads a CAP file unless its package is there.
func preload(virtual *card.Card, path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	file, err := cap.Parse(content)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, p := range virtual.Packages() {
		if string(p.AID) == string(file.Header.Package.AID) {
			return nil
		}
	}
	if _, err := virtual.Load(content); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// emulatedCard marks the errors that no reset heals.
type emulatedCard struct{ *globalplatform.Card }

func (e emulatedCard) Reset() error { return gone(e.Card.Reset()) }

func (e emulatedCard) TransmitBytes(command []byte) ([]byte, error) {
	answer, err := e.Card.TransmitBytes(command)
	return answer, gone(err)
}

// gone marks an error as [vpcd.ErrGone], except those that a reset heals: loss of power and
// mute cards.
func gone(err error) error {
	if err == nil || errors.Is(err, card.ErrPowerLost) || errors.Is(err, card.ErrMute) {
		return err
	}
	return fmt.Errorf("%w: %w", vpcd.ErrGone, err)
}
