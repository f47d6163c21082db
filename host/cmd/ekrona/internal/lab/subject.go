package lab

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/lines"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/cmd/ekrona/internal/shell"
	"ekrona.example/host/durable"
	"ekrona.example/host/lab"
	session "ekrona.example/host/shell"
	"ekrona.example/personalization/cardkeys"
)

// subjectFlags name what a script is tried on, and the script.
type subjectFlags struct {
	profile, seed, card, script, symbols string
	caps, install                        []string

	plain shell.Plain
}

const subjectHelp = `The script is lines of "ekrona shell": APDUs in hex or by name, words such as
reset and install, and after "->" what must come. It runs on virtual cards that are made for it:
blank with the CAP files of --cap, or copies of a personalized card of --card. Every applet of the
last CAP file is installed without parameters, unless --install or the script does it. Names and
lines come from a CAP file's debug information, or from the file beside it that has .lines behind
its name.

` + shell.PlainHelp

func (f *subjectFlags) add(c *cobra.Command) {
	cli.AddProfile(c, &f.profile)
	c.Flags().StringVar(&f.seed, "seed", "1", "seed of the cards' randomness (any text)")
	c.Flags().StringVar(&f.card, "card", "", "file of a virtual card, which is copied")
	cli.AddFiles(c, &f.caps, "cap", "CAP files, in dependency order")
	c.Flags().StringArrayVar(&f.install, "install", nil,
		"MODULE-AID[,INSTANCE-AID[,PARAMETERS]] in hex: an instance to make; can be repeated")
	c.Flags().StringVar(&f.symbols, "symbols", "",
		"line table of the CAP file, as scripts/build-applet writes it (default: beside it)")
	c.Flags().StringVar(&f.script, "script", "", "file with the script; - is standard input")
	f.plain.Add(c)
}

// open reads what the flags name.
func (f *subjectFlags) open(c *cobra.Command) (*lab.Subject, []lab.Line, error) {
	if f.script == "" && (f.card != "" || len(f.caps) > 0) {
		return nil, nil, f.noScript(c)
	}
	s, err := f.subject(c)
	if err != nil {
		return nil, nil, err
	}
	script, err := f.readScript(c, s)
	if err != nil {
		return nil, nil, err
	}
	s.InstallAll = len(s.Install) == 0 && !lab.Installs(script)
	return s, script, f.plain.Do(c, *s, script)
}

// subject is what the flags name, without the script.
func (f *subjectFlags) subject(c *cobra.Command) (*lab.Subject, error) {
	if f.card == "" && len(f.caps) == 0 {
		return nil, cli.Usage("%s: name what to work on: --cap FILE.cap or --card FILE",
			c.CommandPath())
	}
	profile, err := cli.ProfileOf(f.profile)
	if err != nil {
		return nil, err
	}
	if f.card != "" {
		if _, err := os.Stat(f.card); err != nil {
			return nil, cli.FlagFile("--card", err)
		}
	}
	s := &lab.Subject{Profile: profile, Seed: f.seed, CardFile: f.card, CAPs: f.caps,
		Words: shell.Words(), Names: *vocabulary.Script(), Decoder: vocabulary.Decoder(),
		Keys: cardkeys.Read,
		Note: func(line string) { fmt.Fprintln(c.ErrOrStderr(), line) }}
	for _, text := range f.install {
		instance, err := lab.ParseInstance(strings.Split(text, ","))
		if err != nil {
			return nil, cli.Usage("--install %s: %w", text, err)
		}
		s.Install = append(s.Install, instance)
	}
	s.Tables, err = f.tables()
	return s, err
}

// tables are the line tables of the CAP files, and that of our own applet.
func (f *subjectFlags) tables() ([]*lines.Table, error) {
	if f.symbols == "" {
		beside, err := lab.TablesBeside(f.caps)
		if err != nil {
			return nil, cli.FlagFile("--cap", err)
		}
		kept, err := session.CardTables(f.card) // a name without a card has none
		return slices.Concat(beside, kept, cli.Tables()), err
	}
	text, err := durable.Read(f.symbols)
	if err != nil {
		return nil, cli.Usage("--symbols: %w", err)
	}
	named, err := lines.Parse(text)
	if err != nil {
		return nil, cli.Usage("--symbols %s: %w", f.symbols, err)
	}
	return append([]*lines.Table{named}, cli.Tables()...), nil
}

func (f *subjectFlags) noScript(c *cobra.Command) error {
	return cli.Usage("%s: --script FILE is missing; - is standard input", c.CommandPath())
}

func (f *subjectFlags) readScript(c *cobra.Command, s *lab.Subject) ([]lab.Line, error) {
	name := f.script
	switch name {
	case "":
		return nil, f.noScript(c)
	case "-":
		name = "standard input"
	}
	in, err := cli.OpenInput(c, "--script", f.script)
	if err != nil {
		return nil, err
	}
	script, err := s.ReadScript(in)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return script, errors.Join(err, in.Close())
}

// Subject are the flags of these commands for others that try a script on any applet.
type Subject struct{ flags subjectFlags }

// SubjectHelp tells what the flags of a [Subject] mean.
const SubjectHelp = subjectHelp

// Add adds the flags.
func (s *Subject) Add(c *cobra.Command) { s.flags.add(c) }

// IsGiven reports whether the flags name a card, a CAP file or a script.
func (s *Subject) IsGiven() bool {
	return s.flags.card != "" || len(s.flags.caps) > 0 || s.flags.script != ""
}

// Open reads what the flags name.
func (s *Subject) Open(c *cobra.Command) (*lab.Subject, []lab.Line, error) {
	return s.flags.open(c)
}
