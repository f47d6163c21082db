package lab

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/lab"
	"ekrona.example/host/progress"
)

// findings is the error of a command that found something; nil for nothing.
func findings(n int) error {
	if n == 0 {
		return nil
	}
	return cli.Exit(cli.ExitViolated, errors.New(progress.Plural(n, "finding")))
}

func tearCommand() *cobra.Command {
	f, rulesFile, workers, asJSON := &subjectFlags{}, "", 0, false
	c := &cobra.Command{
		Use:   "tear",
		Short: "Cut the power at every write of a script's commands, and see what each cut left",
		Long: `Cut the power at every write of a script's commands, and see what each cut left.

Each line is done again for each of its persistent writes, with the power cut there, and after the
restart the card's persistent memory is compared: as before the command, as after it, or torn, which
is a finding. --rules says what else is allowed, or forbidden, one rule a line:

  ignore PATTERN         what is there may be anything, such as Purse.scratch or Purse.log[*
  never-lower PATTERN    a number that no cut may set back
  never-higher PATTERN   a number that no cut may raise
  same NAME NAME         two fields that hold the same after every cut
  observe LINE           the card is as before, or as after, when it answers this line so

What the Java Card API writes outside transactions itself, such as the try counter of an OwnerPIN,
is allowed.

` + subjectHelp + `

Exit code 3: a finding.`,
		Example: `  ekrona lab tear --cap purse.cap --script credit.txt --rules purse.rules`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if workers < 0 {
				return cli.Usage("--workers: %d; give 0 or more", workers)
			}
			s, script, err := f.open(c)
			if err != nil {
				return err
			}
			rules, err := readRules(s, rulesFile)
			if err != nil {
				return err
			}
			began := time.Now()
			tear := &lab.Tear{Subject: s, Script: script, Rules: rules, Workers: workers}
			report, err := tear.Run(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return errors.Join(cli.WriteJSON(c.OutOrStdout(), report),
					findings(report.Findings))
			}
			report.WriteText(c.OutOrStdout())
			seconds := time.Since(began).Seconds()
			fmt.Fprintf(c.ErrOrStderr(), "%.1f seconds, %.0f cuts a second\n", seconds,
				float64(len(report.Cuts))/seconds)
			return findings(report.Findings)
		},
	}
	f.add(c)
	c.Flags().StringVar(&rulesFile, "rules", "", "file with rules of what a cut may leave")
	c.Flags().IntVar(&workers, "workers", 0,
		"cards that are torn at the same time (default: cores)")
	cli.JSONFlag(c, &asJSON)
	return c
}

// readRules reads the rules of a file; none for "".
func readRules(s *lab.Subject, path string) (*lab.Rules, error) {
	if path == "" {
		return &lab.Rules{}, nil
	}
	file, err := cli.OpenFile("--rules", path)
	if err != nil {
		return nil, err
	}
	rules, err := s.ParseRules(file)
	if err != nil {
		err = cli.Usage("--rules %s: %w", path, err)
	}
	return rules, errors.Join(err, file.Close())
}
