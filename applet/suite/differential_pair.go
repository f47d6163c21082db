package suite

import (
	"encoding/hex"

	"ekrona.example/apdu"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/spec"
)

// drawPair draws PAIR: with the phone that both cards know, with one that is new to them, with a
// right or a wrong PIN.
func (t *differential) drawPair() drawnCommand {
	digits := t.pin
	if t.oneIn(6) {
		digits = wrongPIN
	}
	if t.phones[0] == nil || t.oneIn(4) {
		for side, s := range t.cards {
			t.phones[side] = s.newPhone()
		}
	}
	phones := t.phones
	o := drawnCommand{variant: spec.Pair.Only()}
	nonces := t.nonces()
	for side, nonce := range nonces {
		o.data[side] = phones[side].data(nonce, digits)
	}
	o.done = func(side int, answer []byte) {
		t.cases[side].must(phones[side].pairing().Verify(answer, nonces[side]))
	}
	return o
}

// drawAuthentication draws MUTUAL AUTHENTICATE, which opens secure messaging where the cards are
// paired with the phone.
func (t *differential) drawAuthentication() drawnCommand {
	if t.phones[0] == nil {
		return t.drawPair()
	}
	o := drawnCommand{variant: spec.MutualAuthenticate.Only()}
	var opens [2]*pairing.Authentication
	for side, nonce := range t.nonces() {
		opens[side], o.data[side] = t.phones[side].authentication(nonce)
	}
	o.done = func(side int, answer []byte) {
		channel, err := opens[side].Open(answer)
		t.cases[side].must(err)
		t.channels[side] = channel
	}
	return o
}

// drawSecured draws what a paired phone sends: to be drawn without a command in clear, which would
// end the session.
func (t *differential) drawSecured() drawnCommand {
	switch t.random.IntN(6) {
	case 0:
		return t.drawRequest()
	case 1:
		if len(t.cards[0].model.open) > 0 || len(t.accepts) > 0 {
			return t.drawAccept()
		}
	case 2:
		return t.drawRefuse()
	case 3:
		return same(spec.GetChallenge.Only())
	case 4:
		v := spec.ReadRecord.Variants[t.random.IntN(len(spec.ReadRecord.Variants))]
		v.P1 = byte(1 + t.random.IntN(6))
		return same(v)
	}
	return same(pick(t, spec.GetData.Variants))
}

// secure opens secure messaging, and sends some commands under it; now and then one is altered on
// its way.
func (t *differential) secure() {
	t.send(t.drawAuthentication())
	for n := 1 + t.random.IntN(5); n > 0 && !t.ended && t.isSecured(); n-- {
		t.sendSecured(t.drawSecured())
	}
}

func (t *differential) isSecured() bool { return t.channels[0] != nil && t.channels[1] != nil }

// sendSecured sends a drawn command under secure messaging to both, and compares what was secured.
func (t *differential) sendSecured(o drawnCommand) {
	channels := t.channels
	var inner, secured [2]apdu.Command
	for side := range sides {
		inner[side] = o.variant.APDU(o.data[side])
		var err error
		secured[side], err = channels[side].Wrap(inner[side])
		t.cases[side].must(err)
	}
	if t.oneIn(12) { // the same place for both: what is there is another thing for each
		at := t.random.IntN(len(secured[0].Data))
		for side := range sides {
			secured[side].Data[at] ^= 0x10
		}
	}
	t.note("under secure messaging: %s %s", header(inner[0]), hex.EncodeToString(inner[0].Data))
	answers := t.exchange(secured, true) // which forgets the channels
	if t.ended {
		return
	}
	var ended [2]error
	for side := range sides {
		answers[side], ended[side] = channels[side].Unwrap(answers[side])
	}
	if (ended[0] == nil) != (ended[1] == nil) {
		t.fail("secure messaging: %v and %v", ended[0], ended[1])
		return
	}
	if ended[0] != nil {
		return
	}
	t.channels = channels
	t.Secured++
	if difference := t.compare(inner[0], answers); difference != "" {
		t.fail("under secure messaging: %s", difference)
		return
	}
	if err := readable(inner[0], answers[0]); err != nil {
		t.fail("under secure messaging: %v", err)
		return
	}
	if answers[0].SW != apdu.OK || o.done == nil {
		return
	}
	for side := range sides {
		o.done(side, answers[side].Data)
	}
}
