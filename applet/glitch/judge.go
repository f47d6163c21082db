package glitch

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
	"ekrona/applet/suite"
	"ekrona/emulator/card"
	"ekrona/emulator/fault"
	"ekrona/emulator/vm"
)

// judge is the oracle of one command of the suite in one state: it compares what a fault made of it
// with the state before and with the run without a fault.
type judge struct {
	asker asker
	known *suite.Knowledge
	e     *fault.Experiment

	views    map[uint64]view           // by the fingerprint of persistent memory
	sessions map[vm.Fingerprint]rights // what a session lets one do
	secrets  [][]byte                  // nil until the first answer is looked at
	nonces   map[string]bool           // that the card has answered before
}

// rights are what the holder of a card can do in a session without more.
type rights struct {
	Verified bool // the PIN counts as verified
	Owner    bool // data of the owner can be read
	Again    bool // the command, given again, is carried out
}

// minSecret is how many bytes in a row of a secret count as having told it.
const minSecret = 8

func newJudge(
	ctx context.Context, e *fault.Experiment, known *suite.Knowledge, nonces map[string]bool,
) *judge {
	return &judge{
		asker: asker{ctx, e.Card, known, e.Command}, known: known, e: e,
		views: map[uint64]view{}, sessions: map[vm.Fingerprint]rights{}, nonces: nonces,
	}
}

// findSecrets keeps the content of keys and PINs, before the command and after it.
func (j *judge) findSecrets() error {
	here, err := j.e.Card.Snapshot()
	if err != nil {
		return err
	}
	for _, state := range []*card.Snapshot{j.e.Before, j.e.After} {
		if err := j.e.Card.RestoreSnapshot(state); err != nil {
			return err
		}
		j.noteSecrets()
	}
	return j.e.Card.RestoreSnapshot(here)
}

// noteSecrets keeps the content of keys and PINs.
func (j *judge) noteSecrets() {
	contents := map[vm.Ref][]byte{}
	var holders []vm.Object
	j.e.Card.Look(func(o vm.Object) {
		if o.Owner == 0 {
			return
		}
		contents[o.Ref] = o.Bytes
		if slices.Contains(secretClasses, o.Class) {
			o.Refs = slices.Clone(o.Refs)
			holders = append(holders, o)
		}
	})
	j.secrets = append(j.secrets, j.known.Token[:], j.known.PIN[:], j.known.PUK[:])
	if j.known.PairKey != nil {
		j.secrets = append(j.secrets, j.known.PairKey[:])
	}
	for _, h := range holders {
		for _, r := range h.Refs {
			if len(contents[r]) >= minSecret {
				j.secrets = append(j.secrets, bytes.Clone(contents[r]))
			}
		}
	}
}

var secretClasses = []string{"javacard/framework/OwnerPIN", "javacard/security/ECPrivateKey",
	"javacard/security/AESKey"}

// view is what the card holds that is in front of the judge, with persistent memory of that
// fingerprint.
func (j *judge) view(fp uint64) view {
	v, known := j.views[fp]
	if known {
		return v
	}
	c := j.e.Card
	here, err := c.Snapshot()
	if err != nil {
		c.Reset()
		if here, err = c.Snapshot(); err != nil {
			return view{}
		}
	}
	v = j.asker.look()
	_ = c.RestoreSnapshot(here) // it was taken of this card
	j.views[fp] = v
	return v
}

// viewOf is the view of one of the two states without a fault.
func (j *judge) viewOf(state *card.Snapshot, fp uint64) view {
	if v, known := j.views[fp]; known {
		return v
	}
	here, err := j.e.Card.Snapshot()
	_ = j.e.Card.RestoreSnapshot(state)
	v := j.view(fp)
	if err == nil {
		_ = j.e.Card.RestoreSnapshot(here)
	}
	return v
}

func (j *judge) viewBefore() view { return j.viewOf(j.e.Before, j.e.HoldsBefore.Persistent) }
func (j *judge) viewAfter() view  { return j.viewOf(j.e.After, j.e.Held.Persistent) }

// rights are those of the session in front of the judge.
func (j *judge) rights(fp vm.Fingerprint) rights {
	if r, known := j.sessions[fp]; known {
		return r
	}
	c := j.e.Card
	here, err := c.Snapshot()
	if err != nil {
		return rights{} // cut off: there is no session
	}
	var r rights
	if answer, ok := j.asker.send(verifyPlain); ok {
		r.Verified = answer.SW == apdu.OK
	}
	_ = c.RestoreSnapshot(here)
	_, r.Owner = j.asker.succeeds(getBalance)
	_ = c.RestoreSnapshot(here)
	if !j.asker.command.IsChained() {
		answer, err := c.Transmit(j.asker.ctx, j.asker.command)
		r.Again = err == nil && answer.SW == apdu.OK
		_ = c.RestoreSnapshot(here)
	}
	j.sessions[fp] = r
	return r
}

func (j *judge) rightsOf(state *card.Snapshot, fp vm.Fingerprint) rights {
	if r, known := j.sessions[fp]; known {
		return r
	}
	here, err := j.e.Card.Snapshot()
	_ = j.e.Card.RestoreSnapshot(state)
	r := j.rights(fp)
	if err == nil {
		_ = j.e.Card.RestoreSnapshot(here)
	}
	return r
}

// Verdict implements [Oracle].
func (j *judge) Verdict(response apdu.Response, err error) ([]Gain, error) {
	c := j.e.Card
	if err != nil {
		if !errors.Is(err, card.ErrMute) && !errors.Is(err, card.ErrPowerLost) {
			return nil, err
		}
		c.Reset() // mute, or pulled
	}
	return j.verdict(response, err), nil
}

// MissCosts implements [Oracle].
func (j *judge) MissCosts() string {
	before, after := j.viewBefore(), j.viewAfter()
	switch {
	case after.PINTries < before.PINTries:
		return "a try of the PIN"
	case after.PUKTries < before.PUKTries:
		return "a try of the PUK"
	}
	return ""
}

func (j *judge) verdict(response apdu.Response, err error) []Gain {
	c := j.e.Card
	fp := c.Fingerprint()
	same := err == nil && fault.Same(response, j.e.Answer)
	if same && fp == j.e.Held {
		return nil
	}
	isBefore, isAfter := fp.Persistent == j.e.HoldsBefore.Persistent,
		fp.Persistent == j.e.Held.Persistent
	var gains []Gain
	if !isBefore && !isAfter {
		gains = gainsOf(j.view(fp.Persistent), j.viewBefore(), j.viewAfter())
	}
	if err != nil {
		return gains
	}
	if !same || !isAfter {
		gains = append(gains, j.answered(response, fp)...)
	}
	if isAfter && fp.Transient == j.e.Held.Transient ||
		isBefore && fp.Transient == j.e.HoldsBefore.Transient {
		return gains
	}
	if !isBefore && isAfter { // what cannot be seen may be as after, such as a verifier's key
		isBefore = reflect.DeepEqual(j.viewBefore(), j.viewAfter())
	}
	return append(gains, j.sessionGains(fp, isBefore, isAfter)...)
}

// sessionGains are rights in the session that neither state without a fault gives: of those that
// hold the same, if one does.
func (j *judge) sessionGains(fp vm.Fingerprint, isBefore, isAfter bool) []Gain {
	var allowed []rights
	if isBefore || !isAfter {
		allowed = append(allowed, j.rightsOf(j.e.Before, j.e.HoldsBefore))
	}
	if isAfter || !isBefore {
		allowed = append(allowed, j.rightsOf(j.e.After, j.e.Held))
	}
	now := j.rights(fp)
	has := func(of func(rights) bool) bool { return slices.ContainsFunc(allowed, of) }
	var gains []Gain
	if now.Verified && !has(func(r rights) bool { return r.Verified }) {
		gains = append(gains, Gain{Session, "the PIN counts as verified"})
	}
	if now.Owner && !has(func(r rights) bool { return r.Owner }) {
		gains = append(gains, Gain{Session, "data of the owner can be read"})
	}
	if now.Again && !has(func(r rights) bool { return r.Again }) {
		gains = append(gains, Gain{Session, "the command, given again, is carried out"})
	}
	return gains
}

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
		if !recorded(j.view(fp.Persistent), m) {
			return []Gain{{Unrecorded, what}}
		}
		return nil
	}
	if recorded(j.viewBefore(), m) {
		if reference == nil {
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
		return []Gain{{Read, "an answer in place of a refusal"}}
	case command.INS == spec.GetChallenge.INS && len(r.Data) == spec.NonceLength:
		return j.nonceGains(r.Data, j.e.Answer.Data)
	case command.INS == spec.Select.INS:
		now, err := message.ParseFCI(r.Data)
		then, failed := message.ParseFCI(j.e.Answer.Data)
		if err == nil && failed == nil {
			return j.nonceGains(now.Nonce[:], then.Nonce[:])
		}
	case command.INS == spec.Pay.INS && command.P2 != 0 && len(r.Data) > payRefusedLength:
		now, before := j.view(fp.Persistent), j.viewBefore()
		paid := len(j.e.Answer.Data) > payRefusedLength
		if now.State != nil && before.State != nil &&
			reflect.DeepEqual(now.Records, before.Records) &&
			(!paid || fp.Persistent != j.e.Held.Persistent) {
			return []Gain{{Unrecorded, "PAYMENT, enciphered"}}
		}
	}
	return nil
}

// payRefusedLength is the most that an enciphered refusal of PAY takes.
const payRefusedLength = 32

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
