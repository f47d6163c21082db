package glitch

import (
	"bytes"
	"reflect"
	"slices"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
	"ekrona.example/emulator/fault"
	"ekrona.example/emulator/vm"
)

// answered are the gains in an answer that is another than without a fault, or that came though
// the card does not hold what it should then.
func (j *judge) answered(r apdu.Response, fp vm.Fingerprint) []Gain {
	var gains []Gain
	if len(r.Data) >= minSecret && j.secretIn(r.Data) {
		gains = append(gains, Gain{Secret, "in the answer"})
	}
	if g := j.guessed(r, fp); g != nil {
		gains = append(gains, *g)
	}
	if r.SW != apdu.OK && r.SW>>8 != moreData || len(r.Data) == 0 {
		return gains
	}
	m := j.signed(r.Data)
	if m == nil {
		return append(gains, j.unsigned(r, fp)...)
	}
	return append(gains, j.signedGains(m, fp)...)
}

// moreData is the first byte of a status word that says that the answer goes on.
const moreData = 0x61

// secretIn reports whether an answer has a part of a secret that it has not without a fault.
func (j *judge) secretIn(data []byte) bool {
	if j.secrets == nil && j.findSecrets() != nil {
		return false
	}
	for _, s := range j.secrets {
		for at := 0; at+minSecret <= len(s); at++ {
			part := s[at : at+minSecret]
			if isFlat(part) {
				continue
			}
			if bytes.Contains(data, part) && !bytes.Contains(j.e.Answer.Data, part) {
				return true
			}
		}
	}
	return false
}

// isFlat reports whether all bytes are the same: what is not set, or is overwritten.
func isFlat(b []byte) bool { return len(bytes.Trim(b, string(b[:1]))) == 0 }

// guessed is the gain of a guess that cost no try and was answered.
func (j *judge) guessed(r apdu.Response, fp vm.Fingerprint) *Gain {
	if fp.Persistent == j.e.Held.Persistent || !fault.Same(r, j.e.Answer) {
		return nil
	}
	now, before, after := j.view(fp.Persistent), j.viewBefore(), j.viewAfter()
	if after.PINTries < before.PINTries && now.PINTries == before.PINTries ||
		after.PUKTries < before.PUKTries && now.PUKTries == before.PUKTries {
		return &Gain{Tries, "a wrong guess is answered and costs no try"}
	}
	return nil
}

// signed is the message in an answer, if it is one that the card has signed; else nil.
func (j *judge) signed(data []byte) message.Message {
	if j.known.Public == nil {
		return nil
	}
	if j.isEnciphered() && j.known.OpenPayment != nil {
		if data = j.known.OpenPayment(data); data == nil {
			return nil
		}
	}
	var m message.Message
	var err error
	switch r := tlv.NewReader(data); {
	case r.At(spec.State.Tag):
		m, err = message.Parse[message.State](data)
	case r.At(spec.Confirmation.Tag):
		m, err = message.Parse[message.Confirmation](data)
	default:
		m, _, err = message.ParseSigned(data)
	}
	if err != nil || message.Verify(m, j.known.Public) != nil {
		return nil
	}
	return m
}

// signedGains are those of a message that the card has signed.
func (j *judge) signedGains(m message.Message, fp vm.Fingerprint) []Gain {
	reference := j.signed(j.e.Answer.Data)
	asIs := reference != nil && sameBody(m, reference)
	if state, is := m.(*message.State); is {
		switch {
		case reference == nil:
			return []Gain{{Read, "the card's State"}}
		case !asIs:
			return []Gain{{Garbage, "State: " + stateOf(state)}}
		}
		return nil
	}
	what := m.Layout().Name
	if asIs {
		switch v, after := j.view(fp.Persistent), j.viewAfter(); {
		case recorded(v, m):
			return nil
		case v.State != nil && after.State != nil && sameNumbers(v, after):
			return []Gain{{Garbage, what + ", kept otherwise than it was given"}}
		}
		return []Gain{{Unrecorded, what}}
	}
	if recorded(j.viewBefore(), m) {
		if reference == nil && !j.mayRead() {
			return []Gain{{Read, what + ", as it was given before"}}
		}
		return nil
	}
	if reference == nil {
		return []Gain{{Taken, what}}
	}
	return []Gain{{Garbage, what}}
}

func stateOf(s *message.State) string {
	return "balance " + s.Balance.String()
}

func sameBody(a, b message.Message) bool {
	first, err := message.Body(a)
	second, failed := message.Body(b)
	return err == nil && failed == nil && bytes.Equal(first, second)
}

// recorded reports whether a card with that view knows of a message that it has signed.
func recorded(v view, m message.Message) bool {
	if c, is := m.(*message.Confirmation); is {
		return v.State == nil || v.State.InstructionSequence >= c.Sequence &&
			(v.State.InstructionSequence > c.Sequence || v.State.LastInstruction == c.Instruction)
	}
	if v.State == nil {
		return true // it cannot be asked
	}
	body, err := message.Body(m)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(slices.Concat(v.Records, v.Open), func(b []byte) bool {
		return bytes.Contains(b, body)
	})
}

// unsigned are the gains of data that nobody signed.
func (j *judge) unsigned(r apdu.Response, fp vm.Fingerprint) []Gain {
	refused := j.e.Answer.SW != apdu.OK && j.e.Answer.SW>>8 != moreData
	command := j.asker.command
	switch {
	case refused:
		if _, err := message.ParseFCI(r.Data); err == nil {
			return nil // anybody may have it
		}
		if j.mayRead() {
			return nil
		}
		return []Gain{{Read, "an answer in place of a refusal"}}
	case command.INS == spec.GetChallenge.INS && len(r.Data) == spec.NonceLength:
		return j.nonceGains(r.Data, j.e.Answer.Data)
	case command.INS == spec.Select.INS:
		now, err := message.ParseFCI(r.Data)
		then, failed := message.ParseFCI(j.e.Answer.Data)
		if err == nil && failed == nil {
			return j.nonceGains(now.Nonce[:], then.Nonce[:])
		}
	case j.isEnciphered() && len(r.Data) > paidLength && len(j.e.Answer.Data) < paidLength:
		now, before := j.view(fp.Persistent), j.viewBefore()
		if now.State != nil && before.State != nil && j.known.OpenPayment == nil &&
			reflect.DeepEqual(now.Records, before.Records) {
			return []Gain{{Unrecorded, "PAYMENT, enciphered"}}
		}
	}
	return nil
}

// isEnciphered reports whether the command is a PAY whose answer is enciphered.
func (j *judge) isEnciphered() bool {
	return j.e.Command.INS == spec.Pay.INS && j.e.Command.P2 != 0
}

// paidLength is less than an enciphered Payment takes, and more than an enciphered refusal.
const paidLength = 200

// mayRead reports whether the session lets data of the owner be read anyhow.
func (j *judge) mayRead() bool { return j.rightsOf(j.e.Before, j.e.HoldsBefore).Owner }

// nonceGains are those of a nonce that is another than without a fault.
func (j *judge) nonceGains(now, then []byte) []Gain {
	switch {
	case bytes.Equal(now, then):
		return nil
	case j.nonces[string(now)]:
		return []Gain{{Nonce, "one that the card has answered before"}}
	case bytes.Count(now, []byte{0}) >= len(now)/2:
		return []Gain{{Nonce, "zeros"}}
	}
	return nil
}
