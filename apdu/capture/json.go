package capture

import (
	"encoding/json"
	"errors"
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

var errNoExchange = errors.New("neither a command nor a reset")

// exchange reads one line of JSON, an exchange or a reset.
func exchange(text []byte) (Exchange, *Reset, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return Exchange{}, nil, err
	}
	if l.Command == "" {
		if l.ATR == nil {
			return Exchange{}, nil, errNoExchange
		}
		atr, err := apdu.ParseHex(*l.ATR)
		return Exchange{}, &Reset{l.Label, atr, l.Began}, err
	}
	e := Exchange{Label: l.Label, Began: l.Began, Took: time.Duration(l.Took) * time.Microsecond,
		Failed: l.Failed}
	var err error
	if e.Command, e.Masked.Command, err = unmasked(l.Command); err != nil {
		return Exchange{}, nil, fmt.Errorf("command: %w", err)
	}
	if e.Response, e.Masked.Response, err = unmasked(l.Response); err != nil {
		return Exchange{}, nil, fmt.Errorf("response: %w", err)
	}
	return e, nil, nil
}
