package suite

import (
	"bytes"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/spec"
)

// tornPersonalization are the commands that make a card, and the later
// certificate.
func tornPersonalization() []tornCase {
	return []tornCase{
		{"PSO VERIFY CERTIFICATE of the first root", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.install()
			return s, attemptedCommand{
				variant: spec.VerifyCertificate.Only(), data: [][]byte{c.world.root.encoded},
				happened: func() bool { return false },
				done:     func([]byte) { s.complete() },
			}
		}},
		{"GENERATE ASYMMETRIC KEY PAIR", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.install()
			s.learnCA(c.world.root)
			return s, attemptedCommand{
				variant:  spec.GenerateKeyPair.Only(),
				happened: func() bool { return s.selectApplet().LifeCycle == spec.KeysMade },
				done: func(answer []byte) {
					assert.Equal(c, answer, s.makeKeys())
					s.complete()
				},
			}
		}},
		{"PUT DATA certificate", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.install()
			s.learnCA(c.world.root, s.bank.ca)
			s.makeKeys()
			s.certificate = s.issue()
			return s, attemptedCommand{
				variant:  c.variant(spec.PutData, "certificate"),
				data:     [][]byte{s.certificate.encoded},
				happened: func() bool { return false }, // to be given again, whatever it left
				done:     func([]byte) { s.complete() },
			}
		}},
		{"PUT DATA batch key", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.install()
			s.learnCA(c.world.root, s.bank.ca)
			s.makeKeys()
			return s, attemptedCommand{
				variant:  c.variant(spec.PutData, "batch key"),
				data:     [][]byte{s.batchKey(s.bank.batch.key)},
				happened: func() bool { return false },
				done:     func([]byte) { s.complete() },
			}
		}},
		{"PUT DATA of another batch key", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.personalized()
			other := c.newBatch(s.bank.ca)
			return s, attemptedCommand{
				variant:  c.variant(spec.PutData, "batch key"),
				data:     [][]byte{s.batchKey(other.key)},
				happened: func() bool { return false },
				// never active with the one's key and the other's certificate
				done: func([]byte) {
					s.answers(spec.SWConditions, spec.Activate.Only())
					s.complete()
				},
			}
		}},
		{"PUT DATA certificate of a batch", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.install()
			s.learnCA(c.world.root, s.bank.ca)
			s.makeKeys()
			s.succeeds(c.variant(spec.PutData, "batch key"), s.batchKey(s.bank.batch.key))
			return s, attemptedCommand{
				variant:  c.variant(spec.PutData, "certificate"),
				data:     [][]byte{s.bank.batch.encoded},
				happened: func() bool { return false },
				done:     func([]byte) { s.complete() },
			}
		}},
		{"PUT DATA first PIN", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.install()
			s.makeKeys()
			return s, attemptedCommand{
				variant:  c.variant(spec.PutData, "first PIN"),
				data:     [][]byte{s.firstPIN(c.block(ownPIN), c.block(ownPUK))},
				happened: func() bool { return false },
				done:     func([]byte) { s.complete() },
			}
		}},
		{"ACTIVATE", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.personalized()
			keys := s.succeeds(spec.GenerateKeyPair.Only())
			return s, attemptedCommand{
				variant: spec.Activate.Only(), repeated: spec.SWConditions,
				happened: func() bool {
					active := s.selectApplet().LifeCycle == spec.Active
					if active { // then the token is gone
						s.answers(spec.SWConditions, spec.GenerateKeyPair.Only())
					} else {
						assert.Equal(c, keys, s.succeeds(spec.GenerateKeyPair.Only()),
							"the token is still there")
					}
					return active
				},
				done: func([]byte) {
					s.openModel()
					s.load(100)
					s.succeeds(c.variant(spec.Verify, "enciphered"),
						s.enciphered(s.nextNonce(), c.block(ownPIN)))
				},
			}
		}},
		{"PUT DATA of a later certificate", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			first, later := s.certificate, s.issue(func(e *entry) { e.to = farOff.AddDays(1) })
			s.enterPIN()
			return s, attemptedCommand{
				variant: c.variant(spec.PutData, "certificate"), data: [][]byte{later.encoded},
				before: s.enterPIN, repeated: spec.SWSecurity,
				happened: func() bool {
					s.enterPIN()
					stored := s.succeeds(c.variant(spec.GetData, "certificate"))
					if !bytes.Equal(stored, later.encoded) {
						assert.Equal(c, first.encoded, stored)
						return false
					}
					return true
				},
				done: func([]byte) {
					s.enterPIN()
					assert.Equal(c, later.encoded,
						s.succeeds(c.variant(spec.GetData, "certificate")))
					payer := c.device(s.bank, spec.RoleCard)
					s.accept(payer, c.payment(payer, s.ask(100, "")))
				},
			}
		}},
	}
}

// complete does what is still missing up to an active card, and uses it.
func (s *subject) complete() {
	c := s.c
	s.learnCA(c.world.root, c.world.notary, s.bank.ca, s.bank.instructionKey)
	s.makeKeys()
	if s.certificate == nil {
		s.certificate = s.issue()
	}
	s.succeeds(c.variant(spec.PutData, "certificate"), s.certificate.encoded)
	s.storeBatchKey()
	s.storePIN()
	s.activate()
	s.load(1000)
	merchant := c.device(s.bank, spec.RoleTerminal)
	s.pay(merchant, c.request(merchant, 100, ""))
}

// tornPINs are the PIN commands. A cut costs at most one try, and never gives
// one.
func tornPINs() []tornCase {
	type tc struct {
		name    string
		command *spec.Command
		blocks  []string
		after   string // PIN when it has happened
	}
	var cases []tornCase
	for _, st := range []tc{
		{"VERIFY", spec.Verify, []string{ownPIN}, ownPIN},
		{"CHANGE REFERENCE DATA", spec.ChangeReferenceData, []string{ownPIN, otherPIN}, otherPIN},
		{"RESET RETRY COUNTER", spec.ResetRetryCounter, []string{ownPUK, otherPIN}, otherPIN},
	} {
		cases = append(cases, tornCase{st.name, func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			verify := c.variant(spec.Verify, "plaintext")
			return s, attemptedCommand{
				variant: c.variant(st.command, "plaintext"), data: c.blocks(st.blocks),
				happened: func() bool {
					tries := s.exchange(verify).SW & 0x0F
					assert.GreaterOrEqual(c, int(tries), spec.PINTries-1,
						"a cut costs at most one try")
					if st.after == ownPIN || s.exchange(verify, c.block(st.after)).SW != spec.SWOK {
						s.succeeds(verify, c.block(ownPIN)) // the old PIN stands
						return false
					}
					// The new PIN stands, and the old one does not.
					s.answers(spec.SWPINWrong|2, verify, c.block(ownPIN))
					s.succeeds(c.variant(spec.ChangeReferenceData, "plaintext"), c.block(otherPIN),
						c.block(ownPIN))
					return false
				},
				done: func([]byte) {
					s.succeeds(verify, c.block(st.after))
					s.answers(spec.SWPINWrong|9, c.variant(spec.ResetRetryCounter, "plaintext"),
						c.block(wrongPUK), c.block(ownPIN))
				},
			}
		}})
	}
	return append(cases, tornWrongPINs()...)
}

// tornWrongPINs show that a try is taken before the card reports whether a PIN or
// PUK was right: cuts buy no guesses.
func tornWrongPINs() []tornCase {
	var cases []tornCase
	for _, e := range encipheredPINs {
		cases = append(cases,
			tornCase{e.name + " with a wrong one", func(c *caseRun) (*subject, attemptedCommand) {
				s := c.active()
				plain := c.variant(e.command, "plaintext")
				again := e.tries - 1
				// nothing in between gives tries of the PUK back
				if e.command == spec.ResetRetryCounter {
					again--
				}
				return s, attemptedCommand{
					variant: plain, data: c.blocks(e.wrong),
					refused: spec.SWPINWrong | (e.tries - 1), refusedAgain: spec.SWPINWrong | again,
					happened: func() bool {
						s.enterPIN()
						return false
					},
					done: func([]byte) {
						if e.command == spec.Verify {
							s.answers(spec.SWPINWrong|2, plain)
						}
					},
				}
			}})
	}
	return cases
}
