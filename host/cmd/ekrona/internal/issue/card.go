package issue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/card"
	"ekrona.example/host/banking"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/progress"
	"ekrona.example/personalization"
	"ekrona.example/personalization/desk"
	"ekrona.example/personalization/preflight"
	"ekrona.example/personalization/rehearsal"
)

// cardIssue is one run of "issue card".
type cardIssue struct {
	wiring Wiring
	cards  cli.CardFlags
	keys   cardKeyFlags
	file   appletFlag

	state, bank, owner, letter, link, batch string

	ceilings string
	slots    uint8
	attacks  uint8
	limits   personalization.Limits // by both
	second   bool
	replaces string
	group    uint8

	replaceKeys, deleteApplet, secure, dryRun, asJSON bool
}

// readLimits checks what is to be written into the card for good. named is whether the command line
// names the ceilings.
func (i *cardIssue) readLimits(named bool) error {
	ceilings := map[string]message.Policy{
		"default": message.DefaultCeilings(), "pilot": message.PilotPolicy(),
	}
	i.limits = personalization.Limits{Ceilings: ceilings[i.ceilings], Slots: i.slots,
		MaxAttacks: i.attacks}
	if i.limits.Ceilings == (message.Policy{}) {
		return cli.Usage("--ceilings %q: there are default and pilot; a job of \"ekrona issue "+
			"batch\" names any", i.ceilings)
	}
	if i.limits.Slots >= spec.MinSlots && !named { // ceilings that are asked for stay as they are
		i.limits = i.limits.Fitted()
	}
	if most := i.limits.Ceilings.MaxTransactions; i.limits.Slots >= spec.MinSlots &&
		most > uint16(i.limits.Slots) {
		return cli.Usage("--slots %d: the %s ceilings have %d transactions, and no card takes "+
			"more than its log has slots: give %d slots or more, or leave out --ceilings, which "+
			"lowers them", i.slots, i.ceilings, most, most)
	}
	if err := i.limits.Check(); err != nil {
		return cli.Usage("--slots, --max-attacks: %w", err)
	}
	return nil
}

// order is what the card is made for.
func (i *cardIssue) order() desk.Order {
	return desk.Order{
		Owner: i.owner, Letter: i.letter, Limits: i.limits,
		Second: i.second, Replaces: message.DeviceID(i.replaces),
		Batch: message.DeviceID(i.batch), Group: i.group,
	}
}

func cardCommand(w Wiring) *cobra.Command {
	i := &cardIssue{wiring: w}
	c := &cobra.Command{
		Use:   "card",
		Short: "Issue one card: from blank to active, for a customer of a bank",
		Long: `Issue one card: from blank to active, for a customer of a bank of a sandbox.

The card is checked first (see "ekrona issue check"). Then the issuing is rehearsed on a
virtual card in the same state, and the card gets exactly the rehearsed commands (a
reader without extended length splits the long ones). --dry-run checks the card, shows
these commands and sends none of them.

After an interruption give the same command line again: it goes on where it stopped. The
order, with the card's secrets, is kept beside the letter until the card is active; then
PIN and PUK are in the letter only. A command that is done already does nothing again.

A customer with an active card gets another only on request: with --second besides it,
with --replaces ID instead of it. The replaced card is reported lost when the new one is
active: it is blocked, claims on it are honoured for a time, and after that
"ekrona wallet end" moves its money to the online wallet. Unload it before.

What cannot be undone needs a flag of its own: --replace-keys, --delete-applet, --secure.`,
		Example: `  ekrona issue key master.key
  ekrona issue card --dry-run --state DIR --bank SENORDIC --owner dora --keys test \
    --new-keys master.key --replace-keys
  ekrona issue card --state DIR --bank SENORDIC --owner dora --keys test \
    --new-keys master.key --replace-keys --letter dora.txt`,
		Args: cli.Exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return i.run(c) },
	}
	i.cards.Add(c)
	cli.AddProfile(c, &i.cards.Profile)
	i.keys.add(c)
	i.file.add(c)
	c.Flags().StringVar(&i.state, "state", "", "folder of the sandbox (needed)")
	cli.JSONFlag(c, &i.asJSON)
	c.Flags().StringVar(&i.bank, "bank", "",
		"bank that issues the card, such as SENORDIC (needed)")
	c.Flags().StringVar(&i.owner, "owner", "", "the customer; a new one is enrolled (needed)")
	c.Flags().StringVar(&i.letter, "letter", "",
		"file for the PIN letter, in clear (needed, unless --dry-run)")
	cli.OutputFlags(c, "letter")
	c.Flags().StringVar(&i.ceilings, "ceilings", "default", "limits that no policy passes, "+
		"written into the card for good: default or pilot; where it is left out, no more "+
		"transactions than --slots")
	slotsFlag(c, &i.slots)
	c.Flags().Uint8Var(&i.attacks, "max-attacks", spec.DefaultAttacks, fmt.Sprintf(
		"attacks by faults that the card finds until it blocks itself, at most %d, 0 for never; "+
			"for good", spec.MostAttacks))
	c.Flags().BoolVar(&i.second, "second", false,
		"issue this card besides the customer's active one")
	c.Flags().StringVar(&i.replaces, "replaces", "", "device id of the customer's card that this "+
		"one replaces: it is reported lost, for good, when the new one is active")
	c.Flags().StringVar(&i.batch, "batch", "", "batch of cards whose key this one shares, such as "+
		"SENORDICB0000007, made if there is none (default: by the card's number)")
	c.Flags().Uint8Var(&i.group, "group", 0, "group of people that the owner belongs to, of which "+
		"policies and crisis orders may say other limits; \"ekrona bank group\" changes it")
	c.Flags().StringVar(&i.link, "link", "contact-115200", "link to the card, for "+
		"estimates: contact-115200, contact-460800, contactless-106 to -848")
	c.Flags().BoolVar(&i.replaceKeys, "replace-keys", false,
		"replace the keys that the card came with by those of --new-keys, for good")
	c.Flags().BoolVar(&i.deleteApplet, "delete-applet", false, "delete an applet that is in the "+
		"way: of another order and not active, or of another version")
	c.Flags().BoolVar(&i.secure, "secure", false, "move the card's life cycle to SECURED, for good")
	c.Flags().BoolVar(&i.dryRun, "dry-run", false,
		"show every command that would be sent, and send none of them")
	return c
}

// check verifies the command line before anything is opened.
func (i *cardIssue) check(c *cobra.Command) error {
	for _, needed := range []struct{ value, flag string }{{i.bank, "--bank"},
		{i.owner, "--owner"}} {
		if needed.value == "" {
			return cli.Usage("%s: %s is needed; see %q", c.CommandPath(), needed.flag,
				c.CommandPath()+" --help")
		}
	}
	if _, err := message.ParseDeviceID(i.replaces); i.replaces != "" && err != nil {
		return cli.Usage("--replaces: %w", err)
	}
	batch, err := message.ParseDeviceID(i.batch)
	if i.batch != "" && (err != nil || batch.Name() != message.Name(i.bank)) {
		return cli.Usage("--batch: %q: give a batch of cards of %s, such as %sB0000001", i.batch,
			i.bank, i.bank)
	}
	switch {
	case i.letter == "" && !i.dryRun:
		return cli.Usage("%s: name the file for PIN and PUK: --letter FILE",
			c.CommandPath())
	case i.second && i.replaces != "":
		return cli.Usage("--second issues the card besides those in use, --replaces in the place " +
			"of one: choose one of the two")
	case i.replaceKeys && i.keys.newKeys == "":
		return cli.Usage("--replace-keys: name the new keys: --new-keys FILE; \"ekrona issue key " +
			"FILE\" makes some")
	}
	return nil
}

func (i *cardIssue) run(c *cobra.Command) error {
	if err := i.check(c); err != nil {
		return err
	}
	if err := i.readLimits(c.Flags().Changed("ceilings")); err != nil {
		return err
	}
	link, err := card.LinkNamed(i.link)
	if err != nil {
		return cli.Usage("--link: %w", err)
	}
	line := personalization.Line{DeleteApplet: i.deleteApplet, Secure: i.secure}
	if line.Keys, line.Final, err = i.keys.sources(c); err != nil {
		return err
	}
	content, file, err := i.file.read()
	if err != nil {
		return err
	}
	line.CAP = file
	profile, err := cli.ProfileOf(i.cards.Profile)
	if err != nil {
		return err
	}
	need, err := preflight.NeedOn(content, i.limits.Slots, profile)
	if err != nil {
		return fmt.Errorf("--cap: %w", err)
	}
	talk := newConversation(c, &i.cards)
	i.cards.MakeBlank = true
	i.cards.Passing = i.dryRun
	return i.wiring.Bank(c, i.state, message.Name(i.bank),
		func(ctx context.Context, bank Bank) error {
			var err error
			if line.Issuer, err = bank.Issuer(ctx); err != nil {
				return err
			}
			return cli.WithCard(c, &i.cards, func(opened *cli.OpenCard) error {
				opened.OnReset(talk.reset)
				d := &atDesk{cardIssue: i, c: c, talk: talk, started: time.Now(), card: desk.Card{
					Card: talk.priced(opened, link), ATR: opened.ATR, Reset: opened.Reset,
				}}
				d.Desk = desk.Desk{
					Name: message.Name(i.bank), Bank: bank, Line: line, Need: need, Link: link,
					ReplaceKeys: i.replaceKeys,
					Clock:       bank.Clock(), Show: d.progress, Record: talk.report,
				}
				return d.issue(ctx)
			})
		})
}

// progress shows each stage on a line of its own.
func (d *atDesk) progress(e progress.Event) {
	d.made = d.made || e.Kind == progress.Made
	if !d.asJSON && e.Kind == progress.Reached {
		fmt.Fprintln(d.c.ErrOrStderr(), e.Stage)
	}
}

// atDesk is the command with an open card.
type atDesk struct {
	*cardIssue
	desk.Desk
	c       *cobra.Command
	card    desk.Card
	talk    *exchangeLog
	started time.Time
	made    bool // by this run, and not before
}

// issue checks the card, and issues it or shows what would be sent.
func (d *atDesk) issue(ctx context.Context) error {
	look, err := d.Look(ctx, d.card)
	if err != nil {
		return err
	}
	if d.dryRun {
		err = d.show(ctx, look)
	} else {
		err = d.make(ctx, look)
	}
	switch {
	case errors.Is(err, desk.ErrUnable):
		if err := look.Report.Write(d.c.ErrOrStderr()); err != nil {
			return err
		}
	case errors.Is(err, banking.ErrHasCard):
		return fmt.Errorf("%w (--second, or --replaces ID); nothing was started", err)
	case errors.Is(err, banking.ErrSecondCard):
		return fmt.Errorf("%w (--second)", err)
	case errors.Is(err, banking.ErrOutOfUse):
		return fmt.Errorf("--replaces: %w; nothing was started", err)
	case errors.Is(err, desk.ErrKeepsKeys):
		return cli.Usage("the card has the keys that it came with: add --replace-keys to replace " +
			"them by those of --new-keys, for good, or leave --new-keys out")
	}
	return err
}

// show prints what would be sent.
func (d *atDesk) show(ctx context.Context, look desk.Look) error {
	plan, err := d.Plan(ctx, look, d.order())
	if err != nil {
		return err
	}
	first := rehearsal.Case{Assumption: "the card is looked at first"}
	for _, e := range look.Sent {
		first.Steps = append(first.Steps, rehearsal.Step{Exchange: e})
	}
	if d.asJSON {
		return cli.WriteJSON(d.c.OutOrStdout(), struct {
			Look  rehearsal.Case   `json:"look"`
			Cases []rehearsal.Case `json:"cases"`
		}{first, plan.Cases})
	}
	out := d.c.OutOrStdout()
	fmt.Fprint(out, "Sent to look at the card, and sent first by an issuing too:\n\n")
	if err := first.WriteBrief(out); err != nil {
		return err
	}
	fmt.Fprint(out, "\nNothing of what follows was sent. Challenges, points and signatures are "+
		"placeholders.\n\n")
	return plan.Write(out)
}

// make makes the card.
func (d *atDesk) make(ctx context.Context, look desk.Look) error {
	device, err := d.Issue(ctx, d.card, look, d.order())
	if err != nil {
		return err
	}
	if err := d.Bank.(Bank).Issued(ctx, d.owner); err != nil {
		return err
	}
	if d.talk.failed != nil {
		return d.talk.failed
	}
	return d.done(device)
}

// done reports what was made.
func (d *atDesk) done(device banking.Device) error {
	times := d.talk.times(d.started, d.Link)
	answer := struct {
		Device   message.DeviceID `json:"device"`
		Owner    string           `json:"owner"`
		Bank     message.Name     `json:"bank"`
		Letter   string           `json:"letter"`
		Replaced string           `json:"replaced,omitempty"` // reported lost
		KeysLeft bool             `json:"initial_keys_left"`
		Before   bool             `json:"made_before"` // by the same command line
		Times    timesAnswer      `json:"times"`
	}{device.ID, d.owner, d.Name, d.letter, d.replaces, d.Line.Final == nil, !d.made, times}
	warning := ""
	if d.replaces != "" {
		warning = fmt.Sprintf("\n%s is reported lost: when claims on it are honoured no longer, "+
			"\"ekrona wallet end %s --device %s\" moves its money to the online wallet, for good",
			d.replaces, d.owner, d.replaces)
	}
	if answer.KeysLeft {
		warning += "\nthe card has kept the keys that it came with: --new-keys and " +
			"--replace-keys change them, for good"
	}
	state := "active"
	if answer.Before {
		state = "active already"
	}
	return cli.Answer(d.c, d.asJSON, answer, "%s is %s, for %s of %s; PIN letter in %s%s\n%s",
		device.ID, state, d.owner, d.Name, d.letter, warning, times)
}
