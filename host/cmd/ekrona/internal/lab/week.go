package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/host/progress"
	"ekrona.example/host/week"
)

// weeks are the answer to a script: a week for each of the limits.
type weeks struct {
	Weeks []week.Report `json:"weeks"`
}

func weekCommand() *cobra.Command {
	p := week.Plan{}
	limits, plot, asJSON := []string{}, "", false
	c := &cobra.Command{
		Use:   "week",
		Short: "Play a district without network for a week, and the morning after",
		Long: `Play a district without network for a week, and the morning after.

Everybody has a card that runs the real CAP file, and a phone; merchants have terminals. All
cards are loaded, and then there is no network: people buy food, coffee and fuel, workers
are paid by the day, children get pocket money, taps are torn and made again, PINs are
mistyped. On the morning after the last day everybody synchronises, and the auditor checks
every invariant and that all money is accounted for.

For each day it shows what share of the payments that the payer's card could have made
succeeded, why the others did not, and what cards and terminals hold. All follows from the
seed, on any number of processors. Several limits are played one after the other, with the
same seed: the same people want the same.

The limits crisis are the default ones, and a crisis order that the central bank signs on the
morning of day two. A quarter of the terminals have it by file, at least one: of grocers, cafes
and filling stations. All others, and all cards and phones, have it from each other. Each
evening it shows how far it has come.

Interrupted, it shows what is known by then. Exit code 3: an invariant does not hold, or
something is stuck.

What each card is sent is not shown and not kept, as there are too many: "ekrona lab simulate
--story --trace" shows it of one world.`,
		Example: `  ekrona lab week --cards 100 --terminals 5 --days 3
  ekrona lab week --cards 1000 --terminals 20 --limits pilot --plot week.svg`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			plans, err := weekPlans(p, limits)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			if asJSON {
				out = io.Discard
			}
			return playWeeks(c.Context(), plans, out, c.ErrOrStderr(),
				func(answer weeks) error {
					if plot != "" {
						if err := writePlot(plot, answer); err != nil {
							return err
						}
					}
					if asJSON {
						return cli.WriteJSON(c.OutOrStdout(), answer)
					}
					return week.WriteTable(out, answer.Weeks...)
				})
		},
	}
	c.Flags().IntVar(&p.Cards, "cards", 100, "people with a card and a phone")
	c.Flags().IntVar(&p.Terminals, "terminals", 5, "merchants with a terminal")
	c.Flags().IntVar(&p.Days, "days", 7, "days without network")
	c.Flags().Uint64Var(&p.Seed, "seed", 1, "seed of everything")
	c.Flags().IntVar(&p.Workers, "workers", week.DefaultWorkers(),
		"what is played at the same time; the result is the same with any number")
	c.Flags().StringSliceVar(&limits, "limits", []string{string(week.Default)},
		"limits of cards and terminals: pilot, default, crisis, or several, as pilot,default")
	c.Flags().StringVar(&plot, "plot", "", "write a picture of the days to this file, in SVG")
	cli.OutputFlags(c, "plot")
	cli.JSONFlag(c, &asJSON)
	return c
}

// weekPlans returns a plan for each of the limits.
func weekPlans(p week.Plan, limits []string) ([]week.Plan, error) {
	if p.Workers < 1 {
		return nil, cli.Usage("--workers: %d; give 1 or more", p.Workers)
	}
	var plans []week.Plan
	for i, named := range limits {
		if slices.Contains(limits[:i], named) {
			return nil, cli.Usage("--limits: %s stands there twice: its week would be the same",
				apdu.Brief(named))
		}
		p.Limits = week.Limits(named)
		if err := p.Check(); err != nil {
			return nil, cli.Usage("%w", err)
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// playWeeks plays the weeks, and has what is known written, also of one that failed.
func playWeeks(
	ctx context.Context, plans []week.Plan, out, progressOut io.Writer, write func(weeks) error,
) error {
	debug.SetGCPercent(weekGarbagePercent)
	debug.SetMemoryLimit(weekMemory)
	answer := weeks{Weeks: []week.Report{}}
	var failed error
	for _, p := range plans {
		isDue := due()
		p.Show = func(e progress.Event) {
			if isDue() {
				fmt.Fprintf(progressOut, "limits %s, %s\n", p.Limits, e.Text)
			}
		}
		r, err := week.Run(ctx, p)
		answer.Weeks = append(answer.Weeks, r)
		if err != nil {
			failed = fmt.Errorf("limits %s, seed %d: %w", p.Limits, p.Seed, err)
			break
		}
		if r.BrokenOff {
			failed = errors.New("the week was interrupted: above is what is known of it; start " +
				"it again with the same seed for the rest")
			break
		}
	}
	if err := write(answer); err != nil {
		return errors.Join(err, failed)
	}
	for _, r := range answer.Weeks {
		writeMorning(out, r)
		if err := violatedWeek(r); err != nil {
			return err
		}
	}
	return failed
}

// weekGarbagePercent has garbage collected before Go would: ten thousand cards are to fit into
// 2 GiB, beside the databases.
const weekGarbagePercent = 20

// weekMemory is where garbage is collected earlier still.
const weekMemory = 1000 << 20

func writePlot(path string, answer weeks) error {
	picture, err := week.Plot(answer.Weeks...)
	if err == nil {
		err = durable.Replace(path, picture, durable.Everyone)
	}
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	return nil
}

// writeMorning writes about the morning after, and where the time went.
func writeMorning(out io.Writer, r week.Report) {
	fmt.Fprintf(out, "\nlimits %s, %s, %s, seed %d: issued and loaded in %.1f s, paid in %.1f s, "+
		"audited in %.1f s, settled and audited again in %.1f s; digest %.16s\n", r.Limits,
		progress.Plural(r.Cards, "card"), progress.Plural(r.Terminals, "terminal"), r.Seed,
		r.IssuingSeconds, r.PayingSeconds, r.AuditSeconds, r.MorningSeconds, r.Digest)
	r.WriteOrder(out)
	if m := r.Morning; m != nil {
		fmt.Fprintf(out, "the morning after: %s in %d rounds; %d payments settled, %d given back\n"+
			"issued %s = online %s + shadow %s + pool %s; on cards %s\n",
			progress.Plural(m.Instructions, "Instruction"), m.Rounds, m.Settled, m.Returned,
			m.Issued, m.Online, m.Shadow, m.Pool, money.Ore(m.OnCards))
	}
	for _, v := range r.Violations {
		fmt.Fprintf(out, "  %s\n", v)
	}
}

// violatedWeek is the error of a week in which something does not hold or is stuck.
func violatedWeek(r week.Report) error {
	switch {
	case len(r.Violations) > 0:
		return cli.Exit(cli.ExitViolated, fmt.Errorf("limits %s: %s of the protocol, the first: %s",
			r.Limits, progress.Plural(len(r.Violations), "violation"), r.Violations[0]))
	case r.Morning != nil && len(r.Morning.Stuck) > 0:
		return cli.Exit(cli.ExitViolated, fmt.Errorf("limits %s: stuck: %s", r.Limits,
			r.Morning.Stuck[0]))
	}
	return nil
}
