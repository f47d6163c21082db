package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"ekrona.example/apdu"
	"ekrona.example/apdu/capture"
	"ekrona.example/apdu/trace"
	"ekrona.example/applet/vocabulary"
)

// Trace is the flag --trace: whether exchanges with a card are shown, and with raw bytes. Decoder
// decodes them; its zero value is that of the e-krona's applet.
type Trace struct {
	On, Raw bool
	Decoder *trace.Decoder
}

const (
	traceDecoded = "decoded"
	traceRaw     = "raw"
)

// String implements pflag.Value.
func (t *Trace) String() string {
	switch {
	case t.Raw:
		return traceRaw
	case t.On:
		return traceDecoded
	}
	return "off"
}

// Set implements pflag.Value.
func (t *Trace) Set(text string) error {
	switch text {
	case traceDecoded, "true":
		t.On, t.Raw = true, false
	case traceRaw:
		t.On, t.Raw = true, true
	case "off", "false":
		t.On, t.Raw = false, false
	default:
		return fmt.Errorf("give %s or %s, or the flag alone", traceDecoded, traceRaw)
	}
	return nil
}

// Type implements pflag.Value.
func (t *Trace) Type() string { return "how" }

// Add adds the flag to a command.
func (t *Trace) Add(c *cobra.Command) {
	c.Flags().Var(t, "trace", "show every command to a card and its answer on standard error, "+
		"decoded, without secrets; --trace=raw with all bytes and nothing cut short")
	c.Flags().Lookup("trace").NoOptDefVal = traceDecoded
}

// Text renders exchanges as the flag says.
func (t Trace) Text() trace.Text { return trace.Text{Raw: t.Raw, Whole: t.Raw} }

// Log writes what is done with a card that was just reset; of exchanges those that nothing above
// carries.
func (t Trace) Log(out io.Writer) Log {
	decoder := vocabulary.Decoder()
	if t.Decoder != nil {
		decoder = *t.Decoder
	}
	return Log{t.Text().Log(out, decoder)}
}

// Log is a trace that is being written.
type Log struct{ *trace.Log }

// Exchange writes an exchange, unless another carries it, which it is shown with.
func (l Log) Exchange(e apdu.Exchange) {
	if !e.Carried {
		l.Log.Exchange(e)
	}
}

// TranscriptUsage describes the flag --transcript.
const TranscriptUsage = "write commands and answers to this file, a script for \"ekrona shell\" " +
	"(it then holds PINs and keys)"

// CaptureUsage describes the flag --capture.
const CaptureUsage = "keep every exchange over the wire in this file, with times, secrets " +
	"masked: .jsonl for JSON lines, .pcapng for Wireshark"

// CreateCapture makes a capture.
func CreateCapture(path string) (*capture.File, error) {
	file, err := capture.Create(path)
	if errors.Is(err, capture.ErrName) {
		return nil, Usage("--capture: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("--capture: %w", err)
	}
	return file, nil
}

// CreateTranscript creates a file that only its owner can read, and the folders above it that are
// not there. Close reports what could not be written.
func CreateTranscript(path string) (*Transcript, error) {
	file, err := capture.CreateFile(path)
	if err != nil {
		return nil, fmt.Errorf("--transcript: %w", err)
	}
	return &Transcript{file: file}, nil
}

// Transcript is a script that is being written.
type Transcript struct {
	file   *os.File
	failed error
}

// Write implements io.Writer.
func (t *Transcript) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	if t.failed == nil {
		t.failed = err
	}
	return n, err
}

// Close closes the file.
func (t *Transcript) Close() error {
	if err := errors.Join(t.failed, t.file.Close()); err != nil {
		return fmt.Errorf("--transcript: %w", err)
	}
	return nil
}
