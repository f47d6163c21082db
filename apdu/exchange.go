package apdu

import (
	"bytes"
	"time"
)

// Exchange is one command to a card and its response or error, as a [Recorder] reports
// it. Its bytes are its own: the sink may keep it.
type Exchange struct {
	// Label names the transport or the card, such as a reader or a holder.
	Label   string
	Command Command
	// Response is empty when Err is not nil.
	Response Response
	// Err is the error of Transmit: why no response came.
	Err error
	// Began is when the command was sent, and Took how long its response took, both by
	// the Recorder's clock.
	Began time.Time
	Took  time.Duration
	// Masked are the bytes of Command and Response that were secret. They are zeros here.
	Masked Secrets
	// Wire are the exchanges that carried this one, in their order, as Recorders below
	// have seen them: the parts of a chain, the GET RESPONSE, the command under secure
	// messaging.
	Wire []Exchange
	// Carried reports that a Recorder above has this exchange in the Wire of one of its own.
	Carried bool
}

// Span is the bytes from index From up to, not including, To.
type Span struct{ From, To int }

// Secrets are those bytes of the data of a command and of its response that must not
// reach a log: PINs and keys, enciphered or not.
type Secrets struct{ Command, Response []Span }

// OnWire are the exchanges that went over the wire for this one: the lowest that were
// recorded, which is e itself when nothing below was.
func (e Exchange) OnWire() []Exchange {
	if len(e.Wire) == 0 {
		return []Exchange{e}
	}
	var all []Exchange
	for _, below := range e.Wire {
		all = append(all, below.OnWire()...)
	}
	return all
}

// Size is the number of bytes of the command and of the response, status word included.
// Of a command that cannot be encoded, and of a response that did not come, it is 0.
func (e Exchange) Size() (sent, received int) {
	if raw, err := e.Command.Bytes(); err == nil {
		sent = len(raw)
	}
	if e.Err == nil {
		received = len(e.Response.Data) + swLength
	}
	return sent, received
}

// swLength is the length of a status word in bytes.
const swLength = 2

// mask writes zeros over the spans of data. The part of a span beyond the data is
// ignored.
func mask(data []byte, spans []Span) {
	for _, s := range spans {
		from, to := max(0, s.From), min(s.To, len(data))
		if from < to {
			clear(data[from:to])
		}
	}
}

// Zeroed is data as a Recorder masks it: a copy with zeros over the spans.
func Zeroed(data []byte, spans []Span) []byte {
	data = bytes.Clone(data)
	mask(data, spans)
	return data
}

// own gives the exchange bytes of its own.
func (e *Exchange) own() {
	e.Command.Data, e.Response.Data = bytes.Clone(e.Command.Data), bytes.Clone(e.Response.Data)
}

// Malformed is what was sent to a card and is no command, and what came of it. No rule names the
// secrets in such bytes: whoever writes it to a log hides all that Hidden names.
type Malformed struct {
	Label             string
	Began             time.Time
	Took              time.Duration
	Command, Response []byte
	Err               error // why no response came
}

// Hidden is all that may be a secret: of the command what stands behind the four bytes of a header,
// or everything if it is shorter; of the response all but its last two bytes. Spans count in the
// whole of each.
func (m Malformed) Hidden() Secrets {
	const header, status = 4, 2
	var hidden Secrets
	switch n := len(m.Command); {
	case n > header:
		hidden.Command = []Span{{From: header, To: n}}
	case n > 0 && n < header:
		hidden.Command = []Span{{From: 0, To: n}}
	}
	if n := len(m.Response); n > status {
		hidden.Response = []Span{{From: 0, To: n - status}}
	}
	return hidden
}
