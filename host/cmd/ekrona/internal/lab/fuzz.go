package lab

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/lab"
	"ekrona.example/host/progress"
)

// fuzzRuns is how many sequences are tried if no time is given.
const fuzzRuns = 10000

func fuzzCommand() *cobra.Command {
	f, fuzz, rulesFile, asJSON := &subjectFlags{}, &lab.Fuzz{}, "", false
	c := &cobra.Command{
		Use:   "fuzz",
		Short: "Mutate the commands of a script, and report what the card makes of them",
		Long: `Mutate the commands of a script, and report what the card makes of them.

Findings are 6F00, a card that goes mute, a command that is refused and has changed persistent
memory, with --cuts a power cut that left neither the state before nor that after, and bugs of the
emulator itself. Each comes with a short script that shows it on a fresh card. Sequences that reach
an instruction for the first time are mutated further. --rules takes the rules of "ekrona lab tear",
and

  allow PATTERN          a finding that is known, by kind and place: allow 6F00 *sumOf*

` + subjectHelp + `

The same seed, --runs and --workers find the same. Exit code 3: a finding.`,
		Example: `  ekrona lab fuzz --cap purse.cap --script credit.txt --for 10m --cuts`,
		Args:    cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case c.Flags().Changed("for") && fuzz.For <= 0:
				return cli.Usage("--for: %v; give a time above 0, such as 10m", fuzz.For)
			case fuzz.Runs < 1:
				return cli.Usage("--runs: %d; give 1 or more", fuzz.Runs)
			case fuzz.Workers < 0:
				return cli.Usage("--workers: %d; give 0 or more", fuzz.Workers)
			}
			var err error
			if fuzz.Subject, fuzz.Script, err = f.open(c); err != nil {
				return err
			}
			if fuzz.Rules, err = readRules(fuzz.Subject, rulesFile); err != nil {
				return err
			}
			fuzz.Progress = func(r lab.FuzzReport) {
				fmt.Fprintf(c.ErrOrStderr(), "%.0f s: %s, %d instructions reached, %s\n", r.Seconds,
					progress.Plural(r.Commands, "command"), r.Reached,
					progress.Plural(len(r.Findings), "finding"))
			}
			report, err := fuzz.Run(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				err = cli.WriteJSON(c.OutOrStdout(), report)
			} else {
				report.WriteText(c.OutOrStdout())
			}
			if err = errors.Join(err, findings(len(report.Findings))); err == nil &&
				c.Context().Err() != nil {
				err = errors.New("the fuzzing was interrupted: above is what was found until then")
			}
			return err
		},
	}
	f.add(c)
	c.Flags().Uint64Var(&fuzz.Seed, "fuzz-seed", 1, "seed of the mutations")
	c.Flags().DurationVar(&fuzz.For, "for", 0,
		"how long (10m, 8h), instead of a number of sequences")
	c.Flags().IntVar(&fuzz.Runs, "runs", fuzzRuns, "sequences in all")
	c.Flags().BoolVar(&fuzz.Cuts, "cuts", false, "cut the power too")
	c.Flags().IntVar(&fuzz.Workers, "workers", 0, "cards at the same time (default: cores)")
	c.Flags().StringVar(&rulesFile, "rules", "", "file with rules of what is allowed")
	c.MarkFlagsMutuallyExclusive("for", "runs")
	cli.JSONFlag(c, &asJSON)
	return c
}
