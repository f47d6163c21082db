package lab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/applet/attack"
	"ekrona.example/emulator/card"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/durable"
	"ekrona.example/host/lab/catalogue"
	"ekrona.example/personalization/cardkeys"
	"ekrona.example/personalization/preflight"
)

// labAttack is what the command line asks for.
type labAttack struct {
	cards       cli.CardFlags
	named, html string
	keys        string
	destructive bool
	mayDelete   bool
	list        bool
	asJSON      bool
	workers     int
}

func attackCommand() *cobra.Command {
	a := &labAttack{}
	c := &cobra.Command{
		Use:   "attack",
		Short: "Play the catalogue of attacks on a card and the parties: show what is refused",
		Long: `Play the catalogue of attacks on a card and on the parties, and show what is refused.

Each attack has a name, a threat, the defence that is expected to stop it and the clause where
that is written down (--list). Before it is played its control is: the same without what is
wrong, which must succeed, so that nothing is refused by accident. What was not refused is
shown with the commands that were sent, decoded, and the exit code is 1.

Without --card and --reader every attack is made on fresh virtual cards with this program's
applet and the keys of a scheme made for it, and on parties that are made for it too.

With --card FILE or --reader NAME attacks are made on that card as a stranger can, without its
keys and its PIN. It may be personalized by anybody, blank, or with other applets: what needs
more than is there is told as not applicable. A virtual card is worked on as a copy, and its
file left as it was. On a card in a reader nothing is tried that takes something from it for
good, such as a try of its PIN. --destructive tries that too, and works on the file itself.

With --keys and --delete-applet every attack on a card is made on the card in the reader or the
file: each deletes the applet, for good, and installs one of a scheme made for it. Take a test
card.

The last line says how many attacks were tried, refused, and not.`,
		Example: `  ekrona lab attack --html attacks.html
  ekrona lab attack --attack "PIN guessed"
  ekrona lab attack --card anna.card
  ekrona lab attack --reader ACR --destructive
  ekrona lab attack --reader ACR --keys master.key --delete-applet`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return a.run(c) },
	}
	f := c.Flags()
	a.cards.Add(c)
	cli.AddProfile(c, &a.cards.Profile)
	f.BoolVar(&a.destructive, "destructive", false,
		"allow what takes something from the card for good, such as the tries of its PIN")
	f.StringVar(&a.keys, "keys", "", "keys of the card's security domain, to install "+
		"test applets: "+cardkeys.Usage)
	f.BoolVar(&a.mayDelete, "delete-applet", false,
		"allow the applet on the card to be deleted, with its keys and money")
	f.StringVar(&a.named, "attack", "", "only the attacks whose name contains this")
	f.BoolVar(&a.list, "list", false, "list the attacks, and play none")
	f.StringVar(&a.html, "html", "", "write the report as a page too")
	cli.OutputFlags(c, "html")
	f.IntVar(&a.workers, "workers", runtime.NumCPU(), "attacks played at the same time")
	cli.JSONFlag(c, &a.asJSON)
	return c
}

func (a *labAttack) run(c *cobra.Command) error {
	entries := catalogue.Named(a.named)
	switch {
	case a.workers < 1:
		return cli.Usage("--workers: %d; give 1 or more", a.workers)
	case len(entries) == 0:
		var names []string
		for _, e := range catalogue.All() {
			names = append(names, e.Name)
		}
		return cli.Usage("--attack: no attack has %q in its name; --list names those that there "+
			"are%s", apdu.Brief(a.named), apdu.Unknown(a.named, names))
	case a.list:
		if err := cli.Alone(c, "--list plays nothing, and goes with --attack and --json",
			"list", "attack", "json"); err != nil {
			return err
		}
		return a.show(c.OutOrStdout(), entries)
	}
	if err := a.checkTogether(c); err != nil {
		return err
	}
	plan := catalogue.Plan{Entries: entries, Workers: a.workers, Seed: a.cards.Seed,
		Show: showAttacks(c.ErrOrStderr())}
	switch {
	case a.keys != "" && !a.mayDelete:
		return cli.Usage("%s: each attack deletes the applet of the one before for good, and what "+
			"is in it: take a test card and add --delete-applet", c.CommandPath())
	case a.keys != "":
		return a.playInstalled(c, plan)
	case a.mayDelete:
		return cli.Usage("%s: name the keys that the card has: --keys test for the published "+
			"ones, --keys FILE for others", c.CommandPath())
	case a.cards.Named():
		return a.playFound(c, plan)
	}
	profile, err := cli.ProfileOf(a.cards.Profile)
	if err != nil {
		return err
	}
	if err := cardCanBeMade(profile); err != nil {
		return err
	}
	plan.Fresh = catalogue.VirtualCards(profile, plan.Seed)
	return a.play(c, plan)
}

// checkTogether refuses flags that change nothing beside others.
func (a *labAttack) checkTogether(c *cobra.Command) error {
	if !a.cards.Named() && a.keys == "" && !a.mayDelete {
		return cli.Together(c, "each attack has a card of its own: name one card with --card or "+
			"--reader", "trace", "transcript", "capture", "destructive")
	}
	if err := cli.Together(c, "on one card the attacks are played one after the other",
		"workers"); err != nil {
		return err
	}
	if a.keys != "" {
		if err := cli.Together(c, "--delete-applet takes all there is for good already",
			"destructive"); err != nil {
			return err
		}
	}
	switch {
	case a.cards.File != "" && (a.keys == "" || fileExists(a.cards.File)):
		return cli.Together(c, "the card in the file is of a product already", "profile")
	case a.cards.File == "":
		return cli.Together(c, "it is for a virtual card", "profile", "seed")
	}
	return nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// cardCanBeMade reports why no card of a product can be attacked: the applet cannot be installed
// on it, with the smallest log.
func cardCanBeMade(profile card.Profile) error {
	fit, err := preflight.FitOf(applet.CAP, spec.MinSlots, profile)
	if err != nil {
		return err
	}
	if !fit.Installs() {
		return fmt.Errorf("--profile %s: no card can be made of it, and nothing was tried: %w",
			profile.Name, fit.Refusal)
	}
	return nil
}

// playInstalled plays on a card onto which each attack installs an applet of its own.
func (a *labAttack) playInstalled(c *cobra.Command, plan catalogue.Plan) error {
	keys, err := cardkeys.Read(a.keys)
	if err != nil {
		return cli.FlagFile("--keys", err)
	}
	cards := a.cards
	cards.MakeBlank = true
	return cli.WithCard(c, &cards, func(opened *cli.OpenCard) error {
		target, err := managedTarget(opened, keys)
		if err != nil {
			return err
		}
		plan.Workers, plan.CardsOnly = 1, true
		plan.Fresh = func() (catalogue.Cards, error) {
			return catalogue.Cards{Applet: target, Managed: target, Keys: keys}, nil
		}
		return a.play(c, plan)
	})
}

// playFound plays on a card as it is found, or on a copy of it.
func (a *labAttack) playFound(c *cobra.Command, plan catalogue.Plan) error {
	found := &catalogue.Found{Destructive: a.destructive,
		Copies: a.cards.File != "" && !a.destructive}
	if a.cards.Seed != "" {
		found.Random = card.SeededRandom(a.cards.Seed + " stranger")
	}
	cards := a.cards
	cards.Copied = found.Copies
	return cli.WithCard(c, &cards, func(opened *cli.OpenCard) error {
		found.Where = opened.Where
		found.Card, found.Begin, found.Virtual = opened, opened.Reset, opened.Virtual != nil
		if opened.Virtual != nil {
			found.Power = &attack.Power{Cut: opened.Virtual.CutBefore, Reset: opened.Reset}
		}
		if found.Copies {
			asFound, err := opened.Virtual.Below().Snapshot()
			if err != nil {
				return err
			}
			found.Begin = func() error {
				return errors.Join(opened.Virtual.Below().RestoreSnapshot(asFound), opened.Reset())
			}
		}
		plan.Found = found
		return a.play(c, plan)
	})
}

// play plays the attacks and shows what became of them.
func (a *labAttack) play(c *cobra.Command, plan catalogue.Plan) error {
	began := time.Now()
	report, err := plan.Run(c.Context())
	if report == nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "%.1f seconds\n", time.Since(began).Seconds())
	return errors.Join(err, a.write(c.OutOrStdout(), report))
}

func (a *labAttack) show(out io.Writer, entries []catalogue.Entry) error {
	if a.asJSON {
		return cli.WriteJSON(out, entries)
	}
	return catalogue.List(out, entries)
}

// showAttacks shows now and then how far the catalogue has come.
func showAttacks(out io.Writer) func(done, total int, r catalogue.Result) {
	isDue := due()
	return func(done, total int, r catalogue.Result) {
		if isDue() {
			fmt.Fprintf(out, "%d of %d attacks: %s\n", done, total, r.Name)
		}
	}
}

// write writes the report, and the page.
func (a *labAttack) write(out io.Writer, report *catalogue.Report) (err error) {
	if a.asJSON {
		err = cli.WriteJSON(out, report.Answer())
	} else {
		err = report.Text(out)
	}
	if a.html != "" {
		var b strings.Builder
		failed := report.HTML(&b)
		if failed == nil {
			failed = durable.Replace(a.html, []byte(b.String()), durable.Everyone)
		}
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("--html: %w", failed))
		}
	}
	return errors.Join(err, report.Err())
}
