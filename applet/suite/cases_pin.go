package suite

import (
	"bytes"

	"github.com/stretchr/testify/assert"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
)

var pinCases = []testCase{
	{"wrong PINs block the PIN, power cuts or not", func(c *caseRun) {
		s := c.active()
		verify := c.variant(spec.Verify, "plaintext")
		for left := spec.PINTries - 1; left >= 0; left-- {
			s.answers(spec.SWPINWrong|apdu.StatusWord(left), verify, c.block(wrongPIN))
			s.newTap()
		}
		s.answers(spec.SWPINBlocked, verify, c.block(ownPIN))
	}},
	{"wrong PUKs block the PUK, and an Instruction gives all tries again", func(c *caseRun) {
		s := c.active()
		s.blockPIN()
		unblock := c.variant(spec.ResetRetryCounter, "plaintext")
		for left := spec.PUKTries - 1; left >= 0; left-- {
			s.answers(spec.SWPINWrong|apdu.StatusWord(left), unblock, c.block(wrongPUK), c.block(otherPIN))
		}
		s.answers(spec.SWPINBlocked, unblock, c.block(ownPUK), c.block(otherPIN))
		s.instruct(func(i *message.Instruction) { i.Actions = spec.ActionResetTries })
		s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		s.answers(spec.SWPINWrong|9, unblock, c.block(wrongPUK), c.block(otherPIN))
		s.enterPIN()
	}},
	{"blocked and closed cards take the PIN", func(c *caseRun) {
		s := c.active()
		commands := []struct {
			variant spec.Variant
			data    [][]byte
		}{
			{c.variant(spec.Verify, "plaintext"), [][]byte{c.block(ownPIN)}},
			{c.variant(spec.ChangeReferenceData, "plaintext"), [][]byte{c.block(ownPIN), c.block(ownPIN)}},
			{c.variant(spec.ResetRetryCounter, "plaintext"), [][]byte{c.block(ownPUK), c.block(ownPIN)}},
		}
		for _, actions := range []message.Actions{spec.ActionBlock, spec.ActionClose} {
			s.instruct(func(i *message.Instruction) { i.Actions = actions })
			for _, tt := range commands {
				s.succeeds(tt.variant, tt.data...)
			}
		}
	}},
	{"a policy can ask for enciphered PINs", func(c *caseRun) {
		s := c.active()
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagPlaintextPIN
		})
		s.answers(spec.SWPINForm, c.variant(spec.Verify, "plaintext"), c.block(ownPIN))
		s.answers(spec.SWPINForm, c.variant(spec.ChangeReferenceData, "plaintext"), c.block(ownPIN), c.block(otherPIN))
		s.answers(spec.SWPINForm, c.variant(spec.ResetRetryCounter, "plaintext"), c.block(ownPUK), c.block(otherPIN))
		s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		s.succeeds(c.variant(spec.Verify, "enciphered"), s.enciphered(s.cardChallenge(), c.block(ownPIN)))
	}},
}

// malformedBlocks are 8 bytes each and no PIN block.
var malformedBlocks = [][]byte{
	{0x23, 0x12, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, // 3 digits
	{0x2D, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x3F}, // 13 digits
	{0x24, 0x12, 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, // a letter
	{0x24, 0x12, 0x34, 0x0F, 0xFF, 0xFF, 0xFF, 0xFF}, // a digit too many
	{0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE}, // wrong filler
	{0x04, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, // format 0
}

// blockPIN presents wrong PINs until none is left.
func (s *subject) blockPIN() {
	verify := s.c.variant(spec.Verify, "plaintext")
	for left := spec.PINTries - 1; left >= 0; left-- {
		s.answers(spec.SWPINWrong|apdu.StatusWord(left), verify, s.c.block(wrongPIN))
	}
}

// encipheredPIN is one of the three PIN commands in its enciphered form, with the
// blocks that succeed on a fresh card and those that are wrong.
type encipheredPIN struct {
	name         string
	command      *spec.Command
	right, wrong []string
	tries        apdu.StatusWord
}

var encipheredPINs = []encipheredPIN{
	{"VERIFY", spec.Verify, []string{ownPIN}, []string{wrongPIN}, spec.PINTries},
	{"CHANGE REFERENCE DATA", spec.ChangeReferenceData, []string{ownPIN, ownPIN}, []string{wrongPIN, otherPIN}, spec.PINTries},
	{"RESET RETRY COUNTER", spec.ResetRetryCounter, []string{ownPUK, ownPIN}, []string{wrongPUK, otherPIN}, spec.PUKTries},
}

func (c *caseRun) blocks(digits []string) [][]byte {
	var out [][]byte
	for _, d := range digits {
		out = append(out, c.block(d))
	}
	return out
}

// encipheredPINCases tells the same stories of each of the three.
var encipheredPINCases = func() (cases []testCase) {
	for _, e := range encipheredPINs {
		cases = append(cases,
			testCase{e.name + " enciphered: right and wrong", func(c *caseRun) {
				s := c.active()
				v := c.variant(e.command, "enciphered")
				s.answers(spec.SWPINWrong|(e.tries-1), v, s.enciphered(s.cardChallenge(), c.blocks(e.wrong)...))
				s.succeeds(v, s.enciphered(s.cardChallenge(), c.blocks(e.right)...))
				s.enterPIN()
			}},
			testCase{e.name + " enciphered: once for each challenge, right after it", func(c *caseRun) {
				s := c.active()
				v := c.variant(e.command, "enciphered")
				s.answers(spec.SWConditions, v, s.enciphered([8]byte{}, c.blocks(e.right)...))
				once := s.enciphered(s.cardChallenge(), c.blocks(e.right)...)
				s.succeeds(v, once)
				s.answers(spec.SWConditions, v, once)
				late := s.enciphered(s.cardChallenge(), c.blocks(e.right)...)
				s.succeeds(c.variant(spec.Verify, "plaintext"), c.block(ownPIN))
				s.answers(spec.SWConditions, v, late)
				s.answers(spec.SWWrongData, v, s.encipheredForAnother(c.blocks(e.right)))
			}},
			testCase{e.name + " enciphered: what is not authentic or malformed costs no try", func(c *caseRun) {
				s := c.active()
				v := c.variant(e.command, "enciphered")
				spoil := map[string]struct {
					sw     apdu.StatusWord
					change func(b []byte) []byte
				}{
					"MAC":           {spec.SWMACWrong, flipLast},
					"cryptogram":    {spec.SWMACWrong, func(b []byte) []byte { b[2+spec.PointLength+2] ^= 1; return b }},
					"cut short":     {spec.SWWrongData, func(b []byte) []byte { return b[:len(b)-1] }},
					"one byte more": {spec.SWWrongData, func(b []byte) []byte { return append(b, 0) }},
				}
				for what, tt := range spoil {
					data := tt.change(bytes.Clone(s.enciphered(s.cardChallenge(), c.blocks(e.right)...)))
					assert.Equal(c, tt.sw, s.exchange(v, data).SW, what)
				}
				for _, block := range malformedBlocks {
					blocks := c.blocks(e.right)
					blocks[len(blocks)-1] = block
					assert.EqualValues(c, spec.SWWrongData, s.exchange(v, s.enciphered(s.cardChallenge(), blocks...)).SW, "%X", block)
				}
				s.answers(spec.SWPINWrong|(e.tries-1), v, s.enciphered(s.cardChallenge(), c.blocks(e.wrong)...))
				s.succeeds(v, s.enciphered(s.cardChallenge(), c.blocks(e.right)...))
			}},
			testCase{e.name + " enciphered: a point that is none costs no try", func(c *caseRun) {
				s := c.active()
				v := c.variant(e.command, "enciphered")
				for what, spoil := range map[string]func(point []byte){
					"off the curve":   func(point []byte) { point[len(point)-1] ^= 1 },
					"compressed form": func(point []byte) { point[0] = 0x02 },
					"infinity":        func(point []byte) { clear(point) },
				} {
					data := s.enciphered(s.cardChallenge(), c.blocks(e.right)...)
					spoil(data[2 : 2+spec.PointLength])
					assert.EqualValues(c, spec.SWWrongData, s.exchange(v, data).SW, what)
				}
				s.answers(spec.SWPINWrong|(e.tries-1), v, s.enciphered(s.cardChallenge(), c.blocks(e.wrong)...))
			}},
			testCase{e.name + " enciphered: blocked", func(c *caseRun) {
				s := c.active()
				v := c.variant(e.command, "enciphered")
				for left := int(e.tries) - 1; left >= 0; left-- {
					s.answers(spec.SWPINWrong|apdu.StatusWord(left), v, s.enciphered(s.cardChallenge(), c.blocks(e.wrong)...))
				}
				s.answers(spec.SWPINBlocked, v, s.enciphered(s.cardChallenge(), c.blocks(e.right)...))
			}},
		)
	}
	return cases
}()

// encipheredForAnother is right in everything but the challenge inside.
func (s *subject) encipheredForAnother(blocks [][]byte) []byte {
	challenge := s.cardChallenge()
	challenge[0] ^= 1
	return s.enciphered(challenge, blocks...)
}
