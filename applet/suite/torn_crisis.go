package suite

import (
	"bytes"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// tornCrisis are the commands that store a crisis order, or drop it.
func tornCrisis() []tornCase {
	return []tornCase{
		{"CRISIS ORDER in place of a longer one", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			s.learnCA(c.world.crisis)
			s.take(c.crisisOrder(1, message.CrisisRow{MaxSpent: 1},
				message.CrisisRow{Group: 1, MaxSpent: 2}, message.CrisisRow{Group: 2, MaxSpent: 3}))
			o := c.crisisOrder(2, crisisRow())
			encoded := c.signOrder(o)
			return s, attemptedCommand{
				variant: spec.TakeCrisisOrder.Only(), data: [][]byte{encoded},
				repeated: spec.SWOrderOld,
				done: func([]byte) {
					s.model.order = o
					s.auditOrder()
				},
			}
		}},
		{"PSO VERIFY CERTIFICATE of a newer crisis key, which drops an order",
			func(c *caseRun) (*subject, attemptedCommand) {
				s := c.active()
				brief := c.certify(c.world.root, entry{holder: "SECRISIS00000",
					role: spec.RoleCrisisKey, to: nextYear})
				s.learnCA(brief)
				o := c.crisisOrder(0xFFFFFFFF, crisisRow())
				s.succeeds(spec.TakeCrisisOrder.Only(), c.signOrderBy(o, brief, c.world.notary))
				s.model.order = o
				newer := c.world.crisis
				return s, attemptedCommand{
					variant: spec.VerifyCertificate.Only(), data: [][]byte{newer.encoded},
					happened: func() bool {
						// The certificate, its key, and the end of the order: all or nothing.
						known := s.succeeds(c.variant(spec.GetData, "crisis certificate"))
						is := bytes.Equal(newer.encoded, known)
						assert.Equal(c, is, s.selectApplet().OrderNumber == 0)
						if !is {
							assert.Equal(c, brief.encoded, known)
						}
						return is
					},
					done: func([]byte) {
						s.model.order = nil
						s.auditOrder()
						take := spec.TakeCrisisOrder.Only()
						s.answers(spec.SWReferenceUnknown, take, c.signOrderBy(o, brief,
							c.world.notary))
						s.answers(spec.SWSignature, take, flipLast(c.signOrder(o)))
					},
				}
			}},
		{"INSTRUCTION that drops an order", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			s.learnCA(c.world.crisis)
			s.take(c.crisisOrder(4, crisisRow()))
			i := s.next()
			i.OrderNumber, i.Group = 5, 7
			s.opened()
			return s, attemptedCommand{
				variant: spec.Instruct.Only(), data: [][]byte{s.sign(i)},
				before: s.opened, beforeRepeat: s.opened,
				done: func(answer []byte) {
					s.enterInstruction(i, answer)
					s.auditOrder()
				},
			}
		}},
	}
}
