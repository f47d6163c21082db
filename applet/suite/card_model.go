package suite

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// cardModel is what the card must hold, computed from what was exchanged.
type cardModel struct {
	before          uint32           // number before that of records[0], 0 unless it was set
	heads           []message.Hash   // heads[n] stands after n records; heads[0] before the first
	records         []message.Record // all ever written; records[n-1] is number before+n
	acked           uint32
	balance         money.Ore
	sequence        uint32
	lastInstruction *message.Instruction
	confirmation    []byte
	credit          spec.CreditVerdict
	policy          message.Policy
	counter         uint32
	open            []*message.Request // oldest first
	life            spec.LifeCycle
	date            message.Date
	lowestOrder     uint32               // of a crisis order that the card takes
	order           *message.CrisisOrder // that it holds
	crisisKey       *party               // that it knows, in random lives
	group           uint8
}

func (b *cardModel) atc() uint32 { return b.before + uint32(len(b.records)) }

func (b *cardModel) stored() []message.Record { return b.records[b.acked-b.before:] }

// head is what stands after the record of that number.
func (b *cardModel) head(number uint32) message.Hash { return b.heads[number-b.before] }

// paid is what was paid since the last acknowledgement.
func (b *cardModel) paid() (sum money.Ore) {
	for _, r := range b.stored() {
		if r.Receipt == nil && r.Payment != nil {
			sum += r.Payment.Request.Amount
		}
	}
	return sum
}

// write adds a record that the card has answered.
func (s *subject) write(r message.Record) {
	b := s.model
	require.Equal(s.c, b.atc()+1, r.ATC(), "number of the record")
	s.c.must(message.Verify(r.Message(), s.public))
	b.records = append(b.records, r)
	b.heads = append(b.heads, message.NextHead(b.heads[len(b.heads)-1], s.c.identity(r.Message())))
}

// pay has the card pay a Request, PIN included, and enters the Payment.
func (s *subject) pay(payee *device, r *message.Request) *message.Payment {
	s.c.Helper()
	s.enterPIN()
	return s.payVerified(payee, r)
}

// payVerified is pay with the PIN presented before.
func (s *subject) payVerified(payee *device, r *message.Request) *message.Payment {
	s.c.Helper()
	return s.enterPayment(r, s.succeeds(spec.Pay.Only(), s.c.encode(r), payee.encoded))
}

// enterPayment checks a new Payment of the Request and enters it.
func (s *subject) enterPayment(r *message.Request, answer []byte) *message.Payment {
	s.c.Helper()
	p, err := message.Parse[message.Payment](answer)
	s.c.must(err)
	assert.Equal(s.c, s.id(), p.Payer)
	assert.Equal(s.c, *r, p.Request, "the whole Request, signature included")
	s.write(message.Record{Payment: p})
	s.model.balance -= r.Amount
	return p
}

// ask has the card make a Request and enters it.
func (s *subject) ask(amount money.Ore, payer message.DeviceID) *message.Request {
	s.c.Helper()
	return s.enterRequest(amount, payer,
		s.succeeds(spec.RequestPayment.Only(), s.c.asking(amount, spec.Currency, payer)))
}

// enterRequest checks a new Request and enters it.
func (s *subject) enterRequest(
	amount money.Ore, payer message.DeviceID, answer []byte,
) *message.Request {
	s.c.Helper()
	r, err := message.Parse[message.Request](answer)
	s.c.must(err)
	s.c.must(message.Verify(r, s.public))
	assert.Equal(s.c, s.id(), r.Payee)
	assert.Equal(s.c, s.model.counter+1, r.Number)
	assert.Equal(s.c, amount, r.Amount)
	assert.Equal(s.c, payer, r.Payer)
	s.model.counter++
	s.model.open = append(s.model.open, r)
	return r
}

// accept has the card accept a Payment and enters the Receipt.
func (s *subject) accept(payer *device, p *message.Payment) *message.Receipt {
	s.c.Helper()
	return s.enterReceipt(p, s.succeeds(spec.Accept.Only(), s.c.encode(p), payer.encoded))
}

// enterReceipt checks a new Receipt and enters it.
func (s *subject) enterReceipt(p *message.Payment, answer []byte) *message.Receipt {
	s.c.Helper()
	r, err := message.Parse[message.Receipt](answer)
	s.c.must(err)
	assert.Equal(s.c, message.Receipt{
		Payee: s.id(), ATC: r.ATC, Payer: p.Payer, Number: p.Request.Number,
		Payment: s.c.identity(p), Signature: r.Signature,
	}, *r)
	s.write(message.Record{Receipt: r, Payment: p})
	s.model.balance += p.Request.Amount
	s.close(p.Request.Number)
	return r
}

// refuse has the card refuse an open Request and enters the Refusal.
func (s *subject) refuse(r *message.Request) *message.Refusal {
	s.c.Helper()
	return s.enterRefusal(r, s.succeeds(spec.Refuse.Only(), s.c.number(r.Number)))
}

// enterRefusal checks a new Refusal and enters it.
func (s *subject) enterRefusal(r *message.Request, answer []byte) *message.Refusal {
	s.c.Helper()
	f, err := message.Parse[message.Refusal](answer)
	s.c.must(err)
	assert.Equal(s.c, message.Refusal{
		Payee: s.id(), ATC: f.ATC, Number: r.Number, Request: s.c.identity(r), Payer: r.Payer,
		Signature: f.Signature,
	}, *f)
	s.write(message.Record{Refusal: f})
	s.close(r.Number)
	return f
}

func (s *subject) close(number uint32) {
	for i, r := range s.model.open {
		if r.Number == number {
			s.model.open = append(s.model.open[:i:i], s.model.open[i+1:]...)
			return
		}
	}
	require.Fail(s.c, "the suite's model has no such open Request")
}

// next is the next Instruction that acknowledges everything and changes nothing
// else, unsigned.
func (s *subject) next() *message.Instruction {
	b := s.model
	return &message.Instruction{
		InstructionKey: s.bank.instructionKey.reference(), Notary: s.c.world.notary.reference(),
		Device:   s.id(),
		Sequence: b.sequence + 1, AckedATC: b.atc(), Head: b.head(b.atc()), Policy: b.policy,
		Date: b.date, OrderNumber: b.lowestOrder, Group: b.group,
	}
}

// sign has intermediary and notary sign.
func (s *subject) sign(i *message.Instruction) []byte {
	s.c.must(message.SignAs(i, message.ByIntermediary, s.bank.instructionKey.key))
	s.c.must(message.SignAs(i, message.ByNotary, s.c.world.notary.key))
	return s.c.encode(i)
}

// instruct gives the card the next Instruction, changed, and enters what it
// confirms.
func (s *subject) instruct(change ...func(*message.Instruction)) *message.Confirmation {
	s.c.Helper()
	i := s.next()
	for _, f := range change {
		f(i)
	}
	s.state()
	return s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.sign(i)))
}

// enterInstruction enters what an Instruction must have done and checks that the
// Confirmation agrees.
func (s *subject) enterInstruction(i *message.Instruction, answer []byte) *message.Confirmation {
	s.c.Helper()
	confirmation, err := message.Parse[message.Confirmation](answer)
	s.c.must(err)
	s.c.must(message.Verify(confirmation, s.public))
	b := s.model
	b.sequence, b.lastInstruction, b.confirmation = i.Sequence, i, answer
	b.acked, b.date = i.AckedATC, i.Date
	if i.Policy.Version > b.policy.Version {
		b.policy = i.Policy
	}
	if b.lowestOrder = i.OrderNumber; b.order != nil && b.order.Number < b.lowestOrder {
		b.order = nil
	}
	b.group = i.Group
	b.apply(i.Actions)
	reserved := b.balance
	for _, r := range b.open {
		reserved += r.Amount
	}
	switch {
	case i.Credit == 0:
		b.credit = spec.CreditNone
	case b.life == spec.Closed || reserved+i.Credit > s.limits(i.Date).MaxBalance:
		b.credit = spec.CreditNotTaken
	default:
		b.credit = spec.CreditTaken
		b.balance += i.Credit
	}
	require.Equal(s.c, message.Confirmation{
		Device: s.id(), Sequence: b.sequence, Instruction: s.c.identity(i), Credit: b.credit,
		Balance: b.balance, ATC: b.atc(), Signature: confirmation.Signature,
	}, *confirmation)
	return confirmation
}

func (b *cardModel) apply(a message.Actions) {
	switch {
	case b.life == spec.Closed || a.Has(spec.ActionClose):
		if a.Has(spec.ActionClose) {
			b.life = spec.Closed
		}
	case a.Has(spec.ActionBlock):
		b.life = spec.Blocked
	case a.Has(spec.ActionUnblock):
		b.life = spec.Active
	}
}

// load credits the card.
func (s *subject) load(amount money.Ore) {
	s.c.Helper()
	s.instruct(func(i *message.Instruction) { i.Credit = amount })
	require.Equal(s.c, spec.CreditTaken, s.model.credit)
}

// challenge is a signed Challenge for the card, with its next nonce.
func (s *subject) challenge() *message.Challenge { return s.challengeOf(s.nextNonce()) }

// challengeOf is one for a session.
func (s *subject) challengeOf(nonce message.Nonce) *message.Challenge {
	ch := &message.Challenge{InstructionKey: s.bank.instructionKey.reference(), Device: s.id(),
		Nonce: nonce}
	s.c.must(entropy.Fill(s.c.source(), ch.Random[:]))
	s.c.must(message.Sign(ch, s.bank.instructionKey.key))
	return ch
}

// state has the card answer a fresh Challenge, verifies the State and returns it.
func (s *subject) state() *message.State {
	s.c.Helper()
	challenge := s.c.encode(s.challenge())
	return s.parseState(challenge, s.succeeds(spec.GetState.Only(), challenge))
}

// opened has the card answer a Challenge, so that it takes an Instruction.
func (s *subject) opened() { s.state() }

// parseState parses and verifies the State that answers a Challenge.
func (s *subject) parseState(challenge, answer []byte) *message.State {
	s.c.Helper()
	ch, err := message.Parse[message.Challenge](challenge)
	s.c.must(err)
	state, err := message.Parse[message.State](answer)
	s.c.must(err)
	s.c.must(message.Verify(state, s.public))
	require.Equal(s.c, s.c.identity(ch), state.Challenge)
	return state
}

// audit reads everything that the card holds and compares it with the model.
func (s *subject) audit() {
	s.c.Helper()
	b := s.model
	got := s.state()
	assert.Equal(s.c, s.expected(got), *got, "State")
	s.auditRecords()
	for n, r := range b.open {
		assert.Equal(s.c, s.c.encode(r), s.read("open requests", n+1), "open request %d", n+1)
	}
	s.endsAfter("open requests", len(b.open))
}

// expected is the State by the model, in answer to the Challenge of the one that was
// read.
func (s *subject) expected(got *message.State) message.State {
	b := s.model
	want := message.State{
		Device: s.id(), Challenge: got.Challenge, ATC: b.atc(), AckedATC: b.acked,
		Head: b.head(b.atc()), Balance: b.balance,
		InstructionSequence: b.sequence, Credit: b.credit, PolicyVersion: b.policy.Version,
		RequestCounter: b.counter,
		LifeCycle:      b.life, Date: b.date, Signature: got.Signature,
	}
	want.OrderNumber = b.orderNumber()
	if b.order != nil && b.life != spec.Closed {
		want.OrderHeld = s.c.identity(b.order)
	}
	if b.lastInstruction != nil {
		want.LastInstruction = s.c.identity(b.lastInstruction)
	}
	for _, r := range b.open {
		want.OpenRequests = append(want.OpenRequests,
			message.OpenRequest{Number: r.Number, Amount: r.Amount, Request: s.c.identity(r)})
	}
	return want
}

func (s *subject) auditRecords() {
	s.c.Helper()
	b := s.model
	var kept []message.Record
	for n, r := range b.stored() {
		encoded, err := r.Encode()
		s.c.must(err)
		got := s.read("log", n+1)
		if !assert.Equal(s.c, encoded, got, "record %d", n+1) {
			continue
		}
		parsed, err := message.ParseRecord(got)
		s.c.must(err)
		kept = append(kept, parsed)
	}
	s.endsAfter("log", len(b.stored()))
	head, err := message.Follow(b.head(b.acked), b.acked, kept)
	s.c.must(err)
	assert.Equal(s.c, b.head(b.atc()), head,
		"the chain from the acknowledged head over the records read")
}

// read reads the n-th record of a file, from 1.
func (s *subject) read(file string, n int) []byte {
	s.c.Helper()
	return s.readAnswers(apdu.OK, file, n)
}

func (s *subject) readAnswers(want apdu.StatusWord, file string, n int) []byte {
	s.c.Helper()
	v := s.c.variant(spec.ReadRecord, file)
	v.P1 = byte(n)
	return s.answers(want, v)
}

func (s *subject) endsAfter(file string, n int) {
	s.c.Helper()
	s.readAnswers(spec.SWRecordNotFound, file, n+1)
}
