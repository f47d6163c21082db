package suite

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
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
	// done enters in the book what the command has done, given its answer.
	done func(answer []byte)
	// happened tells, in a new session, whether the command had its effect, for
	// commands that the State does not show. It demands that the effect is there
	// as a whole or not at all.
	happened func() bool
	// repeated is the answer to the command when it has already happened; zero
	// is success.
	repeated apdu.StatusWord
	// skipRepeat says that it is not given again when it has already happened.
	skipRepeat bool
	// refused is the answer when it is not torn; zero is success.
	refused apdu.StatusWord
	// refusedAgain is the answer when a first one was lost, if it is another.
	refusedAgain apdu.StatusWord
	// readOnly says that the command makes no persistent write.
	readOnly bool
}

// RunTorn cuts the power before every persistent write of every command of
// personalization and payment. After the restart the card must hold what it held
// before, or what it holds after the command, never a third thing; and the
// command, given again, must complete the flow once.
func RunTorn(t *testing.T, target Cutter) {
	var world *country
	for _, tc := range tornCases() {
		t.Run(tc.name, func(t *testing.T) {
			writes, failures := tc.tearAll(t.Context(), target, &world)
			for _, failure := range failures {
				t.Error(failure)
			}
			t.Logf("%d persistent writes", writes)
		})
	}
}

// answerLost, in the place of the number of a write, lets the command end and
// loses its answer.
const answerLost = 0

// tear runs the command with power lost before its n-th write, restarts, and
// completes the flow. It returns true when the command had fewer writes.
func (c *caseRun) tear(target Cutter, s *subject, command attemptedCommand, n int) (whole bool) {
	r, err := s.cutting(target, n).Transmit(c.ctx, command.variant.APDU(command.data...))
	if n == answerLost {
		require.NoError(c, err)
	}
	if err == nil {
		require.Equal(c, command.answer(), r.SW, "uncut")
		if n != answerLost {
			require.Equal(c, command.readOnly, n == 1, "a command that writes can be cut, one that only reads cannot")
			command.done(r.Data)
			return true
		}
	}
	s.newTap()
	happened := false
	if command.happened != nil {
		happened = command.happened()
	} else {
		happened = !s.matches()
		if n == answerLost {
			assert.Equal(c, !command.readOnly, happened, "what was answered has happened")
		}
	}
	s.newTap()
	if !happened {
		if command.before != nil {
			command.before()
		}
		want := command.answer()
		if n == answerLost && command.refusedAgain != 0 {
			want = command.refusedAgain
		}
		command.done(s.answers(want, command.variant, command.data...))
		return false
	}
	assert.NotEqual(c, 1, n, "an effect before the first write")
	if command.skipRepeat {
		return false
	}
	if command.repeated != 0 {
		s.answers(command.repeated, command.variant, command.data...)
		command.done(nil)
		return false
	}
	seen := s.look()
	s.newTap()
	if command.beforeRepeat != nil {
		command.beforeRepeat()
	}
	again := s.succeeds(command.variant, command.data...)
	if n == answerLost {
		assert.Equal(c, r.Data, again, "the repetition brings the answer that was lost")
	}
	command.done(again)
	assert.True(c, seen == nil || s.sameAs(seen), "what the torn command had left is what its repetition answers")
	return false
}

// cutting is the card, with power lost before the n-th write of the next whole
// command. The parts of a chain before its last write nothing.
func (s *subject) cutting(target Cutter, n int) apdu.Card {
	armed := false
	return apdu.Framing{
		ExtendedLength: !target.Capabilities().ShortOnly,
		Card: apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
			if !c.IsChained() && !armed {
				armed = true
				target.Cut(n)
			}
			return s.raw.Transmit(ctx, c)
		}),
	}
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
func (s *subject) askCommand(amount message.Amount) attemptedCommand {
	counter, open := s.book.counter, len(s.book.open)
	return attemptedCommand{
		variant: spec.RequestPayment.Only(), data: [][]byte{s.c.asking(amount, spec.Currency, "")}, before: s.enterPIN,
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
	if s.book == nil {
		return nil
	}
	return s.state()
}

// matches tells whether the State is that of the book.
func (s *subject) matches() bool {
	if s.book == nil {
		return true
	}
	return s.sameAs(s.state())
}

// sameAs tells whether a State is that of the book.
func (s *subject) sameAs(state *message.State) bool {
	return assert.ObjectsAreEqual(s.expected(state), *state)
}

func tornCases() []tornCase {
	return append(tornPayments(), append(tornPersonalization(), tornPINs()...)...)
}

// tornPayments are the commands of the payment flows.
func tornPayments() []tornCase {
	return []tornCase{
		{"PAY", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			shop := c.device(s.bank, spec.RoleTerminal)
			s.pay(shop, c.request(shop, 100, ""))
			r := c.request(shop, 2500, "")
			s.enterPIN()
			return s, attemptedCommand{
				variant: spec.Pay.Only(), data: [][]byte{c.encode(r), shop.encoded}, before: s.enterPIN,
				done: func(answer []byte) { s.enterPayment(r, answer) },
			}
		}},
		{"PAY, resend", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			shop := c.device(s.bank, spec.RoleTerminal)
			r := c.request(shop, 2500, "")
			first := c.encode(s.pay(shop, r))
			return s, attemptedCommand{
				variant: spec.Pay.Only(), data: [][]byte{c.encode(r), shop.encoded}, readOnly: true,
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
				variant: spec.Accept.Only(), data: [][]byte{c.encode(p), payer.encoded}, before: s.enterPIN,
				done: func(answer []byte) { s.enterReceipt(p, answer) },
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
				done: func(answer []byte) { s.parseState(challenge, answer) },
			}
		}},
		{"INSTRUCTION", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			shop := c.device(s.bank, spec.RoleTerminal)
			for range 3 {
				s.pay(shop, c.request(shop, 100, ""))
			}
			i := s.next()
			i.AckedATC, i.Head, i.Credit, i.Date, i.Actions = 2, s.book.heads[2], 700, tomorrow, spec.ActionBlock
			i.Policy.Version, i.Policy.MaxBalance = 1, 200000
			return s, attemptedCommand{
				variant: spec.Instruct.Only(), data: [][]byte{s.sign(i)},
				done: func(answer []byte) { s.enterInstruction(i, answer) },
			}
		}},
		{"INSTRUCTION that gives PIN tries again", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.active()
			s.blockPIN()
			i := s.next()
			i.Actions = spec.ActionResetTries
			return s, attemptedCommand{
				variant: spec.Instruct.Only(), data: [][]byte{s.sign(i)},
				done: func(answer []byte) {
					s.enterInstruction(i, answer)
					s.answers(spec.SWPINWrong|spec.PINTries, c.variant(spec.Verify, "plaintext"))
					s.enterPIN()
				},
			}
		}},
		{"PSO VERIFY CERTIFICATE", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			met := c.device(c.world.foreign, spec.RoleTerminal)
			s.meet(c.world.foreign.ca)
			shop := c.device(&intermediary{ca: c.certify(c.world.root, entry{holder: "SEBANK9500001", role: spec.RoleIntermediary})}, spec.RoleTerminal)
			return s, attemptedCommand{
				variant: spec.VerifyCertificate.Only(), data: [][]byte{shop.ca.encoded},
				happened: func() bool { return false }, // to be given again, whatever it left
				done: func([]byte) {
					for _, payee := range []*device{met, shop, c.device(s.bank, spec.RoleTerminal)} {
						s.pay(payee, c.request(payee, 100, ""))
					}
				},
			}
		}},
		{"PSO VERIFY CERTIFICATE of a CA that pushes another out", func(c *caseRun) (*subject, attemptedCommand) {
			s := c.loaded(10000)
			var shops []*device
			for n := range spec.CACache {
				ca := c.certify(c.world.root, entry{holder: fmt.Sprintf("SEBANK96%05d", n+1), role: spec.RoleIntermediary})
				shops = append(shops, c.device(&intermediary{ca: ca}, spec.RoleTerminal))
			}
			last := len(shops) - 1
			for _, shop := range shops[:last] {
				s.meet(shop.ca)
			}
			return s, attemptedCommand{
				variant: spec.VerifyCertificate.Only(), data: [][]byte{shops[last].ca.encoded},
				happened: func() bool {
					s.enterPIN()
					unknown := 0
					for _, shop := range shops {
						switch sw := s.exchange(spec.Pay.Only(), c.encode(c.request(shop, 99999, "")), shop.encoded).SW; sw {
						case spec.SWReferenceUnknown:
							unknown++
						default:
							assert.EqualValues(c, spec.SWFunds, sw)
						}
					}
					assert.Equal(c, 1, unknown, "the card remembers as many CAs as it has room for")
					return false
				},
				done: func([]byte) { s.pay(shops[last], c.request(shops[last], 100, "")) },
			}
		}},
	}
}
