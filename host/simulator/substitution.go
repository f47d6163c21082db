package simulator

import (
	"bytes"
	"iter"
	"slices"

	"ekrona.example/apdu/spec"
)

// signingInstructions are the instructions whose answer the card signs.
var signingInstructions = []byte{
	spec.RequestPayment.INS, spec.Pay.INS, spec.Accept.INS, spec.Refuse.INS, spec.Instruct.INS,
	spec.GetState.INS, spec.ReadRecord.INS,
}

// otherCommand returns the command, or another of the same instruction that some card received
// before.
func (s *slot) otherCommand(ins byte, raw []byte) []byte {
	if !slices.Contains(signingInstructions, ins) {
		return raw
	}
	s.w.plan.signedExchanges++
	return s.w.substitute(OtherCommand, raw, func(yield func([]byte) bool) {
		for _, seen := range s.w.seenCommands {
			if seen[1] == ins && !yield(seen) {
				return
			}
		}
	})
}

// maxFormer bounds how many answers of a card to one instruction are stored.
const maxFormer = 16

// otherAnswer returns the answer of the card, or a former one to the same instruction.
func (s *slot) otherAnswer(ins byte, answer []byte) []byte {
	if !slices.Contains(signingInstructions, ins) {
		return answer
	}
	p := s.holder
	if p.answers == nil {
		p.answers = map[byte][][]byte{}
	}
	former := p.answers[ins]
	p.answers[ins] = append(former[max(0, len(former)+1-maxFormer):], answer)
	return s.w.substitute(OtherAnswer, answer, slices.Values(former))
}

// statusOnlyInstructions are the instructions whose answer is nothing but the status word.
var statusOnlyInstructions = []byte{
	spec.Verify.INS, spec.ChangeReferenceData.INS, spec.ResetRetryCounter.INS, spec.PutData.INS,
	spec.VerifyCertificate.INS, spec.Activate.INS,
}

// answersForCard reports whether the reader answers in place of the card, which receives nothing.
func (w *world) answersForCard(ins byte) bool {
	if !slices.Contains(statusOnlyInstructions, ins) {
		return false
	}
	w.plan.statusOnlyExchanges++
	_, yes := w.due(FalseSuccess, w.plan.statusOnlyExchanges)
	return yes
}

// substitute returns what a reader sends in the place of a command or an answer, when that fault is
// due: an earlier, genuine one. Without any the fault does not strike.
func (w *world) substitute(kind FaultKind, sent []byte, before iter.Seq[[]byte]) []byte {
	now := w.plan.signedExchanges
	if w.plan.index(kind, now) < 0 {
		return sent
	}
	var others [][]byte
	for other := range before {
		if !bytes.Equal(other, sent) {
			others = append(others, other)
		}
	}
	if len(others) == 0 {
		return sent
	}
	f, _ := w.due(kind, now)
	return others[f.Salt%len(others)]
}
