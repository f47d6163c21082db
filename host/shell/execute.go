package shell

import (
	"context"
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/symptom"
)

// Result is what became of a line.
type Result struct {
	Step script.Step
	// Read reports that the line was understood: Step is what it says.
	Read bool
	// Blank is a line without a step: the rest is empty.
	Blank bool
	// Answer is that of a word.
	Answer Answer
	// Cause is the exception of the applet behind the answer; "" for none, and if the card is in
	// a reader.
	Cause string
	// Response is what the card answered to a command, data and status word; nil if none came.
	Response []byte
	// Failed is why there is no answer; nil where that is what was expected.
	Failed error
	// Broken is how the answer differs from what was expected.
	Broken error
	// Known are the causes that others report of the last answer that was an error.
	Known []symptom.Symptom
}

// Err is not nil when the line was not done, or its answer is not the expected one.
func (r Result) Err() error {
	if r.Failed != nil {
		return r.Failed
	}
	return r.Broken
}

// Line is the answer in one line: a word's, the response in hex, or the error.
func (r Result) Line() string {
	text := r.Answer.Line
	switch {
	case r.Failed != nil:
		return "error: " + strings.Join(strings.Fields(r.Failed.Error()), " ")
	case r.Step.Word == "" && r.Response == nil:
		text = "none"
	case r.Step.Word == "":
		text = fmt.Sprintf("%X", r.Response)
	}
	if r.Broken != nil {
		broken := strings.Join(strings.Fields(r.Broken.Error()), " ")
		return fmt.Sprintf("error: %s: %s", text, broken)
	}
	return text
}

// Execute does one line.
func (s *Session) Execute(ctx context.Context, line string) Result {
	s.known = nil
	r := s.execute(ctx, line)
	r.Known = s.known
	return r
}

// recognise keeps what is known of an exchange.
func (s *Session) recognise(e apdu.Exchange) {
	if !e.Carried {
		s.known = symptom.Of(e.Command, e.Response, e.Err)
	}
}

func (s *Session) execute(ctx context.Context, line string) Result {
	step, found, err := s.names.ParseLine(line)
	switch {
	case err != nil:
		return Result{Failed: err}
	case !found:
		return Result{Blank: true}
	case step.Word != "":
		return s.word(ctx, step)
	}
	return s.command(ctx, step)
}

// Send sends bytes that came from another program, a command or not, exactly as they are.
func (s *Session) Send(ctx context.Context, raw []byte) Result {
	return s.command(ctx, script.StepOf(raw))
}

// word does a line that begins with a word. An error may be what was expected.
func (s *Session) word(ctx context.Context, step script.Step) Result {
	r := Result{Step: step, Read: true}
	w, _ := s.find(step.Word)
	if r.Failed = s.guarded(step); r.Failed == nil {
		r.Answer, r.Failed = s.run(ctx, w, step.Arguments)
	}
	r.Failed = s.explained(r.Failed)
	switch {
	case r.Failed != nil && step.Pattern != nil && step.Pattern.Matches(r.Line()):
		r.Answer, r.Failed = Answer{Line: r.Line()}, nil
	case r.Failed == nil:
		r.Broken = step.Pattern.Check(r.Answer.Line)
	}
	return r
}

// command sends a command exactly as it is.
func (s *Session) command(ctx context.Context, step script.Step) Result {
	r := Result{Step: step, Read: true}
	response, err := s.send(ctx, step)
	if err == nil {
		r.Response, r.Cause = response.Bytes(), s.cause()
		if r.Cause != "" && Unexplained(response.SW) {
			s.Note("cause: %s", r.Cause)
		}
	}
	if mismatch := s.names.Mismatch(step, response, err); err == nil {
		r.Broken = mismatch
	} else {
		r.Failed = mismatch
	}
	return r
}

// guarded asks the guard whether the line may be done now.
func (s *Session) guarded(step script.Step) error {
	if s.guard == nil {
		return nil
	}
	return s.guard(step.Word)
}

func (s *Session) send(ctx context.Context, step script.Step) (apdu.Response, error) {
	if err := s.guarded(step); err != nil {
		return apdu.Response{}, err
	}
	if step.Malformed == nil {
		return s.top.Transmit(ctx, step.Command)
	}
	answer, err := s.target.Bytes(step.Malformed)
	if err != nil {
		return apdu.Response{}, err
	}
	return apdu.ParseResponse(answer)
}
