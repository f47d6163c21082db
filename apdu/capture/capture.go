// Package capture keeps exchanges with cards in files and reads them back: JSON lines, which lose
// nothing, and pcapng with GSMTAP, which Wireshark decodes. It reads the logs of others too:
// pcap and pcapng with GSMTAP as SIMtrace and pySim-trace have it, pySim's APDU trace,
// GlobalPlatformPro's debug output, pcscd's APDU log; and what --trace=raw writes.
//
// Start at [Create] and [Read]. Exchanges are as they went over the wire: one APDU and its answer.
// What a Recorder masked is masked here. Whatever is read is not trusted: lines and packets that
// are none of these are passed over, and a command is any bytes.
package capture

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ekrona.example/apdu"
)

// Exchange is a command and its response as a file has them.
type Exchange struct {
	Label string // of the card or its reader; "" if unknown
	// Began is when the command was sent, and Took how long the response took; zero if unknown.
	Began time.Time
	Took  time.Duration
	// Command and Response are the bytes; a response of none did not come.
	Command, Response []byte
	// Masked are the bytes that were secret, in the whole of command and response. They are zeros.
	Masked apdu.Secrets
	// Failed is why no response came; "" if unknown.
	Failed string
}

// Reset is a reset of a card, and its answer.
type Reset struct {
	Label string
	ATR   []byte
	At    time.Time
}

// Word is what was done to a virtual card beside commands and resets, as a line of "ekrona shell":
// its power cut in the next command, content loaded, the card set back to a snapshot.
type Word struct {
	Label, Line string
	At          time.Time
}

// Writer keeps exchanges in a file.
type Writer interface {
	// Exchange keeps one.
	Exchange(e Exchange) error
	// Reset keeps that a card was reset, and its answer.
	Reset(label string, atr []byte, at time.Time) error
	// Word keeps what was done beside.
	Word(w Word) error
}

// File is a capture that is being written. Its methods are for one goroutine.
type File struct {
	file   *os.File
	writer Writer
	failed error
}

// Formats by the end of a file's name.
const (
	jsonEnd = ".jsonl"
	pcapEnd = ".pcapng"
)

// ErrName reports that the name of a file does not say which format it is to have.
var ErrName = errors.New("the name of the file says the format")

// Create makes a file whose name ends in .jsonl or .pcapng, for its owner only, and the folders
// above it that are not there.
func Create(path string) (*File, error) {
	end := filepath.Ext(path)
	if end != jsonEnd && end != pcapEnd {
		return nil, fmt.Errorf("capture: %s: %w: %s for JSON lines, %s for Wireshark", path,
			ErrName, jsonEnd, pcapEnd)
	}
	file, err := CreateFile(path)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	f := &File{file: file}
	if end == jsonEnd {
		f.writer = NewJSON(file)
	} else if f.writer, err = NewPCAP(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return f, nil
}

// CreateFile creates or empties a file that only its owner can read, as all is that passes between
// card and terminal, and creates the folders above it that are not there.
func CreateFile(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// Sink keeps the exchanges of a Recorder, of those that carry others only the carriers. Errors
// come with Close.
func (f *File) Sink(e apdu.Exchange) {
	if len(e.Wire) > 0 {
		return
	}
	f.note(f.writer.Exchange(Of(e)))
}

// Malformed keeps what was sent and is no command, without what may be a secret in it.
func (f *File) Malformed(m apdu.Malformed) {
	out := Exchange{Label: m.Label, Began: m.Began, Took: m.Took, Masked: m.Hidden(),
		Command: apdu.Zeroed(m.Command, m.Hidden().Command)}
	if m.Err == nil {
		out.Response = apdu.Zeroed(m.Response, m.Hidden().Response)
	} else {
		out.Failed = m.Err.Error()
	}
	f.note(f.writer.Exchange(out))
}

// Reset keeps that a card was reset.
func (f *File) Reset(label string, atr []byte, at time.Time) {
	f.note(f.writer.Reset(label, atr, at))
}

// Word keeps what was done beside commands and resets.
func (f *File) Word(w Word) { f.note(f.writer.Word(w)) }

func (f *File) note(err error) {
	if f.failed == nil {
		f.failed = err
	}
}

// Close closes the file and returns the first error since it was made.
func (f *File) Close() error {
	if err := errors.Join(f.failed, f.file.Close()); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

// Of is an exchange of a Recorder as files have it.
func Of(e apdu.Exchange) Exchange {
	out := Exchange{Label: e.Label, Began: e.Began, Took: e.Took}
	raw, err := e.Command.Bytes()
	if err != nil {
		raw = []byte{e.Command.CLA, e.Command.INS, e.Command.P1, e.Command.P2}
	}
	out.Command = raw
	out.Masked.Response = e.Masked.Response
	for _, s := range e.Masked.Command {
		at := dataAt(raw, len(e.Command.Data))
		out.Masked.Command = append(out.Masked.Command, apdu.Span{From: at + s.From, To: at + s.To})
	}
	switch {
	case errors.Is(e.Err, context.Canceled):
		out.Failed = "interrupted"
	case e.Err != nil:
		out.Failed = e.Err.Error()
	default:
		out.Response = e.Response.Bytes()
	}
	return out
}

// dataAt is where n bytes of data begin in an encoded command.
func dataAt(raw []byte, n int) int {
	const header, short, extended = 4, 5, 7
	switch {
	case n == 0:
		return header
	case len(raw) > header && raw[header] == 0:
		return extended
	}
	return short
}

// masked is bytes in hex, those of the spans as "**".
func masked(b []byte, spans []apdu.Span) string {
	text := []byte(strings.ToUpper(hex.EncodeToString(b)))
	for _, s := range spans {
		for i := max(0, 2*s.From); i < min(2*s.To, len(text)); i++ {
			text[i] = '*'
		}
	}
	return string(text)
}

// unmasked reads what masked wrote.
func unmasked(text string) ([]byte, []apdu.Span, error) {
	b, err := apdu.ParseHex(strings.ReplaceAll(text, "**", "00"))
	if err != nil {
		return nil, nil, err
	}
	if len(text) != 2*len(b) {
		return nil, nil, fmt.Errorf("%q has blanks", text)
	}
	var spans []apdu.Span
	for i := range b {
		if text[2*i] != '*' {
			continue
		}
		if last := len(spans) - 1; last >= 0 && spans[last].To == i {
			spans[last].To++
		} else {
			spans = append(spans, apdu.Span{From: i, To: i + 1})
		}
	}
	return b, spans, nil
}
