package capture

import (
	"regexp"
	"strings"

	"ekrona.example/apdu"
)

// A trace of ours with raw bytes: "> SELECT", "  = 00A4..", "< 9000 OK", "  = 9000"; "**" is a byte
// that was secret. What a shell shows is the same.
var tracedBytes = regexp.MustCompile(`^ *= ((?:[0-9A-F]{2}|\*\*)+)$`)

// tracedReset is a line about a reset in a trace of ours, as trace.ResetLine begins it.
var tracedReset = regexp.MustCompile(`^reset, ATR ((?:[0-9A-F]{2})*)$`)

// tracedWord begins a line about a [Word], as trace.WordLine.
const tracedWord = "done: "

const tracedNone = "< no answer"

// reset is a reset, and its answer in hex.
func (l *log) reset(hex string) error {
	if err := l.flush(); err != nil {
		return err
	}
	atr, err := apdu.ParseHex(hex)
	if err != nil {
		return nil // some other line
	}
	return l.to.Reset(Reset{ATR: atr})
}

// traced takes a line of a trace of ours; false if it is none.
func (l *log) traced(line string) (bool, error) {
	before := l.ours
	l.ours = 0
	if done, is := strings.CutPrefix(line, tracedWord); is {
		if err := l.flush(); err != nil {
			return true, err
		}
		return true, l.to.Word(Word{Line: done})
	}
	if m := tracedReset.FindStringSubmatch(line); m != nil {
		return true, l.reset(m[1])
	}
	switch {
	case strings.HasPrefix(line, tracedNone):
		if l.pending == nil {
			return true, nil
		}
		l.pending.Failed = strings.TrimPrefix(strings.TrimPrefix(line, tracedNone), ": ")
		if l.pending.Failed == "" {
			l.pending.Failed = "no answer"
		}
		return true, l.flush()
	case strings.HasPrefix(line, "> "), strings.HasPrefix(line, "< "):
		l.ours = line[0]
		return true, nil
	case before == 0:
		return false, nil
	}
	m := tracedBytes.FindStringSubmatch(line)
	if m == nil {
		return false, nil
	}
	b, hidden, err := unmasked(m[1])
	switch {
	case err != nil:
		return true, nil
	case before == '>':
		if err := l.flush(); err != nil {
			return true, err
		}
		l.pending = &Exchange{Command: b}
		l.pending.Masked.Command = hidden
		return true, nil
	case l.pending == nil || !isResponse(b):
		return true, nil
	}
	l.pending.Response, l.pending.Masked.Response = b, hidden
	return true, l.flush()
}
