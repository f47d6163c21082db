package suite

import (
	"encoding/binary"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// readCases are READ RECORD and GET DATA.
var readCases = []testCase{
	{"records and data are for the owner and the own intermediary", func(c *caseRun) {
		s := c.loaded(5000)
		s.learnCA(c.world.crisis)
		s.take(c.crisisOrder(1, crisisRow()))
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.pay(merchant, c.request(merchant, 100, ""))
		s.enterPIN()
		s.ask(100, "")
		crisis := apdu.OK
		read := func(want apdu.StatusWord) {
			c.Helper()
			for _, command := range []*spec.Command{spec.GetData, spec.ReadRecord} {
				for _, v := range command.Variants {
					want := want
					switch v.P2 {
					case byte(spec.TagBatchCertificate):
						want = apdu.OK // the same on all cards of the batch
					case byte(spec.TagCrisisOrder), byte(spec.TagCrisisCertificate):
						want = crisis // anybody passes them on
					}
					assert.Equal(c, want, s.exchange(v).SW, v.Title())
				}
			}
		}
		read(apdu.OK)
		s.succeeds(c.variant(spec.Verify, "plaintext")) // reading does not use the PIN up
		s.newTap()
		read(spec.SWSecurity)
		s.state()
		read(apdu.OK)
		s.instruct(func(i *message.Instruction) {
			i.Actions, i.AckedATC, i.Head = spec.ActionClose, s.model.acked,
				s.model.heads[s.model.acked]
		})
		s.newTap()
		crisis = spec.SWReferenceUnknown // but none of a closed card
		read(spec.SWSecurity)
		s.state()
		read(apdu.OK)
	}},
	{"data are what the card holds", func(c *caseRun) {
		s := c.loaded(5000)
		merchant := c.device(s.bank, spec.RoleTerminal)
		s.pay(merchant, c.request(merchant, 100, ""))
		s.enterPIN()
		s.ask(100, "")
		s.ask(100, "")
		s.instruct(func(i *message.Instruction) { i.AckedATC, i.Head = 0, s.model.heads[0] })
		get := func(name string) []byte {
			c.Helper()
			return s.succeeds(c.variant(spec.GetData, name))
		}
		assert.Equal(c, s.certificate.encoded, get("certificate"))
		assert.Equal(c, c.object(spec.TagDevice, []byte(s.id())), get("device"))
		assert.Equal(c, c.object(spec.TagBalance, binary.BigEndian.AppendUint32(nil, 4900)),
			get("balance"))
		assert.Equal(c, c.object(spec.TagPolicy, c.policy(s.model.policy)), get("policy"))
		counters, err := message.ParseCounters(get("counters"))
		c.must(err)
		assert.Equal(c, message.Counters{ATC: 1, AckedATC: 0,
			InstructionSequence: s.model.sequence, RequestCounter: 2, Slots: s.parameters.Slots,
			MaxAttacks: s.parameters.MaxAttacks},
			*counters)
	}},
	{"a card that receives without PIN shows who it is, not what it holds", func(c *caseRun) {
		s := c.loaded(5000)
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagPINToReceive
		})
		s.newTap()
		for name, want := range inOrder(map[string]apdu.StatusWord{
			"certificate": apdu.OK, "device": apdu.OK,
			"balance": spec.SWSecurity, "policy": spec.SWSecurity, "counters": spec.SWSecurity,
		}) {
			assert.Equal(c, want, s.exchange(c.variant(spec.GetData, name)).SW, name)
		}
		s.readAnswers(spec.SWSecurity, "log", 1)
		s.readAnswers(spec.SWSecurity, "open requests", 1)
	}},
	{"a full log is read whole", func(c *caseRun) {
		s := c.active()
		s.fillLog()
		s.audit()
	}},
	{"the log turns round many times", func(c *caseRun) {
		s := c.loaded(5000)
		payer := c.device(s.bank, spec.RoleCard)
		merchant := c.device(s.bank, spec.RoleTerminal)
		for round := range 3 * int(s.parameters.Slots) {
			s.enterPIN()
			switch round % 3 {
			case 0:
				s.accept(payer, c.payment(payer, s.ask(money.Ore(1+round), payer.id())))
			case 1:
				s.refuse(s.ask(100, ""))
			default:
				s.payVerified(merchant, c.request(merchant, money.Ore(round), s.id()))
			}
			if round%4 == 3 {
				s.audit()
				acked := s.model.atc() - uint32(round)%2
				s.instruct(func(i *message.Instruction) {
					i.AckedATC, i.Head = acked,
						s.model.heads[acked]
				})
			}
		}
	}},
}
