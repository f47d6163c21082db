package demo

import (
	"context"

	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/host/envelope"
	"ekrona/host/sandbox"
	"ekrona/host/wallet"
)

// payInstruction is the command whose answer the torn tap loses.
var payInstruction = spec.Pay.INS

func (s *scenario) cardToCard() error {
	s.print.heading("Card to card: two phones, each with its owner's card, and nobody is online")
	if err := s.transfer(s.anna, s.bertil, 80*money.Krona); err != nil {
		return err
	}
	s.print.event("Bertil", "spends what was just received, before any of it is settled")
	return s.transfer(s.bertil, s.cecilia, 50*money.Krona)
}

// transfer pays from one card to another in three taps, each at the phone of the card's owner. What
// passes between the phones is text, as a camera reads it from a QR code.
func (s *scenario) transfer(payer, payee *sandbox.Person, amount money.Ore) error {
	var request, receipt envelope.Envelope
	withPIN, err := s.receive(payee, func(tap wallet.Tap) (err error) {
		request, err = payee.Phone.Request(s.ctx, tap, amount, "")
		return err
	})
	if err != nil {
		return err
	}
	s.print.event(title(payee.Name)+"'s card", "1: signs the Request for %s, and keeps room for it%s",
		amount, withPIN)
	request, err = s.show(payee, payer, request)
	if err != nil {
		return err
	}

	tap, err := s.present(payer)
	if err != nil {
		return err
	}
	payment, err := payer.Phone.Pay(s.ctx, tap, request)
	if err != nil {
		return err
	}
	s.print.event(title(payer.Name)+"'s card", "2: pays %s, with its PIN, which %s's own phone "+
		"enciphers to it", amount, title(payer.Name))
	if payment, err = s.show(payer, payee, payment); err != nil {
		return err
	}

	if withPIN, err = s.receive(payee, func(tap wallet.Tap) (err error) {
		receipt, err = payee.Phone.Accept(s.ctx, tap, payment)
		return err
	}); err != nil {
		return err
	}
	s.print.event(title(payee.Name)+"'s card", "3: accepts the Payment: %s has %s%s",
		title(payee.Name), amount, withPIN)
	if receipt, err = s.show(payee, payer, receipt); err != nil {
		return err
	}
	return payer.Phone.TakeAnswer(s.ctx, receipt)
}

// receive holds a payee's card to the payee's phone. The PIN is entered only if the card asks for it;
// withPIN says so then.
func (s *scenario) receive(
	p *sandbox.Person, do func(wallet.Tap) error,
) (withPIN string, err error) {
	hold := func(_ context.Context, asked bool) (wallet.Tap, error) {
		if asked {
			withPIN = " (its policy asks for its own PIN to receive)"
			return s.present(p)
		}
		s.print.tap()
		return wallet.Tap{Card: p.Card.Tap()}, nil
	}
	err = wallet.Side{Phone: p.Phone, Hold: hold}.Receive(s.ctx, do)
	return withPIN, err
}

// show has one phone show a message as a QR code, and another read it.
func (s *scenario) show(from, to *sandbox.Person, e envelope.Envelope) (envelope.Envelope, error) {
	code, err := e.QR()
	if err != nil {
		return e, err
	}
	read, err := envelope.ParseText(code.Text)
	if err != nil {
		return e, err
	}
	s.print.event(title(from.Name)+"'s phone", "shows the %s as a QR code of %d by %d modules, "+
		"which %s's phone reads", e.Kind(), code.Size(), code.Size(), title(to.Name))
	return to.Phone.Complete(read)
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
	s.print.event("Cecilia", "asks Anna for %s", amount)
	if asked, err = s.show(s.cecilia, s.anna, asked); err != nil {
		return err
	}
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
