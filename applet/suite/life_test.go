package suite

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// RunLife takes a card through random lives in which any command may be torn before any
// of its writes, or its answer lost, and any may be refused. After each step the card
// holds exactly what the model says; the model moves only by what was answered.
// Shrinking finds the shortest life that goes wrong.
func RunLife(t *testing.T, target Cutter) {
	var scheme *cardScheme
	rapid.Check(t, func(rt *rapid.T) {
		c := &caseRun{ctx: t.Context(), target: target, coverage: newCoverage(), world: scheme}
		// rapid wants to see it here, not in a goroutine
		c.stop = func() { rt.Fatal(strings.Join(c.failures, "\n")) }
		if scheme == nil {
			scheme = c.newCardScheme()
			c.world = scheme
		}
		l := &life{caseRun: c, rt: rt, target: target, s: c.loaded(100000)}
		l.merchant, l.payer = c.device(l.s.bank, spec.RoleTerminal),
			c.device(l.s.bank, spec.RoleCard)
		for range rapid.IntRange(1, 25).Draw(rt, "length") {
			l.step()
		}
		if len(c.failures) > 0 {
			c.stop()
		}
	})
}

// life is the life of one card, with the devices that it exchanges messages with.
type life struct {
	*caseRun
	rt              *rapid.T
	target          Cutter
	s               *subject
	merchant, payer *device
}

// maxWrites is above the number of persistent writes of any command here.
const maxWrites = 8

// step draws a command and what happens to it.
func (l *life) step() {
	actions := []string{"pay", "ask", "instruct"}
	if len(l.s.model.open) > 0 {
		actions = append(actions, "take", "refuse")
	}
	action := rapid.SampledFrom(actions).Draw(l.rt, "action")
	cut := rapid.IntRange(0, maxWrites).Draw(l.rt, "cut before write")
	l.s.newTap()
	l.s.enterPIN()
	var command attemptedCommand
	var allowed apdu.StatusWord
	switch action {
	case "pay":
		command, allowed = l.pay()
	case "ask":
		command, allowed = l.askFor()
	case "take":
		command, allowed = l.accept()
	case "refuse":
		command, allowed = l.refuse()
	case "instruct":
		command, allowed = l.instruct()
	}
	if allowed != apdu.OK {
		l.s.answers(allowed, command.variant, command.data...)
	} else {
		l.tear(l.target, l.s, command, cut)
	}
	l.s.newTap()
	l.s.audit()
}

// amount draws one that may be above the limits.
func (l *life) amount() money.Ore {
	return money.Ore(rapid.Uint32Range(1, 2*spec.PilotMaxBalance).Draw(l.rt, "amount"))
}

// room is the refusal of a new transaction by log and transactions, if any.
func (l *life) room() apdu.StatusWord {
	b := l.s.model
	transactions := len(b.open)
	for _, r := range b.stored() {
		if r.Payment != nil {
			transactions++
		}
	}
	switch {
	case len(b.stored())+len(b.open) >= int(l.s.parameters.Slots):
		return spec.SWLogFull
	case transactions >= int(b.policy.MaxTransactions):
		return spec.SWTransactionLimit
	}
	return apdu.OK
}

func (l *life) pay() (attemptedCommand, apdu.StatusWord) {
	r := l.request(l.merchant, l.amount(), "")
	command := attemptedCommand{
		variant: spec.Pay.Only(), data: [][]byte{l.encode(r), l.merchant.encoded},
		before: l.s.enterPIN, beforeRepeat: l.s.enterPIN,
		done: func(answer []byte) { l.s.enterPayment(r, answer) },
	}
	switch refused := l.room(); {
	case refused != apdu.OK:
		return command, refused
	case r.Amount > l.s.model.policy.MaxPayment:
		return command, spec.SWPaymentLimit
	case r.Amount > l.s.model.balance:
		return command, spec.SWFunds
	case l.s.model.paid()+r.Amount > l.s.model.policy.MaxSpent:
		return command, spec.SWSpentLimit
	}
	return command, apdu.OK
}

func (l *life) askFor() (attemptedCommand, apdu.StatusWord) {
	b := l.s.model
	amount := l.amount()
	command := l.s.askCommand(amount)
	reserved := b.balance
	for _, r := range b.open {
		reserved += r.Amount
	}
	refused := l.room()
	switch {
	case len(b.open) >= spec.MaxOpenRequests:
		return command, spec.SWOpenRequests
	case refused != apdu.OK:
		return command, refused
	case amount > b.policy.MaxPayment:
		return command, spec.SWPaymentLimit
	case reserved+amount > b.policy.MaxBalance:
		return command, spec.SWBalanceLimit
	}
	return command, apdu.OK
}

// openRequest draws one of those that are open.
func (l *life) openRequest() *message.Request {
	return rapid.SampledFrom(l.s.model.open).Draw(l.rt, "request")
}

func (l *life) accept() (attemptedCommand, apdu.StatusWord) {
	p := l.payment(l.payer, l.openRequest())
	return attemptedCommand{
		variant: spec.Accept.Only(), data: [][]byte{l.encode(p), l.payer.encoded},
		before: l.s.enterPIN,
		done:   func(answer []byte) { l.s.enterReceipt(p, answer) },
	}, apdu.OK
}

func (l *life) refuse() (attemptedCommand, apdu.StatusWord) {
	r := l.openRequest()
	return attemptedCommand{
		variant: spec.Refuse.Only(), data: [][]byte{l.number(r.Number)}, before: l.s.enterPIN,
		beforeRepeat: l.s.enterPIN,
		done:         func(answer []byte) { l.s.enterRefusal(r, answer) },
	}, apdu.OK
}

func (l *life) instruct() (attemptedCommand, apdu.StatusWord) {
	b := l.s.model
	i := l.s.next()
	i.AckedATC = rapid.Uint32Range(b.acked, b.atc()).Draw(l.rt, "acknowledged")
	i.Head = b.heads[i.AckedATC]
	if rapid.Bool().Draw(l.rt, "credit") {
		i.Credit = l.amount()
	}
	if rapid.Bool().Draw(l.rt, "policy") {
		i.Policy.Version++
		i.Policy.MaxBalance = min(l.amount(), spec.PilotMaxBalance)
		i.Policy.MaxSpent = min(l.amount(), spec.PilotMaxSpent)
		i.Policy.MaxTransactions = rapid.Uint16Range(0, spec.PilotMaxTransactions).Draw(l.rt,
			"transactions")
	}
	i.Date = i.Date.AddDays(rapid.IntRange(0, 30).Draw(l.rt, "days"))
	l.s.opened()
	return attemptedCommand{
		variant: spec.Instruct.Only(), data: [][]byte{l.s.sign(i)},
		before: l.s.opened, beforeRepeat: l.s.opened,
		done: func(answer []byte) { l.s.enterInstruction(i, answer) },
	}, apdu.OK
}
