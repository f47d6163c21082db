package shell

import (
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
)

// Transcript writes a script of what was done: each line in its canonical form with the answer
// that came, so that the script does the same again and checks it. It holds whatever the lines
// hold, PINs and keys too. Errors of out are ignored: its owner has to check for them.
func (s *Session) Transcript(out io.Writer) func(Result) {
	return func(r Result) {
		if text := s.transcribed(r); text != "" {
			_, _ = io.WriteString(out, text+"\n")
		}
	}
}

// transcribed is the line; empty for one that was no step.
func (s *Session) transcribed(r Result) string {
	step := r.Step
	switch {
	case !r.Read:
		return ""
	case step.Word != "":
		answer := r.Answer.Line
		if r.Failed != nil {
			answer = r.Line()
		}
		step.Pattern = script.PatternOf(answer)
	case r.Response == nil:
		step.Expected = &script.Expected{None: true}
	default:
		response, err := apdu.ParseResponse(r.Response)
		if err != nil {
			return fmt.Sprintf("# answered %X: %v", r.Response, err)
		}
		step.Expected = script.Exactly(response)
	}
	return s.names.Text(step)
}
