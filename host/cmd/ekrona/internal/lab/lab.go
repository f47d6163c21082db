// Package lab holds the commands of the lab: scripts on any applet torn, fuzzed, covered and
// debugged, the simulator, a week without network, the applet's suite on a card, and faults at
// every bytecode of an applet. Start at [Command].
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/progress"
	"ekrona.example/host/simulator"
)

// Command is "ekrona lab".
func Command() *cobra.Command {
	return cli.Group("lab",
		"Test: tear, cover and disturb any script on any applet, simulate worlds full of faults",
		simulateCommand(), weekCommand(), liquidityCommand(), suiteCommand(), conformCommand(),
		tearCommand(), fuzzCommand(), coverCommand(), differCommand(), debugCommand(),
		glitchCommand(), attackCommand(), traceDiffCommand())
}

// shrinkRuns bounds how often a failing world is played again to shorten it.
const shrinkRuns = 400

// garbagePercent makes the garbage collector run less often than by default: worlds are small and
// made in great numbers, and collecting took a quarter of the time.
const garbagePercent = 400

// labSimulation is what the command line asks for.
type labSimulation struct {
	plan         simulator.Plan
	length       time.Duration
	keep, replay string
	story        bool
	trace        cli.Trace
	asJSON       bool
}

// simulation is a run of the simulator, for a script.
type simulation struct {
	Seed        uint64        `json:"seed"` // of the first world, or of the one that failed
	Worlds      int           `json:"worlds"`
	Steps       int           `json:"steps"`
	APDUs       int           `json:"apdus"`
	ClonesEnded int           `json:"clones_ended"`
	Faults      []faultAnswer `json:"faults"`
	Failure     string        `json:"failure,omitempty"` // the invariant that did not hold
}

type faultAnswer struct {
	Fault  string `json:"fault"`
	Struck int    `json:"struck"` // how often
}

func simulateCommand() *cobra.Command {
	s := labSimulation{}
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate worlds full of faults from a seed, with an auditor after every step",
		Long: `Simulate worlds full of faults from a seed, with an auditor after every step.

A world has cards, phones, terminals, two intermediaries and the central bank, all of
them the real code and the real CAP file, while power is cut, messages are lost and
altered, nodes are killed and attackers try what they can. After every step an auditor
checks the invariants; at the end of each world all wallets must agree.

A world that fails is shortened and printed as a story; --keep writes it to a file for
--replay. Every world follows from its seed and replays exactly. Exit code 3: an
invariant did not hold.

--trace shows what the world's cards are sent in its story, as it comes to them: altered, lost and
torn. There is no --capture and no --transcript of it, since a world is done again by its seed, or
by its file.`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := s.check(c); err != nil {
				return err
			}
			if s.trace.On {
				text := s.trace.Text()
				s.plan.Options.Trace = &text
			}
			ctx := c.Context()
			if s.length > 0 {
				s.plan.Steps = 0
				timed, done := context.WithTimeout(ctx, s.length)
				defer done()
				ctx = timed
			}
			if !s.asJSON {
				_, err := s.run(ctx, c.OutOrStdout(), c.ErrOrStderr())
				return err
			}
			answer, err := s.run(ctx, c.ErrOrStderr(), c.ErrOrStderr())
			if err != nil && cli.Code(err) != cli.ExitViolated {
				return err
			}
			return errors.Join(cli.WriteJSON(c.OutOrStdout(), answer), err)
		},
	}
	c.Flags().Uint64Var(&s.plan.Seed, "seed", 1, "seed of the first world; the others follow")
	c.Flags().IntVar(&s.plan.Steps, "steps", 5000, "steps in all")
	c.Flags().DurationVar(&s.length, "for", 0,
		"how long to simulate (10m, 8h), instead of a number of steps")
	c.Flags().IntVar(&s.plan.Length, "length", 500,
		"steps of one world: long worlds see older debts, short ones reach the end more often")
	c.Flags().IntVar(&s.plan.Workers, "workers", runtime.NumCPU(), "worlds played at the same time")
	c.Flags().StringVar(&s.keep, "keep", "", "write a world that fails to this file, shortened")
	c.Flags().StringVar(&s.replay, "replay", "",
		"play the world of this file once and print its story")
	c.Flags().BoolVar(&s.story, "story", false, "play the world of --seed once and print its story")
	s.trace.Add(c)
	c.Flags().Lookup("trace").Usage = "show every exchange with a card in the story; " +
		"--trace=raw with all bytes"
	c.MarkFlagsMutuallyExclusive("for", "steps")
	cli.OutputFlags(c, "keep")
	cli.InPlace(c, "keep", "replay")
	cli.JSONFlag(c, &s.asJSON)
	return c
}

// check verifies the command line: a number that is not above 0 would play for ever, or
// nothing.
func (s labSimulation) check(c *cobra.Command) error {
	switch {
	case c.Flags().Changed("for") && s.length <= 0:
		return cli.Usage("--for: %v; give a time above 0, such as 10m", s.length)
	case s.plan.Steps < 1:
		return cli.Usage("--steps: %d; give 1 or more", s.plan.Steps)
	case s.plan.Length < 1:
		return cli.Usage("--length: %d; give 1 or more", s.plan.Length)
	case s.plan.Workers < 1:
		return cli.Usage("--workers: %d; give 1 or more", s.plan.Workers)
	}
	return nil
}

func (s labSimulation) run(
	ctx context.Context, out, progressOut io.Writer,
) (answer simulation, err error) {
	switch {
	case s.replay != "":
		kept, err := simulator.ReadScenario(s.replay)
		if err != nil {
			return answer, cli.FlagFile("--replay", err)
		}
		return s.playOnce(ctx, out, kept)
	case s.story:
		return s.playOnce(ctx, out, simulator.Generate(s.plan.Seed, s.plan.Length))
	}
	debug.SetGCPercent(garbagePercent)
	began, isDue := time.Now(), due()
	tally, found, err := simulator.Simulate(ctx, s.plan, func(e progress.Event) {
		if isDue() {
			fmt.Fprintf(progressOut, "%s (%.0f steps a second)\n", e.Text,
				float64(e.Count.Done)/time.Since(began).Seconds())
		}
	})
	if err != nil {
		return answer, err
	}
	writeRate(out, tally, time.Since(began))
	answer = simulation{
		Seed: s.plan.Seed, Worlds: tally.Worlds, Steps: tally.Steps, APDUs: tally.APDUs,
		ClonesEnded: tally.ClonesEnded,
	}
	for _, kind := range simulator.Faults() {
		answer.Faults = append(answer.Faults, faultAnswer{fmt.Sprint(kind), tally.Struck[kind]})
	}
	if found == nil {
		writeTally(out, tally)
		return answer, nil
	}
	short, _, err := found.Scenario.Shrink(context.WithoutCancel(ctx), s.plan.Options,
		found.Outcome, shrinkRuns)
	if err != nil {
		return answer, err
	}
	fmt.Fprintf(out, "seed %d failed after %s of its world; shortened it has %d:\n\n",
		short.Seed, progress.Plural(found.Outcome.Steps, "step"), len(short.Steps))
	if s.keep != "" {
		if err := short.Keep(s.keep); err != nil {
			return answer, err
		}
	}
	played, err := s.playOnce(context.WithoutCancel(ctx), out, short)
	answer.Seed, answer.Failure = short.Seed, played.Failure
	return answer, err
}

// playOnce plays one world and prints its story.
func (s labSimulation) playOnce(
	ctx context.Context, out io.Writer, world simulator.Scenario,
) (simulation, error) {
	options := s.plan.Options
	options.Story = out
	answer := simulation{Seed: world.Seed, Worlds: 1, Faults: []faultAnswer{}}
	outcome, err := world.Run(ctx, options)
	if err != nil {
		return answer, err
	}
	answer.Steps = outcome.Steps
	if outcome.Failure != nil {
		answer.Failure = outcome.Failure.Error()
		return answer,
			cli.Exit(cli.ExitViolated, fmt.Errorf("seed %d: %w", world.Seed, outcome.Failure))
	}
	return answer, nil
}

func writeRate(out io.Writer, t simulator.Tally, took time.Duration) {
	seconds := took.Seconds()
	fmt.Fprintf(out, "%s, %s (%.0f a second), %s (%.0f a second)\n",
		progress.Plural(t.Worlds, "world"), progress.Plural(t.Steps, "step"),
		float64(t.Steps)/seconds, progress.Plural(t.APDUs, "APDU"), float64(t.APDUs)/seconds)
}

// writeTally shows how often each fault occurred.
func writeTally(out io.Writer, t simulator.Tally) {
	fmt.Fprintf(out, "every invariant held; clones found out and ended: %d\n\n", t.ClonesEnded)
	for _, kind := range simulator.Faults() {
		if n := t.Struck[kind]; n > 0 {
			fmt.Fprintf(out, "%9d  %s\n", n, kind)
		} else {
			fmt.Fprintf(out, "    never  %s\n", kind)
		}
	}
}
