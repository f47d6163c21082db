package suite

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/pairing"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/apdu/tlv"
	"ekrona/applet/client"
)

// phone is the owner's, with the private key of its PAIR.
type phone struct {
	s   *subject
	own *ecdh.PrivateKey
	key pairing.Key
}

// newPhone is a phone that has never met the card.
func (s *subject) newPhone() *phone {
	own, err := pin.DrawPoint(rand.Reader)
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
	a, err := pairing.Authenticate(rand.Reader, p.key, nonce)
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
	{"a command in clear ends secure messaging, GET RESPONSE does not", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		balance := c.variant(spec.GetData, "balance").APDU()
		for _, between := range []apdu.Command{
			spec.GetChallenge.Only().APDU(), balance, {INS: 0x01},
			{CLA: 0x04, INS: 0xCA, P2: 0xC4}, {CLA: 0x10, INS: 0x20, P2: 0x80, Data: []byte{1}},
		} {
			channel := p.open()
			s.transmit(between)
			secured, err := channel.Wrap(balance)
			c.must(err)
			s.refusedWith(spec.SWSecureMessaging, secured)
		}
		channel := p.open()
		for range 2 {
			secured, err := channel.Wrap(balance)
			c.must(err)
			secured.Ne, secured.Extended = 10, false
			first, err := s.raw.Transmit(c.ctx, secured)
			c.must(err)
			require.Equal(c, spec.SWMoreData, first.SW&0xFF00)
			rest, err := s.raw.Transmit(c.ctx,
				apdu.Command{INS: apdu.InsGetResponse, Ne: int(first.SW & 0xFF)})
			c.must(err)
			c.mustAnswer(rest)
			whole, err := channel.Unwrap(apdu.Response{Data: append(first.Data, rest.Data...),
				SW: rest.SW})
			c.must(err)
			c.mustAnswer(whole)
		}
	}},
	{"what begins or ends secure messaging, and PAY, is not taken under it", func(c *caseRun) {
		s := c.loaded(1000)
		p := s.pair()
		merchant := c.device(s.bank, spec.RoleTerminal)
		_, data := p.authentication(message.Nonce{})
		for _, command := range []apdu.Command{
			spec.MutualAuthenticate.Only().APDU(data),
			spec.Pair.Only().APDU(p.data(message.Nonce{}, ownPIN)),
			spec.Pay.Only().APDU(c.encode(c.request(merchant, 100, "")), merchant.encoded),
			spec.GetResponse.Only().APDU(),
		} {
			secured, err := p.open().Wrap(command)
			c.must(err)
			s.refusedWith(spec.SWSecureMessaging, secured)
		}
		secured, err := p.open().Wrap(apdu.Command{CLA: 0x80, INS: 0xCA, P2: 0xC4, Ne: 256})
		c.must(err)
		s.refusedWith(spec.SWClass, secured)
	}},
	{"each length of a length field is taken under secure messaging", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		p.within(func() {
			for _, length := range []int{1, 15, 16, 95, 96, 111, 112, 113, 127, 128, 239, 240, 255,
				256, 400, 486} {
				s.answers(spec.SWWrongData, spec.GetState.Only(), make([]byte, length))
			}
		})
	}},
	{"secure messaging that is no such thing has one answer", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		ask := spec.RequestPayment.Only().APDU(c.asking(100, spec.Currency, ""))
		for name, change := range malformedSecured {
			secured, err := p.open().Wrap(ask)
			c.must(err)
			secured.Data = change(secured.Data)
			r := s.transmit(secured)
			assert.Equal(c, spec.SWMACWrong, r.SW, "%s: %s", name, spec.StatusText(r.SW))
			assert.Empty(c, r.Data, name)
			s.refusedWith(spec.SWSecureMessaging, secured)
		}
		for _, blocks := range wrongPadding {
			secured, err := p.open().WrapObjects(ask,
				func(encrypt func([]byte) []byte) ([]byte, error) {
					return tlv.Append(nil, spec.TagCryptogram, []byte{1}, encrypt(blocks))
				})
			c.must(err)
			s.refusedWith(spec.SWMACWrong, secured)
		}
	}},
	{"data objects that are none are not taken under secure messaging by the right key", func(
		c *caseRun,
	) {
		s := c.active()
		p := s.pair()
		ask := spec.RequestPayment.Only().APDU(c.asking(100, spec.Currency, ""))
		for name, change := range malformedObjects {
			secured, err := p.open().WrapObjects(ask,
				func(encrypt func([]byte) []byte) ([]byte, error) {
					blocks := append(bytes.Clone(ask.Data), 0x80)
					blocks = append(blocks, make([]byte, -len(blocks)&15)...)
					cryptogram, err := tlv.Append(nil, spec.TagCryptogram, []byte{1},
						encrypt(blocks))
					if err != nil {
						return nil, err
					}
					return change(append(cryptogram, 0x97, 1, 0)), nil
				})
			c.must(err)
			r := s.transmit(secured)
			assert.Equal(c, spec.SWMACWrong, r.SW, "%s: %s", name, spec.StatusText(r.SW))
		}
	}},
	{"an answer under secure messaging has nothing of the one before", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		channel := p.open()
		part, err := channel.Wrap(c.variant(spec.GetData, "certificate").APDU())
		c.must(err)
		part.Ne, part.Extended = 10, false
		_, err = s.raw.Transmit(c.ctx, part)
		c.must(err)
		channel.Pass()
		silent, err := channel.Wrap(spec.VerifyCertificate.Only().APDU(c.world.foreign.ca.encoded))
		c.must(err)
		answer, err := channel.Unwrap(s.transmit(silent))
		c.must(err)
		assert.Equal(c, apdu.Response{SW: apdu.OK}, answer)
	}},
	{"a command under secure messaging has nothing of one that was refused", func(c *caseRun) {
		s := c.active()
		p := s.pair()
		p.within(func() {
			s.state()
			wrong := s.next()
			wrong.Head[0] ^= 1
			s.answers(spec.SWHead, spec.Instruct.Only(), s.sign(wrong))
			counters, err := message.ParseCounters(s.succeeds(c.variant(spec.GetData, "counters")))
			c.must(err)
			assert.Equal(c, s.model.sequence, counters.InstructionSequence)
		})
	}},
}

// wrongPadding are blocks that no data are padded to.
var wrongPadding = [][]byte{
	make([]byte, 16), make([]byte, 32), append([]byte{0x80}, make([]byte, 31)...),
	bytes.Repeat([]byte{0x81}, 16),
}

// malformedObjects are changes of a command's data objects, which a MAC is over: DO 87 of 17 bytes,
// and DO 97.
var malformedObjects = map[string]func(objects []byte) []byte{
	"another padding":     func(b []byte) []byte { b[2] = 2; return b },
	"no whole block":      func(b []byte) []byte { return append([]byte{0x87, 16}, b[2:18]...) },
	"DO 87 of 01 alone":   func([]byte) []byte { return []byte{0x87, 1, 1, 0x97, 1, 0} },
	"DO 87 without bytes": func([]byte) []byte { return []byte{0x87, 0, 0x97, 1, 0} },
	"Le of no bytes":      func(b []byte) []byte { return append(b[:len(b)-2], 0) },
	"Le of three bytes":   func(b []byte) []byte { return append(b[:len(b)-2], 3, 0, 0, 0) },
	"length of two bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x81, b[1]}, b[2:]...)
	},
	"length of three bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0, b[1]}, b[2:]...)
	},
	"length of four bytes": func(b []byte) []byte {
		return append([]byte{b[0], 0x83, 0, 0, b[1]}, b[2:]...)
	},
}

// malformedSecured are changes of a secured command's data: DO 87 of 17 bytes, DO 97, DO 8E.
var malformedSecured = map[string]func(data []byte) []byte{
	"nothing":             func([]byte) []byte { return nil },
	"one byte":            func(b []byte) []byte { return b[:1] },
	"no MAC":              func(b []byte) []byte { return b[:len(b)-10] },
	"MAC alone":           func(b []byte) []byte { return b[len(b)-10:] },
	"cut short":           func(b []byte) []byte { return b[:len(b)-1] },
	"one byte more":       func(b []byte) []byte { return append(b, 0) },
	"DO 97 before DO 87":  func(b []byte) []byte { return moved(b, 1, 0, 2) },
	"no DO 97":            func(b []byte) []byte { return moved(b, 0, 2) },
	"no DO 87":            func(b []byte) []byte { return moved(b, 1, 2) },
	"DO 87 twice":         func(b []byte) []byte { return moved(b, 0, 0, 1, 2) },
	"DO 97 twice":         func(b []byte) []byte { return moved(b, 0, 1, 1, 2) },
	"MAC twice":           func(b []byte) []byte { return moved(b, 0, 1, 2, 2) },
	"MAC first":           func(b []byte) []byte { return moved(b, 2, 0, 1) },
	"another padding":     func(b []byte) []byte { b[2] = 2; return b },
	"DO 85 for 87":        func(b []byte) []byte { b[0] = 0x85; return b },
	"DO 96 for 97":        func(b []byte) []byte { b[len(b)-13] ^= 1; return b },
	"DO 8F for 8E":        func(b []byte) []byte { b[len(b)-10] ^= 1; return b },
	"MAC of 7 bytes":      func(b []byte) []byte { b[len(b)-9]--; return b[:len(b)-1] },
	"Le of no bytes":      func(b []byte) []byte { b[len(b)-12] = 0; return b },
	"Le of three bytes":   func(b []byte) []byte { b[len(b)-12] = 3; return b },
	"no whole block":      func(b []byte) []byte { b[1]--; return b },
	"DO 87 without bytes": func(b []byte) []byte { b[1] = 0; return b },
	"DO 87 of 01 alone":   func(b []byte) []byte { b[1] = 1; return b },
	"DO 87 beyond the end": func(b []byte) []byte {
		b[1] = 113
		return b
	},
	"length of two bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x81, b[1]}, b[2:]...)
	},
	"length of three bytes for one": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0, b[1]}, b[2:]...)
	},
	"length far beyond the end": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0x02, 0x01}, b[2:]...)
	},
	"negative length": func(b []byte) []byte {
		return append([]byte{b[0], 0x82, 0xFF, 0xF1}, b[2:]...)
	},
	"length of four bytes": func(b []byte) []byte {
		return append([]byte{b[0], 0x83, 0, 0, b[1]}, b[2:]...)
	},
}

// moved is data objects in another order.
func moved(data []byte, order ...int) (out []byte) {
	nodes, err := tlv.Parse(data)
	if err != nil {
		return nil
	}
	for _, n := range order {
		out = append(out, nodes[n].Raw...)
	}
	return out
}
