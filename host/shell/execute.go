package shell

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
	"ekrona.example/apdu/symptom"
	"ekrona.example/emulator/vm"
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
	// Unanswered is why no response came to a command, also where that is what was expected.
	Unanswered error
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

// expectsNone reports whether the line sends a command to which no answer must come.
func (r Result) expectsNone() bool {
	return r.Step.Word == "" || r.Step.Expected != nil && r.Step.Expected.None
}

// Line is the answer in one line: a word's, the response in hex, or the error.
func (r Result) Line() string {
	text := r.Answer.Line
	switch {
	case r.Failed != nil:
		return "error: " + apdu.OneLine(r.Failed.Error())
	case r.Response == nil && r.expectsNone():
		text = "none"
	case r.Step.Word == "":
		text = fmt.Sprintf("%X", r.Response)
	}
	if r.Broken != nil {
		broken := apdu.Joined(r.Broken.Error())
		return fmt.Sprintf("error: %s: %s", text, broken)
	}
	return text
}

// Execute does one line.
func (s *Session) Execute(ctx context.Context, line string) Result {
	s.known = nil
	r := s.execute(ctx, line)
	s.begun = s.begun || !r.Blank
	r.Known = s.known
	if r.Failed != nil { // which may repeat the line
		r.Failed = reworded{r.Failed, apdu.OneLine(r.Failed.Error())}
	}
	return r
}

// recognise keeps what is known of an exchange. A virtual card that does not answer has no contacts
// and no reader: its power was cut as asked for, or its error says why it is mute.
func (s *Session) recognise(e apdu.Exchange) {
	if !e.Carried && (e.Err == nil || s.target.Virtual == nil) {
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
	}
	if step.Word == SeedWord { // which leaves what was prepared
		return s.word(ctx, step)
	}
	if !s.preparing {
		s.release()
	}
	if r, done := s.again(step); done {
		return r
	}
	if step.Word != "" {
		return s.word(ctx, step)
	}
	return s.command(ctx, step)
}

// Send sends bytes that came from another program, a command or not, exactly as they are.
func (s *Session) Send(ctx context.Context, raw []byte) Result {
	s.release()
	return s.command(ctx, script.StepOf(raw))
}

// word does a line that begins with a word. An error may be what was expected.
func (s *Session) word(ctx context.Context, step script.Step) Result {
	r := Result{Step: step, Read: true}
	w, _ := s.find(step.Word)
	if r.Failed = s.guarded(step); r.Failed == nil {
		r.Answer, r.Failed = s.run(ctx, w, step.Arguments)
	}
	r.Failed = s.Explained(r.Failed)
	switch {
	case w.Sends:
		return s.answered(r)
	case r.Failed != nil:
		answer := r.Line()
		if r.Failed = step.Pattern.CheckFailure(answer, r.Failed); r.Failed == nil {
			r.Answer = Answer{Line: answer}
		}
	default:
		r.Broken = step.Pattern.Check(r.Answer.Line)
	}
	return r
}

// answered completes the result of a word that sends a command. That no answer came may be what
// was expected; that nothing was sent is not.
func (s *Session) answered(r Result) Result {
	var none unanswered
	switch {
	case r.Failed == nil && r.Answer.sent != nil:
		response := r.Answer.sent.response
		r.Response, r.Cause = response.Bytes(), s.cause()
		r.Broken = s.names.Mismatch(r.Step, response, nil)
	case errors.As(r.Failed, &none):
		s.noteMute(r.Failed)
		r.Failed = s.names.Mismatch(r.Step, apdu.Response{}, r.Failed)
	}
	return r
}

// command sends a command exactly as it is.
func (s *Session) command(ctx context.Context, step script.Step) Result {
	r := Result{Step: step, Read: true}
	if r.Failed = s.guarded(step); r.Failed == nil {
		r.Failed = step.Whole()
	}
	if r.Failed != nil {
		return r
	}
	s.mute = false
	response, err := s.send(ctx, step)
	if ctx.Err() != nil && err != nil {
		r.Failed = ctx.Err()
		return r
	}
	if err == nil {
		r.Response, r.Cause = response.Bytes(), s.cause()
		if r.Cause != "" && Unexplained(response.SW) {
			s.Note("cause: %s", r.Cause)
		}
	}
	if err != nil {
		err = s.Explained(err)
		r.Unanswered = err
		s.noteMute(err)
	}
	switch {
	case err == nil:
		r.Broken = s.names.Mismatch(step, response, nil)
	case s.mute:
		r.Failed = s.names.Mismatch(step, response, unanswered{err})
	default: // which is no answer that anybody can expect
		r.Failed = err
	}
	return r
}

// noteMute says why a card went mute, also where no answer is what was expected.
func (s *Session) noteMute(err error) {
	var fault *vm.CardFault
	if errors.As(err, &fault) {
		s.Note("cause: %v", err)
	}
}

// guarded asks the guard whether the line may be done now.
func (s *Session) guarded(step script.Step) error {
	if s.guard == nil {
		return nil
	}
	return s.guard(step.Word)
}

func (s *Session) send(ctx context.Context, step script.Step) (apdu.Response, error) {
	if step.Malformed == nil {
		return s.top.Transmit(ctx, step.Command)
	}
	began := time.Now()
	answer, err := s.target.Bytes(step.Malformed)
	s.mute = err != nil
	if !s.quiet {
		for _, sink := range s.malformed {
			sink(apdu.Malformed{Command: step.Malformed, Response: answer, Err: err,
				Label: s.target.Where, Began: began, Took: time.Since(began)})
		}
	}
	if err != nil {
		return apdu.Response{}, err
	}
	return apdu.ParseResponse(answer)
}
