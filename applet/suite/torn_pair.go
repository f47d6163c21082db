package suite

import (
	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/spec"
)

// tornPairs are PAIR, and what ends a pair: the former key or the new one, and never a new PIN
// beside the pair of the old one.
func tornPairs() []tornCase {
	return []tornCase{
		{"PAIR", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			former, next := s.pair(), s.newPhone()
			data := [][]byte{nil}
			pairAgain := func() { data[0] = next.data(s.nextNonce(), ownPIN) }
			pairAgain()
			return s, attemptedCommand{
				variant: spec.Pair.Only(), data: data, before: pairAgain,
				happened: func() bool {
					tries := s.exchange(c.variant(spec.Verify, "plaintext")).SW & 0x0F
					assert.GreaterOrEqual(c, int(tries), spec.PINTries-1,
						"a cut costs at most one try")
					assert.NotEqual(c, former.isPaired(), next.isPaired(), "one of the two phones")
					return false
				},
				done: func([]byte) {
					former.notPaired()
					next.within(s.readAll)
				},
			}
		}},
		{"CHANGE REFERENCE DATA of a paired card", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			p := s.pair()
			change := c.variant(spec.ChangeReferenceData, "plaintext")
			return s, attemptedCommand{
				variant: change, data: c.blocks([]string{ownPIN, otherPIN}),
				happened: func() bool {
					s.newTap()
					old := s.exchange(c.variant(spec.Verify, "plaintext"), c.block(ownPIN)).SW ==
						spec.SWOK
					assert.Equal(c, old, p.isPaired(), "the pair goes with the PIN that made it")
					if !old {
						s.succeeds(change, c.block(otherPIN), c.block(ownPIN))
					}
					return false
				},
				done: func([]byte) { p.notPaired() },
			}
		}},
		{"INSTRUCTION that ends the pair", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			p := s.pair()
			next := s.next()
			next.Actions = spec.ActionUnpair
			s.newTap()
			s.opened()
			return s, attemptedCommand{
				variant: spec.Instruct.Only(), data: [][]byte{s.sign(next)},
				before: s.opened, beforeRepeat: s.opened,
				happened: func() bool {
					applied := !s.matches()
					assert.NotEqual(c, applied, p.isPaired(), "the pair ends with the Instruction")
					return applied
				},
				done: func(answer []byte) {
					s.enterInstruction(next, answer)
					p.notPaired()
				},
			}
		}},
	}
}
