package shell

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/shell"
)

// NewCommand is "ekrona card new".
func NewCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:   "new FILE",
		Short: "Make a blank virtual card in a file",
		Long: `Make a blank virtual card in a file, for --card: the issuer security domain with the published
test keys 40..4F as key set FF, and no applet, unless --cap loads and installs some. A file that is
there already stays as it is. Source lines of a CAP file, from its debug information or the table
beside it, are kept beside the card, in FILE.lines.

Nothing is sent to it: what the card answers is shown and kept by "ekrona shell --card FILE", with
--trace, --transcript and --capture.`,
		Example: `  ekrona card new blank.card
  ekrona card new purse.card --cap purse.cap --profile j3r180-8pin`,
		Args: cli.Exactly(1, "the name of a file"),
		RunE: func(c *cobra.Command, arguments []string) error {
			f.file = arguments[0]
			if _, err := f.installLines(); err != nil {
				return err
			}
			if _, err := os.Lstat(f.file); !errors.Is(err, fs.ErrNotExist) {
				if err == nil {
					err = fmt.Errorf("%s is there already: it stays as it is", f.file)
				}
				return err
			}
			f.makeFile, f.alone = true, true
			target, err := f.target(c)
			if err != nil {
				return err
			}
			err = f.with(c, target, func(s *shell.Session) error { return f.addMissing(c, s) })
			if err != nil {
				return errors.Join(err, f.remove()) // there is no half of a card
			}
			return nil
		},
	}
	cli.AddProfile(c, &f.profile)
	c.Flags().StringVar(&f.seed, "seed", "", cli.SeedUsage)
	cli.AddFiles(c, &f.caps, "cap", "load this CAP file and install its applets "+
		"(repeat for more, in dependency order)")
	f.addInstall(c)
	return c
}

// remove takes the card's file away, with the source lines and the lock beside it.
func (f *flags) remove() error {
	err := os.Remove(f.file)
	for _, beside := range cli.Beside(f.file) {
		if failed := os.Remove(beside); !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}
