package issue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/scp03"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/pcsc"
	"ekrona.example/host/progress"
	"ekrona.example/personalization"
	"ekrona.example/personalization/batch"
	"ekrona.example/personalization/batch/letter"
	"ekrona.example/personalization/cardkeys"
	"ekrona.example/personalization/preflight"
)

// batchFlags are those of the command that works on a job.
type batchFlags struct {
	wiring  Wiring
	state   string
	job     string // its name
	folder  string
	check   bool
	giveUp  string
	reason  string
	cards   []string
	readers int
	applet  appletFlag

	trace     cli.Trace
	recording cli.RecordingFlags
	kept      *cli.Recording // once the readers are opened

	enrol, deleteApplet, secure, asJSON bool
}

// batchAnswer is how far a job is, for a script.
type batchAnswer struct {
	Job     string `json:"job"`
	Folder  string `json:"folder,omitempty"` // of letters, report and audit log
	Cards   int    `json:"cards"`            // of the job
	Made    int    `json:"made"`
	Started int    `json:"started"`
	Late    int    `json:"owners_to_enrol"`    // with --check
	GivenUp string `json:"given_up,omitempty"` // device, with --give-up
}

// out is where lines for a person go: with --json standard output is the answer's.
func (f *batchFlags) out(c *cobra.Command) io.Writer {
	if f.asJSON {
		return c.ErrOrStderr()
	}
	return c.OutOrStdout()
}

func batchCommand(w Wiring) *cobra.Command {
	f := &batchFlags{wiring: w}
	c := &cobra.Command{
		Use:   "batch JOB",
		Short: "Issue the cards of a job file, at all readers, through interruptions",
		Long: `Issue the cards of a job file, at all PC/SC readers side by side. Each card that is
inserted is issued. The job file is YAML, and all of it is checked before the first card:

  job: spring-2027              # its name
  bank: SENORDIC                # the intermediary
  batch: SENORDICB0000007       # batch of cards that share a key, made if there is none;
                                # optional: else by the cards' numbers
  keys:
    initial: test               # keys that the cards came with: test, FILE or shared:FILE
    final: master.key           # keys that they get: FILE or shared:FILE, or keep
  expiry: 2031-12-31            # of their certificates; optional
  ceilings:                     # written into the cards for good; optional
    max_balance: 5000           # kronor
    max_payment: 500
    max_spent: 8000             # between two synchronisations
    max_transactions: 50        # likewise; at most slots
    slots: 64                   # records that the card keeps until it is synchronised
    max_attacks: 10             # by faults, found until the card blocks itself; 0 for never
  letters:
    recipients: [age1...]       # who prints the PIN letters (age, X25519 or hybrid keys)
  cards: cards.csv              # or a list here, of the same fields

  owner,name,address,max_payment,second,replaces
  anna,Anna Berg,"Storgatan 1; 111 22 Stockholm",200,,
  bertil,,,,yes,
  cecilia,,,,,SENORDICC0000003

Paths are relative to the job file. owner is the customer's reference at the bank; all
other columns are optional. An owner with an active card gets another only on request:
"yes" in second, or in replaces the card that is replaced. That card is reported lost when
the new one is active, for good, and "ekrona wallet end" moves its money online later.

The journal in the job's folder records every step on a card before and after it. After a
power cut, a pulled card or a killed program give the same command again: each card that
was started is recognised in any reader and finished. The folder also holds the PIN
letters, each enciphered for its printer, the signed audit log (ekrona issue log) and the
report (ekrona issue report). Only its owner can read the folder.

--trace shows and --capture keeps what goes to each card, with its file or its reader and number,
without secrets. --transcript is for test cards: it holds their PINs and keys.`,
		Example: `  ekrona issue batch spring.yaml --state SANDBOX --check
  ekrona issue batch spring.yaml --state SANDBOX
  ekrona issue batch spring.yaml --state SANDBOX --give-up SENORDICC0000012 \
    --reason "card broken"`,
		Args: cli.Exactly(1, "a job file"),
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := f.checkUsage(c); err != nil {
				return err
			}
			job, err := readJob(c, arguments[0])
			if err != nil {
				return err
			}
			f.job = job.Name
			if f.folder == "" {
				f.folder = strings.TrimSuffix(arguments[0], filepath.Ext(arguments[0])) + ".job"
			}
			if f.check && f.state == "" {
				return cli.Answer(c, f.asJSON, batchAnswer{Job: job.Name, Cards: len(job.Cards)},
					"%s: %s, nothing is wrong with the job file; with --state bank, expiry and "+
						"customers are checked too",
					job.Name, progress.Plural(len(job.Cards), "card"))
			}
			err = f.wiring.Bank(c, f.state, job.Bank, func(ctx context.Context, b Bank) error {
				return f.work(ctx, c, b, arguments[0], job)
			})
			if errors.Is(err, ErrNoBank) {
				err = fmt.Errorf("%s: %w", job.Place("bank"), err)
			}
			return err
		},
	}
	c.Flags().StringVar(&f.state, "state", "",
		"folder of the sandbox whose bank issues the cards (needed)")
	c.Flags().StringVar(&f.folder, "folder", "",
		"folder of the job (default: the job file's name with .job)")
	c.Flags().BoolVar(&f.check, "check", false, "check the job and start nothing")
	c.Flags().StringVar(&f.giveUp, "give-up", "", "device id of a card that will not come again: "+
		"report it lost, for good, and free its place in the job for another")
	c.Flags().StringVar(&f.reason, "reason", "",
		"why it will not come again; the audit log keeps it")
	c.Flags().StringArrayVar(&f.cards, "card", nil, "file of a virtual card, instead of "+
		"PC/SC readers; blank if there is none (repeat for more)")
	c.Flags().IntVar(&f.readers, "readers", 1, "virtual readers for the cards of --card")
	c.Flags().BoolVar(&f.enrol, "enrol", false,
		"enrol owners who are not yet customers of the bank")
	c.Flags().BoolVar(&f.deleteApplet, "delete-applet", false,
		"delete an e-krona applet that is not active and not of this job from cards")
	c.Flags().BoolVar(&f.secure, "secure", false,
		"move the cards' life cycle to SECURED, which never goes back")
	f.applet.add(c)
	f.trace.Add(c)
	f.recording.AddSeveral(c, "its file, as --card has it")
	cli.JSONFlag(c, &f.asJSON)
	return c
}

// checkUsage refuses flags that mean nothing together, also where --check starts nothing.
func (f *batchFlags) checkUsage(c *cobra.Command) error {
	if f.check || f.giveUp != "" {
		if err := cli.Together(c, "no card is reached, and nothing to be shown or kept", "trace",
			"transcript", "capture", "seed"); err != nil {
			return err
		}
	}
	if len(f.cards) == 0 {
		err := cli.Together(c, "it is for virtual cards, which --card names", "seed")
		if err != nil {
			return err
		}
	}
	switch {
	case f.readers < 1:
		return cli.Usage("--readers: %d; give 1 or more", f.readers)
	case f.giveUp == "" && f.reason != "":
		return cli.Usage("--reason: name the card that will not come again with --give-up")
	case f.giveUp == "":
		return nil
	case f.check:
		return cli.Usage("--check: a check starts nothing and gives up none: leave --give-up out")
	case f.reason == "":
		return cli.Usage("--give-up: give the reason with --reason; the audit log keeps it")
	}
	if _, err := message.ParseDeviceID(f.giveUp); err != nil {
		return cli.Usage("--give-up: %w", err)
	}
	return nil
}

// readJob reads a job file, and shows each error in it on a line of its own.
func readJob(c *cobra.Command, path string) (*batch.Job, error) {
	job, err := batch.ReadJob(path)
	return job, listed(c, path, err)
}

// listed shows problems of a job one by one.
func listed(c *cobra.Command, path string, err error) error {
	var problems batch.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, problem := range problems {
		fmt.Fprintln(c.ErrOrStderr(), problem)
	}
	return fmt.Errorf("%s: %s; nothing was started: correct the lines above", path,
		progress.Plural(len(problems), "error"))
}

// options are what the job is opened with.
func (f *batchFlags) options(
	ctx context.Context, bank Bank, path string, job *batch.Job,
) (o batch.Options, err error) {
	issuer, err := bank.Issuer(ctx)
	if err != nil {
		return o, err
	}
	content, file, err := f.applet.read()
	if err != nil {
		return o, err
	}
	o = batch.Options{
		Job: job, Folder: f.folder, Registry: bank, Driver: f.wiring.Batch.Driver,
		Clock: bank.Clock(),
		Line: personalization.Line{Issuer: issuer, CAP: file, DeleteApplet: f.deleteApplet,
			Secure: f.secure},
	}
	if f.enrol {
		o.Enrol = bank
	}
	o.LogKey = o.Line.CA.Signer
	if o.Line.Random == nil {
		o.Line.Random = rand.Reader
	}
	if !job.Expiry.IsZero() {
		o.Line.Expiry = job.Expiry
	}
	if o.Line.Keys, err = keysBeside(path, job.Initial); err != nil {
		return o, fmt.Errorf("%s: %w", job.Place("keys: initial"), err)
	}
	if job.Final != batch.Keep {
		if o.Line.Final, err = keysBeside(path, job.Final); err != nil {
			return o, fmt.Errorf("%s: %w", job.Place("keys: final"), err)
		}
	}
	o.Need, err = preflight.NeedOf(content, job.MostSlots())
	return o, err
}

// keysBeside reads card keys whose file is named from the job file's folder.
func keysBeside(jobFile, reference string) (scp03.KeySource, error) {
	kind, path := "", reference
	if before, after, found := strings.Cut(reference, ":"); found {
		kind, path = before+":", after
	}
	if reference != cardkeys.Test && !filepath.IsAbs(path) {
		reference = kind + filepath.Join(filepath.Dir(jobFile), path)
	}
	return cardkeys.Read(reference)
}

func (f *batchFlags) work(
	ctx context.Context, c *cobra.Command, bank Bank, path string, job *batch.Job,
) error {
	o, err := f.options(ctx, bank, path, job)
	if err != nil {
		return err
	}
	if f.check {
		lateCustomers, err := batch.Check(ctx, o)
		if err != nil {
			return listed(c, path, err)
		}
		text := fmt.Sprintf("%s: %s, nothing is wrong", job.Name,
			progress.Plural(len(job.Cards), "card"))
		if len(lateCustomers) > 0 {
			text += fmt.Sprintf("; %s will be enrolled at %s",
				progress.Plural(len(lateCustomers), "owner"), job.Bank)
		}
		return cli.Answer(c, f.asJSON, batchAnswer{Job: job.Name, Cards: len(job.Cards),
			Late: len(lateCustomers)}, "%s", text)
	}
	if f.giveUp == "" && len(f.cards) == 0 { // before anything is started
		if _, err := pcsc.Establish(); err != nil {
			return fmt.Errorf("%w; or name virtual cards with --card FILE", err)
		}
	}
	b, err := batch.Open(ctx, o)
	if err != nil {
		return listed(c, path, err)
	}
	return errors.Join(listed(c, path, f.issue(ctx, c, b)), b.Close(),
		writeReport(context.WithoutCancel(ctx), f.folder))
}

// issue does what is left to do in an open job.
func (f *batchFlags) issue(ctx context.Context, c *cobra.Command, b *batch.Batch) error {
	if f.giveUp != "" {
		device, err := message.ParseDeviceID(f.giveUp)
		if err != nil {
			return err
		}
		if err := b.GiveUp(ctx, device, f.reason); err != nil {
			return err
		}
		fmt.Fprintf(f.out(c),
			"%s is given up; its place in the job is free for another card\n", device)
		return f.answer(ctx, c, b)
	}
	count, err := b.Count(ctx)
	if err != nil {
		return err
	}
	counted := false
	if count.Done < count.Total {
		if counted, err = f.atReaders(ctx, c, b, count); err != nil {
			return err
		}
		if count, err = b.Count(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	return f.conclude(ctx, c, b, count, counted)
}

// answer writes, with --json, how far the job is.
func (f *batchFlags) answer(ctx context.Context, c *cobra.Command, b *batch.Batch) error {
	if !f.asJSON {
		return nil
	}
	count, err := b.Count(ctx)
	if err != nil {
		return err
	}
	return cli.WriteJSON(c.OutOrStdout(), batchAnswer{Job: f.job, Folder: f.folder,
		Cards: count.Total, Made: count.Done, Started: count.Begun, GivenUp: f.giveUp})
}

// atReaders makes cards until all are made, or there are no more cards. counted reports
// whether it showed how many are made.
func (f *batchFlags) atReaders(
	ctx context.Context, c *cobra.Command, b *batch.Batch, count progress.Count,
) (counted bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if f.trace.On { // readers and view write at the same time
		c.SetErr(cli.Locked(c.ErrOrStderr()))
	}
	view := newBatchView(f.out(c), count)
	defer view.end()
	waiting, err := b.Waiting(ctx)
	if err != nil {
		return false, err
	}
	for _, w := range waiting {
		view.line(fmt.Sprintf("%s for %s is started (%s): insert the card %s again, into "+
			"any reader", w.Device, w.Owner, orNone(w.Stage.Name()), w.CardSerial))
	}
	if len(f.cards) > 0 {
		f.recording.Draw()
	}
	if f.kept, err = f.recording.Create(); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.kept.Close()) }()
	readers, show, err := f.openReaders(c, view.show, stop)
	if err != nil {
		return false, err
	}
	err = b.Run(ctx, readers, show)
	return view.counted, err
}

func orNone(stage string) string {
	if stage == "" {
		return "nothing is done yet"
	}
	return stage
}

// conclude shows where the results are, and how far the job is if that was not shown.
func (f *batchFlags) conclude(
	ctx context.Context, c *cobra.Command, b *batch.Batch, count progress.Count, wasCounted bool,
) error {
	out := f.out(c)
	if !wasCounted {
		fmt.Fprintf(out, "%d of %s made\n", count.Done, progress.Plural(count.Total, "card"))
	}
	folder, letters := filepath.Join(f.folder, "letters"), ""
	if written, err := filepath.Glob(filepath.Join(folder, "*"+letter.Extension)); err != nil {
		return err
	} else if len(written) > 0 {
		letters = fmt.Sprintf("PIN letters are in %s, ", folder)
	}
	fmt.Fprintf(out, "%sthe report is %s\n", letters, filepath.Join(f.folder, reportHTML))
	if err := f.answer(context.WithoutCancel(ctx), c, b); err != nil {
		return err
	}
	if count.Done == count.Total {
		return nil
	}
	waiting, err := b.Waiting(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	for _, w := range waiting {
		fmt.Fprintf(out, "%s for %s is started (%s) on the card %s\n", w.Device, w.Owner,
			orNone(w.Stage.Name()), w.CardSerial)
	}
	return fmt.Errorf("the job is not done: %d started, %d to start: give the same command again",
		count.Begun, count.Left())
}
