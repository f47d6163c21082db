package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/capture"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	manager "ekrona.example/emulator/globalplatform"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/lab"
	"ekrona.example/host/shell"
	"ekrona.example/personalization/cardkeys"
)

// flags are those of the commands, and what they make.
type flags struct {
	profile, seed       string
	transcript, capture string
	reader, file        string
	caps                []string
	trace               cli.Trace
	keepGoing, asJSON   bool
	unmask              bool
	install             []string
	pin                 cli.HolderSecret

	fileFlag string // that names the file, if it is not --card
	makeFile bool   // if there is none
	alone    bool   // no line of the user's follows

	record func(shell.Result) // writes the transcript

	// prompt asks for a secret where lines are edited; else it is nil.
	prompt func(text string) (string, error)
	waits  bool // what was to read a secret was interrupted, and would have the next line
}

// addCommon adds the flags of all three.
func (f *flags) addCommon(c *cobra.Command) {
	cli.AddProfile(c, &f.profile)
	c.Flags().StringVar(&f.seed, "seed", "", cli.SeedUsage)
	f.addRecording(c)
}

// addRecording adds the flags of what is shown and kept.
func (f *flags) addRecording(c *cobra.Command) {
	f.trace.Add(c)
	c.Flags().StringVar(&f.transcript, "transcript", "", cli.TranscriptUsage)
	c.Flags().StringVar(&f.capture, "capture", "", cli.CaptureUsage)
	cli.StreamFlags(c, "transcript", "capture")
	c.Flags().BoolVar(&f.unmask, "unmask", false, unmaskUsage)
}

// unmaskUsage describes the flag --unmask.
const unmaskUsage = "show and keep all bytes of applets that are not the e-krona's, PINs too, " +
	"once such an applet is selected; the e-krona's PINs and keys, and PUT KEY and the " +
	"cryptograms of secure channels, stay masked"

// decoder decodes what goes to the card and says what of it is masked.
func (f *flags) decoder() trace.Decoder {
	d := vocabulary.Decoder()
	d.Unmasked = f.unmask
	return d
}

// add adds the flags of those that read lines.
func (f *flags) add(c *cobra.Command) {
	f.addCommon(c)
	c.Flags().BoolVar(&f.keepGoing, "keep-going", false,
		"do the lines after one that failed too; the exit code is 1 all the same")
	c.Flags().BoolVar(&f.asJSON, "json", false, "answer each line with one JSON object a line")
	f.pin = cli.HolderSecret{Kind: "PIN", Flag: "--pin-file", Environment: "EKRONA_PIN"}
	c.Flags().StringVar(&f.pin.File, "pin-file", "", "file with the PIN that \"verify\" sends "+
		"(default: EKRONA_PIN, or a prompt)")
}

// addCard adds the flags that name a card.
func (f *flags) addCard(c *cobra.Command) {
	c.Flags().StringVar(&f.reader, "reader", "", "PC/SC reader that holds the card, or a part of "+
		"its name")
	c.Flags().StringVar(&f.file, "card", "",
		"file of a virtual card, as \"ekrona card new\" makes it")
	cli.AddFiles(c, &f.caps, "cap", "load this CAP file and install its applets, on "+
		"a new card if none is named (repeat for more, in dependency order)")
	f.addInstall(c)
}

// addInstall adds the flag of what is installed.
func (f *flags) addInstall(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.install, "install", nil, "MODULE-AID[,INSTANCE-AID[,PARAMETERS]] "+
		"in hex: make this instance, not one of every applet of --cap (can be repeated)")
}

// installLines are the lines that make the instances of --install.
func (f *flags) installLines() (lines []string, err error) {
	for _, text := range f.install {
		parts := strings.Split(text, ",")
		if _, err := lab.ParseInstance(parts); err != nil {
			return nil, cli.Usage("--install %s: %w", apdu.Brief(text), err)
		}
		lines = append(lines, "install "+strings.Join(parts, " "))
	}
	return lines, nil
}

// blank makes a blank virtual card.
func (f *flags) blank() (shell.Target, error) {
	profile, err := cli.ProfileOf(f.profile)
	if err != nil {
		return shell.Target{}, err
	}
	again := func(seed string) (*manager.Card, error) {
		return shell.NewVirtual(card.Options{Profile: profile}, seed)
	}
	virtual, err := again(f.drawSeed(f.transcript != "" || f.capture != "" || f.trace.Raw))
	if err != nil {
		return shell.Target{}, err
	}
	target := shell.VirtualTarget(virtual, "virtual "+profile.Name, func() error { return nil })
	target.Again = again
	return target, nil
}

// drawSeed is the seed of the virtual card: that of the flag, or if what is written names it, a
// random one; "" for none.
func (f *flags) drawSeed(isWritten bool) string {
	if f.seed == "" && isWritten {
		f.seed = cli.DrawSeed()
	}
	return f.seed
}

// tellsSeed reports whether captures and traces may have the seed of the session's card: one that
// ends with the session, or whose seed is the user's. From one that this program has drawn for a
// card in a file its keys would follow, and captures hold no secrets.
func (f *flags) tellsSeed(c *cobra.Command, target shell.Target) bool {
	return target.Virtual != nil && f.seed != "" &&
		(target.Again != nil || c.Flags().Changed("seed"))
}

// target opens the card that the flags name.
func (f *flags) target(c *cobra.Command) (shell.Target, error) {
	cards := cli.CardFlags{File: f.file, Reader: f.reader, Profile: f.profile,
		Flag: f.fileFlag, MakeBlank: f.makeFile}
	if !cards.Named() {
		return f.blank()
	}
	if cards.Seed = f.seed; f.file != "" {
		cards.Seed = f.drawSeed(f.transcript != "")
	}
	opened, err := cards.Open(c.Context(), c)
	if err != nil {
		return shell.Target{}, err
	}
	if opened.Virtual != nil {
		target := shell.VirtualTarget(opened.Virtual, opened.Where, opened.Close)
		target.File = f.file
		return target, nil
	}
	return shell.Target{Card: opened.Unframed, Bytes: opened.Bytes, ATR: opened.ATR,
		Where: opened.Where, Reset: opened.Reset, Close: opened.Close,
		ExtendedLength: opened.ExtendedLength}, nil
}

// with makes a session with a card, does something with it and ends it.
func (f *flags) with(
	c *cobra.Command, target shell.Target, do func(*shell.Session) error,
) (err error) {
	var s *shell.Session
	s, err = shell.New(target, shell.Options{
		Words: Words(), Names: *vocabulary.Script(), Decoder: f.decoder(),
		Tables: cli.Tables(), Keys: cardkeys.Read,
		Secret: f.secret,
		Note:   func(line string) { fmt.Fprintln(c.ErrOrStderr(), line) },
	})
	if err != nil {
		return errors.Join(err, target.Close())
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f.recorded(c, s, f.tellsSeed(c, target), do)
}

// recorded does something with a session, and shows and keeps it as the flags say.
func (f *flags) recorded(
	c *cobra.Command, s *shell.Session, tellsSeed bool, do func(*shell.Session) error,
) (err error) {
	target := s.Target()
	s.InUse(cli.FilesOf(c)...)
	if tellsSeed {
		s.Seeded(f.seed)
	}
	if f.trace.On {
		decoder := f.decoder()
		f.trace.Decoder = &decoder
		log := f.trace.Log(c.ErrOrStderr())
		s.Observe(log.Exchange)
		s.ObserveReset(log.Reset)
		s.ObserveWord(log.Word)
		s.ObserveMalformed(log.Malformed)
	}
	if f.capture != "" {
		file, failed := cli.CreateCapture(f.capture)
		if failed != nil {
			return failed
		}
		file.Reset(target.Where, target.ATR, time.Now())
		s.Observe(file.Sink)
		s.ObserveMalformed(file.Malformed)
		s.ObserveReset(func(atr []byte) { file.Reset(target.Where, atr, time.Now()) })
		s.ObserveWord(func(line string) {
			file.Word(capture.Word{Label: target.Where, Line: line, At: time.Now()})
		})
		defer func() { err = errors.Join(err, file.Close()) }()
	}
	if f.transcript != "" {
		file, err := cli.CreateTranscript(f.transcript)
		if err != nil {
			return err
		}
		f.record = s.Transcript(file, f.seed)
		return errors.Join(do(s), file.Close())
	}
	return do(s)
}

// secret is the PIN that verify sends.
func (f *flags) secret(ctx context.Context) (string, error) {
	if f.prompt != nil && !f.pin.Given() {
		return f.prompt("PIN for the card: ")
	}
	pin, err := f.pin.Read(ctx, "")
	f.waits = ctx.Err() != nil
	return pin, err
}

// done takes note of what was done.
func (f *flags) done(r shell.Result) {
	if f.record != nil {
		f.record(r)
	}
}

// preload does lines that load CAP files, which must be done, and install applets. An applet that
// wants parameters may be installed by a line of the user's, if there are any.
func (f *flags) preload(c *cobra.Command, s *shell.Session, lines []string) error {
	for _, line := range lines {
		r := s.Prepare(c.Context(), line)
		switch err := r.Err(); {
		case err != nil && r.Step.Word == "load":
			return cli.FlagFile("--cap", err)
		case err != nil && len(f.install) > 0:
			return fmt.Errorf("--install: %w", err)
		case err != nil:
			if shell.MayWantParameters(err) {
				err = fmt.Errorf("%w, or --install MODULE,INSTANCE,PARAMETERS with --cap", err)
			}
			if f.alone {
				return fmt.Errorf("%w; to have it loaded and not installed, make the card "+
					"without --cap and load it in \"ekrona shell --card %s\"", err, f.file)
			}
			s.Note("not installed: %v", err)
		default:
			f.done(r)
		}
	}
	return nil
}
