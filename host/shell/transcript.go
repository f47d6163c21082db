package shell

import (
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/trace"
)

// Transcript writes a script of what was done: each line in its canonical form with the answer
// that came, so that the script does the same again and checks it. It holds whatever the lines
// hold, PINs and keys too. It begins with the seed that the session's virtual card was made of, ""
// for none, so that what the card draws is the same again; of a card in a reader random answers are
// not expected. Errors of out are ignored: its owner has to check for them.
func (s *Session) Transcript(out io.Writer, seed string) func(Result) {
	_, _ = io.WriteString(out, s.head(seed))
	return func(r Result) {
		if text := s.transcribed(r); text != "" {
			_, _ = io.WriteString(out, text+"\n")
		}
	}
}

// isUnanswered reports whether a command was sent, and no answer came.
func (r Result) isUnanswered() bool {
	var none unanswered
	return errors.As(r.Failed, &none) || r.Failed == nil && r.Response == nil && r.expectsNone()
}

// transcribed is the line; empty for one that was no step.
func (s *Session) transcribed(r Result) string {
	step := r.Step
	switch {
	case !r.Read:
		return ""
	case step.Word != "" && r.Answer.sent == nil && !r.isUnanswered():
		answer := r.Answer.Line
		if r.Failed != nil {
			answer = r.Line()
		}
		step.Expected, step.Pattern = nil, script.PatternOf(answer)
		if s.sends(step.Word) { // which nothing was sent by
			return ""
		}
	case !r.isUnanswered() && r.Response == nil: // which was not sent
		return ""
	case r.Response == nil:
		step.Expected = &script.Expected{None: true}
	default:
		response, err := apdu.ParseResponse(r.Response)
		if err != nil {
			return fmt.Sprintf("# answered %X: %v", r.Response, err)
		}
		step.Expected = script.Exactly(response)
		if s.target.Virtual == nil {
			step.Expected.Hide(trace.Drawn(r.command(), response))
		}
	}
	names := s.names
	if s.open.Foreign() { // whose commands are not those that the names are of
		names.Commands = nil
	}
	return names.Text(step)
}
