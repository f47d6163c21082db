package conform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/apdu/script"
)

// Card is the card under test.
type Card struct {
	// Card sends one APDU for each command; what it answers comes as it is.
	Card apdu.Card
	// Bytes sends what is no command, and returns data and status word.
	Bytes func(raw []byte) ([]byte, error)
	// Reset takes the power away and gives it back.
	Reset func() error
	// ATR is the answer to the last reset.
	ATR func() []byte
	// Extended reports that card and reader carry extended APDUs.
	Extended bool
}

// ErrLost is wrapped by the error of [Run] when no reset brings the card back: it was pulled out,
// or its reader was.
var ErrLost = errors.New("the card is gone")

// session is a running Run.
type session struct {
	card  Card
	known Known
	seen  []Answer // of all checks

	selected bool // the application, before the last check
}

// Run carries out all checks on a card, each after a reset and with the application selected, and
// gives each result to tell. An AID of nil is for a card of which no application is known. An error
// is [ErrLost], the context's, or that of a card that cannot be reset at the beginning; the results
// before it have been told.
func Run(ctx context.Context, card Card, aid []byte, tell func(Result)) (Facts, error) {
	s := &session{card: card}
	if err := card.Reset(); err != nil {
		return Facts{}, fmt.Errorf("%w: %w", ErrLost, err)
	}
	s.known = KnownOf(card, aid)
	facts := Facts{}
	for _, c := range Checks() {
		if err := ctx.Err(); err != nil {
			return facts, err
		}
		r, err := s.check(ctx, c)
		if err != nil {
			return facts, err
		}
		facts.learn(r)
		tell(r)
	}
	return facts, nil
}

// KnownOf is what is known of a card that has been reset.
func KnownOf(card Card, aid []byte) Known {
	k := Known{AID: aid, ATR: card.ATR(), first: card.ATR(), Blocks: true, Contact: true,
		Extended: card.Extended}
	if a := k.atrOf(); a != nil {
		k.Contact = !a.IsContactless()
		k.Blocks = !k.Contact
		for _, t := range a.Protocols() {
			k.Blocks = k.Blocks || t == 1
		}
	}
	return k
}

// learn takes note of what the card has.
func (f *Facts) learn(r Result) {
	switch r.Check.ID {
	case idOpenAll:
		numbers := map[byte]bool{}
		for _, a := range r.Answers {
			if a.ok() && len(a.data()) == 1 {
				numbers[a.data()[0]] = true
			}
		}
		f.Channels = len(numbers)
	case idFirstPart:
		f.Chaining = len(r.Answers) > 0 && r.Answers[0].sw() == apdu.OK
	case idPartial:
		f.Partial = len(r.Answers) > 0 && r.Answers[len(r.Answers)-1].ok()
	}
}

// check carries out one check. An error is final.
func (s *session) check(ctx context.Context, c Check) (Result, error) {
	r := Result{Check: c, Outcome: LeftOut}
	if r.Reason = s.known.missing(c); r.Reason != "" {
		return r, nil
	}
	if len(c.Lines) == 0 && c.Loop == "" { // about the ATR, or all answers
		return s.judged(r, s.seen), nil
	}
	if err := s.begin(ctx); err != nil {
		var unselected selectFailed
		switch {
		case !errors.As(err, &unselected):
			return r, err
		case s.selected: // until now
			s.selected = false
			return r.broken(unselected.Error() + "; it could be before"), nil
		case c.ID != idSelect:
			r.Reason = unselected.Error()
			return r, nil
		}
	} else {
		s.selected = true
	}
	done, err := s.lines(ctx, c, &r)
	s.seen = append(s.seen, r.Answers...)
	if err != nil || done {
		return r, err
	}
	return s.judged(r, r.Answers), nil
}

// judged is a result of which all answers were accepted.
func (s *session) judged(r Result, answers []Answer) Result {
	r.Outcome, r.Reason = Passed, ""
	if r.Check.Leave != nil {
		if why := r.Check.Leave(&s.known, answers); why != "" {
			return r.allowed(why)
		}
	}
	if r.Check.Judge == nil {
		return r
	}
	if wrong := r.Check.Judge(&s.known, answers); wrong != "" {
		return r.broken(wrong)
	}
	return r
}

// broken is a result whose rule is not kept.
func (r Result) broken(why string) Result {
	r.Outcome, r.Reason = Failed, why
	if r.Check.Should {
		r.Outcome = Noted
	}
	return r
}

// allowed is a result whose rule is not kept, and need not be.
func (r Result) allowed(why string) Result {
	r.Outcome, r.Reason = Allowed, why
	return r
}

// selectFailed is the error of a card whose application cannot be selected.
type selectFailed string

func (e selectFailed) Error() string { return string(e) }

// begin resets the card and selects the application, if one is known.
func (s *session) begin(ctx context.Context) error {
	s.known.channel = 0
	if err := s.card.Reset(); err != nil {
		return fmt.Errorf("%w: %w", ErrLost, err)
	}
	s.known.ATR = s.card.ATR()
	if len(s.known.AID) == 0 {
		return nil
	}
	step, _, err := s.known.step(selectIt)
	if err != nil {
		return err
	}
	a, err := s.send(ctx, step)
	s.seen = append(s.seen, a)
	if err != nil {
		return err
	}
	if !a.ok() {
		return selectFailed("the application could not be selected: " + a.text())
	}
	return nil
}

// text is an answer in words.
func (a Answer) text() string {
	if a.Received == nil {
		return a.Failed
	}
	return a.sw().String()
}

// send sends a step. An error is final: the card is gone. A card that is mute for this command
// alone is reset.
func (s *session) send(ctx context.Context, step script.Step) (Answer, error) {
	raw, err := step.Bytes()
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Sent: raw}
	if step.Expected != nil {
		a.Wanted = step.Expected.String()
	}
	var r apdu.Response
	if step.Malformed == nil {
		r, err = s.card.Card.Transmit(ctx, step.Command)
	} else if raw, err = s.card.Bytes(raw); err == nil {
		r, err = apdu.ParseResponse(raw)
	}
	if err == nil {
		err = r.SW.Check()
	}
	if err == nil {
		a.Received = r.Bytes()
		return a, nil
	}
	a.Failed = err.Error()
	if a.Malformed = errors.Is(err, apdu.ErrResponse); a.Malformed {
		return a, nil
	}
	if ctx.Err() != nil {
		return a, ctx.Err()
	}
	if lost := s.card.Reset(); lost != nil {
		return a, fmt.Errorf("%w: %w", ErrLost, lost)
	}
	return a, nil
}

// lines carries out the lines of a check. done reports that the result is there: a line was not
// accepted.
func (s *session) lines(ctx context.Context, c Check, r *Result) (done bool, err error) {
	for _, text := range c.Lines {
		if done, err = s.lineOf(ctx, text, r); done || err != nil {
			return done, err
		}
	}
	for range maxLoop {
		if c.Loop == "" {
			break
		}
		if done, err = s.lineOf(ctx, c.Loop, r); done || err != nil {
			return done, err
		}
		if !r.Answers[len(r.Answers)-1].ok() {
			break
		}
	}
	return false, nil
}

// reset is the line that resets the card.
const reset = "reset"

func (s *session) lineOf(ctx context.Context, text string, r *Result) (done bool, err error) {
	if text == reset {
		if err := s.card.Reset(); err != nil {
			return false, fmt.Errorf("%w: %w", ErrLost, err)
		}
		s.known.ATR = s.card.ATR()
		return false, nil
	}
	step, precondition, err := s.known.step(text)
	if err != nil {
		return false, err
	}
	a, err := s.send(ctx, step)
	r.Answers = append(r.Answers, a)
	if err != nil {
		return false, err
	}
	why := wrong(step, a)
	switch {
	case why == "":
		s.openedBy(step, a)
		return false, nil
	case precondition && s.wasMet(step):
		*r = r.broken(why + "; it was before")
	case precondition:
		r.Outcome = LeftOut
		r.Reason = fmt.Sprintf("the card answers %s to %X", a.text(), a.Sent)
	case r.Check.leaves(a):
		*r = r.allowed(fmt.Sprintf("%X is answered %s: %s", a.Sent, a.text(), r.Check.Why))
	default:
		*r = r.broken(why)
	}
	return true, nil
}

// leaves reports whether a standard allows an answer that the check's line does not accept.
func (c Check) leaves(a Answer) bool {
	if c.Else == "" || a.Received == nil {
		return false
	}
	step, _, err := (&Known{}).step("00 00 00 00 -> " + c.Else)
	return err == nil && wrong(step, a) == ""
}

// wasMet reports whether an earlier check had an answer that meets a precondition.
func (s *session) wasMet(step script.Step) bool {
	raw, err := step.Bytes()
	return err == nil && slices.ContainsFunc(s.seen, func(a Answer) bool {
		return bytes.Equal(a.Sent, raw) && wrong(step, a) == ""
	})
}

// wrong returns why an answer is not accepted, "" if it is.
func wrong(step script.Step, a Answer) string {
	r, ok := a.Response()
	switch {
	case a.Malformed:
		return fmt.Sprintf("%X: %s", a.Sent, a.Failed)
	case !ok:
		return fmt.Sprintf("no answer to %X: %s", a.Sent, a.Failed)
	}
	if err := words.Mismatch(step, r, nil); err != nil {
		return fmt.Sprintf("%X: %s", a.Sent, inWords.Replace(err.Error()))
	}
	return ""
}

// inWords are the sets of status words as a person has them.
var inWords = strings.NewReplacer("status "+sets["{NO}"], "an error", "status "+sets["{OK}"],
	"success", sets["{OK}"], "success", sets["{NO}"], "an error")

// openedBy takes note of a logical channel that a command has opened.
func (s *session) openedBy(step script.Step, a Answer) {
	c := step.Command
	opens := step.Malformed == nil && c.INS == apdu.InsManageChannel && c.P1 == 0
	if opens && a.ok() && len(a.data()) == 1 {
		if n := int(a.data()[0]); n < apdu.MaxChannels {
			s.known.channel = n
		}
	}
}
