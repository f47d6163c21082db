package suite

import (
	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
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
			s.answers(spec.SWPINWrong|apdu.StatusWord(left), unblock, c.block(wrongPUK),
				c.block(otherPIN))
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
			{c.variant(spec.ChangeReferenceData, "plaintext"),
				[][]byte{c.block(ownPIN), c.block(ownPIN)}},
			{c.variant(spec.ResetRetryCounter, "plaintext"),
				[][]byte{c.block(ownPUK), c.block(ownPIN)}},
		}
		for _, actions := range []message.Actions{spec.ActionBlock, spec.ActionClose} {
			s.instruct(func(i *message.Instruction) { i.Actions = actions })
			for _, tt := range commands {
				s.succeeds(tt.variant, tt.data...)
			}
		}
	}},
	{"a plaintext PIN is taken by contact only, unless the policy takes it over the air too",
		func(c *caseRun) {
			s := c.active(func(p *message.InstallParameters) {
				p.Ceilings.Flags &^= spec.FlagPlaintextContactless
			})
			want := spec.SWOK
			if c.target.Capabilities().Contactless {
				want = spec.SWPINForm
			}
			s.answers(want, c.variant(spec.Verify, "plaintext"), c.block(ownPIN))
			s.answers(want, c.variant(spec.ChangeReferenceData, "plaintext"), c.block(ownPIN),
				c.block(ownPIN))
			s.answers(want, c.variant(spec.ResetRetryCounter, "plaintext"), c.block(ownPUK),
				c.block(ownPIN))
		}},
	{"over the air alone lets no plaintext PIN through", func(c *caseRun) {
		s := c.active()
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagPlaintextPIN
			i.Policy.Flags |= spec.FlagPlaintextContactless
		})
		s.answers(spec.SWPINForm, c.variant(spec.Verify, "plaintext"), c.block(ownPIN))
	}},
	{"a policy can ask for enciphered PINs", func(c *caseRun) {
		s := c.active()
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags &^= spec.FlagPlaintextPIN
		})
		s.answers(spec.SWPINForm, c.variant(spec.Verify, "plaintext"), c.block(ownPIN))
		s.answers(spec.SWPINForm, c.variant(spec.ChangeReferenceData, "plaintext"), c.block(ownPIN),
			c.block(otherPIN))
		s.answers(spec.SWPINForm, c.variant(spec.ResetRetryCounter, "plaintext"), c.block(ownPUK),
			c.block(otherPIN))
		s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
		s.succeeds(c.variant(spec.Verify, "enciphered"),
			s.enciphered(s.nextNonce(), c.block(ownPIN)))
	}},
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
	{"CHANGE REFERENCE DATA", spec.ChangeReferenceData, []string{ownPIN, ownPIN},
		[]string{wrongPIN, otherPIN}, spec.PINTries},
	{"RESET RETRY COUNTER", spec.ResetRetryCounter, []string{ownPUK, ownPIN},
		[]string{wrongPUK, otherPIN}, spec.PUKTries},
}

func (c *caseRun) blocks(digits []string) [][]byte {
	var out [][]byte
	for _, d := range digits {
		out = append(out, c.block(d))
	}
	return out
}

// encipheredPINCases makes the same cases for each of the three.
var encipheredPINCases = func() (cases []testCase) {
	for _, e := range encipheredPINs {
		cases = append(cases,
			testCase{e.name + " enciphered: right and wrong", func(c *caseRun) {
				s := c.active()
				v := c.variant(e.command, "enciphered")
				s.answers(spec.SWPINWrong|(e.tries-1), v,
					s.enciphered(s.nextNonce(), c.blocks(e.wrong)...))
				s.succeeds(v, s.enciphered(s.nextNonce(), c.blocks(e.right)...))
				s.enterPIN()
			}},
			testCase{e.name + " enciphered: once for each nonce, in its session",
				func(c *caseRun) {
					s := c.active()
					v := c.variant(e.command, "enciphered")
					s.answers(spec.SWWrongData, v,
						s.enciphered(message.Nonce{}, c.blocks(e.right)...))
					once := s.enciphered(s.nextNonce(), c.blocks(e.right)...)
					s.succeeds(v, once)
					for range 2 {
						s.answers(spec.SWConditions, v, once)
					}
					former := s.enciphered(s.nextNonce(), c.blocks(e.right)...)
					s.nextNonce()
					s.answers(spec.SWWrongData, v, former)
					s.answers(spec.SWConditions, v, former)
					late := s.enciphered(s.nextNonce(), c.blocks(e.right)...)
					s.succeeds(c.variant(spec.Verify, "plaintext"), c.block(ownPIN))
					s.succeeds(v, late)
				}},
			testCase{e.name + " enciphered: what is not authentic costs no try, however often",
				func(c *caseRun) {
					s := c.active()
					v := c.variant(e.command, "enciphered")
					for range e.tries {
						altered := flipLast(s.enciphered(s.nextNonce(), c.blocks(e.right)...))
						s.answers(spec.SWMACWrong, v, altered)
					}
					s.answers(spec.SWPINWrong|(e.tries-1), v,
						s.enciphered(s.nextNonce(), c.blocks(e.wrong)...))
					s.succeeds(v, s.enciphered(s.nextNonce(), c.blocks(e.right)...))
				}},
			testCase{e.name + " enciphered: blocked", func(c *caseRun) {
				s := c.active()
				v := c.variant(e.command, "enciphered")
				for left := int(e.tries) - 1; left >= 0; left-- {
					s.answers(spec.SWPINWrong|apdu.StatusWord(left), v,
						s.enciphered(s.nextNonce(), c.blocks(e.wrong)...))
				}
				s.answers(spec.SWPINBlocked, v,
					s.enciphered(s.nextNonce(), c.blocks(e.right)...))
			}},
		)
	}
	return cases
}()
