package suite

import (
	"crypto/ecdh"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
)

// phone is the owner's, with the private key of its PAIR.
type phone struct {
	s   *subject
	own *ecdh.PrivateKey
	key pairing.Key
}

// newPhone is a phone that has never met the card.
func (s *subject) newPhone() *phone {
	own, err := pin.DrawPoint(s.c.source())
	s.c.must(err)
	p := &phone{s: s, own: own}
	p.key = p.pairing().Key()
	s.c.watchSecret("a pair key", p.key[:], 1)
	return p
}

func (p *phone) pairing() *pairing.Pairing {
	made, err := pairing.New(p.own, p.s.pinKey)
	p.s.c.must(err)
	return made
}

// data are those of PAIR in the session of the nonce.
func (p *phone) data(nonce message.Nonce, digits string) []byte {
	data, err := p.pairing().Command(pin.Block(p.s.c.block(digits)), nonce)
	p.s.c.must(err)
	return data
}

// pair pairs in a session of its own.
func (p *phone) pair() {
	s := p.s
	s.c.Helper()
	s.newTap()
	nonce := s.selectApplet().Nonce
	answer := s.succeeds(spec.Pair.Only(), p.data(nonce, ownPIN))
	s.c.must(p.pairing().Verify(answer, nonce))
	s.phone = p
}

// pair pairs the card with a new phone.
func (s *subject) pair() *phone {
	s.c.Helper()
	p := s.newPhone()
	p.pair()
	return p
}

// authentication is the data of MUTUAL AUTHENTICATE, with what opens its answer.
func (p *phone) authentication(nonce message.Nonce) (*pairing.Authentication, []byte) {
	a, err := pairing.Authenticate(p.s.c.source(), p.key, nonce)
	p.s.c.must(err)
	data, err := a.Command()
	p.s.c.must(err)
	return a, data
}

// open begins a session and opens secure messaging in it.
func (p *phone) open() *pairing.Channel {
	s := p.s
	s.c.Helper()
	s.newTap()
	a, data := p.authentication(s.selectApplet().Nonce)
	channel, err := a.Open(s.succeeds(spec.MutualAuthenticate.Only(), data))
	s.c.must(err)
	return channel
}

// within does what a paired phone does: every command goes under secure messaging.
func (p *phone) within(do func()) {
	s := p.s
	s.c.Helper()
	channel := p.open()
	plain := s.card
	s.card = apdu.Recorder{Card: client.Secured{Card: plain, Channel: channel},
		Sink: s.c.coverage.record}
	defer func() { s.card = plain }()
	do()
}

// isPaired reports whether the card knows the phone.
func (p *phone) isPaired() bool {
	s := p.s
	s.newTap()
	_, data := p.authentication(s.selectApplet().Nonce)
	return s.exchange(spec.MutualAuthenticate.Only(), data).SW == apdu.OK
}

// notPaired requires that the card does not know the phone.
func (p *phone) notPaired() {
	s := p.s
	s.c.Helper()
	s.newTap()
	_, data := p.authentication(s.selectApplet().Nonce)
	s.answers(spec.SWNotPaired, spec.MutualAuthenticate.Only(), data)
}

// readAll reads all that the card has for its owner.
func (s *subject) readAll() {
	s.c.Helper()
	for _, name := range []string{"certificate", "device", "balance", "policy", "counters",
		"batch certificate"} {
		s.succeeds(s.c.variant(spec.GetData, name))
	}
	s.auditRecords()
}

// transmit sends a command as it is.
func (s *subject) transmit(command apdu.Command) apdu.Response {
	s.c.Helper()
	r, err := s.card.Transmit(s.c.ctx, command)
	require.NoError(s.c, err)
	return r
}

// refusedWith requires that a command is refused so.
func (s *subject) refusedWith(want apdu.StatusWord, command apdu.Command) {
	s.c.Helper()
	r := s.transmit(command)
	require.Equal(s.c, want, r.SW, spec.StatusText(r.SW))
	require.Empty(s.c, r.Data)
}

var pairCases = []testCase{
	{"a paired phone reads and receives without the PIN", func(c *caseRun) {
		s := c.loaded(10000)
		p := s.pair()
		s.answers(spec.SWSecurity, c.variant(spec.GetData, "balance"))
		payer := c.device(s.bank, spec.RoleCard)
		p.within(func() {
			asked := s.ask(2500, payer.id())
			s.accept(payer, c.payment(payer, asked))
			s.refuse(s.ask(100, ""))
			s.readAll()
			s.endsAfter("open requests", 0)
		})
		s.answers(spec.SWSecurity, c.variant(spec.GetData, "balance"))
		p.within(s.readAll)
	}},
	{"a paired phone is refused what the card refuses", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		p.within(func() {
			s.answers(spec.SWWrongData, spec.RequestPayment.Only(), c.asking(0, spec.Currency, ""))
			s.answers(spec.SWWrongLength, c.variant(spec.GetData, "balance"), []byte{1})
			s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
			s.refusedWith(spec.SWParameters, apdu.Command{INS: spec.GetData.INS, P2: 0xFF, Ne: 256})
		})
		p.within(func() {
			s.load(100)
			s.succeeds(spec.GetChallenge.Only())
			s.learnCA(c.world.foreign.ca)
			s.enterPIN()
			s.succeeds(c.variant(spec.Verify, "plaintext"))
		})
	}},
	{"a paired phone stores a later certificate of the card", func(c *caseRun) {
		s := c.activeUntil(tomorrow)
		p := s.pair()
		later := s.issue()
		put := c.variant(spec.PutData, "certificate")
		s.newTap()
		s.answers(spec.SWSecurity, put, later.encoded)
		p.within(func() { s.succeeds(put, later.encoded) })
		s.certificate = later
	}},
	{"a paired phone has the last quarter of the slots", func(c *caseRun) {
		s := c.active(func(p *message.InstallParameters) {
			p.Ceilings.MaxTransactions = spec.MinSlots
		})
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.MaxTransactions = spec.MinSlots
			i.Policy.Flags &^= spec.FlagPINToReceive
		})
		p := s.pair()
		for range spec.MinSlots * 3 / 4 {
			s.refuse(s.ask(100, ""))
		}
		s.answers(spec.SWLogFull, spec.RequestPayment.Only(), c.asking(100, spec.Currency, ""))
		p.within(func() { s.refuse(s.ask(100, "")) })
	}},
	{"PAIR again with the same point changes nothing; another point replaces it", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		p.pair()
		p.within(s.readAll)
		next := s.pair()
		p.notPaired()
		next.within(s.readAll)
		p.pair()
		next.notPaired()
		p.within(s.readAll)
	}},
	{"PAIR asks for the PIN, takes its try, and leaves it not verified", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		other := s.newPhone()
		for left := apdu.StatusWord(spec.PINTries - 1); left > 0; left-- {
			s.newTap()
			s.answers(spec.SWPINWrong|left, spec.Pair.Only(),
				other.data(s.selectApplet().Nonce, wrongPIN))
		}
		s.newTap()
		s.enterPIN()
		nonce := s.nextNonce()
		s.succeeds(spec.Pair.Only(), other.data(nonce, ownPIN))
		s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		s.answers(spec.SWConditions, spec.Pair.Only(), other.data(nonce, ownPIN))
		p.notPaired()
		other.within(s.readAll)
		for left := apdu.StatusWord(spec.PINTries - 1); left > 0; left-- {
			s.newTap()
			s.answers(spec.SWPINWrong|left, spec.Pair.Only(),
				p.data(s.selectApplet().Nonce, wrongPIN))
		}
		s.newTap()
		s.answers(spec.SWPINWrong, spec.Pair.Only(), p.data(s.selectApplet().Nonce, wrongPIN))
		s.newTap()
		s.answers(spec.SWPINBlocked, spec.Pair.Only(), p.data(s.selectApplet().Nonce, ownPIN))
		p.notPaired()
		other.within(s.readAll)
	}},
	{"a new PIN ends the pair", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		s.newTap()
		s.succeeds(c.variant(spec.ChangeReferenceData, "plaintext"), c.block(ownPIN),
			c.block(ownPIN))
		p.notPaired()
		p.pair()
		s.newTap()
		s.succeeds(c.variant(spec.ResetRetryCounter, "plaintext"), c.block(ownPUK),
			c.block(ownPIN))
		p.notPaired()
		p.pair()
		p.within(func() {
			s.answers(spec.SWPINWrong|(spec.PINTries-1),
				c.variant(spec.ChangeReferenceData, "plaintext"), c.block(wrongPIN),
				c.block(otherPIN))
			s.readAll()
			s.succeeds(c.variant(spec.ChangeReferenceData, "plaintext"), c.block(ownPIN),
				c.block(ownPIN))
			r, err := s.card.Transmit(c.ctx, c.variant(spec.GetData, "balance").APDU())
			require.Error(c, err, "%v", r)
		})
		p.notPaired()
	}},
	{"an Instruction ends the pair, if it says so", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		s.instruct(func(i *message.Instruction) {
			i.Actions = spec.ActionBlock | spec.ActionResetTries
		})
		p.within(s.readAll)
		s.instruct(func(i *message.Instruction) {
			i.Actions = spec.ActionUnpair | spec.ActionUnblock
		})
		p.notPaired()
		s.pair().within(s.readAll)
		s.instruct(func(i *message.Instruction) {
			i.Actions = spec.ActionUnpair | spec.ActionClose
		})
		s.phone.notPaired()
		s.pair().within(s.readAll)
	}},
	{"before activation there is no pair", func(c *caseRun) {
		s := c.personalized()
		p := s.newPhone()
		s.newTap()
		nonce := s.selectApplet().Nonce
		s.answers(spec.SWConditions, spec.Pair.Only(), p.data(nonce, ownPIN))
		_, data := p.authentication(nonce)
		s.answers(spec.SWConditions, spec.MutualAuthenticate.Only(), data)
		s.activate()
		p.notPaired()
	}},
	{"a card that was never paired answers as one that is paired with another", func(c *caseRun) {
		s := c.active()
		none := s.newPhone()
		none.key = pairing.Key{}
		none.notPaired()
		s.newPhone().notPaired()
		s.pair()
		none.notPaired()
	}},
}
