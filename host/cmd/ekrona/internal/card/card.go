// Package card holds the commands on cards: what they show without and with the PIN,
// readers, PINs, virtual cards and their speed. Start at [Command].
package card

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"ekrona/apdu/trace"
	"ekrona/applet/vocabulary"
	"ekrona/emulator/console"
	"ekrona/host/cmd/ekrona/internal/cli"
)

// Command is "ekrona card". holders finds the persons whose cards it works on; more are
// commands from other packages.
func Command(holders Holders, more ...*cobra.Command) *cobra.Command {
	c := cli.Group("card", "Look into a card, change its PIN; list readers; run virtual cards",
		readersCommand(), infoCommand(holders), balanceCommand(holders), logCommand(holders),
		pINCommand(holders),
		runCommand(), emulateCommand(), costCommand(), memoryCommand())
	c.AddCommand(more...)
	return c
}

func runCommand() *cobra.Command {
	var profile, seed, transcript string
	var traced bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a virtual card that answers lines on standard input",
		Long: `Run a virtual card that answers lines on standard input, each with one line on
standard output:

  load FILE.cap ...                               the AIDs of the packages; give the files
                                                  in dependency order
  install MODULE-AID INSTANCE-AID [PARAMETERS]    the AID of the instance
  reset                                           ok
  cut N                                           ok; the power fails before the N-th
                                                  persistent write of the next command
  memory                                          bytes free, and taken by each kind
  an APDU in hex                                  data and status word in hex

Lines that begin with # are comments. An error gives a line "error: ...", and the run
goes on.`,
		Example: `  printf 'load applet/ekrona.cap\n' | ekrona card run`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			options := console.Options{Seed: seed}
			if options.Profile, err = cli.ProfileOf(profile); err != nil {
				return err
			}
			if traced {
				options.Sink = trace.Text{}.Writer(c.ErrOrStderr(), vocabulary.Decoder())
			}
			if transcript != "" {
				file, err := os.OpenFile(transcript, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
				if err != nil {
					return fmt.Errorf("--transcript: %w", err)
				}
				defer func() {
					if closed := file.Close(); err == nil && closed != nil {
						err = fmt.Errorf("--transcript: %w", closed)
					}
				}()
				options.Transcript = file
			}
			return console.Run(c.Context(), c.InOrStdin(), c.OutOrStdout(), options)
		},
	}
	cli.AddProfile(c, &profile)
	c.Flags().StringVar(&seed, "seed", "",
		"repeat the card's randomness (any text; never for real keys)")
	c.Flags().BoolVar(&traced, "trace", false, "show every command to the card and its answer on "+
		"standard error, decoded, without secrets")
	c.Flags().StringVar(&transcript, "transcript", "",
		"write all commands and answers to this file (it then holds PINs and keys)")
	return c
}
