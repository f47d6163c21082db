package suite

import (
	"bytes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// payCases are the payments that a card makes.
var payCases = []testCase{
	{"PAY at a terminal debits once and is a record", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		s.pay(merchant, c.request(merchant, 2500, ""))
		s.pay(merchant, c.request(merchant, 7500, s.id()))
		require.Zero(c, s.model.balance)
	}},
	{"PAY to cards, SAMs and terminals, of any intermediary that the root certifies",
		func(c *caseRun) {
			s := c.loaded(10000)
			s.learnCA(c.world.foreign.ca)
			for _, bank := range []*intermediary{c.world.own, c.world.foreign} {
				for _, role := range []spec.Role{spec.RoleCard, spec.RoleSAM} {
					payee := c.device(bank, role)
					s.pay(payee, c.request(payee, 100, ""))
				}
			}
			payee := c.device(c.world.foreign, spec.RoleTerminal)
			s.pay(payee, c.request(payee, 100, ""))
		}},
	{"PAY to a card that asks this one by name", func(c *caseRun) {
		s := c.loaded(10000)
		payee := c.device(c.world.own, spec.RoleCard)
		s.pay(payee, c.request(payee, 100, s.id()))
	}},
	{"PAY and PSO look at the tag of every signature", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		request := c.encode(c.request(merchant, 100, s.id()))
		tagged := func(signed []byte) []byte {
			altered := bytes.Clone(signed)
			altered[len(altered)-signatureObject] ^= 1
			return altered
		}
		s.enterPIN()
		s.answers(spec.SWWrongData, spec.Pay.Only(), tagged(request), merchant.encoded)
		s.answers(spec.SWWrongData, spec.Pay.Only(), request, tagged(merchant.encoded))
		s.answers(spec.SWWrongData, spec.VerifyCertificate.Only(), tagged(merchant.ca.encoded))
	}},
	{"a verified PIN serves one debit", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		s.pay(merchant, c.request(merchant, 100, ""))
		s.answers(spec.SWSecurity, spec.Pay.Only(), c.encode(c.request(merchant, 100, "")),
			merchant.encoded)
		s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
	}},
	{"the same Request again: the same Payment, no new debit, after the PIN", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		first := c.encode(s.pay(merchant, r))
		s.answers(spec.SWSecurity, spec.Pay.Only(), c.encode(r), merchant.encoded)
		s.newTap()
		s.answers(spec.SWSecurity, spec.Pay.Only(), c.encode(r), merchant.encoded)
		s.enterPIN()
		assert.Equal(c, first, s.succeeds(spec.Pay.Only(), c.encode(r), merchant.encoded))
		s.succeeds(c.variant(spec.Verify, "plaintext")) // a resend does not use the PIN up
	}},
	{"a malleated signature is the same Request", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		first := c.encode(s.pay(merchant, r))
		other := *r
		other.Signature = malleated(r.Signature)
		c.must(message.Verify(&other, &merchant.key.PublicKey))
		require.NotEqual(c, r.Signature, other.Signature)
		s.enterPIN()
		assert.Equal(c, first, s.succeeds(spec.Pay.Only(), c.encode(&other), merchant.encoded))
	}},
	{"the resend works when blocked, closed, expired, and the log is full", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		first := c.encode(s.pay(merchant, r))
		resend := func() {
			c.Helper()
			s.newTap()
			s.enterPIN()
			assert.Equal(c, first, s.succeeds(spec.Pay.Only(), c.encode(r), merchant.encoded))
		}
		s.fillLog()
		resend()
		stay := func(i *message.Instruction) {
			i.AckedATC, i.Head = s.model.acked,
				s.model.heads[s.model.acked]
		}
		s.instruct(stay, func(i *message.Instruction) { i.Date = farOff })
		resend()
		s.instruct(stay, func(i *message.Instruction) { i.Actions = spec.ActionBlock })
		resend()
		s.instruct(stay, func(i *message.Instruction) { i.Actions = spec.ActionClose })
		resend()
	}},
	{"an acknowledged Request is paid again, with a new number", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.own, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		first := s.pay(merchant, r)
		s.instruct()
		second := s.pay(merchant, r)
		assert.Equal(c, first.ATC+1, second.ATC)
	}},
	{"the unload desk takes any amount up to the balance, whatever the limit for one payment",
		func(c *caseRun) {
			s := c.loaded(200000)
			s.instruct(func(i *message.Instruction) {
				i.Policy.Version++
				i.Policy.MaxPayment = 1000
			})
			merchant, desk := c.device(s.bank, spec.RoleTerminal), c.device(s.bank, spec.RoleDesk)
			s.enterPIN()
			s.answers(spec.SWPaymentLimit, spec.Pay.Only(), c.encode(c.request(merchant, 1001, "")),
				merchant.encoded)
			s.payVerified(desk, c.request(desk, 200000, s.id()))
		}},
	{"a SAM pays its own desk and nobody else", func(c *caseRun) {
		s := c.loaded(10000, func(p *message.InstallParameters) { p.Role = spec.RoleSAM })
		merchant, desk := c.device(s.bank, spec.RoleTerminal), c.device(s.bank, spec.RoleDesk)
		s.enterPIN()
		s.answers(spec.SWRole, spec.Pay.Only(), c.encode(c.request(merchant, 100, "")),
			merchant.encoded)
		s.payVerified(desk, c.request(desk, 10000, s.id()))
	}},
	{"amounts carry and borrow over every byte", func(c *caseRun) {
		s := c.generous()
		merchant := c.device(s.bank, spec.RoleTerminal)
		for _, pair := range [][2]money.Ore{
			{0x100, 0x01}, {0x01, 0x100}, {0x10000, 0x01}, {0xFFFF, 0x10000}, {0x1000000, 0x01},
			{0x00FF00FF, 0xFF},
			{0xFFFFFFFF - 0x8000, 0x7FFFFFFF}, {0x7FFF, 0x80000000},
		} {
			s.load(pair[0])
			s.pay(merchant, c.request(merchant, min(pair[1], s.model.balance), ""))
			s.audit()
			if s.model.balance > 0 {
				s.pay(merchant, c.request(merchant, s.model.balance, ""))
			}
			s.audit()
		}
	}},
	{"the key of the payee paid last is its own, whoever comes between", func(c *caseRun) {
		s := c.generous(func(i *message.Instruction) { i.Credit = 5000 })
		last := c.device(s.bank, spec.RoleCard)
		others := []*device{c.device(s.bank, spec.RoleCard), c.device(s.bank, spec.RoleTerminal)}
		forged := func(by *device) {
			r := c.request(last, 100, "")
			c.must(message.Sign(r, by.key))
			s.enterPIN()
			s.answers(spec.SWSignature, spec.Pay.Only(), c.encode(r), last.encoded)
		}
		again := func() {
			s.pay(last, c.request(last, 100, ""))
			s.newTap()
			forged(others[0])
		}
		again()
		again()
		for _, d := range others { // one that is refused comes between, and one that is paid
			s.enterPIN()
			s.answers(spec.SWSignature, spec.Pay.Only(), flipLast(c.encode(c.request(d, 100, ""))),
				d.encoded)
			forged(d)
			again()
			s.pay(d, c.request(d, 100, ""))
			forged(d)
			again()
		}
		for _, payer := range []*device{last, others[0]} { // the card verifies its own key too
			s.enterPIN()
			other := *s.ask(100, "")
			other.Signature = malleated(other.Signature)
			s.accept(payer, c.payment(payer, &other))
			forged(others[0])
			again()
		}
	}},
	{"two payees may use the same number", func(c *caseRun) {
		s := c.loaded(10000)
		one, two := c.device(s.bank, spec.RoleTerminal), c.device(s.bank, spec.RoleTerminal)
		s.pay(one, c.request(one, 100, ""))
		s.pay(two, c.request(two, 100, ""))
	}},
}

// payRefusedCases are the payments that it refuses, one reason in each.
var payRefusedCases = []testCase{
	{"PAY of another Request with the same payee and number is refused", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.pay(merchant, c.request(merchant, 100, ""))
		merchant.numbers--
		again := c.encode(c.request(merchant, 100, ""))
		s.enterPIN()
		s.refuses(spec.SWRequestReused, merchant, again)
	}},
	{"PAY in clear looks at dates and limits before it verifies, as its reference says",
		func(c *caseRun) {
			s := c.loaded(10000)
			madeUp := func(end message.Date) *device {
				of := &party{key: c.newKey(), certificate: s.bank.ca.certificate}
				return &device{ca: s.bank.ca, party: c.certify(of, entry{
					holder: string(c.world.nextID(s.bank)), role: spec.RoleTerminal, to: end})}
			}
			old, current := madeUp(yesterday), madeUp(tomorrow)
			s.enterPIN()
			s.refuses(spec.SWExpired, old, c.encode(c.request(old, 100, "")))
			s.refuses(spec.SWFunds, current, c.encode(c.request(current, 10001, "")))
			s.refuses(spec.SWCertificate, current, flipLast(c.encode(c.request(current, 100, ""))))
		}},
	{"PAY on a blocked or closed card is refused", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.enterPIN()
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionBlock })
		s.refuses(spec.SWBlocked, merchant, c.encode(c.request(merchant, 100, "")))
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionClose })
		s.refuses(spec.SWClosed, merchant, c.encode(c.request(merchant, 100, "")))
	}},
	{"PAY to a payee of a CA not met is refused before anything else", func(c *caseRun) {
		s := c.loaded(100)
		merchant := c.device(c.world.foreign, spec.RoleTerminal)
		s.enterPIN()
		r := c.request(merchant, 2500, "")
		r.Signature = broken(r.Signature)
		s.refuses(spec.SWReferenceUnknown, merchant, c.encode(r))
	}},
	{"a PAY that is refused leaves the PIN verified", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.enterPIN()
		r := c.request(merchant, 100, "")
		wrong := *r
		wrong.Signature = broken(r.Signature)
		s.refuses(spec.SWSignature, merchant, c.encode(&wrong))
		s.payVerified(merchant, r)
	}},
	{"PAY takes the last öre and no more", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.enterPIN()
		s.refuses(spec.SWFunds, merchant, c.encode(c.request(merchant, 10001, "")))
		s.payVerified(merchant, c.request(merchant, 10000, ""))
	}},
	{"PAY after the last transaction is refused until acknowledged", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		for range spec.PilotMaxTransactions {
			s.pay(merchant, c.request(merchant, 100, ""))
		}
		s.enterPIN()
		s.refuses(spec.SWTransactionLimit, merchant, c.encode(c.request(merchant, 100, "")))
		s.instruct()
		s.payVerified(merchant, c.request(merchant, 100, ""))
	}},
	{"PAY beside open requests leaves them their places", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.enterPIN()
		for range spec.MaxOpenRequests {
			s.ask(100, "")
		}
		s.payVerified(merchant, c.request(merchant, 100, ""))
		s.enterPIN()
		s.refuses(spec.SWTransactionLimit, merchant, c.encode(c.request(merchant, 100, "")))
	}},
	{"PAY with a full log is refused until acknowledged", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.fillLog()
		s.enterPIN()
		s.refuses(spec.SWLogFull, merchant, c.encode(c.request(merchant, 100, "")))
		s.instruct(func(i *message.Instruction) { i.AckedATC = 1; i.Head = s.model.heads[1] })
		s.payVerified(merchant, c.request(merchant, 100, ""))
	}},
}

// refuses has the card refuse a Request. What the card holds is compared with
// the model at the end of the case.
func (s *subject) refuses(want apdu.StatusWord, payee *device, request []byte) {
	s.c.Helper()
	s.answers(want, spec.Pay.Only(), request, payee.encoded)
}

// fillLog opens and refuses requests until the log has no slot left.
func (s *subject) fillLog() {
	for len(s.model.stored()) < int(s.parameters.Slots) {
		s.enterPIN()
		s.refuse(s.ask(100, ""))
	}
}

// forgeCertificate changes the body of a certificate and has the issuer sign it.
func (c *caseRun) forgeCertificate(encoded []byte, issuer *party, change func(body []byte)) []byte {
	header := bytes.Index(encoded, []byte{0x7F, 0x4E})
	return append(bytes.Clone(encoded[:header]), c.forge(encoded[header:], issuer, change)...)
}
