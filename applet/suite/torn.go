package suite

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// tornCase is one command whose power is cut before each of its persistent
// writes in turn, each time on a fresh card.
type tornCase struct {
	name string
	// prepare leads a fresh card up to the command and gives it.
	prepare func(c *caseRun) (*subject, attemptedCommand)
}

// attemptedCommand is the command that is torn, and what must hold afterwards.
type attemptedCommand struct {
	variant spec.Variant
	data    [][]byte
	// before does in a new session what the command needs when it has not yet
	// happened, such as presenting the PIN.
	before func()
	// beforeRepeat does what it needs when it has already happened.
	beforeRepeat func()
	// done enters in the model what the command has done, given its answer.
	done func(answer []byte)
	// happened reports, in a new session, whether the command had its effect, for
	// commands that the State does not show. It requires that the effect is there as a
	// whole or not at all.
	happened func() bool
	// repeated is the answer to the command when it has already happened; zero
	// is success.
	repeated apdu.StatusWord
	// skipRepeat reports that it is not given again when it has already happened.
	skipRepeat bool
	// refused is the answer when it is not torn; zero is success.
	refused apdu.StatusWord
	// refusedAgain is the answer when a first one was lost, if it is another.
	refusedAgain apdu.StatusWord
	// readOnly reports that the command changes nothing that the card holds.
	readOnly bool
}

// answer is the status word of the command when it is not torn.
func (a attemptedCommand) answer() apdu.StatusWord {
	if a.refused != 0 {
		return a.refused
	}
	return apdu.OK
}

// askCommand is a REQUEST. It is not given again: one whose answer was lost is
// read from the card, and the flow goes on with it.
func (s *subject) askCommand(amount money.Ore) attemptedCommand {
	counter, open := s.model.counter, len(s.model.open)
	return attemptedCommand{
		variant: spec.RequestPayment.Only(), data: [][]byte{s.c.asking(amount, spec.Currency, "")},
		before: s.enterPIN,
		happened: func() bool {
			if s.state().RequestCounter == counter {
				return false
			}
			s.enterRequest(amount, "", s.read("open requests", open+1))
			return true
		},
		skipRepeat: true,
		done:       func(answer []byte) { s.enterRequest(amount, "", answer) },
	}
}

// look is the card's State, or nil before activation.
func (s *subject) look() *message.State {
	if s.model == nil {
		return nil
	}
	return s.state()
}

// matches reports whether the State is that of the model.
func (s *subject) matches() bool {
	if s.model == nil {
		return true
	}
	return s.sameAs(s.state())
}

// sameAs reports whether a State is that of the model.
func (s *subject) sameAs(state *message.State) bool {
	return assert.ObjectsAreEqual(s.expected(state), *state)
}

func tornCases() []tornCase {
	return slices.Concat(tornPayments(), tornCrisis(), tornPersonalization(), tornPINs(),
		tornPairs())
}

// tornPayments are the commands of the payment flows.
func tornPayments() []tornCase {
	return []tornCase{
		{"PAY", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			merchant := c.device(s.bank, spec.RoleTerminal)
			s.pay(merchant, c.request(merchant, 100, ""))
			r := c.request(merchant, 2500, "")
			s.enterPIN()
			return s, attemptedCommand{
				variant: spec.Pay.Only(), data: [][]byte{c.encode(r), merchant.encoded},
				before: s.enterPIN, beforeRepeat: s.enterPIN,
				done: func(answer []byte) { s.enterPayment(r, answer) },
			}
		}},
		{"PAY, resend", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			merchant := c.device(s.bank, spec.RoleTerminal)
			r := c.request(merchant, 2500, "")
			first := c.encode(s.pay(merchant, r))
			s.enterPIN()
			return s, attemptedCommand{
				variant: spec.Pay.Only(), data: [][]byte{c.encode(r), merchant.encoded},
				before:   s.enterPIN,
				readOnly: true, beforeRepeat: s.enterPIN,
				done: func(answer []byte) { assert.Equal(c, first, answer) },
			}
		}},
		{"REQUEST", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			s.enterPIN()
			s.ask(100, "")
			return s, s.askCommand(2500)
		}},
		{"ACCEPT", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			payer := c.device(s.bank, spec.RoleCard)
			s.enterPIN()
			s.ask(100, "")
			p := c.payment(payer, s.ask(2500, payer.id()))
			s.ask(100, "")
			return s, attemptedCommand{
				variant: spec.Accept.Only(), data: [][]byte{c.encode(p), payer.encoded},
				before: s.enterPIN,
				done:   func(answer []byte) { s.enterReceipt(p, answer) },
			}
		}},
		{"REFUSE", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			s.instruct(func(i *message.Instruction) {
				i.Policy.Version++
				i.Policy.Flags &^= spec.FlagPINToReceive
			})
			r := s.ask(100, "")
			s.ask(200, "")
			return s, attemptedCommand{
				variant: spec.Refuse.Only(), data: [][]byte{c.number(r.Number)},
				done: func(answer []byte) { s.enterRefusal(r, answer) },
			}
		}},
		{"GET STATE", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			challenge := c.encode(s.challenge())
			return s, attemptedCommand{
				variant: spec.GetState.Only(), data: [][]byte{challenge}, readOnly: true,
				refusedAgain: spec.SWConditions, // it is of the session before
				done: func(answer []byte) {
					if len(answer) == 0 {
						s.state()
						return
					}
					s.parseState(challenge, answer)
				},
			}
		}},
		{"INSTRUCTION", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			merchant := c.device(s.bank, spec.RoleTerminal)
			for range 3 {
				s.pay(merchant, c.request(merchant, 100, ""))
			}
			i := s.next()
			i.AckedATC, i.Head, i.Credit, i.Date, i.Actions = 2, s.model.heads[2], 700, tomorrow,
				spec.ActionBlock
			i.Policy.Version, i.Policy.MaxBalance = 1, 200000
			s.opened()
			return s, attemptedCommand{
				variant: spec.Instruct.Only(), data: [][]byte{s.sign(i)},
				before: s.opened, beforeRepeat: s.opened,
				done: func(answer []byte) { s.enterInstruction(i, answer) },
			}
		}},
		{"INSTRUCTION that gives PIN tries again", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			s.blockPIN()
			i := s.next()
			i.Actions = spec.ActionResetTries
			s.opened()
			return s, attemptedCommand{
				variant: spec.Instruct.Only(), data: [][]byte{s.sign(i)},
				before: s.opened, beforeRepeat: s.opened,
				done: func(answer []byte) {
					s.enterInstruction(i, answer)
					s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
					s.enterPIN()
				},
			}
		}},
		{"PSO VERIFY CERTIFICATE of a link", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			late := c.certify(c.world.nextRoot,
				entry{holder: "SEBANK9500001", role: spec.RoleIntermediary})
			present := spec.VerifyCertificate.Only()
			return s, attemptedCommand{
				variant: present, data: [][]byte{c.world.link.encoded},
				happened: func() bool { return s.exchange(present, late.encoded).SW == apdu.OK },
				done: func([]byte) {
					s.learnCA(late, s.bank.ca, c.world.foreign.ca, c.world.link)
				},
			}
		}},
		{"PAY that stores a CA, which pushes another out",
			func(c *caseRun) (*subject, attemptedCommand) {
				s := c.loaded(10000)
				var merchants []*device
				for n := range spec.CACache {
					ca := c.certify(c.world.root,
						entry{holder: fmt.Sprintf("SEBANK%02d00001", n+1),
							role: spec.RoleIntermediary})
					merchants = append(merchants,
						c.device(&intermediary{ca: ca}, spec.RoleTerminal))
				}
				last := len(merchants) - 1
				for _, merchant := range merchants[:last] {
					s.learnCA(merchant.ca)
					s.pay(merchant, c.request(merchant, 100, ""))
				}
				r := c.request(merchants[last], 100, "")
				before := func() {
					s.learnCA(merchants[last].ca)
					s.enterPIN()
				}
				before()
				return s, attemptedCommand{
					variant: spec.Pay.Only(),
					data:    [][]byte{c.encode(r), merchants[last].encoded},
					before:  before, beforeRepeat: s.enterPIN,
					done: func(answer []byte) {
						s.enterPayment(r, answer)
						var stored []bool
						for _, merchant := range merchants {
							stored = append(stored, s.isStored(merchant))
						}
						assert.Equal(c, []bool{false, true, true, true}, stored)
					},
				}
			}},
	}
}
