package suite

import (
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// personalization is the commands from a fresh card to activation.
func (t *differential) personalization() []func() drawnCommand {
	w := t.world
	var steps []func() drawnCommand
	for _, authority := range []*party{w.root, w.notary, w.own.ca, w.own.instructionKey} {
		steps = append(steps, func() drawnCommand { return t.learnCA(authority) })
	}
	return append(steps, t.keys, t.ownCertificate, t.batchKey, t.batchCertificate, t.firstPINs,
		t.activation)
}

func (t *differential) learnCA(authority *party) drawnCommand {
	return same(spec.VerifyCertificate.Only(), authority.encoded)
}

func (t *differential) keys() drawnCommand {
	return drawnCommand{variant: spec.GenerateKeyPair.Only(), done: func(side int, answer []byte) {
		s := t.cards[side]
		keys, err := pin.Token(s.parameters.Token).VerifyKeyAnswer(s.id(), answer)
		s.c.must(err)
		s.public, s.pinKey = keys.Signing, keys.PIN
	}}
}

// ownCertificate is each card's, or one for a key that is no card's.
func (t *differential) ownCertificate() drawnCommand {
	unknown := t.cases[0].newKey().PublicKey
	var issued [2]*party
	o := drawnCommand{variant: t.variant(spec.PutData, "certificate")}
	later := t.random.IntN(100)
	for side, s := range t.cards {
		e := entry{holder: string(s.id()), role: s.parameters.Role, key: s.public,
			to: nextYear.AddDays(later)}
		if e.key == nil {
			e.key = &unknown
		}
		issued[side] = s.c.certify(s.bank.ca, e)
		o.data[side] = issued[side].encoded
	}
	o.done = func(side int, _ []byte) { t.cards[side].certificate = issued[side] }
	return o
}

func (t *differential) batchKey() drawnCommand {
	s := t.cards[0]
	return same(t.variant(spec.PutData, "batch key"), s.batchKey(s.bank.batch.key))
}

func (t *differential) batchCertificate() drawnCommand {
	return same(t.variant(spec.PutData, "certificate"), t.cards[0].bank.batch.encoded)
}

func (t *differential) firstPINs() drawnCommand {
	s := t.cards[0]
	return same(t.variant(spec.PutData, "first PIN"),
		s.firstPIN(s.c.block(ownPIN), s.c.block(ownPUK)))
}

func (t *differential) activation() drawnCommand {
	return drawnCommand{variant: spec.Activate.Only(), done: func(side int, _ []byte) {
		if s := t.cards[side]; s.model == nil {
			s.openModel()
		}
	}}
}

func (t *differential) variant(c *spec.Command, name string) spec.Variant {
	return t.cases[0].variant(c, name)
}

// draw draws a command of the grammar, which may or may not fit the cards' state.
func (t *differential) draw() drawnCommand {
	if t.cards[0].model == nil {
		if !t.oneIn(5) {
			return pick(t, t.personalization())()
		}
		return t.drawReading()
	}
	choice := t.random.IntN(29)
	if choice >= 3 && choice <= 12 && !t.oneIn(3) {
		t.send(same(t.variant(spec.Verify, "plaintext"), t.cases[0].block(t.pin)))
	}
	switch choice {
	case 0, 1, 2:
		return t.drawPIN()
	case 3, 4, 5, 6:
		return t.drawPay()
	case 7, 8, 9:
		return t.drawRequest()
	case 10, 11, 12:
		return t.drawAccept()
	case 13:
		return t.drawRefuse()
	case 14, 15:
		return t.drawInstruction()
	case 16:
		return pick(t, t.personalization())()
	case 17:
		w := t.world
		return t.learnCA(pick(t, []*party{w.foreign.ca, w.foreign.instructionKey, w.unknown,
			w.own.ca, w.notary}))
	case 18, 19, 20:
		return t.drawCrisis()
	case 21:
		return t.drawPair()
	case 22:
		return t.drawAuthentication()
	default:
		return t.drawReading()
	}
}

// drawReading draws a command that changes nothing that lasts.
func (t *differential) drawReading() drawnCommand {
	var readable []spec.Variant
	for _, c := range []*spec.Command{spec.GetData, spec.ReadRecord, spec.GetResponse} {
		readable = append(readable, c.Variants...)
	}
	switch t.random.IntN(6) {
	case 0:
		v := pick(t, []spec.Variant{spec.Select.Only(), t.variant(spec.Select, "without answer")})
		return same(v, pick(t, [][]byte{[]byte(spec.AppletAID), []byte(spec.PackageAID),
			[]byte(spec.AppletAID + "\x01")}))
	case 1:
		return same(t.variant(spec.Verify, "plaintext"))
	case 2, 3:
		return t.drawState()
	}
	v := pick(t, readable)
	if v.Command == spec.ReadRecord {
		v.P1 = byte(1 + t.random.IntN(6))
	}
	return same(v)
}

func (t *differential) drawState() drawnCommand {
	o := drawnCommand{variant: spec.GetState.Only()}
	for side, nonce := range t.nonces() {
		s := t.cards[side]
		o.data[side] = s.c.encode(s.challengeOf(nonce))
	}
	return o
}

// drawPIN draws one of the PIN commands.
func (t *differential) drawPIN() drawnCommand {
	c := t.cases[0]
	digits := t.pin
	if t.oneIn(6) {
		digits = wrongPIN
	}
	switch t.random.IntN(12) {
	case 0:
		return t.changing(spec.ChangeReferenceData, digits)
	case 1:
		return t.changing(spec.ResetRetryCounter, t.puk)
	case 2, 3:
		return t.enciphering(digits)
	}
	return same(t.variant(spec.Verify, "plaintext"), c.block(digits))
}

// changing offers a new PIN.
func (t *differential) changing(command *spec.Command, digits string) drawnCommand {
	c := t.cases[0]
	next := pick(t, []string{ownPIN, otherPIN, "123456789012", "1234"})
	o := same(t.variant(command, "plaintext"), c.block(digits), c.block(next))
	o.done = func(int, []byte) { t.pin = next }
	return o
}

// nonces asks both cards for the next nonce of their session.
func (t *differential) nonces() (nonces [2]message.Nonce) {
	t.send(drawnCommand{variant: spec.GetChallenge.Only(), done: func(side int, answer []byte) {
		copy(nonces[side][:], answer)
	}})
	return nonces
}

// enciphering draws an enciphered PIN.
func (t *differential) enciphering(digits string) drawnCommand {
	o := drawnCommand{variant: t.variant(spec.Verify, "enciphered")}
	for side, nonce := range t.nonces() {
		s := t.cards[side]
		o.data[side] = s.enciphered(nonce, s.c.block(digits))
	}
	return o
}

// drawPay draws a Request of some device, new or known.
func (t *differential) drawPay() drawnCommand {
	if len(t.payments) > 0 && t.oneIn(4) {
		return pick(t, t.payments)
	}
	c := t.cases[0]
	payee := pick(t, t.devices)
	payer := pick(t, []message.DeviceID{"", t.cards[0].id(), t.cards[0].id(), payee.id()})
	r := c.request(payee, t.amount(), payer)
	if t.oneIn(10) && payee.numbers > 1 { // the number of another
		payee.numbers--
		r.Number = payee.numbers
		c.must(message.Sign(r, payee.key))
	}
	o := same(spec.Pay.Only(), c.encode(r), payee.encoded)
	o.done = func(side int, answer []byte) {
		s := t.cards[side]
		p, err := message.Parse[message.Payment](answer)
		s.c.must(err)
		if p.ATC > s.model.atc() { // not a record that the card still has
			s.enterPayment(r, answer)
		}
	}
	t.payments = append(t.payments, o)
	return o
}

func (t *differential) drawRequest() drawnCommand {
	amount, currency := t.amount(), uint16(spec.Currency)
	payer := pick(t, []message.DeviceID{"", "", t.devices[2].id(), t.cards[0].id()})
	if t.oneIn(20) {
		currency = 0x0978
	}
	o := same(spec.RequestPayment.Only(), t.cases[0].asking(amount, currency, payer))
	o.done = func(side int, answer []byte) { t.cards[side].enterRequest(amount, payer, answer) }
	return o
}

// drawAccept draws a Payment of an open Request, or one that was taken before.
func (t *differential) drawAccept() drawnCommand {
	open := len(t.cards[0].model.open)
	if len(t.accepts) > 0 && t.oneIn(4) || open == 0 {
		if len(t.accepts) == 0 {
			return t.drawRequest()
		}
		return pick(t, t.accepts)
	}
	n := t.random.IntN(open)
	payer := t.devices[2+t.random.IntN(2)] // a card
	if t.oneIn(6) {
		payer = pick(t, t.devices)
	}
	payer.atc++
	o := drawnCommand{variant: spec.Accept.Only()}
	var payments [2]*message.Payment
	for side, s := range t.cards {
		p := &message.Payment{Payer: payer.id(), ATC: payer.atc, Request: *s.model.open[n]}
		s.c.must(message.Sign(p, payer.key))
		payments[side] = p
		o.data[side] = slices.Concat(s.c.encode(p), payer.encoded)
	}
	number := payments[0].Request.Number
	o.done = func(side int, answer []byte) {
		s := t.cards[side]
		if slices.ContainsFunc(s.model.open,
			func(r *message.Request) bool { return r.Number == number }) {
			s.enterReceipt(payments[side], answer)
		}
	}
	t.accepts = append(t.accepts, o)
	return o
}

func (t *differential) drawRefuse() drawnCommand {
	s := t.cards[0]
	number := uint32(t.random.IntN(int(s.model.counter) + 2))
	if n := len(s.model.open); n > 0 && !t.oneIn(4) {
		number = s.model.open[t.random.IntN(n)].Number
	}
	o := same(spec.Refuse.Only(), s.c.number(number))
	o.done = func(side int, answer []byte) {
		for _, r := range t.cards[side].model.open {
			if r.Number == number {
				t.cards[side].enterRefusal(r, answer)
				return
			}
		}
	}
	return o
}

// drawInstruction draws one, most often as it must be.
func (t *differential) drawInstruction() drawnCommand {
	if len(t.instructed) > 0 && t.oneIn(6) {
		return pick(t, t.instructed)
	}
	credit, days := t.amount(), t.random.IntN(20)
	acked := t.random.Uint32()
	wrong := t.random.IntN(30)
	policy, actions := t.oneIn(6), t.oneIn(8)
	limit, transactions, flags := t.amount(), uint16(t.random.IntN(7)), byte(t.random.IntN(16))
	orders, lowest, group := t.oneIn(4), t.random.Uint32N(12), pick(t, []uint8{0, 7, 200})
	bits := message.Actions(pick(t, []byte{1, 2, 2, 4, 4, 6, 8}))
	return t.instructionOf(func(i *message.Instruction) {
		if t.cards[0].model.balance < 20_000 || credit%4 == 0 {
			i.Credit = credit
		}
		kept := i.AckedATC - t.cards[0].model.acked
		i.AckedATC = t.cards[0].model.acked + acked%(kept+1)
		if policy {
			i.Policy = message.Policy{
				Version:    i.Policy.Version + 1 + uint32(limit)%3<<15, // through both halves
				MaxBalance: limit, MaxTransactions: transactions,
				MaxPayment: money.Ore(spec.PilotMaxBalance) - limit%1000,
				MaxSpent:   limit % spec.PilotMaxSpent, Flags: flags,
			}
		}
		if actions {
			i.Actions = bits
		}
		if orders {
			i.OrderNumber, i.Group = lowest, group
		}
		switch wrong {
		case 0:
			i.Sequence += uint32(credit&2) - 1 // one more or one less
		case 1:
			i.AckedATC++
		case 2:
			i.Device = t.devices[2].id()
		case 3:
			i.Date = i.Date.AddDays(-days)
		case 4:
			i.Date = i.Date.AddDays(40 * 365)
		case 5:
			i.InstructionKey = t.world.foreign.instructionKey.reference()
		case 6:
			i.Policy.Version--
		case 7, 8, 9, 10:
			i.Date = i.Date.AddDays(days)
		}
	})
}

// instructionOf changes the next Instruction of each card the same way.
func (t *differential) instructionOf(change func(*message.Instruction)) drawnCommand {
	if !t.oneIn(4) {
		t.send(t.drawState())
	}
	o := drawnCommand{variant: spec.Instruct.Only()}
	var instructions [2]*message.Instruction
	for side, s := range t.cards {
		i := s.next()
		change(i)
		if int(i.AckedATC) < len(s.model.heads) {
			i.Head = s.model.heads[i.AckedATC]
		}
		instructions[side] = i
		o.data[side] = s.sign(i)
	}
	o.done = func(side int, answer []byte) {
		s := t.cards[side]
		if s.model.sequence+1 == instructions[side].Sequence {
			s.enterInstruction(instructions[side], answer)
		}
	}
	t.instructed = append(t.instructed, o)
	return o
}
