package glitch

import (
	"bytes"
	"context"
	"reflect"
	"slices"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
	"ekrona/applet/suite"
	"ekrona/emulator/card"
	"ekrona/emulator/vm"
)

// judge is the oracle of one command in one state: it compares what a fault made of it with the
// state before and with the run without a fault.
type judge struct {
	asker asker
	known *suite.Knowledge

	before, after     *card.Snapshot
	fpBefore, fpAfter vm.Fingerprint
	answer            apdu.Response // without a fault

	views    map[uint64]view           // by the fingerprint of persistent memory
	sessions map[vm.Fingerprint]rights // what a session lets one do
	secrets  [][]byte
	nonces   map[string]bool // that the card has answered before
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
	ctx context.Context, c *card.Card, command apdu.Command, known *suite.Knowledge,
	before, after *card.Snapshot, answer apdu.Response, nonces map[string]bool,
) *judge {
	return &judge{
		asker: asker{ctx, c, known, command}, known: known, before: before, after: after,
		answer: answer, views: map[uint64]view{}, sessions: map[vm.Fingerprint]rights{},
		nonces: nonces,
	}
}

// open looks at the card before and after the run without a fault.
func (j *judge) open() error {
	for _, at := range []struct {
		state *card.Snapshot
		fp    *vm.Fingerprint
	}{{j.before, &j.fpBefore}, {j.after, &j.fpAfter}} {
		if err := j.asker.card.RestoreSnapshot(at.state); err != nil {
			return err
		}
		*at.fp = j.asker.card.Fingerprint()
		j.noteSecrets()
	}
	return nil
}

// noteSecrets keeps the content of keys and PINs.
func (j *judge) noteSecrets() {
	contents := map[vm.Ref][]byte{}
	var holders []vm.Object
	j.asker.card.Look(func(o vm.Object) {
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
	c := j.asker.card
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
	here, err := j.asker.card.Snapshot()
	_ = j.asker.card.RestoreSnapshot(state)
	v := j.view(fp)
	if err == nil {
		_ = j.asker.card.RestoreSnapshot(here)
	}
	return v
}

func (j *judge) viewBefore() view { return j.viewOf(j.before, j.fpBefore.Persistent) }
func (j *judge) viewAfter() view  { return j.viewOf(j.after, j.fpAfter.Persistent) }

// rights are those of the session in front of the judge.
func (j *judge) rights(fp vm.Fingerprint) rights {
	if r, known := j.sessions[fp]; known {
		return r
	}
	c := j.asker.card
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
	here, err := j.asker.card.Snapshot()
	_ = j.asker.card.RestoreSnapshot(state)
	r := j.rights(fp)
	if err == nil {
		_ = j.asker.card.RestoreSnapshot(here)
	}
	return r
}

// verdict is what the fault gained: response and err are what the card answered, which stands as
// the fault left it.
func (j *judge) verdict(response apdu.Response, err error) []Gain {
	c := j.asker.card
	if err != nil {
		c.Reset() // mute, or pulled
	}
	fp := c.Fingerprint()
	same := err == nil && response.SW == j.answer.SW && bytes.Equal(response.Data, j.answer.Data)
	if same && fp == j.fpAfter {
		return nil
	}
	isBefore, isAfter := fp.Persistent == j.fpBefore.Persistent,
		fp.Persistent == j.fpAfter.Persistent
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
	if isAfter && fp.Transient == j.fpAfter.Transient ||
		isBefore && fp.Transient == j.fpBefore.Transient {
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
		allowed = append(allowed, j.rightsOf(j.before, j.fpBefore))
	}
	if isAfter || !isBefore {
		allowed = append(allowed, j.rightsOf(j.after, j.fpAfter))
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
	if s := j.secretIn(r.Data); s {
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
	for _, s := range j.secrets {
		for at := 0; at+minSecret <= len(s); at++ {
			part := s[at : at+minSecret]
			if isFlat(part) {
				continue
			}
			if bytes.Contains(data, part) && !bytes.Contains(j.answer.Data, part) {
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
	if triesOf(r.SW) < 0 && r.SW != apdu.OK || fp.Persistent == j.fpAfter.Persistent ||
		triesOf(j.answer.SW) < 0 {
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
	reference := j.signed(j.answer.Data)
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
	refused := j.answer.SW != apdu.OK && j.answer.SW>>8 != moreData
	command := j.asker.command
	switch {
	case refused:
		return []Gain{{Read, "an answer in place of a refusal"}}
	case command.INS == spec.GetChallenge.INS && len(r.Data) == spec.NonceLength:
		return j.nonceGains(r.Data, j.answer.Data)
	case command.INS == spec.Select.INS:
		now, err := message.ParseFCI(r.Data)
		then, failed := message.ParseFCI(j.answer.Data)
		if err == nil && failed == nil {
			return j.nonceGains(now.Nonce[:], then.Nonce[:])
		}
	case command.INS == spec.Pay.INS && command.P2 != 0 && len(r.Data) > payRefusedLength:
		now, before := j.view(fp.Persistent), j.viewBefore()
		paid := len(j.answer.Data) > payRefusedLength
		if now.State != nil && before.State != nil &&
			reflect.DeepEqual(now.Records, before.Records) &&
			(!paid || fp.Persistent != j.fpAfter.Persistent) {
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
