package lab

import (
	"fmt"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/money"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/host/liquidity"
	"ekrona.example/host/progress"
)

func liquidityCommand() *cobra.Command {
	p, each, plot, asJSON := liquidity.DefaultPlan(), int64(0), "", false
	c := &cobra.Command{
		Use:   "liquidity",
		Short: "Measure how claims wait for cards that have not synchronised, and what helps",
		Long: `Measure how claims wait for cards that have not synchronised, and what helps.

Figure 9 of the Riksbank's report (phase 4): Anna pays Bertil, who pays Cecilia with that; when
Cecilia synchronises first, nothing stands behind her claim yet. It is played with real cards,
phones, intermediaries and notary, then random chains and rings of six cards, and the morning
after days without network (as "ekrona lab week" plays them). Cards synchronise in a random
order, an hour apart; after days without network the terminals come first, and the people over
24 hours.

Each is played in five ways: with the notary's queue alone, which nets what can be netted; with
provenance, by which the payer's phone hands over what funded its payment; with the central
bank's pool, which lends up to a cap what claims lack; with both; and with cards that do not pay
with what they received and have not synchronised.

The table has the claims that waited and for how long, what the pool had lent at most, the bytes
that phones carried for others, the payments that cards refused, and who saw payments in which
they had no part. All follows from the seed. Exit code 3: an invariant does not hold, or
something is stuck.

What each card is sent is not shown and not kept, as there are too many: "ekrona lab simulate
--story --trace" shows it of one world.`,
		Example: `  ekrona lab liquidity
  ekrona lab liquidity --seed 7 --sets 20 --cards 200 --terminals 10 --days 7 --plot waits.svg`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if p.PoolEach = money.Ore(each) * money.Krona; each > mostPool {
				return cli.Usage("--pool: %d kr for each card; give at most %d", each, mostPool)
			}
			if err := p.Check(); err != nil {
				return cli.Usage("%w", err)
			}
			isDue := due()
			p.Show = func(e progress.Event) {
				if isDue() {
					fmt.Fprintln(c.ErrOrStderr(), e.Text)
				}
			}
			r, err := liquidity.Run(c.Context(), p)
			if err != nil {
				return fmt.Errorf("seed %d: %w", p.Seed, err)
			}
			return answerLiquidity(c, r, plot, asJSON)
		},
	}
	c.Flags().Uint64Var(&p.Seed, "seed", p.Seed, "seed of everything")
	c.Flags().IntVar(&p.Sets, "sets", p.Sets, "chains, and rings, of six cards each")
	c.Flags().IntVar(&p.Cards, "cards", p.Cards, "people in the days without network")
	c.Flags().IntVar(&p.Terminals, "terminals", p.Terminals,
		"merchants in the days without network")
	c.Flags().IntVar(&p.Days, "days", p.Days, "days without network")
	c.Flags().Int64Var(&each, "pool", int64(p.PoolEach/money.Krona),
		"cap of the pool, in kronor for each card of a case")
	c.Flags().IntVar(&p.Workers, "workers", liquidity.DefaultWorkers(),
		"what is played at the same time; the result is the same with any number")
	c.Flags().StringVar(&plot, "plot", "", "write a picture of the waiting to this file, in SVG")
	cli.OutputFlags(c, "plot")
	cli.JSONFlag(c, &asJSON)
	return c
}

// mostPool is more, in kronor for each card, than any card may hold.
const mostPool = 1_000_000

// answerLiquidity writes the table, or the report for a script, and the picture.
func answerLiquidity(c *cobra.Command, r liquidity.Report, plot string, asJSON bool) error {
	if plot != "" {
		picture, err := r.Plot()
		if err == nil {
			err = durable.Replace(plot, picture, durable.Everyone)
		}
		if err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	write := func() error { return r.WriteTable(c.OutOrStdout()) }
	if asJSON {
		write = func() error { return cli.WriteJSON(c.OutOrStdout(), r) }
	}
	if err := write(); err != nil {
		return err
	}
	if wrong := r.Wrong(); len(wrong) > 0 {
		return cli.Exit(cli.ExitViolated, fmt.Errorf("seed %d: %s that does not hold or is stuck, "+
			"the first: %s", r.Seed, progress.Plural(len(wrong), "thing"), wrong[0]))
	}
	return nil
}
