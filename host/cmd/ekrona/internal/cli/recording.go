package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/capture"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/host/shell"
)

// RecordingFlags are --transcript, --capture and --seed.
type RecordingFlags struct {
	// Seed repeats the randomness of virtual cards; "" does not.
	Seed string

	transcript, capture string
	several             bool // more cards than one may be reached
	drawn               bool // the seed is not the command line's
}

// Add adds the flags to a command that reaches one card.
func (f *RecordingFlags) Add(c *cobra.Command) {
	f.AddFiles(c, false)
	c.Flags().StringVar(&f.Seed, "seed", "", SeedUsage)
}

// AddSeveral adds the flags to a command that may reach more cards than one, each with the seed of
// what it is told from others by, such as "its holder".
func (f *RecordingFlags) AddSeveral(c *cobra.Command, by string) {
	f.AddFiles(c, true)
	c.Flags().StringVar(&f.Seed, "seed", "", "repeat the randomness of virtual cards, each with "+
		"the seed TEXT/NAME of "+by+" (any text; never for real keys)")
}

// AddFiles adds --transcript and --capture alone, to a command with a seed of its own, of one card
// or of several.
func (f *RecordingFlags) AddFiles(c *cobra.Command, several bool) {
	usage := TranscriptUsage
	if f.several = several; several {
		usage += "; of the first card that is reached, with the lines of others as comments"
	}
	c.Flags().StringVar(&f.transcript, "transcript", "", usage)
	StreamFlags(c, "transcript")
	f.AddCapture(c)
}

// AddCapture adds --capture alone, to a command whose cards no script can be done on again.
func (f *RecordingFlags) AddCapture(c *cobra.Command) {
	c.Flags().StringVar(&f.capture, "capture", "", CaptureUsage)
	StreamFlags(c, "capture")
}

// Wanted reports whether a file is wanted.
func (f *RecordingFlags) Wanted() bool { return f.transcript != "" || f.capture != "" }

// Draw draws a seed where a transcript of virtual cards wants one that it can name.
func (f *RecordingFlags) Draw() {
	if f.transcript != "" && f.Seed == "" {
		f.Seed, f.drawn = DrawSeed(), true
	}
}

// Of is the seed of one card of several.
func (f *RecordingFlags) Of(holder string) string {
	if f.Seed == "" {
		return ""
	}
	return f.Seed + "/" + holder
}

// Recording is what is kept of the exchanges with cards, which may be used at the same time. Its
// zero value keeps nothing.
type Recording struct {
	mu         sync.Mutex // of the files, and of what the cards write to
	transcript *Transcript
	capture    *capture.File
	seeded     bool
	several    bool
	first      *RecordedCard // whose script the transcript is
}

// Create makes the files that the flags name.
func (f *RecordingFlags) Create() (r *Recording, err error) {
	r = &Recording{seeded: !f.drawn, several: f.several}
	if f.transcript != "" {
		if r.transcript, err = CreateTranscript(f.transcript); err != nil {
			return nil, err
		}
	}
	if f.capture != "" {
		if r.capture, err = CreateCapture(f.capture); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// Close closes the files.
func (r *Recording) Close() error {
	var failed []error
	if r.transcript != nil {
		failed = append(failed, r.transcript.Close())
	}
	if r.capture != nil {
		failed = append(failed, r.capture.Close())
	}
	return errors.Join(failed...)
}

// RecordedCard is one card of a recording.
type RecordedCard struct {
	// Head are lines that the card's part of a transcript begins with, behind its seed.
	Head []string

	recording *Recording
	label     string
	seed      string // "" is not known
	secrets   func(apdu.Command, apdu.Response) apdu.Secrets
	forget    func()
	follow    *trace.Follower // which application is selected
	begun     bool
}

// Card is a card of the recording, by its label. The seed is that of a virtual one.
func (r *Recording) Card(label, seed string) *RecordedCard {
	rule, follow := vocabulary.Decoder().Rule(), vocabulary.Decoder().Follow()
	follow.Reset()
	return &RecordedCard{recording: r, label: label, seed: seed, secrets: rule.Secrets,
		forget: rule.Reset, follow: follow}
}

// Around records what goes over the wire to a card that was just powered on.
func (c *RecordedCard) Around(below apdu.Card) apdu.Card {
	r := c.recording
	if r.transcript == nil && r.capture == nil {
		return below
	}
	if r.capture != nil {
		below = apdu.Recorder{Card: below, Label: c.label, Secrets: c.secrets,
			Sink: func(e apdu.Exchange) {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.capture.Sink(e)
			}}
	}
	return apdu.CardFunc(func(ctx context.Context, command apdu.Command) (apdu.Response, error) {
		c.Begin(nil)
		answer, err := below.Transmit(ctx, command)
		c.exchange(command, answer, err)
		return answer, err
	})
}

// proprietary is the bit of a class byte whose commands each application has for itself
// (ISO 7816-4 §5.4.1).
const proprietary = 0x80

// exchange writes a line of the transcript. It is no Recorder: what it writes is not masked, and it
// carries nothing.
func (c *RecordedCard) exchange(command apdu.Command, answer apdu.Response, err error) {
	step := script.Step{Command: command, Expected: script.Exactly(answer)}
	if err != nil {
		step.Expected = &script.Expected{None: true}
	}
	c.recording.mu.Lock()
	defer c.recording.mu.Unlock()
	c.follow.Note(command, answer)
	names := vocabulary.Script()
	if c.follow.Foreign() && command.CLA&proprietary != 0 {
		names.Commands = nil // which are of another application
	}
	c.line(names.Text(step))
}

// line writes a line of the transcript: of another card than the first, as a comment. The lock is
// held.
func (c *RecordedCard) line(text string) {
	r := c.recording
	if r.transcript == nil {
		return
	}
	if r.first == nil {
		r.first = c
		if r.several {
			_, _ = fmt.Fprintf(r.transcript, "# the card of %s\n", c.label)
		}
	}
	if r.first != c {
		text = "# " + c.label + ": " + strings.TrimSpace(text)
	}
	_, _ = fmt.Fprintln(r.transcript, text)
}

// Begin writes what a card's part begins with, the first time.
func (c *RecordedCard) Begin(atr []byte) {
	c.recording.mu.Lock()
	defer c.recording.mu.Unlock()
	c.begin(atr)
}

func (c *RecordedCard) begin(atr []byte) {
	if c.begun {
		return
	}
	c.begun = true
	if c.seed != "" {
		c.line(shell.SeedLine(c.seed) + " -> ok")
	}
	for _, line := range c.Head {
		c.line(line)
	}
	if r := c.recording; r.capture != nil {
		r.capture.Reset(c.label, atr, time.Now())
		if c.seed != "" && r.seeded {
			r.capture.Word(capture.Word{Label: c.label, Line: shell.SeedLine(c.seed),
				At: time.Now()})
		}
	}
}

// Reset writes that the card was powered on anew.
func (c *RecordedCard) Reset(atr []byte) {
	c.recording.mu.Lock()
	defer c.recording.mu.Unlock()
	if !c.begun {
		c.begin(atr)
		return
	}
	c.follow.Reset()
	c.line("reset")
	if r := c.recording; r.capture != nil {
		c.forget()
		r.capture.Reset(c.label, atr, time.Now())
	}
}

// Labelled writes what is shown of one card of several: a line with its label before it, and
// nothing of another card between.
func (r *Recording) Labelled(out io.Writer, label string) io.Writer {
	return labelled{r, out, label}
}

type labelled struct {
	recording *Recording
	out       io.Writer
	label     string
}

// Write implements io.Writer.
func (l labelled) Write(p []byte) (int, error) {
	l.recording.mu.Lock()
	defer l.recording.mu.Unlock()
	if _, err := fmt.Fprintf(l.out, "%s\n%s", l.label, p); err != nil {
		return 0, err
	}
	return len(p), nil
}
