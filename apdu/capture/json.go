package capture

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"ekrona.example/apdu"
)

// line is one line of a file: an exchange, or a reset with the answer to it.
type line struct {
	Label    string    `json:"label,omitempty"`
	Began    time.Time `json:"began,omitzero"` // RFC 3339
	Took     int64     `json:"took_us,omitempty"`
	Command  string    `json:"command,omitempty"`  // hex, "**" for a byte that was secret
	Response string    `json:"response,omitempty"` // the same, with the status word
	Failed   string    `json:"error,omitempty"`
	ATR      *string   `json:"reset,omitempty"` // the answer to reset, in hex
	Word     string    `json:"word,omitempty"`  // see Word
}

// JSON writes JSON lines.
type JSON struct{ encoder *json.Encoder }

// NewJSON writes to out.
func NewJSON(out io.Writer) JSON { return JSON{json.NewEncoder(out)} }

// Exchange implements [Writer].
func (j JSON) Exchange(e Exchange) error {
	return j.encoder.Encode(line{Label: e.Label, Began: e.Began.UTC(), Took: e.Took.Microseconds(),
		Command:  masked(e.Command, e.Masked.Command),
		Response: masked(e.Response, e.Masked.Response), Failed: e.Failed})
}

// Reset implements [Writer].
func (j JSON) Reset(label string, atr []byte, at time.Time) error {
	text := masked(atr, nil)
	return j.encoder.Encode(line{Label: label, Began: at.UTC(), ATR: &text})
}

// Word implements [Writer].
func (j JSON) Word(w Word) error {
	return j.encoder.Encode(line{Label: w.Label, Began: w.At.UTC(), Word: w.Line})
}

// give reads one line of JSON and gives what it is. Lines of another program, and one that was cut
// off when this one was killed, are passed over.
func (to Events) give(text []byte) error {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return nil
	}
	switch {
	case l.Command != "":
		e, err := l.exchange()
		if err != nil {
			return nil
		}
		return to.Exchange(e)
	case l.ATR != nil:
		atr, err := apdu.ParseHex(*l.ATR)
		if err != nil {
			return nil
		}
		return to.Reset(Reset{l.Label, atr, l.Began})
	case l.Word != "":
		return to.Word(Word{l.Label, l.Word, l.Began})
	}
	return nil
}

// exchange is that of a line which is one.
func (l line) exchange() (Exchange, error) {
	e := Exchange{Label: l.Label, Began: l.Began, Took: time.Duration(l.Took) * time.Microsecond,
		Failed: l.Failed}
	var err error
	if e.Command, e.Masked.Command, err = unmasked(l.Command); err != nil {
		return Exchange{}, fmt.Errorf("command: %w", err)
	}
	if e.Response, e.Masked.Response, err = unmasked(l.Response); err != nil {
		return Exchange{}, fmt.Errorf("response: %w", err)
	}
	return e, nil
}
