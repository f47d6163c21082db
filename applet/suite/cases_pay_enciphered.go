package suite

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/api"
	"ekrona.example/emulator/card"
)

// payKinds are the two enciphered forms of PAY.
var payKinds = []string{"own phone", "batch"}

// sealedPay is a Request with what its payee, or the payer's phone, needs for an enciphered
// PAY of it.
type sealedPay struct {
	s       *subject
	variant spec.Variant
	own     *ecdh.PrivateKey
	card    *ecdsa.PublicKey
	payee   *device
	request *message.Request
}

// sealedPay makes a Request whose random number is that of a point.
func (s *subject) sealedPay(kind string, payee *device, amount money.Ore) *sealedPay {
	c := s.c
	p := &sealedPay{s: s, variant: c.variant(spec.Pay, kind), card: s.pinKey, payee: payee}
	if kind == "batch" {
		p.card = &s.bank.batch.key.PublicKey
	}
	var err error
	p.own, err = pin.DrawPoint(c.source())
	c.must(err)
	p.request = c.request(payee, amount, "")
	p.request.Random = pin.RandomOf(p.own.PublicKey())
	c.must(message.Sign(p.request, payee.key))
	return p
}

// agree agrees with the card in the session that SELECT has begun.
func (p *sealedPay) agree(application *message.FCI) *pin.Agreement {
	a, err := pin.Agree(p.own, p.card, *application)
	p.s.c.must(err)
	peer, err := p.card.ECDH()
	p.s.c.must(err)
	z, err := p.own.ECDH(peer)
	p.s.c.must(err)
	p.s.c.watchSecret("a shared secret", z, 0)
	return a
}

// withPIN is the data of the command with a PIN.
func (p *sealedPay) withPIN(a *pin.Agreement, digits string) [][]byte {
	data, err := a.PIN(pin.Block(p.s.c.block(digits)), p.request)
	p.s.c.must(err)
	p.s.sealed = p.opener(a)
	return [][]byte{p.s.c.encode(p.request), p.payee.encoded, data}
}

// resend is the data of the command without a PIN.
func (p *sealedPay) resend(a *pin.Agreement) [][]byte {
	data, err := a.Resend()
	p.s.c.must(err)
	p.s.sealed = p.opener(a)
	return [][]byte{p.s.c.encode(p.request), p.payee.encoded, data}
}

// opener deciphers the Payment in an answer; nil if there is none.
func (p *sealedPay) opener(a *pin.Agreement) func(answer []byte) []byte {
	return func(answer []byte) []byte {
		opened, err := a.Open(answer, p.request)
		if err != nil {
			return nil
		}
		return opened.Payment
	}
}

// open deciphers an answer.
func (p *sealedPay) open(a *pin.Agreement, answer []byte) pin.PaymentAnswer {
	p.s.c.Helper()
	opened, err := a.Open(answer, p.request)
	p.s.c.must(err)
	return opened
}

// pay pays in a session of its own, and enters the Payment.
func (p *sealedPay) pay() *message.Payment {
	s := p.s
	s.c.Helper()
	s.newTap()
	a := p.agree(s.selectApplet())
	opened := p.open(a, s.succeeds(p.variant, p.withPIN(a, ownPIN)...))
	require.Zero(s.c, opened.Refused, spec.StatusText(opened.Refused))
	assert.Equal(s.c, s.certificate.encoded, opened.Certificate)
	return s.enterPayment(p.request, opened.Payment)
}

// again is the Payment that the card gives again.
func (p *sealedPay) again(a *pin.Agreement, data [][]byte) []byte {
	p.s.c.Helper()
	return p.open(a, p.s.succeeds(p.variant, data...)).Payment
}

// refused requires that the card refuses within its answer.
func (p *sealedPay) refused(want apdu.StatusWord, digits string) {
	s := p.s
	s.c.Helper()
	s.newTap()
	a := p.agree(s.selectApplet())
	opened := p.open(a, s.succeeds(p.variant, p.withPIN(a, digits)...))
	require.Equal(s.c, want, opened.Refused, spec.StatusText(opened.Refused))
}

var encipheredPayCases = func() (cases []testCase) {
	for _, kind := range payKinds {
		add := func(name string, run func(c *caseRun, s *subject, payee *device)) {
			cases = append(cases, testCase{"PAY " + kind + ": " + name, func(c *caseRun) {
				s := c.loaded(10000)
				run(c, s, c.device(s.bank, spec.RoleTerminal))
			}})
		}
		add("one command pays, with the PIN in it", func(c *caseRun, s *subject, payee *device) {
			s.sealedPay(kind, payee, 2500).pay()
			s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		})
		add("the last Payment again without the PIN", func(c *caseRun, s *subject, payee *device) {
			p := s.sealedPay(kind, payee, 2500)
			first := c.encode(p.pay())
			s.newTap()
			a := p.agree(s.selectApplet())
			assert.Equal(c, first, p.again(a, p.resend(a)))
			assert.Equal(c, first, p.again(a, p.withPIN(a, wrongPIN)))
			s.instruct(func(i *message.Instruction) {
				i.Actions, i.AckedATC, i.Head = spec.ActionBlock, s.model.acked,
					s.model.heads[s.model.acked]
			})
			s.newTap()
			a = p.agree(s.selectApplet())
			assert.Equal(c, first, p.again(a, p.resend(a)))
		})
		add("an older Payment again after the PIN", func(c *caseRun, s *subject, payee *device) {
			p := s.sealedPay(kind, payee, 2500)
			first := c.encode(p.pay())
			s.sealedPay(kind, payee, 100).pay()
			s.newTap()
			a := p.agree(s.selectApplet())
			s.answers(spec.SWSecurity, p.variant, p.resend(a)...)
			assert.Equal(c, first, p.again(a, p.withPIN(a, ownPIN)))
			s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		})
		add("nothing paid, nothing given again", func(_ *caseRun, s *subject, payee *device) {
			p := s.sealedPay(kind, payee, 2500)
			s.newTap()
			s.answers(spec.SWSecurity, p.variant, p.resend(p.agree(s.selectApplet()))...)
		})
		add("a wrong PIN takes its try", func(_ *caseRun, s *subject, payee *device) {
			p := s.sealedPay(kind, payee, 2500)
			p.refused(spec.SWPINWrong|2, wrongPIN)
			p.refused(spec.SWPINWrong|1, otherPIN)
			p.pay()
			p = s.sealedPay(kind, payee, 100)
			for _, left := range []apdu.StatusWord{2, 1, 0} {
				p.refused(spec.SWPINWrong|left, wrongPIN)
			}
			p.refused(spec.SWPINBlocked, ownPIN)
		})
		add("what is no PIN block takes no try", func(c *caseRun, s *subject, payee *device) {
			p := s.sealedPay(kind, payee, 2500)
			s.newTap()
			a := p.agree(s.selectApplet())
			data, err := a.PIN(pin.Block{0x23, 0x12, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
				p.request)
			c.must(err)
			answer := s.succeeds(p.variant, c.encode(p.request), payee.encoded, data)
			assert.EqualValues(c, spec.SWWrongData, p.open(a, answer).Refused)
			p.refused(spec.SWPINWrong|2, wrongPIN)
		})
		add("the card refuses within the answer, and forgets the PIN",
			func(c *caseRun, s *subject, payee *device) {
				s.sealedPay(kind, payee, 10001).refused(spec.SWFunds, ownPIN)
				s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
				p := s.sealedPay(kind, payee, 100)
				p.pay()
				payee.numbers--
				s.sealedPay(kind, payee, 200).refused(spec.SWRequestReused, ownPIN)
				batch := c.device(s.bank, spec.RoleBatch)
				s.sealedPay(kind, batch, 100).refused(spec.SWRole, ownPIN)
				s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionBlock })
				s.sealedPay(kind, payee, 100).refused(spec.SWBlocked, ownPIN)
			})
		add("a Request names this card as its payer, or none",
			func(c *caseRun, s *subject, payee *device) {
				named := func(payer message.DeviceID) *sealedPay {
					p := s.sealedPay(kind, payee, 100)
					p.request.Payer = payer
					c.must(message.Sign(p.request, payee.key))
					return p
				}
				named(payee.id()).refused(spec.SWAddressee, ownPIN)
				named(s.id()).pay()
			})
		add("a refusal has nothing of the answer before",
			func(c *caseRun, s *subject, payee *device) {
				payer := c.device(s.bank, spec.RoleCard)
				s.enterPIN()
				s.accept(payer, c.payment(payer, s.ask(100, "")))
				p := s.sealedPay(kind, payee, 10101)
				s.newTap()
				a := p.agree(s.selectApplet())
				s.enterPIN()
				s.read("log", 1) // the longest answer
				opened := p.open(a, s.succeeds(p.variant, p.withPIN(a, ownPIN)...))
				require.EqualValues(c, spec.SWFunds, opened.Refused)
			})
		add("a nonce serves one PIN", func(c *caseRun, s *subject, payee *device) {
			p := s.sealedPay(kind, payee, 2500)
			s.newTap()
			application := s.selectApplet()
			a := p.agree(application)
			data := p.withPIN(a, wrongPIN)
			s.succeeds(p.variant, data...)
			s.answers(spec.SWConditions, p.variant, data...)
			application.Nonce = s.nextNonce()
			s.answers(spec.SWMACWrong, p.variant, data...)
			a = p.agree(application)
			opened := p.open(a, s.succeeds(p.variant, p.withPIN(a, ownPIN)...))
			s.enterPayment(p.request, opened.Payment)
		})
		add("a verified PIN does not serve it", func(c *caseRun, s *subject, payee *device) {
			p := s.sealedPay(kind, payee, 2500)
			s.newTap()
			a := p.agree(s.selectApplet())
			s.enterPIN()
			s.answers(spec.SWSecurity, p.variant, p.resend(a)...)
		})
		add("a CA not met is asked for first", func(c *caseRun, s *subject, _ *device) {
			p := s.sealedPay(kind, c.device(c.world.foreign, spec.RoleTerminal), 100)
			s.newTap()
			a := p.agree(s.selectApplet())
			data := p.withPIN(a, ownPIN)
			s.answers(spec.SWReferenceUnknown, p.variant, data...)
			s.learnCA(p.payee.ca)
			opened := p.open(a, s.succeeds(p.variant, data...))
			s.enterPayment(p.request, opened.Payment)
		})
		add("a familiar payee's certificate is not verified again, and its Request is",
			func(c *caseRun, s *subject, payee *device) {
				var work []map[string]int // before a refusal that anybody can cause
				for _, familiar := range []bool{false, true} {
					p := s.sealedPay(kind, payee, 100)
					s.newTap()
					a := p.agree(s.selectApplet())
					data := p.withPIN(a, ownPIN)
					for range 2 { // the second time the CA's key is where it is wanted
						s.answers(spec.SWSignature, p.variant, flipLast(data[0]), data[1], data[2])
					}
					work = append(work, c.signatureWork())
					if familiar {
						data[1] = flipLast(data[1])
					}
					opened := p.open(a, s.succeeds(p.variant, data...))
					s.enterPayment(p.request, opened.Payment)
				}
				assert.Equal(c, work[0], work[1],
					"the time of the refusal tells who is familiar")
			})
		add("what is altered is refused in clear and takes no try",
			func(c *caseRun, s *subject, payee *device) {
				p := s.sealedPay(kind, payee, 2500)
				s.newTap()
				a := p.agree(s.selectApplet())
				pointByte := 2 // its form
				if kind == "batch" {
					pointByte++ // its X, which is the Request's
				}
				for _, alter := range []struct {
					what string
					want apdu.StatusWord
					do   func(data [][]byte)
				}{
					{"PIN", spec.SWMACWrong, func(d [][]byte) { d[2][69] ^= 1 }},
					{"MAC", spec.SWMACWrong, func(d [][]byte) { d[2][len(d[2])-1] ^= 1 }},
					{"point", spec.SWWrongData, func(d [][]byte) { d[2][pointByte] ^= 1 }},
					{"Request", spec.SWSignature, func(d [][]byte) { d[0] = flipLast(d[0]) }},
					{"certificate", spec.SWCertificate, func(d [][]byte) { d[1] = flipLast(d[1]) }},
					{"length", spec.SWWrongData, func(d [][]byte) { d[2] = d[2][:len(d[2])-1] }},
					{"tag of the PIN", spec.SWWrongData, func(d [][]byte) { d[2][67] ^= 1 }},
				} {
					data := p.withPIN(a, wrongPIN)
					for i := range data {
						data[i] = bytes.Clone(data[i])
					}
					alter.do(data)
					want := alter.want
					if alter.what == "point" && kind == "batch" {
						want = spec.SWSignature // the point is not the Request's
					}
					s.answers(want, p.variant, data...)
				}
				again := p.resend(a)
				again[2][0] ^= 1 // the point's tag
				s.answers(spec.SWWrongData, p.variant, again...)
				s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
			})
	}
	return cases
}()

// signatureWork counts what the target's last command did for verifications, by kind: how long a
// refusal takes. It is nil where the target does not count.
func (c *caseRun) signatureWork() map[string]int {
	counting, counts := c.target.(interface{ Card() *card.Card })
	if !counts {
		return nil
	}
	work := map[string]int{}
	for _, op := range counting.Card().LastCommand().Crypto {
		switch op.Kind {
		case api.KindECDSAVerify, api.KindSignatureInit, api.KindSetKey:
			work[op.Kind] += op.Count
		}
	}
	return work
}
