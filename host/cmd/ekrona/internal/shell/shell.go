// Package shell holds the commands that work on a card line by line: at a terminal, from a file
// and from a pipe. Start at [Command]; package host/shell does the work.
package shell

import (
	"encoding/json"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/shell"
)

// RunCommand is "ekrona card run".
func RunCommand() *cobra.Command {
	f := &flags{}
	c := &cobra.Command{
		Use:   "run",
		Short: "Run a virtual card that answers lines on standard input",
		Long: `Run a blank virtual card that answers lines on standard input, each with one line on
standard output: APDUs in hex or by name, and the words of "ekrona shell"; the line "help"
lists them. A line that fails gives a line "error: ..." and ends the run.`,
		Example: `  printf 'load applet/ekrona.cap\n' | ekrona card run
  ekrona card run --keep-going --json < test.script`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			target, err := f.blank()
			if err != nil {
				return err
			}
			return f.with(c, target, func(s *shell.Session) error {
				return f.lines(c, s, c.InOrStdin(), func(r shell.Result) string {
					for _, known := range r.Known {
						s.Note("known: %s", known)
					}
					return r.Line()
				})
			})
		},
	}
	f.add(c)
	return c
}

// Command is "ekrona shell".
func Command() *cobra.Command {
	f, script := &flags{}, ""
	c := &cobra.Command{
		Use:   "shell",
		Short: "Work on any card line by line: APDUs in hex or by name, decoded",
		Long: `Work on a card line by line: one in a reader, a virtual one in a file, a new one with any
applet, or without any of the flags a blank one. A line is an APDU in hex or by name with named
fields, sent exactly as it is, or begins with a word, such as "secure test", "cut 3" or "list".
Under each answer stands what it says, and what the card wants next. "help" lists the words;
the key Tab completes words, names, fields, tags, status words, AIDs and files. The history is
kept, without secrets. Ctrl-C ends the line that is typed or at work, Ctrl-D the session.

From a file or a pipe the same lines can say behind "->" what must come, and the exit code is 0
if all of it did; "help" says how. --transcript writes such a script of what was done, with what
--cap has loaded and installed first: it runs by itself, and with the same --cap here and with every
tool of the lab, where it is not done twice.`,
		Example: `  ekrona shell --reader ACS
  ekrona shell --card blank.card
  ekrona shell --cap applet.cap --script test.script
  ekrona shell --cap applet.cap --install F000000101,F00000010101,C0FFEE`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			target, err := f.target(c)
			if err != nil {
				return err
			}
			return f.with(c, target, func(s *shell.Session) error {
				if err := f.addMissing(c, s); err != nil {
					return err
				}
				if script == "-" {
					return f.lines(c, s, c.InOrStdin(), s.Text)
				}
				if script != "" {
					file, err := cli.OpenFile("--script", script)
					if err != nil {
						return err
					}
					err = f.lines(c, s, file, s.Text)
					return errors.Join(err, file.Close())
				}
				in, isFile := c.InOrStdin().(*os.File)
				if isFile && term.IsTerminal(int(in.Fd())) {
					return f.interact(c, s)
				}
				return f.lines(c, s, c.InOrStdin(), s.Text)
			})
		},
	}
	f.add(c)
	f.addCard(c)
	c.Flags().StringVar(&script, "script", "", "file of lines to do; - is standard input")
	return c
}

// lines does lines that nobody types, and shows the results as the flags say.
func (f *flags) lines(
	c *cobra.Command, s *shell.Session, in io.Reader, text func(shell.Result) string,
) error {
	out := c.OutOrStdout()
	encoder := json.NewEncoder(out)
	return s.Run(c.Context(), in, f.keepGoing, func(number int, r shell.Result) error {
		f.done(r)
		if f.asJSON {
			return encoder.Encode(s.Record(number, r))
		}
		line := text(r)
		if line != "" && line[len(line)-1] != '\n' {
			line += "\n"
		}
		_, err := io.WriteString(out, line)
		return err
	})
}
