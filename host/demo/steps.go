package demo

import (
	"context"

	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/host/sandbox"
	"ekrona/host/wallet"
)

// payInstruction is the command whose answer the torn tap loses.
var payInstruction = spec.Pay.INS

func (s *scenario) cardToCard() error {
	s.print.heading("Card to card: nobody is online")
	if err := s.transfer(s.anna, s.bertil, 80*money.Krona); err != nil {
		return err
	}
	s.print.event("Bertil", "spends what was just received, before any of it is settled")
	return s.transfer(s.bertil, s.cecilia, 50*money.Krona)
}

// transfer pays from one card to another in three taps on the payee's phone.
func (s *scenario) transfer(payer, payee *sandbox.Person, amount money.Ore) error {
	s.print.event(title(payee.Name), "asks for %s; three taps on one phone", amount)
	_, receipt, err := payee.Phone.Transfer(s.ctx, amount,
		func(_ context.Context, side wallet.Side) (wallet.Tap, error) {
			if side == wallet.Payer {
				tap, err := s.present(payer)
				tap.OtherCard = true
				return tap, err
			}
			return s.present(payee)
		})
	if err != nil {
		return err
	}
	s.print.event(title(payee.Name)+"'s card", "1: signs the Request, and keeps room for %s",
		amount)
	s.print.event(title(payer.Name)+"'s card", "2: pays %s, with its PIN", amount)
	s.print.event(title(payee.Name)+"'s card", "3: accepts; its Receipt goes to %s's phone",
		title(payer.Name))
	return payer.Phone.TakeAnswer(s.ctx, receipt)
}

func (s *scenario) refuse() error {
	s.print.heading("A refusal: the payment is on its way, and never arrives")
	const amount = 20 * money.Krona
	tap, err := s.present(s.cecilia)
	if err != nil {
		return err
	}
	asked, err := s.cecilia.Phone.Request(s.ctx, tap, amount, "")
	if err != nil {
		return err
	}
	s.print.event("Cecilia", "sends Anna a Request for %s as a picture", amount)
	if tap, err = s.present(s.anna); err != nil {
		return err
	}
	if _, err = s.anna.Phone.Pay(s.ctx, tap, asked); err != nil {
		return err
	}
	s.print.event("Anna's card", "pays it; the Payment stays on Anna's phone, which has no network")
	if tap, err = s.present(s.cecilia); err != nil {
		return err
	}
	if _, err = s.cecilia.Phone.Refuse(s.ctx, tap, asked); err != nil {
		return err
	}
	s.print.event("Cecilia's card", "closes the Request with a signed Refusal, for ever: the "+
		"money will come back to Anna's online wallet")
	return nil
}

func (s *scenario) settleTheChain() error {
	s.print.heading("Settlement: Cecilia first, whose money is not there yet; then the merchant, " +
		"before the payer")
	for _, step := range []func() error{
		func() error { return s.synchronise(s.cecilia) },
		s.synchroniseTerminal,
		func() error { return s.synchronise(s.anna) },
		func() error { return s.synchronise(s.bertil) },
	} {
		if err := step(); err != nil {
			return err
		}
		if err := s.verdicts(); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) payerFirst() error {
	s.print.heading("The other way round: the payer synchronises before the merchant")
	if _, err := s.sell(s.bertil, 15*money.Krona); err != nil {
		return err
	}
	s.print.event("Bertil", "has no phone at hand, so the Receipt stays with the merchant")
	for _, step := range []func() error{func() error { return s.synchronise(s.bertil) },
		s.synchroniseTerminal} {
		if err := step(); err != nil {
			return err
		}
		if err := s.verdicts(); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) unload() error {
	s.print.heading("Unload: from the card back to the online wallet")
	const amount = 30 * money.Krona
	tap, err := s.present(s.cecilia)
	if err != nil {
		return err
	}
	if _, err := s.cecilia.Phone.Unload(s.ctx, tap, amount); err != nil {
		return err
	}
	s.print.event("Fjord Bank", "has its desk sign a Request that names Cecilia's card")
	s.print.event("Cecilia's card", "pays %s to the desk; settled, it is in the online wallet",
		amount)
	return nil
}

// settleAll has everyone synchronise twice, after which all must agree.
func (s *scenario) settleAll() error {
	s.print.heading("Everyone synchronises twice, and all must agree")
	for range 2 {
		for _, p := range s.people() {
			if err := s.synchronise(p); err != nil {
				return err
			}
		}
		if err := s.synchroniseTerminal(); err != nil {
			return err
		}
	}
	return nil
}
