// Package shell holds the commands that work on a card line by line: at a terminal, from a file
// and from a pipe. Start at [Command]; package host/shell does the work.
package shell

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"slices"

	"github.com/spf13/cobra"

	"ekrona/apdu"
	"ekrona/apdu/spec"
	"ekrona/apdu/trace"
	"ekrona/applet"
	"ekrona/applet/vocabulary"
	"ekrona/emulator/card"
	"ekrona/emulator/lines"
	"ekrona/host/cmd/ekrona/internal/cli"
	"ekrona/host/lab"
	"ekrona/host/shell"
)

// Words are the words of every shell: add here what other packages make.
func Words() []shell.Word {
	own, err := lines.Parse(applet.Lines)
	if err != nil {
		return shell.Words() // a test holds that the table is well formed
	}
	return slices.Concat(shell.Words(), lab.Words(own))
}

// flags are those of both commands.
type flags struct {
	profile, seed     string
	traced, keepGoing bool
}

func (f *flags) add(c *cobra.Command) {
	cli.AddProfile(c, &f.profile)
	c.Flags().StringVar(&f.seed, "seed", "",
		"repeat a virtual card's randomness (any text; never for real keys)")
	c.Flags().BoolVar(&f.traced, "trace", false, "show every command to the card and its answer "+
		"on standard error, decoded, without secrets")
	c.Flags().BoolVar(&f.keepGoing, "keep-going", false,
		"do the lines after one that failed too; the exit code is 1 all the same")
}

// session makes a session with a card.
func (f *flags) session(c *cobra.Command, target shell.Target) (*shell.Session, error) {
	s, err := shell.New(target, shell.Options{
		Words: Words(), Names: *spec.Vocabulary(), Decoder: vocabulary.Decoder(),
		Note: func(line string) { fmt.Fprintln(c.ErrOrStderr(), line) },
	})
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	if f.traced {
		write := trace.Text{}.Writer(c.ErrOrStderr(), s.Decoder())
		s.Observe(func(e apdu.Exchange) {
			if !e.Carried {
				write(e)
			}
		})
	}
	return s, nil
}

// blank makes a blank virtual card.
func (f *flags) blank() (shell.Target, error) {
	profile, err := cli.ProfileOf(f.profile)
	if err != nil {
		return shell.Target{}, err
	}
	virtual, err := shell.NewVirtual(card.Options{Profile: profile}, f.seed)
	if err != nil {
		return shell.Target{}, err
	}
	return shell.VirtualTarget(virtual, "virtual "+profile.Name, func() error { return nil }), nil
}

// RunCommand is "ekrona card run".
func RunCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a virtual card that answers lines on standard input",
		Long: `Run a blank virtual card that answers lines on standard input, each with one line on
standard output: APDUs in hex or by name, and the words of "ekrona shell"; "help" lists
them. An error gives a line "error: ...".`,
		Example: `  printf 'load applet/ekrona.cap\n' | ekrona card run`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			target, err := f.blank()
			if err != nil {
				return err
			}
			s, err := f.session(c, target)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			return s.Run(c.Context(), c.InOrStdin(), f.keepGoing,
				func(_ int, r shell.Result) error {
					_, err := fmt.Fprintln(c.OutOrStdout(), r.Line())
					return err
				})
		},
	}
	f.add(c)
	return c
}

// Command is "ekrona shell".
func Command() *cobra.Command {
	f, cards, scriptFile := &flags{}, &cli.CardFlags{}, ""
	c := &cobra.Command{
		Use:     "shell",
		Short:   "Work on any card line by line: APDUs, names, words; decoded",
		Example: `  ekrona shell --card blank.card`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			target, err := f.blank()
			if err != nil {
				return err
			}
			s, err := f.session(c, target)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			in := io.Reader(c.InOrStdin())
			if scriptFile != "" {
				file, err := os.Open(scriptFile)
				if err != nil {
					return fmt.Errorf("--script: %w", err)
				}
				defer file.Close()
				in = bufio.NewReader(file)
			}
			return s.Run(c.Context(), in, f.keepGoing, func(_ int, r shell.Result) error {
				_, err := fmt.Fprintln(c.OutOrStdout(), r.Line())
				return err
			})
		},
	}
	_ = cards
	c.Flags().StringVar(&scriptFile, "script", "", "file with the lines")
	f.add(c)
	return c
}
