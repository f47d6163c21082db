package glitch

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/emulator/fault"
)

// The kinds of gain in a script's words.
const (
	Accepted Kind = "accepted"
	Answer   Kind = "answer"
	Memory   Kind = "memory"
	Changed  Kind = "changed"
	Higher   Kind = "higher"
)

// scriptJudge is the oracle of one line of a script.
type scriptJudge struct {
	ctx    context.Context // of the one fault
	e      *fault.Experiment
	script *Script
	index  int // of the line

	rest *rest
}

func newScriptJudge(
	ctx context.Context, e *fault.Experiment, s *Script, index int,
) *scriptJudge {
	var following []next
	for _, line := range s.lines[index+1:] {
		following = append(following, next{line.reset, line.step.Command})
	}
	return &scriptJudge{ctx: ctx, e: e, script: s, index: index,
		rest: newRest(ctx, e, following)}
}

// PlayOn implements [Oracle].
func (j *scriptJudge) PlayOn(err error) ([]Following, error) { return j.rest.playOn(err) }

// MissCosts implements [Oracle].
func (j *scriptJudge) MissCosts() string { return "what the script does not say" }

// Verdict implements [Oracle].
func (j *scriptJudge) Verdict(r apdu.Response, err error) ([]Gain, error) {
	c := j.e.Card
	if failed := revive(c, err); failed != nil {
		return nil, failed
	}
	holds := c.Fingerprint()
	if err == nil && fault.Same(r, j.e.Answer) && holds == j.e.Held {
		return nil, nil
	}
	own := reply{r, err == nil}
	rest := j.rest.after(holds, err != nil)
	var gains []Gain
	if j.script.memory && holds.Persistent != j.e.HoldsBefore.Persistent &&
		holds.Persistent != j.e.Held.Persistent {
		gains = append(gains, Gain{Memory, "neither as before the command nor as after it"})
	}
	gains = append(gains, j.compare(j.index, own, []reply{{j.e.Answer, true}})...)
	for n := range rest {
		usual, err := j.rest.usually(n)
		if err != nil {
			return nil, err
		}
		more := j.compare(j.index+1+n, rest[n], usual)
		if len(more) > 0 {
			alone, err := j.rest.alone(rest, n)
			if err != nil {
				return nil, err
			}
			more = j.compare(j.index+1+n, rest[n], slices.Concat(usual, alone))
		}
		gains = append(gains, more...)
	}
	return gains, nil
}

// compare is what the answer to a line gains over those without a fault.
func (j *scriptJudge) compare(index int, r reply, usual []reply) []Gain {
	line := j.script.lines[index]
	if line.reset || !r.answered {
		return nil
	}
	var gains []Gain
	add := func(k Kind, format string, args ...any) {
		gains = append(gains, Gain{k, fmt.Sprintf("line %d: ", line.number) +
			fmt.Sprintf(format, args...)})
	}
	ever := func(of func(reply) bool) bool { return slices.ContainsFunc(usual, of) }
	if j.script.accepted && r.isDone() && !ever(reply.isDone) {
		add(Accepted, "%04X in place of %04X", uint16(r.SW), uint16(usual[0].SW))
	}
	for _, pattern := range j.script.patterns {
		if bytes.Contains(r.Data, pattern) &&
			!ever(func(u reply) bool { return bytes.Contains(u.Data, pattern) }) {
			add(Answer, "has %X", pattern)
		}
	}
	if line.changed && r.isDone() &&
		!ever(func(u reply) bool { return u.isDone() && bytes.Equal(u.Data, r.Data) }) {
		add(Changed, "%X", r.Data)
	}
	for _, of := range line.higher {
		now, ok := numberIn(r.Data, of)
		if ok && !ever(func(u reply) bool {
			then, ok := numberIn(u.Data, of)
			return ok && then >= now
		}) {
			add(Higher, "%d", now)
		}
	}
	return gains
}

// numberIn is the big-endian number there.
func numberIn(data []byte, of span) (uint64, bool) {
	if of.at+of.length > len(data) {
		return 0, false
	}
	var wide [maxNumber]byte
	copy(wide[maxNumber-of.length:], data[of.at:of.at+of.length])
	return binary.BigEndian.Uint64(wide[:]), true
}
