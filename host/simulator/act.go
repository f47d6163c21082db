package simulator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

// act executes a step with its planned faults. Its error is what the party received, a refusal as a
// rule; it is for the log only.
func (w *world) act(s Step) error {
	p, q := w.people[s.Who%len(w.people)], w.people[s.Other%len(w.people)]
	t := w.terminals[s.Other%len(w.terminals)]
	b := w.banks[s.Who%len(w.banks)]
	if allowsEverything[s.Kind] && s.Amount == everything {
		payer := p
		if s.Kind == Transfer {
			payer = q
		}
		var err error
		if s.Amount, err = w.allOf(payer, s.Pick); err != nil {
			return err
		}
	}
	w.plan.busy = map[string]bool{p.name: true}
	if byPhone[s.Kind] {
		w.plan.actor = p
	}
	switch s.Kind {
	case Load:
		return w.withTap(p, s, func(tap wallet.Tap) error {
			_, err := p.phone.Load(w.ctx, tap, s.Amount)
			return err
		})
	case Unload:
		return w.withTap(p, s, func(tap wallet.Tap) error {
			_, err := p.phone.Unload(w.ctx, tap, s.Amount)
			return err
		})
	case Sync:
		return w.synchroniseAtHome(p, s)
	case Ask:
		return w.ask(p, q, s)
	case Pay:
		return w.pay(p, s)
	case Accept:
		return w.accept(p, s)
	case Answer:
		return w.answer(p, s)
	case Refuse:
		return w.refuse(p, s)
	case Transfer:
		return w.transfer(p, q, s)
	case Sale:
		return w.sale(p, t, s)
	case TapAgain, RefuseSale:
		return w.openSale(p, t, s)
	case SyncTerminal:
		return w.synchroniseTerminal(t)
	case Wait:
		w.clock.At = w.clock.At.Add(time.Duration(1+s.Pick%(60*24)) * time.Hour)
		w.note("        it is %s", w.clock.At.Format(time.DateTime))
		return nil
	case EnterWrong:
		return w.enterWrong(p, s)
	case Chain:
		return w.chain(p, q, t, s)
	case Issue:
		return w.issueStep(s, b)
	case Renew:
		return w.renew(p, t, s)
	case RefundSale:
		return w.refund(t, s)
	case SetTerminalBack:
		return w.setTerminalBack(t, s)
	case ChangePhone:
		return w.changePhone(p, s)
	case Cancel:
		return w.cancelUnload(p)
	case UsePUK:
		return w.usePUK(p, s)
	case Copy, RollBack, PayWithStolenCA, OrderWithFormerPhone, SendRandomCommands, SendJunk, Forge,
		Mint, Replay, BackUp, Restore:
		return w.attack(s, p, q, b)
	case OrderCrisis, PassCrisis, RobCrisis, SetClock, SetGroup:
		return w.crisisStep(s, p, t)
	default:
		return w.atBank(s, p, t)
	}
}

// withTap calls do with the person's card at the person's phone.
func (w *world) withTap(p *person, s Step, do func(wallet.Tap) error) error {
	tap, err := w.tap(p, s.Pick)
	if err != nil {
		return err
	}
	if w.scenario.Paired && withoutPIN[s.Kind] && s.Pick%2 == 0 {
		tap.PIN = pin.Block{}
	}
	return do(tap)
}

// withoutPIN are the kinds in which a phone that is paired with its card needs no PIN.
var withoutPIN = map[Kind]bool{Load: true, Ask: true, Accept: true, Refuse: true, Sync: true}

// synchroniseAtHome synchronises at the owner's phone, without the PIN now and then, and now and
// then pairs the phone with the card first.
func (w *world) synchroniseAtHome(p *person, s Step) error {
	if w.scenario.Paired && s.Pick%4 == 1 {
		if err := w.withTap(p, s, func(tap wallet.Tap) error {
			return p.phone.Pair(w.ctx, tap)
		}); err != nil {
			return err
		}
	}
	return w.withTap(p, s, func(tap wallet.Tap) error { return w.synchroniseBy(p, tap) })
}

func (w *world) synchronise(p *person, which int) error {
	tap, err := w.tap(p, which)
	if err != nil {
		return err
	}
	return w.synchroniseBy(p, tap)
}

func (w *world) synchroniseBy(p *person, tap wallet.Tap) error {
	result, err := p.phone.Synchronise(w.ctx, tap)
	if err == nil && result.Difference != 0 {
		return fmt.Errorf("the balance is off by %s", result.Difference)
	}
	return err
}

func (w *world) synchroniseTerminal(t *merchantTerminal) error {
	w.plan.busy[t.merchant] = true
	t.seen = nil
	_, err := t.Synchronise(w.ctx)
	t.knows = t.knows || errors.Is(err, terminal.ErrRolledBack) &&
		!errors.Is(err, faultdriver.ErrPowerLost)
	return err
}

func (w *world) ask(p, q *person, s Step) error {
	return w.withTap(p, s, func(tap wallet.Tap) error {
		var payer message.DeviceID
		if s.Pick%3 == 0 && q != p {
			payer = q.device.ID
		}
		request, err := p.phone.Request(w.ctx, tap, s.Amount, payer)
		if err == nil {
			w.checkAnswer(p, isRequestFor(request.Message, s.Amount, payer),
				"another Request for the one that its owner wants")
			p.sent.record(p.device.ID, request.Message) // under secure messaging nobody hears it
			w.sendToPhone(requestMessage, p.device.ID, payer, request)
		}
		return err
	})
}

func (w *world) pay(p *person, s Step) error {
	request, err := w.takeFromInbox(requestMessage, p.device.ID, s.Pick)
	if err != nil {
		return err
	}
	return w.withTap(p, s, func(tap wallet.Tap) error {
		payment, err := p.phone.Pay(w.ctx, tap, request)
		if err == nil {
			w.checkAnswer(p, isAnswerTo(request.Message, payment.Message),
				"another Payment for that of the Request")
			w.sendToPhone(paymentMessage, p.device.ID, payeeOf(payment.Message), payment)
		}
		return err
	})
}

func (w *world) accept(p *person, s Step) error {
	payment, err := w.takeFromInbox(paymentMessage, p.device.ID, s.Pick)
	if err != nil {
		return err
	}
	p.funding = noted(p.funding, payment.Provenance)
	return w.withTap(p, s, func(tap wallet.Tap) error {
		receipt, err := p.phone.Accept(w.ctx, tap, payment)
		if err == nil {
			w.checkAnswer(p, isAnswerTo(payment.Message, receipt.Message),
				"another Receipt for that of the Payment")
			p.sent.record(p.device.ID, receipt.Message)
			w.sendToPhone(answerMessage, p.device.ID, payerOf(receipt.Message), receipt)
		}
		return err
	})
}

func (w *world) answer(p *person, s Step) error {
	answer, err := w.takeFromInbox(answerMessage, p.device.ID, s.Pick)
	if err != nil {
		return err
	}
	return p.phone.TakeAnswer(w.ctx, answer)
}

// refuse closes one of the person's own requests, open or not.
func (w *world) refuse(p *person, s Step) error {
	own := w.requestsOf(p)
	if len(own) == 0 {
		return errors.New("nothing was asked for")
	}
	request := own[len(own)-1-min(s.Pick%8, len(own)-1)]
	return w.withTap(p, s, func(tap wallet.Tap) error {
		refusal, err := p.phone.Refuse(w.ctx, tap, request)
		if err == nil {
			w.checkAnswer(p, isAnswerTo(request.Message, refusal.Message),
				"another Refusal for that of the Request")
			p.sent.record(p.device.ID, refusal.Message)
			w.sendToPhone(answerMessage, p.device.ID, payerOf(refusal.Message), refusal)
		}
		return err
	})
}

// transfer is a whole payment between two cards, each at its owner's phone, or the rest of one that
// the payee's phone has started.
func (w *world) transfer(payee, payer *person, s Step) error {
	if payee == payer {
		return errors.New("nobody pays himself")
	}
	w.plan.busy[payer.name] = true
	if records, err := payer.phone.Provenance(w.ctx); err == nil {
		payee.funding = noted(payee.funding, records)
	}
	if s.Pick%4 == 0 {
		return w.continueTransfer(w.side(payer, s), w.side(payee, s), payee)
	}
	request, receipt, err := wallet.Transfer(w.ctx, w.side(payer, s), w.side(payee, s), s.Amount)
	if request.Message != nil {
		w.checkAnswer(payee, isRequestFor(request.Message, s.Amount, ""),
			"another Request for the one that its owner wants")
		w.sendToPhone(requestMessage, payee.device.ID, "", request)
	}
	if err == nil {
		w.sendToPhone(answerMessage, payee.device.ID, payerOf(receipt.Message), receipt)
	}
	return err
}

// side is a person with phone and card, who enters the PIN at once or where the card asks for it.
func (w *world) side(p *person, s Step) wallet.Side {
	hold := func(_ context.Context, withPIN bool) (wallet.Tap, error) {
		tap, err := w.tap(p, s.Pick)
		if !withPIN && s.Pick%2 == 0 {
			tap.PIN = pin.Block{}
		}
		return tap, err
	}
	return wallet.Side{Phone: p.phone, Hold: hold}
}

// continueTransfer continues the last transfer of a phone that has no answer: if that was started
// elsewhere, a card will refuse.
func (w *world) continueTransfer(payer, payee wallet.Side, who *person) error {
	unfinished, err := payee.Phone.Unfinished(w.ctx)
	if err != nil {
		return err
	}
	if len(unfinished) == 0 {
		return errors.New("nothing was started")
	}
	receipt, err := wallet.ContinueTransfer(w.ctx, payer, payee, unfinished[len(unfinished)-1])
	if err == nil {
		w.sendToPhone(answerMessage, who.device.ID, payerOf(receipt.Message), receipt)
	}
	return err
}

// chain spends money ahead of all synchronisation: a person spends a received payment at once, with
// all else on the card, and the terminal that took it synchronises first.
func (w *world) chain(p, q *person, t *merchantTerminal, s Step) error {
	if err := w.transfer(p, q, s); err != nil {
		return err
	}
	amount, err := w.allOf(p, s.Pick)
	if err != nil {
		return err
	}
	s.Amount = amount
	if err := w.sale(p, t, s); err != nil {
		return err
	}
	return w.synchroniseTerminal(t)
}

// allOf returns the balance of a card.
func (w *world) allOf(p *person, which int) (money.Ore, error) {
	held, err := w.observe(p, which)
	if err != nil {
		return 0, err
	}
	return held.State.Balance, nil
}

func (w *world) sale(p *person, t *merchantTerminal, s Step) error {
	sale, err := w.askAt(t, s.Amount)
	if err != nil {
		return err
	}
	return w.take(p, t, sale.Number, s)
}

// askAt has a terminal request an amount.
func (w *world) askAt(t *merchantTerminal, amount money.Ore) (terminal.Sale, error) {
	w.plan.busy[t.merchant] = true
	t.seen = nil
	sale, err := t.Ask(w.ctx, amount)
	if err != nil {
		return sale, err
	}
	if t.knows {
		w.failure = errors.Join(w.failure,
			fmt.Errorf("the %s's terminal knows that it was set back, and sells", t.merchant))
	}
	t.asked = append(t.asked, sale)
	// somebody may have taken a picture of it
	w.sendToPhone(requestMessage, t.ID(), "", sale.Request)
	return sale, nil
}

func (w *world) take(p *person, t *merchantTerminal, number uint32, s Step) error {
	entered, err := pin.NewBlock(rightPIN)
	if err != nil {
		return err
	}
	receipt, err := t.Take(w.ctx, number, w.reader(p, s.Pick), entered)
	if err == nil {
		t.sent.record(t.ID(), receipt.Message)
		w.keepSale(t, receipt, number)
		w.sendToPhone(answerMessage, t.ID(), payerOf(receipt.Message), receipt)
		err = w.giveFunding(p, t, number)
	}
	return err
}

// giveFunding has the payer's phone give a terminal what funded a sale.
func (w *world) giveFunding(p *person, t *merchantTerminal, number uint32) error {
	records, err := p.phone.Provenance(w.ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	t.funding = noted(t.funding, records)
	return t.TakeProvenance(w.ctx, number, records)
}

// openSale continues a sale that is neither paid nor refused, or any.
func (w *world) openSale(p *person, t *merchantTerminal, s Step) error {
	w.plan.busy[t.merchant] = true
	t.seen = nil
	open, err := t.OpenSales(w.ctx)
	if err != nil {
		return err
	}
	if p != nil && s.Pick%8 == 0 { // one that was paid or refused before, as it may be
		open = t.asked
	}
	if len(open) == 0 {
		return errors.New("no sale is open")
	}
	number := open[s.Pick%len(open)].Number
	if s.Kind == TapAgain {
		return w.take(p, t, number, s)
	}
	refusal, err := t.Refuse(w.ctx, number)
	if err == nil {
		t.sent.record(t.ID(), refusal.Message)
		w.sendToPhone(answerMessage, t.ID(), payerOf(refusal.Message), refusal)
	}
	return err
}

// enterWrong enters a wrong PIN. The try is spent before the PIN is compared and
// never comes back, not even when the power is cut (protocol §3).
func (w *world) enterWrong(p *person, s Step) error {
	wrong, err := pin.NewBlock("0000")
	if err != nil {
		return err
	}
	before, err := w.tries(p, s.Pick)
	if err != nil {
		return err
	}
	w.plan.writes = 0
	reader := w.reader(p, s.Pick)
	applet := client.New(reader)
	if _, err := applet.Select(w.ctx); err != nil {
		return err
	}
	unaltered := !slices.ContainsFunc(w.plan.faults,
		func(f Fault) bool { return f.Kind == AlterCommand })
	err = applet.Verify(w.ctx, wrong, client.PINTransport{})
	if err != nil && !client.IsLost(err) {
		w.recordFault(WrongPIN)
	}
	after, readErr := w.tries(p, s.Pick)
	if readErr == nil && unaltered && before > 0 && w.plan.writes > 0 && after != before-1 {
		w.failure = errors.Join(w.failure,
			fmt.Errorf("%s's card was given a wrong PIN with %d tries left, and has %d left",
				p.name, before, after))
	}
	return errors.Join(err, readErr)
}

// tries reads how many PIN tries a card has left, past all faults.
func (w *world) tries(p *person, which int) (int, error) {
	c := p.cards[which%len(p.cards)]
	c.Reset()
	applet := client.New(apdu.Framing{Card: c, ExtendedLength: true})
	if _, err := applet.Select(w.ctx); err != nil {
		return 0, err
	}
	answer, err := c.Transmit(w.ctx, spec.Verify.Only().APDU())
	if err != nil {
		return 0, err
	}
	var left apdu.TriesLeft
	if !errors.As(answer.SW, &left) {
		return 0, nil
	}
	return int(left), nil
}

// usePUK restores the card's PIN tries, with the same PIN.
func (w *world) usePUK(p *person, s Step) error {
	puk, err := pin.NewPUKBlock(rightPUK)
	if err != nil {
		return err
	}
	return w.withTap(p, s,
		func(tap wallet.Tap) error { return p.phone.UnblockPIN(w.ctx, tap, puk, tap.PIN) })
}

// atBank makes a person's call to the intermediary, or now and then a merchant's for its terminal.
func (w *world) atBank(s Step, p *person, t *merchantTerminal) error {
	id, b, policy := p.device.ID, p.bank, message.PilotPolicy()
	if ofTerminals[s.Kind] && s.Pick%4 == 0 {
		id, b, policy = t.ID(), t.bank, terminal.PilotPolicy()
	}
	switch s.Kind {
	case Report:
		w.recordFault(LostCard)
		return b.ReportLost(w.ctx, id)
	case Lose:
		return w.loseCard(p, s)
	case End:
		if s.Pick%3 == 0 {
			return b.EndNow(w.ctx, id)
		}
		return b.End(w.ctx, id)
	case EndDue:
		ended, err := w.central.EndDue(w.ctx)
		if len(ended) > 0 {
			w.note("        ended: %v", ended)
		}
		return err
	case Block:
		return b.Block(w.ctx, id, true)
	case Unblock:
		return b.Block(w.ctx, id, false)
	case GiveTries:
		return b.ResetTries(w.ctx, id)
	case Policy:
		policy.MaxPayment = min(policy.MaxPayment, money.Ore(1+s.Pick%int(policy.MaxPayment)))
		policy.MaxBalance = min(policy.MaxBalance, money.Ore(1000+s.Pick%int(policy.MaxBalance)))
		if policy.MaxSpent > 0 {
			policy.MaxSpent = min(policy.MaxSpent, money.Ore(1000+s.Pick%int(policy.MaxSpent)))
		}
		policy.MaxTransactions = min(policy.MaxTransactions, uint16(1+s.Pick%8))
		if s.Pick%2 == 0 {
			policy.Flags |= spec.FlagPINToReceive
		}
		_, err := b.SetPolicy(w.ctx, banking.PolicyOrder{Key: fmt.Sprintf("step %d", s.Number),
			By: "the simulator", Policy: policy, Devices: []message.DeviceID{id}})
		return err
	}
	return fmt.Errorf("lab: no step is called %q", s.Kind)
}
