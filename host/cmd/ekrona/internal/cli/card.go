package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/atr"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/cap"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/lines"
	"ekrona.example/host/pcsc"
	"ekrona.example/host/shell"
)

// CardFlags name the card that a command works on. Wherever it is, a command sees an
// [apdu.Card] and nothing else.
type CardFlags struct {
	File   string
	Reader string
	Trace  Trace

	RecordingFlags

	// Recording is that of several cards, of which this is one with a label; nil is the flags' own.
	Recording *Recording
	Label     string

	// Flag is the flag that named the file, in errors; empty is --card.
	Flag    string
	Profile string // of a virtual card that is made, as AddProfile has it

	// MakeBlank makes a virtual card if there is none in the file, for commands that start
	// with a blank one.
	MakeBlank bool
	// Passing keeps a card that is made in memory, for commands that change nothing.
	Passing bool
	// Copied opens a copy of the card in the file, in memory: the file stays as it is.
	Copied bool
	// Tables are the source lines of CAP files on the card, besides those of the applet in this
	// program, for the cause of a 6F00.
	Tables []*lines.Table
}

// Add adds the flags to a command.
func (f *CardFlags) Add(c *cobra.Command) {
	c.Flags().StringVar(&f.Reader, "reader", "", "PC/SC reader that holds the card, or a part of "+
		"its name (default: the only reader that holds a card)")
	c.Flags().StringVar(&f.File, "card", "",
		"file of a virtual card, as \"ekrona card new\" makes it")
	f.Trace.Add(c)
	f.RecordingFlags.Add(c)
}

// SeedUsage describes the flag --seed.
const SeedUsage = "repeat a virtual card's randomness (any text; never for real keys)"

// DrawSeed draws a seed that nobody guesses, for a transcript that names it.
func DrawSeed() string { return rand.Text() }

// Named reports whether the command line names a card.
func (f *CardFlags) Named() bool { return f.File != "" || f.Reader != "" }

// Open opens the card and resets it. Nobody else can use it until Close.
func (f *CardFlags) Open(_ context.Context, c *cobra.Command) (opened *OpenCard, err error) {
	if f.File != "" {
		f.Draw()
	}
	switch {
	case f.File != "" && f.Reader != "":
		return nil, Usage("%s: name one card: --reader NAME or --card FILE", c.CommandPath())
	case f.File != "":
		opened, err = f.openVirtual()
	default:
		opened, err = openInReader(f.Reader)
		if err != nil && f.Reader == "" && c.Flags().Changed("profile") {
			err = fmt.Errorf("%w; for a virtual card of that profile name its file too: --card "+
				"FILE, which \"ekrona card new\" makes", err)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := f.record(c, opened); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// record has exchanges with a card recorded as the flags say: those of whole commands shown, those
// over the wire written to the transcript.
func (f *CardFlags) record(c *cobra.Command, opened *OpenCard) error {
	out := c.ErrOrStderr()
	if f.Recording != nil {
		out = f.Recording.Labelled(out, f.Label)
	}
	if opened.Virtual != nil {
		kept, err := shell.CardTables(f.File)
		if err != nil {
			fmt.Fprintf(out, "no lines are shown: %v\n", err)
		}
		opened.through(explaining(opened.Virtual, append(kept, f.Tables...), out))
	}
	recorded, release, err := f.recorded(opened)
	if err != nil {
		return err
	}
	opened.through(recorded.Around(opened.Unframed))
	opened.OnReset(recorded.Reset)
	below := opened.Close
	opened.Close = func() error { return errors.Join(release(), below()) }
	if f.Trace.On {
		rule := vocabulary.Decoder().Rule()
		log := f.Trace.Log(out)
		opened.Card = apdu.Recorder{
			Card: opened.Card, Label: opened.Where, Secrets: rule.Secrets, Sink: log.Exchange,
		}
		if f.Recording != nil {
			opened.above = func(channel apdu.Card) apdu.Card {
				return apdu.Recorder{Card: channel, Label: opened.Where,
					Secrets: rule.Inside().Secrets, Sink: log.Exchange}
			}
		}
		opened.OnReset(func(atr []byte) {
			rule.Reset()
			log.Reset(atr)
		})
	}
	return nil
}

// recorded is the card in a recording, that of several cards or one of its own, which release ends.
func (f *CardFlags) recorded(opened *OpenCard) (c *RecordedCard, release func() error, err error) {
	seed := f.Seed
	if opened.Virtual == nil {
		seed = ""
	}
	if f.Recording != nil {
		return f.Recording.Card(f.Label, seed), func() error { return nil }, nil
	}
	recording, err := f.Create()
	if err != nil {
		return nil, nil, err
	}
	c = recording.Card(opened.Where, seed)
	c.Begin(opened.ATR)
	return c, recording.Close, nil
}

// explaining writes the cause of every 6F00 of a virtual card, and names in errors where it went
// mute.
func explaining(virtual *globalplatform.Card, tables []*lines.Table, out io.Writer) apdu.Card {
	names := sync.OnceValue(func() *inspect.Names {
		return inspect.NewNames(slices.Concat(tables, Tables())...)
	})
	return explained{virtual, virtual.Below(), names, out}
}

// explained is a card, or what manages it, of whose applets the causes are told.
type explained struct {
	apdu.Card
	virtual *card.Card
	names   func() *inspect.Names
	out     io.Writer
}

// Transmit implements [apdu.Card].
func (e explained) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	r, err := e.Card.Transmit(ctx, c)
	if err == nil && shell.Unexplained(r.SW) {
		if cause := shell.Cause(e.virtual, e.names()); cause != "" {
			fmt.Fprintln(e.out, "cause of 6F00: "+cause)
		}
	}
	if err != nil {
		err = shell.Explained(err, e.names())
	}
	return r, err
}

// Tables are the source lines of the applet in this program.
func Tables() []*lines.Table {
	table, err := lines.Parse(applet.Lines)
	if err != nil { // which a test of package emulator/lines holds
		return nil
	}
	return []*lines.Table{table}
}

// IsEkrona reports whether a CAP file has the e-krona's applet.
func IsEkrona(file *cap.File) bool {
	return slices.ContainsFunc(file.Applets,
		func(a cap.Applet) bool { return string(a.AID) == spec.AppletAID })
}

// OpenCard is a card that a command has opened. It takes whole commands and returns whole
// answers, whatever their length.
type OpenCard struct {
	apdu.Card
	ATR []byte
	// LastATR is the answer to the last reset.
	LastATR func() []byte
	Where   string       // the reader, or the file
	Reset   func() error // switches the power off and on
	Close   func() error

	Unframed       apdu.Card // one APDU for each command; what it answers comes as it is
	ExtendedLength bool      // card and reader carry extended APDUs
	// Bytes sends what is no command too.
	Bytes func(command []byte) ([]byte, error)
	// Virtual is the card itself; nil for one in a reader.
	Virtual *globalplatform.Card

	above func(channel apdu.Card) apdu.Card // nil records nothing
}

var _ apdu.Observed = (*OpenCard)(nil)

// Above implements [apdu.Observed], for a command that shows several cards.
func (c *OpenCard) Above(channel apdu.Card) apdu.Card {
	if c.above == nil {
		return channel
	}
	return c.above(channel)
}

// OnReset has a function get the answer to each reset from now on, before any command after it.
func (c *OpenCard) OnReset(note func(atr []byte)) {
	reset := c.Reset
	c.Reset = func() error {
		if err := reset(); err != nil {
			return err
		}
		note(c.LastATR())
		return nil
	}
}

// through has commands go through another card to this one.
func (c *OpenCard) through(unframed apdu.Card) {
	c.Unframed = unframed
	c.Card = apdu.Framing{Card: unframed, ExtendedLength: c.ExtendedLength}
}

// Contactless reports whether the card is in the field of a reader, as far as its ATR
// shows.
func (c *OpenCard) Contactless() bool {
	a, err := atr.Parse(c.ATR)
	return err == nil && a.IsContactless()
}

func openInReader(part string) (*OpenCard, error) {
	system, err := pcsc.Establish()
	if err != nil {
		return nil, err
	}
	reader, err := chooseReader(system, part)
	if err != nil {
		return nil, err
	}
	connected, err := system.Connect(reader)
	if err != nil {
		return nil, err
	}
	return connectedCard(connected), nil
}

func connectedCard(connected *pcsc.Card) *OpenCard {
	return &OpenCard{
		Card: connected, ATR: connected.ATR(), Where: connected.Reader(), Reset: connected.Reset,
		Close:    connected.Close,
		Unframed: connected.Unframed(), ExtendedLength: connected.ExtendedLength(),
		Bytes: connected.TransmitBytes, LastATR: connected.ATR,
	}
}

// OpenConnected is a card in a reader that a command has found for itself, with what the flags
// want recorded.
func (f *CardFlags) OpenConnected(c *cobra.Command, connected *pcsc.Card) (*OpenCard, error) {
	opened := connectedCard(connected)
	return opened, f.record(c, opened)
}

// chooseReader finds a reader by a part of its name, or without one the only reader that
// holds a card.
func chooseReader(system *pcsc.System, part string) (string, error) {
	states, err := system.States()
	if err != nil {
		return "", err
	}
	return readerMeant(states, part)
}

func readerMeant(states []pcsc.State, part string) (string, error) {
	var all, meant []string
	for _, s := range states {
		all = append(all, s.Reader)
		if part == s.Reader {
			return s.Reader, nil
		}
		if part == "" && s.Card || part != "" &&
			strings.Contains(strings.ToLower(s.Reader), strings.ToLower(part)) {
			meant = append(meant, s.Reader)
		}
	}
	switch {
	case len(meant) == 1:
		return meant[0], nil
	case len(all) == 0:
		return "", errors.New(
			"no card reader is plugged in: plug one in, or name a virtual card with --card FILE")
	case len(meant) > 1:
		return "", Usage("--reader: choose one of them: %s", quoted(meant))
	case part == "":
		return "", fmt.Errorf(
			"no reader holds a card: insert one into %s, or name a virtual card with --card FILE",
			quoted(all))
	}
	return "", Usage("--reader: no reader has %q in its name; there are: %s", part, quoted(all))
}

func quoted(names []string) string {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%q", name)
	}
	return strings.Join(names, ", ")
}

// WithCard opens the card that the flags name, does something with it and closes it.
func WithCard(c *cobra.Command, cards *CardFlags, do func(*OpenCard) error) error {
	opened, err := cards.Open(c.Context(), c)
	if err != nil {
		return err
	}
	return errors.Join(do(opened), opened.Close())
}
