package shell

import (
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/symptom"
	"ekrona.example/apdu/trace"
)

// conversation is an exchange for a person: raw bytes with what they say under them, those of
// the command without its secrets, and what the card wants next.
func (s *Session) conversation(c apdu.Command, r apdu.Response) string {
	e := s.open.Decoder().Exchange(apdu.Exchange{Command: c, Response: r})
	first, rest, _ := strings.Cut(trace.Text{Whole: true}.Response(e.Response), "\n")
	text := trace.Text{Raw: true, Whole: true}.Command(e.Command) +
		fmt.Sprintf("%s\n  = %s\n%s", first, r, rest)
	for _, hint := range Next(c, r) {
		text += "next: " + hint + "\n"
	}
	return text
}

// command is what the line has sent.
func (r Result) command() apdu.Command {
	if r.Answer.sent != nil {
		return r.Answer.sent.command
	}
	return r.Step.Command
}

// Text is a result for a person, in lines.
func (s *Session) Text(r Result) string {
	text := s.text(r)
	for _, known := range r.Known {
		text += fmt.Sprintf("known: %s\n", known)
	}
	return text
}

func (s *Session) text(r Result) string {
	var text string
	switch {
	case r.Failed != nil:
		return r.Line() + "\n"
	case r.Step.Word != "" && r.Answer.sent == nil && !r.isUnanswered():
		text = r.Answer.Text
		if text == "" {
			text = r.Answer.Line
		}
		text = strings.TrimRight(text, "\n") + "\n"
	case r.Response == nil:
		text = "no answer, as expected\n"
	case r.Step.Malformed != nil:
		e := s.open.Decoder().Bytes(r.Step.Malformed, r.Response)
		text = fmt.Sprintf("> %s\n  = %s\n", e.Command.Title(), s.malformedText(r.Step.Malformed)) +
			trace.Text{Raw: true}.Response(e.Response)
	default:
		response, err := apdu.ParseResponse(r.Response)
		if err != nil {
			return fmt.Sprintf("error: %v\n", err)
		}
		text = s.conversation(r.command(), response)
	}
	if r.Broken != nil {
		text += "error: " + r.Broken.Error() + "\n"
	}
	return text
}

// malformedText shows what was sent and is no command. What stands behind the header of one that
// carries secrets, such as a VERIFY with a wrong length, is hidden.
func (s *Session) malformedText(raw []byte) string {
	const header = 4
	if len(raw) > header {
		meant := apdu.Command{CLA: raw[0], INS: raw[1], P1: raw[2], P2: raw[3], Data: raw[header:]}
		if len(s.open.Rule().Hidden(meant)) > 0 {
			return fmt.Sprintf("%X%s", raw[:header], strings.Repeat("**", len(raw)-header))
		}
	}
	return fmt.Sprintf("%X", raw)
}

// Record is a result for a program.
type Record struct {
	Line     int    `json:"line"` // from 1
	Done     bool   `json:"done"` // with the answer that was expected
	Answer   string `json:"answer,omitempty"`
	Value    any    `json:"value,omitempty"`
	Response string `json:"response,omitempty"` // data and status word in hex
	// Exchange is the command and its response, decoded; see [trace.Exchange.MarshalJSON].
	Exchange *trace.Exchange `json:"exchange,omitempty"`
	Error    string          `json:"error,omitempty"`
	Cause    string          `json:"cause,omitempty"` // the applet's exception
	Next     []string        `json:"next,omitempty"`  // what the card wants next
	// Known are the causes that others report of such an answer.
	Known []symptom.Symptom `json:"known,omitempty"`
}

// Record is a result for a program: that of the line of this number.
func (s *Session) Record(number int, r Result) Record {
	record := Record{Line: number, Done: r.Err() == nil, Answer: r.Answer.Line,
		Value: r.Answer.Value, Cause: r.Cause, Known: r.Known}
	if err := r.Err(); err != nil {
		record.Error = err.Error()
	}
	if r.Response == nil {
		return record
	}
	record.Response = fmt.Sprintf("%X", r.Response)
	response, err := apdu.ParseResponse(r.Response)
	if err == nil && r.Step.Malformed == nil {
		e := s.open.Decoder().Exchange(apdu.Exchange{Command: r.command(), Response: response})
		record.Exchange, record.Next = &e, Next(r.command(), response)
	}
	return record
}
