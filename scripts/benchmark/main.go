// Command benchmark prints what the applet takes: of time on the emulator, in
// plain Go and on jCardSim; of writes, bytecodes and memory; and how long a P71
// would take for it. scripts/bench runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"ekrona.example/applet"
	"ekrona.example/applet/jcardsim"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
	"ekrona.example/host/cost"
)

// The goals of the project for PAY; those for a tap are in package cost.
const (
	mostOfPlainGo  = 5.0 // times the same signatures in plain Go, on the emulator
	leastOfJCard   = 5.0 // times faster than jCardSim
	warmUpJCardSim = 200 // payments until its code is compiled
)

func main() {
	payments := flag.Int("payments", 300, "payments to time")
	project := flag.String("jcsim", "applet/jcsim",
		"directory of the Maven project that runs the applet on jCardSim")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *payments, *project); err != nil {
		fmt.Fprintln(os.Stderr, "benchmark:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, payments int, project string) error {
	accounts, err := suite.Accounts(ctx, card.P71)
	if err != nil {
		return err
	}
	for _, section := range []func() error{
		func() error { return printCommands(out, accounts) },
		func() error { return printTaps(ctx, out) },
		func() error { return printMemory(ctx, out) },
		func() error { return printTimes(ctx, out, payments, project) },
	} {
		if err := section(); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	return nil
}

// printCommands is a line for each command: writes, bytecodes, bytes on the wire,
// and what a P71 would take.
func printCommands(out io.Writer, accounts []suite.Account) error {
	link := card.Links()[0]
	fmt.Fprintf(out, "Commands on the profile %s, and the estimate for a P71 over %s\n\n",
		card.P71.Name, link.Name)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "writes\tbytes\tbytecodes\twire out\twire in\tcrypto ms\twrites "+
		"ms\tbytecode ms\twire ms\ttotal ms\t\t")
	for _, a := range accounts {
		cost, err := card.Estimate(a.Stats, link)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t  %s\t\n", a.Stats.Writes,
			a.Stats.WrittenBytes, a.Stats.Bytecodes,
			a.Stats.CommandBytes, a.Stats.ResponseBytes, milliseconds(cost.Of(card.CostCrypto)),
			milliseconds(cost.Of(card.CostWrites)),
			milliseconds(cost.Of(card.CostBytecode)), milliseconds(cost.Of(card.CostWire)),
			milliseconds(cost.Of()), a.Name)
	}
	return table.Flush()
}

// printTaps is the estimate of the taps that have a goal, over every link.
func printTaps(ctx context.Context, out io.Writer) error {
	folder, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // a sandbox that is no longer needed
	taps, err := cost.Measure(ctx, folder, card.Links()[0])
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Whole taps on a P71, finding the card left out; `ekrona card cost` shows "+
		"each command")
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, link := range card.Links() {
		for _, tap := range taps {
			if tap.Goal == 0 {
				continue
			}
			var inside, wire time.Duration
			for _, command := range tap.Commands {
				estimate, err := card.Estimate(command.Stats, link)
				if err != nil {
					return err
				}
				wire += estimate.Of(card.CostWire)
				inside += estimate.Of(card.CostCrypto, card.CostWrites, card.CostBytecode)
			}
			fmt.Fprintf(table, "%s\t%s\t%s ms\t(card %s, wire %s)\tgoal %s ms: %s\n", link.Name,
				tap.Title, milliseconds(inside+wire),
				milliseconds(inside), milliseconds(wire), milliseconds(tap.Goal),
				met(inside+wire <= tap.Goal))
		}
	}
	return table.Flush()
}

func printMemory(ctx context.Context, out io.Writer) error {
	nvm, ram, err := suite.MemoryTaken(ctx, card.P71)
	if err != nil {
		return err
	}
	commit, err := suite.CommitNeeded(ctx, card.P71)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Memory on the profile %s\n\n", card.P71.Name)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "CAP file\t%d bytes\n", len(applet.CAP))
	fmt.Fprintf(table, "persistent: package and instance\t%d of %d bytes\n", nvm, card.P71.NVMBytes)
	fmt.Fprintf(table, "RAM\t%d of %d bytes\n", ram, card.P71.RAMBytes)
	fmt.Fprintf(table, "largest transaction\t%d of %d bytes\n", commit, card.P71.CommitBytes)
	return table.Flush()
}

// printTimes compares PAY on the emulator with the same signatures in plain Go
// and with PAY on jCardSim, one after the other in this run.
func printTimes(ctx context.Context, out io.Writer, payments int, project string) error {
	fmt.Fprintf(out, "PAY, median of %d\n\n", payments)
	plain, err := suite.TimeSignatures(ctx, payments, time.Now)
	if err != nil {
		return err
	}
	emulated, err := suite.TimePayments(ctx, suite.NewEmulator(card.P71), payments)
	if err != nil {
		return err
	}
	ratio := float64(median(emulated)) / float64(median(plain))
	fmt.Fprintf(out, "its signatures in plain Go  %s ms\n", milliseconds(median(plain)))
	fmt.Fprintf(out,
		"emulator                    %s ms, %.2f times plain Go; goal at most %g: %s\n",
		milliseconds(median(emulated)), ratio, mostOfPlainGo, met(ratio <= mostOfPlainGo))
	simulated, err := timeJCardSim(ctx, payments, project)
	if errors.Is(err, jcardsim.ErrNoTools) {
		fmt.Fprintf(out, "jCardSim                    not measured: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	ratio = float64(median(simulated)) / float64(median(emulated))
	fmt.Fprintf(out, "jCardSim                    %s ms, the emulator is %.1f times faster; goal "+
		"at least %g: %s\n",
		milliseconds(median(simulated)), ratio, leastOfJCard, met(ratio >= leastOfJCard))
	return nil
}

func timeJCardSim(ctx context.Context, payments int, project string) ([]time.Duration, error) {
	dir, err := os.MkdirTemp("", "jcsim")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // classes that are no longer needed
	classes, err := jcardsim.Build(ctx, project, dir)
	if err != nil {
		return nil, err
	}
	target, err := suite.StartJCardSim(classes)
	if err != nil {
		return nil, err
	}
	times, err := suite.TimePayments(ctx, target, warmUpJCardSim+payments)
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	return times[warmUpJCardSim:], target.Close()
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.2f", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.1f", d.Seconds()*1000)
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "NOT MET"
}
