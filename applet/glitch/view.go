package glitch

import (
	"context"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/suite"
	"ekrona.example/emulator/card"
)

// view is what a card holds, as it answers itself after a reset, without any fault: whoever has
// the keys of its parties can find it out. It is of one content of persistent memory.
type view struct {
	Selected bool // the applet can be selected, else nothing else is known
	Life     spec.LifeCycle
	Order    uint32 // the number that SELECT answers

	State                               *message.State // nil if it answers none
	Policy, Counters                    []byte
	Certificate, Batch, Crisis, CrisisC []byte
	Records, Open                       [][]byte

	PINTries, PUKTries int    // -1 if unknown
	PIN                string // which of the known PINs it takes; "" for none of them
	Paired             bool   // it takes the pair key of the phone that the case knows
	Again              bool   // it carries out the command at hand, given again in a new session
}

// asker asks a card what it holds.
type asker struct {
	ctx     context.Context // of the one look
	card    *card.Card
	known   *suite.Knowledge
	command apdu.Command // at hand
}

func (a *asker) send(v spec.Variant, data ...[]byte) (apdu.Response, bool) {
	r, err := a.card.Transmit(a.ctx, v.APDU(data...))
	return r, err == nil
}

func (a *asker) succeeds(v spec.Variant, data ...[]byte) ([]byte, bool) {
	r, ok := a.send(v, data...)
	return r.Data, ok && r.SW == apdu.OK
}

// named is a variant of the spec. It is called for the variables below alone, while the program
// starts: a name that the spec does not have stops every program and test at once.
func named(c *spec.Command, name string) spec.Variant {
	v, found := c.Variant(name)
	if !found {
		panic(c.Name + " has no variant " + name)
	}
	return v
}

var (
	verifyPlain = named(spec.Verify, "plaintext")
	verifyCoded = named(spec.Verify, "enciphered")
	resetPlain  = named(spec.ResetRetryCounter, "plaintext")
	resetCoded  = named(spec.ResetRetryCounter, "enciphered")
	getBalance  = named(spec.GetData, "balance")

	getPolicy            = named(spec.GetData, "policy")
	getCounters          = named(spec.GetData, "counters")
	getCertificate       = named(spec.GetData, "certificate")
	getBatchCertificate  = named(spec.GetData, "batch certificate")
	getCrisisOrder       = named(spec.GetData, "crisis order")
	getCrisisCertificate = named(spec.GetData, "crisis certificate")

	readLog          = named(spec.ReadRecord, "log")
	readOpenRequests = named(spec.ReadRecord, "open requests")
)

// fresh resets the card and selects the applet.
func (a *asker) fresh() (*message.FCI, bool) {
	a.card.Reset()
	answer, ok := a.succeeds(spec.Select.Only(), []byte(spec.AppletAID))
	if !ok {
		return nil, false
	}
	fci, err := message.ParseFCI(answer)
	return fci, err == nil
}

// look asks the card what it holds. The card must be set back afterwards.
func (a *asker) look() view {
	v := view{PINTries: -1, PUKTries: -1}
	a.card.Reset()
	base, err := a.card.Snapshot()
	if err != nil {
		return v
	}
	fci, ok := a.fresh()
	if !ok {
		return v
	}
	v.Selected, v.Life, v.Order = true, fci.LifeCycle, fci.OrderNumber
	if r, ok := a.send(verifyPlain); ok {
		v.PINTries = triesOf(r.SW)
	}
	a.readState(&v, fci.Nonce)
	v.PIN, v.PUKTries = a.secrets(base)
	a.back(base)
	if _, ok := a.fresh(); ok && !a.command.IsChained() {
		r, err := a.card.Transmit(a.ctx, a.command)
		v.Again = err == nil && r.SW == apdu.OK
	}
	return v
}

func (a *asker) back(base *card.Snapshot) {
	// it was taken of this card
	_ = a.card.RestoreSnapshot(base)
}

// triesOf reads the tries that a status word tells; -1 if it tells none.
func triesOf(sw apdu.StatusWord) int {
	switch {
	case sw&0xFFF0 == spec.SWPINWrong:
		return int(sw & 0xF)
	case sw == spec.SWPINBlocked:
		return 0
	}
	return -1
}

// readState has the card answer a Challenge, and reads what it then lets be read.
func (a *asker) readState(v *view, nonce message.Nonce) {
	challenge := &message.Challenge{InstructionKey: message.AuthorityRef(
		a.known.InstructionKey.Certificate.Holder), Device: a.known.Device, Nonce: nonce}
	if message.Sign(challenge, a.known.InstructionKey.Signer) != nil {
		return
	}
	encoded, err := message.Encode(challenge)
	if err != nil {
		return
	}
	answer, ok := a.succeeds(spec.GetState.Only(), encoded)
	if !ok {
		return
	}
	if v.State, err = message.Parse[message.State](answer); err != nil {
		return
	}
	v.State.Challenge, v.State.Signature = message.Hash{}, signature.Plain{} // of the session
	v.Policy, _ = a.succeeds(getPolicy)
	v.Counters, _ = a.succeeds(getCounters)
	v.Certificate, _ = a.succeeds(getCertificate)
	v.Batch, _ = a.succeeds(getBatchCertificate)
	v.Crisis, _ = a.succeeds(getCrisisOrder)
	v.CrisisC, _ = a.succeeds(getCrisisCertificate)
	v.Records, v.Open = a.records(readLog), a.records(readOpenRequests)
}

const maxRecords = 128

func (a *asker) records(v spec.Variant) (all [][]byte) {
	for n := 1; n <= maxRecords; n++ {
		v.P1 = byte(n)
		record, ok := a.succeeds(v)
		if !ok {
			break
		}
		all = append(all, record)
	}
	return all
}

// secrets finds out which PIN the card takes, and how many tries its PUK has.
func (a *asker) secrets(base *card.Snapshot) (taken string, pukTries int) {
	for _, candidate := range []struct {
		name  string
		block pin.Block
	}{{"first", a.known.PIN}, {"other", a.known.OtherPIN}, {"wrong", a.known.WrongPIN},
		{"zeros", pin.Block{}}} {
		a.back(base)
		fci, ok := a.fresh()
		if !ok {
			return "", -1
		}
		r, ok := a.secret(verifyPlain, verifyCoded, fci.Nonce, candidate.block)
		if ok && r.SW == apdu.OK {
			taken = candidate.name
			break
		}
	}
	a.back(base)
	fci, ok := a.fresh()
	if !ok {
		return taken, -1
	}
	r, ok := a.secret(resetPlain, resetCoded, fci.Nonce, a.known.WrongPUK, a.known.PIN)
	if !ok {
		return taken, -1
	}
	return taken, triesOf(r.SW)
}

// secret gives a command with PIN blocks, in the form that the card takes.
func (a *asker) secret(
	plain, coded spec.Variant, nonce message.Nonce, blocks ...pin.Block,
) (apdu.Response, bool) {
	var data [][]byte
	for _, b := range blocks {
		data = append(data, b[:])
	}
	r, ok := a.send(plain, data...)
	if !ok || r.SW != spec.SWPINForm || a.known.PINKey == nil {
		return r, ok
	}
	enciphered, err := pin.Encipher(card.SeededRandom("the asker's"), a.known.PINKey, nonce,
		blocks...)
	if err != nil {
		return r, false
	}
	return a.send(coded, enciphered)
}
