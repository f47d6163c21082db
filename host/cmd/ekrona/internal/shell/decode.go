package shell

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/capture"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/host/cmd/ekrona/internal/cli"
	"ekrona.example/host/progress"
	session "ekrona.example/host/shell"
)

// DecodeCommand is "ekrona card decode".
func DecodeCommand() *cobra.Command {
	asJSON, asScript, raw, unmask := false, false, false, false
	c := &cobra.Command{
		Use:   "decode FILE",
		Short: "Decode a capture or a log of exchanges with a card",
		Long: `Decode a capture or a log of exchanges with a card: one of --capture, pcap and pcapng with
GSMTAP as SIMtrace and pySim-trace have it, what --trace=raw and "ekrona shell" write, the APDU
trace of pySim, and the logs of GlobalPlatformPro (-d), pcscd (--apdu) and OpenSC. "-" is standard
input.

Of long values is shown what a line holds, with --raw all of it. What could be a secret is not
shown, except with --script, which makes the log a script for "ekrona shell": it sends the same
commands and checks the answers. Bytes that the log itself hides are written ?? there, and such a
line is not sent before they are written in; --unmask with "ekrona shell" and "ekrona card run" has
fewer of them hidden.`,
		Example: `  gp -d --list | ekrona card decode -
  ekrona card decode capture.pcapng --script > test.script`,
		Args: cli.Exactly(1, "the name of a file, or -"),
		RunE: func(c *cobra.Command, arguments []string) error {
			in, err := cli.OpenInput(c, "FILE", arguments[0])
			if err != nil {
				return err
			}
			defer in.Close()
			decoder := vocabulary.Decoder()
			decoder.Unmasked = unmask
			d := &decoding{follow: decoder.Follow(), out: c.OutOrStdout(),
				text: cli.Trace{On: true, Raw: raw}.Text()}
			d.asJSON = asJSON
			give := d.show
			switch {
			case asScript:
				give = d.script
			case asJSON:
				give = d.json
			}
			err = capture.Events{
				Exchange: func(e capture.Exchange) error {
					d.failed = give(e)
					return d.failed
				},
				Reset: func(capture.Reset) error {
					d.follow.Reset()
					d.failed = d.reset(asScript)
					return d.failed
				},
				Word: func(w capture.Word) error {
					d.failed = d.word(w, asScript)
					return d.failed
				},
			}.Read(in)
			if d.hidden > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "the log hides bytes of %s, written ?? in the "+
					"script, which ends there until they are written in; --unmask hides fewer "+
					"when a log is kept\n", progress.Plural(d.hidden, "command"))
			}
			switch {
			case d.failed != nil:
				return d.failed
			case err != nil && arguments[0] == "-":
				return fmt.Errorf("standard input: %w", err)
			case err != nil:
				return fmt.Errorf("%s: %w", arguments[0], err)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asScript, "script", false, "write a script that sends the same and expects "+
		"the same answers (it holds the secrets of the log)")
	c.Flags().BoolVar(&raw, "raw", false, "show raw bytes too, and cut nothing short")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object for each exchange, a line each")
	c.Flags().BoolVar(&unmask, "unmask", false, unmaskUsage)
	c.MarkFlagsMutuallyExclusive("script", "json")
	return c
}

// decoding is the work on one log.
type decoding struct {
	follow *trace.Follower
	out    io.Writer
	text   trace.Text
	given  int   // exchanges
	hidden int   // commands of the script with hidden bytes
	failed error // of out
	asJSON bool
	seeded bool // what the card draws is known
	drawn  bool // it is said that it is not
}

// tree decodes an exchange.
func (d *decoding) tree(e capture.Exchange) trace.Exchange {
	var err error
	if e.Failed != "" {
		err = errors.New(e.Failed)
	}
	if lengthHidden(e) {
		return d.follow.Decoder().Malformed(apdu.Malformed{Label: e.Label, Began: e.Began,
			Took: e.Took, Command: e.Command, Response: e.Response, Err: err})
	}
	c, failed := apdu.ParseCommand(e.Command)
	if r, err := apdu.ParseResponse(e.Response); err == nil && failed == nil {
		d.follow.Note(c, r)
	}
	out := d.follow.Decoder().Bytes(e.Command, e.Response)
	out.Hide(e.Masked)
	out.Label, out.Began, out.Took, out.Err = e.Label, e.Began, e.Took, err
	return out
}

// lengthHidden reports whether the byte behind the header is masked, as it is of what was no
// command alone.
func lengthHidden(e capture.Exchange) bool {
	const header = 4
	return slices.ContainsFunc(e.Masked.Command, func(s apdu.Span) bool {
		return s.From <= header && header < s.To && s.From < s.To
	})
}

func (d *decoding) show(e capture.Exchange) error {
	_, err := io.WriteString(d.out, d.text.Exchange(d.tree(e)))
	return err
}

func (d *decoding) json(e capture.Exchange) error {
	return json.NewEncoder(d.out).Encode(d.tree(e))
}

// reset writes a reset into a script; the first needs no line, since a script begins after one.
func (d *decoding) reset(asScript bool) error {
	if !asScript || d.given == 0 {
		return nil
	}
	_, err := io.WriteString(d.out, "reset -> ok\n")
	return err
}

// word writes what was done to a virtual card between commands. Whatever is selected after the card
// was set back is not known.
func (d *decoding) word(w capture.Word, asScript bool) error {
	line := apdu.OneLine(w.Line)
	name, _, _ := strings.Cut(line, " ")
	switch name {
	case "restore":
		d.follow.Reset()
	case session.SeedWord:
		d.seeded = true
	}
	d.given++
	switch {
	case !asScript && d.asJSON:
		return json.NewEncoder(d.out).Encode(map[string]string{"done": line})
	case !asScript:
		line = trace.WordLine + line
	case strings.Contains(line, "**"):
		d.hidden++
		line = "# hidden where it was recorded, write it in the place of **: " + line
	case !slices.Contains(replayed, name):
		line = "# " + line
	}
	_, err := fmt.Fprintln(d.out, line)
	return err
}

// replayed are the words of a capture that a script does again.
var replayed = []string{session.SeedWord, "load", "install", "delete", "cut", "snapshot",
	"restore"}

// hideDrawn has a script expect no bytes of an answer that the card draws, unless a seed has it
// draw the same again, and says so once.
func (d *decoding) hideDrawn(step script.Step, r apdu.Response) error {
	spans := trace.Drawn(step.Command, r)
	if d.seeded || len(spans) == 0 || step.Malformed != nil {
		return nil
	}
	step.Expected.Hide(spans)
	if d.drawn {
		return nil
	}
	d.drawn = true
	_, err := fmt.Fprintln(d.out, "# The log names no seed, so that a card draws other numbers: "+
		"?? stands for them in an answer.\n# What is computed from them, such as EXTERNAL "+
		"AUTHENTICATE, is refused. A capture of a virtual card with --seed can be repeated.")
	return err
}

// script writes the exchange as a line of a script. Bytes that the log hides are written "??".
func (d *decoding) script(e capture.Exchange) error {
	d.given++
	names := *vocabulary.Script()
	names.Malformed = true
	d.tree(e)
	if d.follow.Foreign() { // whose commands are not those that the names are of
		names.Commands = nil
	}
	step := script.StepOf(e.Command)
	step.Hidden = e.Masked.Command
	r, err := apdu.ParseResponse(e.Response)
	switch {
	case err == nil:
		step.Expected = script.Exactly(r)
		step.Expected.Hide(e.Masked.Response)
		if err := d.hideDrawn(step, r); err != nil {
			return err
		}
	case e.Failed != "":
		step.Expected = &script.Expected{None: true}
	}
	if err := step.Whole(); err != nil {
		d.hidden++
		if _, err := fmt.Fprintf(d.out, "# %v\n", err); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(d.out, names.Text(step))
	return err
}
