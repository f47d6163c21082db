package week

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/envelope"
	"ekrona.example/host/limit"
	"ekrona.example/host/wallet"
)

// What people and cards do wrong.
const (
	tornTaps   = 0.01 // of all taps
	givesUp    = 0.02 // of torn taps: the payer leaves, and pays otherwise
	mistypes   = 0.02 // of all PINs
	forgotten  = 0.08 // of PINs that are typed again after a wrong one
	mostTorn   = 8    // taps of one flow in a row: more is not chance
	wrongDigit = "0000"
)

// errGivenUp says that the payer has left after a torn tap.
var errGivenUp = errors.New("torn, and given up")

// visit is an attempt that is played.
type visit struct {
	ctx context.Context // of the one visit; every tap of it goes to the card
	w   *world
	on  *hand
	r   *rand.Rand
	*attempt
	calm bool // no tap is torn, no PIN mistyped
}

// play plays an attempt as the people do it.
func (v *visit) play() error {
	payer := v.w.people[v.payer]
	v.outcome = outcome{played: true}
	if payer.balance < v.amount {
		v.outcome.unfunded = true
		return nil
	}
	var err error
	if v.merchant == nobody {
		err = v.transfer(payer, v.w.people[v.payee])
	} else {
		err = v.sale(payer, v.w.merchants[v.merchant])
	}
	if v.outcome.reason == (Reason{Locked, limit.Payer}) {
		payer.locked = true
	}
	if v.outcome.reason == (Reason{Locked, limit.Payee}) {
		v.w.people[v.payee].locked = true
	}
	if err == nil && v.outcome.reason.What == Torn {
		err = v.look(payer)
	}
	return err
}

// fail notes why the attempt did not succeed.
func (v *visit) fail(err error, whose limit.Owner) {
	v.outcome.reason = reasonOf(err, whose)
	v.w.watch.refused(v.outcome.reason)
	if v.outcome.reason.What == Unexpected {
		v.outcome.err = fmt.Errorf("%s of %s: %w", v.purpose, v.amount, err)
	}
}

// insist does something with taps as people do it: after a torn tap again, after a mistyped PIN
// again. It returns errGivenUp for who leaves after a torn tap.
func (v *visit) insist(p *person, do func(tap wallet.Tap) error) error {
	wrong := 0
	for torn := 0; ; {
		entered, err := v.enter(p, wrong)
		if err != nil {
			return err
		}
		err = do(wallet.Tap{Card: hold(p.card, v.tear()), PIN: entered})
		var refused *client.Refusal
		switch {
		case client.IsLost(err) && torn < mostTorn:
			torn++
			v.outcome.torn++
			if chance(v.r, givesUp) {
				return errGivenUp
			}
		case errors.As(err, &refused) && refused.SW&0xFFF0 == spec.SWPINWrong:
			wrong++
		default:
			return err
		}
	}
}

// receive is insist at the own phone, which is paired with the card: no PIN is entered.
func (v *visit) receive(p *person, do func(tap wallet.Tap) error) error {
	for torn := 0; ; torn++ {
		err := do(wallet.Tap{Card: hold(p.card, v.tear())})
		if !client.IsLost(err) || torn == mostTorn {
			return err
		}
		v.outcome.torn++
		if chance(v.r, givesUp) {
			return errGivenUp
		}
	}
}

// tear draws how the next tap is torn.
func (v *visit) tear() tear {
	if v.calm {
		return tear{}
	}
	return drawTear(v.r)
}

// enter types the PIN, now and then a wrong one.
func (v *visit) enter(p *person, wrong int) (pin.Block, error) {
	share := mistypes
	if wrong > 0 {
		share = forgotten
	}
	if !v.calm && chance(v.r, share) {
		return pin.NewBlock(wrongDigit)
	}
	return p.pin, nil
}

// sale pays at a merchant.
func (v *visit) sale(payer *person, s *merchant) error {
	defer payer.card.Reset()
	sale, err := s.AskWith(v.ctx, v.amount, hold(payer.card, tear{}))
	if err != nil {
		v.fail(err, limit.Terminal)
		return nil
	}
	err = v.insist(payer, func(tap wallet.Tap) error {
		_, err := s.Take(v.ctx, sale.Number, tap.Card, tap.PIN)
		return err
	})
	if err != nil {
		v.fail(err, limit.Payer)
		_, err := s.Refuse(v.ctx, sale.Number)
		return err
	}
	payer.pays(v.amount)
	if err := v.giveProvenance(payer, s, sale.Number); err != nil {
		return err
	}
	s.receipts++
	s.taken += v.amount
	s.most = max(s.most, v.amount)
	return nil
}

// giveProvenance has the payer's phone give a terminal what funded a sale.
func (v *visit) giveProvenance(payer *person, s *merchant, number uint32) error {
	if !v.w.plan.Liquidity.Provenance {
		return nil
	}
	return v.on.payer.use(v.ctx, v.w, payer, func(phone *wallet.Wallet) error {
		records, err := phone.Provenance(v.ctx)
		if err != nil || len(records) == 0 {
			return err
		}
		v.w.watch.handed(s.ID(), records)
		return s.TakeProvenance(v.ctx, number, records)
	})
}

// transfer pays from card to card, with two phones: the payee's card requests, the payer's pays,
// the payee's accepts.
func (v *visit) transfer(payer, payee *person) error {
	return v.on.payee.use(v.ctx, v.w, payee, func(asking *wallet.Wallet) error {
		return v.on.payer.use(v.ctx, v.w, payer, func(paying *wallet.Wallet) error {
			return v.twoPhones(payer, payee, paying, asking)
		})
	})
}

func (v *visit) twoPhones(payer, payee *person, paying, asking *wallet.Wallet) error {
	var request, payment, receipt envelope.Envelope
	err := v.receive(payee, func(tap wallet.Tap) (err error) {
		request, err = asking.Request(v.ctx, tap, v.amount, "")
		return err
	})
	if err != nil {
		v.fail(err, limit.Payee)
		return nil
	}
	err = v.insist(payer, func(tap wallet.Tap) (err error) {
		payment, err = paying.Pay(v.ctx, tap, request)
		return err
	})
	if err != nil {
		v.fail(err, limit.Payer)
		err = v.receive(payee, func(tap wallet.Tap) error {
			_, err := asking.Refuse(v.ctx, tap, request)
			return err
		})
		if errors.Is(err, errGivenUp) {
			return nil // the Request stays open until the card synchronises
		}
		return err
	}
	payer.pays(v.amount)
	v.w.watch.handed(payee.device.ID, payment.Provenance)
	err = v.receive(payee, func(tap wallet.Tap) (err error) {
		receipt, err = asking.Accept(v.ctx, tap, payment)
		return err
	})
	if err != nil {
		v.fail(err, limit.Payee)
		return v.look(payee)
	}
	payee.gets(v.amount)
	return paying.TakeAnswer(v.ctx, receipt)
}

// look has somebody look at the balance, who does not know what became of a torn tap.
func (v *visit) look(p *person) error {
	state, err := v.w.state(v.ctx, p)
	if err == nil {
		p.knows(state.Balance)
	}
	return err
}
