// Package script is a text for an APDU with the answer that is expected, one line for
// each. It serves any applet: the names of commands and status words are a [Vocabulary]
// that the caller gives (spec.Vocabulary is that of the e-krona's applet). Start at
// [Vocabulary.Parse].
//
//	# comment
//	SELECT data=F0454B524F4E4101 -> 9000 : 6F17*
//	VERIFY plaintext data=241234FFFFFFFFFF -> 9000 | 63Cx
//	READ RECORD log p1=02 -> RECORD_NOT_FOUND
//	00 84 00 00 08 -> OK : ????????????????
//	PAY data=E133
//	cut 3 -> ok
//
// Grammar:
//
//	line     = [ step ] [ "#" comment ]
//	step     = command [ "->" expected ] | word { argument } [ "->" ( pattern | expected ) ]
//	command  = hex | name { option }
//	name     = title of a command in the vocabulary, such as "PUT DATA first PIN"
//	option   = "cla=" byte | "p1=" byte | "p2=" byte | "data=" hex | "ne=" number | "extended"
//	         | field "=" value
//	expected = status { "|" status } [ ":" data ] | "none"
//	status   = four hex digits, "x" for any digit | name of a status word
//	data     = hex digits, "??" for any byte, and "*" at the end for any more
//	argument = text without blanks | text in double quotes, as Go has it
//	pattern  = text of the word's answer, "*" for anything
//	         | "error:" text of why the word failed, "*" for anything
//
// A word that sends one command, such as select, is answered by the card: behind it stands what
// stands behind a command. Every other word answers a text, or fails. A word that fails is an
// error of its line, whatever the pattern, but for one that begins with "error:": no "*" covers
// a failure.
//
// Hex may have blanks between bytes, bytes are two hex digits, ne is decimal. A named command
// takes class, instruction, parameters and Ne from the vocabulary unless an option sets it; it is
// found in either case. Fields are the command's own, such as "aid=" of SELECT; they are put
// into the command in the order that the vocabulary gives, after "data=". "none" is a card that
// gives no answer, such as one whose power was cut. "??" in the place of a byte of a command
// stands for one that was hidden where the line comes from, such as a capture: the line parses,
// and is not sent ([ErrHidden]).
//
// Words are those that the vocabulary names, in lower case; a program gives them their meaning,
// such as "cut 3" (package host/shell), and in the line of one "#" begins a comment only after a
// blank. [Vocabulary.Parse] and [Vocabulary.Text] are inverse: what parses prints in one
// canonical form, which parses to the same step.
package script

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"ekrona.example/apdu"
)

// MaxLine is the longest line in bytes: a longest extended command in hex, with
// blanks, and a longest answer.
const MaxLine = 1 << 19

// ErrSyntax is wrapped by every error of parsing.
var ErrSyntax = errors.New("script")

func syntax(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSyntax}, args...)...)
}

// Step is one command, or one word, and what is expected of its answer.
type Step struct {
	Command apdu.Command
	// Malformed are the bytes of a line in hex that are no command, if the vocabulary takes
	// such; Command means nothing then.
	Malformed []byte
	// Hidden are the bytes of the command, encoded, that are not known and written "??"; they
	// are zeros in Command and Malformed.
	Hidden []apdu.Span
	// Expected is nil when any answer will do.
	Expected *Expected

	// Word and Arguments are a line that begins with one of the vocabulary's words; "" for
	// a command. Pattern is what its answer must be, nil when any will do; of a word that sends
	// a command Expected is.
	Word      string
	Arguments []string
	Pattern   *Pattern
}

// StepOf is the step that sends these bytes, a command or not.
func StepOf(raw []byte) Step {
	if c, err := apdu.ParseCommand(raw); err == nil {
		return Step{Command: c}
	}
	return Step{Malformed: raw}
}

// Bytes is what a step sends, a command or not; nil for a word. Errors: [ErrHidden].
func (s Step) Bytes() ([]byte, error) {
	if err := s.Whole(); err != nil {
		return nil, err
	}
	if s.Word != "" || s.Malformed != nil {
		return s.Malformed, nil
	}
	return s.Command.Bytes()
}

// Line is a step in its place of a script.
type Line struct {
	Number int    // from 1
	Text   string // as it is written, without blanks around it
	Step   Step
}

// Parse reads one step. A comment at its end is allowed; a line without a step is an
// error.
func (v *Vocabulary) Parse(line string) (Step, error) {
	step, ok, err := v.ParseLine(line)
	if err == nil && !ok {
		err = syntax("no command on the line")
	}
	return step, err
}

// ParseAll reads a script to its end; blank lines and comments are skipped.
func (v *Vocabulary) ParseAll(r io.Reader) ([]Line, error) {
	var all []Line
	bounded := &io.LimitedReader{R: r, N: maxScript + 1}
	for lines := apdu.NewLines(bounded, MaxLine); ; {
		text, err := lines.Next()
		switch {
		case bounded.N <= 0:
			return nil, fmt.Errorf("line %d: the script has more than %d bytes: split it",
				lines.Number(), maxScript)
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		step, ok, err := v.ParseLine(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", lines.Number(), err)
		}
		if ok {
			all = append(all, Line{lines.Number(), strings.TrimSpace(text), step})
		}
	}
}

// maxScript is the most bytes of a script that is read as a whole.
const maxScript = 1 << 24

// otherLineEnds end a line for some editors, and would be blanks, or part of a comment.
const otherLineEnds = "\r\n\v\f\u0085\u2028\u2029"

// ParseLine reads one line; found is false if it has no step.
func (v *Vocabulary) ParseLine(line string) (step Step, found bool, err error) {
	if len(line) > MaxLine {
		return Step{}, false, syntax("line has %d bytes, the limit is %d", len(line), MaxLine)
	}
	if strings.ContainsAny(line, otherLineEnds) {
		return Step{}, false, syntax("a line end within the line that is neither LF nor CRLF: " +
			"save the text with one of them, or what stands behind it would be one with this line")
	}
	if word, ok := v.wordOf(line); ok {
		step, err := v.parseWord(word, line)
		return step, err == nil, err
	}
	line, _, _ = strings.Cut(line, "#")
	text, after, hasExpected := strings.Cut(line, "->")
	if strings.TrimSpace(text) == "" && !hasExpected {
		return Step{}, false, nil
	}
	if step, err = v.parseCommand(strings.Fields(text)); err != nil {
		return Step{}, false, err
	}
	if hasExpected {
		if step.Expected, err = v.parseExpected(after); err != nil {
			return Step{}, false, err
		}
	}
	return step, true, nil
}

// Text is a step's canonical line.
func (v *Vocabulary) Text(s Step) string {
	if s.Word != "" {
		return s.wordText()
	}
	text := hexText(s.Malformed, s.Hidden)
	if s.Malformed == nil {
		text = v.commandText(s.Command, s.Hidden)
	}
	if s.Expected != nil {
		text += " -> " + s.Expected.String()
	}
	return text
}

// Run sends a step's command and checks the answer. The response is returned also when
// it is not the expected one.
func (v *Vocabulary) Run(ctx context.Context, card apdu.Card, s Step) (apdu.Response, error) {
	r, err := card.Transmit(ctx, s.Command)
	return r, v.Mismatch(s, r, err)
}

// Mismatch returns how the answer to a step's command differs from what is expected: r, or
// failed if none came. Where "none" is expected, failed is what was wanted.
func (v *Vocabulary) Mismatch(s Step, r apdu.Response, failed error) error {
	switch {
	case s.Expected == nil:
		return failed
	case s.Expected.None && failed == nil:
		return fmt.Errorf("expected no answer, got %s", v.StatusName(r.SW))
	case s.Expected.None:
		return nil
	case failed != nil:
		return failed
	}
	return s.Expected.check(r, v.StatusName(r.SW))
}
