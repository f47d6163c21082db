package suite

import (
	"strings"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// stateCases are GET STATE.
var stateCases = []testCase{
	{"GET STATE needs neither PIN nor an active card", func(c *caseRun) {
		s := c.loaded(5000)
		s.enterPIN()
		s.ask(100, "")
		for _, change := range []message.Actions{spec.ActionBlock, spec.ActionUnblock,
			spec.ActionClose} {
			s.instruct(func(i *message.Instruction) { i.Actions = change })
			s.newTap()
			s.audit()
		}
	}},
	{"a Challenge is for one session, which its nonce names", func(c *caseRun) {
		s := c.active()
		get := spec.GetState.Only()
		of := func(nonce message.Nonce) []byte { return c.encode(s.challengeOf(nonce)) }
		first := of(s.selectApplet().Nonce)
		s.succeeds(get, first)
		s.newTap()
		s.answers(spec.SWConditions, get, first)
		s.answers(spec.SWConditions, get, of(message.Nonce{}))
		s.succeeds(get, of(s.selectApplet().Nonce))

		nonce := s.selectApplet().Nonce
		next := s.nextNonce()
		s.answers(spec.SWConditions, get, of(nonce))
		s.succeeds(get, of(next))
		s.enterPIN()
		s.succeeds(get, of(next)) // a PIN in plaintext is no use of it
		enciphered := c.variant(spec.Verify, "enciphered")
		s.succeeds(enciphered, s.enciphered(next, c.block(ownPIN)))
		s.answers(spec.SWConditions, get, of(next))
		s.succeeds(get, of(s.nextNonce()))
		s.succeeds(enciphered, s.enciphered(s.selectApplet().Nonce, c.block(ownPIN)))
	}},
	{"a Challenge of another session says nothing, whoever signed it", func(c *caseRun) {
		s := c.active()
		s.newTap()
		for _, key := range []*party{s.bank.instructionKey, c.world.foreign.instructionKey} {
			ch := s.challengeOf(message.Nonce{})
			ch.InstructionKey = key.reference()
			c.must(message.Sign(ch, key.key))
			s.answers(spec.SWConditions, spec.GetState.Only(), c.encode(ch))
		}
	}},
	{"GET STATE answers the same Challenge as often as it is asked", func(c *caseRun) {
		s := c.active()
		ch := c.encode(s.challenge())
		first, second := s.succeeds(spec.GetState.Only(), ch), s.succeeds(spec.GetState.Only(), ch)
		split := len(first) - signatureObject
		assert.Equal(c, first[:split], second[:split])
		s.parseState(ch, second)
	}},
	{"a Challenge that is refused opens nothing", func(c *caseRun) {
		s := c.active()
		wrong := s.challenge()
		wrong.Signature = broken(wrong.Signature)
		s.answers(spec.SWSignature, spec.GetState.Only(), c.encode(wrong))
		s.answers(spec.SWSecurity, c.variant(spec.GetData, "balance"))
	}},
}

// instructionCases are INSTRUCTION.
var instructionCases = []testCase{
	{"an Instruction acknowledges, credits, and raises the date", func(c *caseRun) {
		s := c.loaded(5000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		for range 3 {
			s.pay(merchant, c.request(merchant, 100, ""))
		}
		s.instruct(func(i *message.Instruction) {
			i.AckedATC, i.Head, i.Credit, i.Date = 2, s.model.heads[2], 700, tomorrow
		})
		s.audit()
		s.instruct()
		require.Empty(c, s.model.stored())
	}},
	{"the same Instruction again: the same Confirmation, and nothing happens", func(c *caseRun) {
		s := c.active()
		i := s.next()
		i.Credit = 700
		encoded := s.sign(i)
		s.answers(spec.SWConditions, spec.Instruct.Only(), encoded)
		s.state()
		first := s.succeeds(spec.Instruct.Only(), encoded)
		s.enterInstruction(i, first)
		assert.Equal(c, first, s.succeeds(spec.Instruct.Only(), encoded))
		s.newTap()
		s.answers(spec.SWConditions, spec.Instruct.Only(), encoded)
		s.state()
		assert.Equal(c, first, s.succeeds(spec.Instruct.Only(), encoded))
		other := *i
		other.NotarySignature = malleated(i.NotarySignature)
		assert.Equal(c, first, s.succeeds(spec.Instruct.Only(), c.encode(&other)))
	}},
	{"an Instruction may acknowledge no more than the last did", func(c *caseRun) {
		s := c.loaded(5000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		for range 3 {
			s.pay(merchant, c.request(merchant, 100, ""))
		}
		s.instruct(func(i *message.Instruction) { i.AckedATC, i.Head = 2, s.model.heads[2] })
		s.instruct(func(i *message.Instruction) { i.AckedATC, i.Head = 2, s.model.heads[2] })
		s.instruct()
	}},
	{"an Instruction's date is not before the card's, nor after its signers' end",
		func(c *caseRun) {
			s := c.install(func(p *message.InstallParameters) {
				p.Ceilings = message.PilotPolicy()
			})
			key := c.certify(c.world.root,
				entry{holder: string(s.bank.ca.name()) + "00005", role: spec.RoleInstructionKey,
					to: tomorrow})
			notary := c.certify(c.world.root,
				entry{holder: "SENOTARY00005", role: spec.RoleNotary, to: nextYear})
			s.learnCA(c.world.root, notary, s.bank.ca, key)
			s.makeKeys()
			s.storeCertificate()
			s.storeBatchKey()
			s.storePIN()
			s.activate()
			s.bank = &intermediary{ca: s.bank.ca, instructionKey: key}
			instruct := func(want apdu.StatusWord, day message.Date) {
				c.Helper()
				i := s.next()
				i.InstructionKey, i.Notary, i.Date = key.reference(), notary.reference(), day
				c.must(message.SignAs(i, message.ByIntermediary, key.key))
				c.must(message.SignAs(i, message.ByNotary, notary.key))
				answer := s.answers(want, spec.Instruct.Only(), c.encode(i))
				if want == apdu.OK {
					s.enterInstruction(i, answer)
				}
			}
			s.state()
			instruct(spec.SWDate, yesterday)
			instruct(spec.SWDate, tomorrow.AddDays(1))
			instruct(spec.SWOK, tomorrow)
			instruct(spec.SWDate, today)
			key = c.certify(c.world.root,
				entry{holder: string(s.bank.ca.name()) + "00006", role: spec.RoleInstructionKey})
			s.learnCA(key)
			instruct(spec.SWDate, nextYear.AddDays(1))
			instruct(spec.SWOK, nextYear)
			s.bank = &intermediary{ca: s.bank.ca, instructionKey: key}
		}},
	{"a credit that no longer fits is left out, and the rest applied", func(c *caseRun) {
		s := c.active()
		s.load(spec.PilotMaxBalance - 1000)
		s.enterPIN()
		s.ask(400, "")
		s.instruct(func(i *message.Instruction) { i.Credit, i.Date = 601, tomorrow })
		require.Equal(c, spec.CreditNotTaken, s.model.credit)
		s.audit()
		s.instruct(func(i *message.Instruction) { i.Credit = 600 })
		require.Equal(c, spec.CreditTaken, s.model.credit)
		s.instruct(func(i *message.Instruction) { i.Credit = 0xFFFFFFFF })
		require.Equal(c, spec.CreditNotTaken, s.model.credit)
		s.instruct()
		require.Equal(c, spec.CreditNone, s.model.credit)
	}},
	{"a credit is measured against the policy that comes with it", func(c *caseRun) {
		s := c.active(func(p *message.InstallParameters) { p.Ceilings.MaxBalance = 900000 })
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.MaxBalance, i.Credit = 900000, 900000
		})
		require.Equal(c, spec.CreditTaken, s.model.credit)
	}},
	{"a closed card takes no credit and stays closed", func(c *caseRun) {
		s := c.loaded(5000)
		s.instruct(func(i *message.Instruction) { i.Actions, i.Credit = spec.ActionClose, 100 })
		require.Equal(c, spec.CreditNotTaken, s.model.credit)
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionUnblock })
		s.instruct(func(i *message.Instruction) { i.Actions, i.Credit = spec.ActionBlock, 100 })
		require.Equal(c, spec.Closed, s.model.life)
	}},
	{"a blocked card takes credit", func(c *caseRun) {
		s := c.active()
		s.instruct(func(i *message.Instruction) { i.Actions, i.Credit = spec.ActionBlock, 100 })
		require.Equal(c, spec.CreditTaken, s.model.credit)
	}},
}

// policyOnCard reads the policy in force.
func (s *subject) policyOnCard() []byte {
	s.c.Helper()
	s.state()
	answer := s.succeeds(s.c.variant(spec.GetData, "policy"))
	header := string(s.c.object(spec.TagPolicy, make([]byte, spec.PolicyLength))[:2])
	require.True(s.c, strings.HasPrefix(string(answer), header))
	return answer[2:]
}
