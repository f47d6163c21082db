package demo

import (
	"context"
	"errors"

	"ekrona/apdu/money"
	"ekrona/apdu/spec"
	"ekrona/host/envelope"
	"ekrona/host/sandbox"
	"ekrona/host/wallet"
)

// payInstruction is the command whose answer the torn tap loses.
var payInstruction = spec.Pay.INS

// pair pairs each phone with its card.
func (s *scenario) pair() error {
	s.print.heading("Pairing: phone and card meet once, by the PIN")
	for _, p := range s.people() {
		tap, err := s.present(p)
		if err != nil {
			return err
		}
		if err := p.Phone.Pair(s.ctx, tap); err != nil {
			return err
		}
		s.print.event(title(p.Name)+"'s phone",
			"is paired with the card: from now on it reads and receives without the PIN")
	}
	s.print.event("A payment", "asks for the PIN, always")
	return nil
}

func (s *scenario) cardToCard() error {
	s.print.heading("Card to card: two phones, one PIN, and nobody is online")
	if err := s.transfer(s.anna, s.bertil, 80*money.Krona); err != nil {
		return err
	}
	holdings, err := s.bertil.Phone.Holdings(s.ctx, s.hold(s.bertil))
	if err != nil {
		return err
	}
	s.print.event("Bertil's phone", "reads the card's balance, without PIN: %s", holdings.Balance)
	s.print.cost("that tap")
	s.print.event("Bertil", "spends what was just received, before any of it is settled")
	return s.transfer(s.bertil, s.cecilia, 50*money.Krona)
}

// transfer pays from one card to another in three taps, each at the phone of the card's owner. What
// passes between the phones is text, as a camera reads it from a QR code.
func (s *scenario) transfer(payer, payee *sandbox.Person, amount money.Ore) error {
	var request, receipt envelope.Envelope
	if err := s.receiving(payee).Receive(s.ctx, func(tap wallet.Tap) (err error) {
		request, err = payee.Phone.Request(s.ctx, tap, amount, "")
		return err
	}); err != nil {
		return err
	}
	s.print.event(title(payee.Name)+"'s card", "1: signs the Request for %s, and keeps room for it",
		amount)
	request, err := s.show(payee, payer, request)
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
	s.print.event(title(payer.Name)+"'s card", "2: pays %s, with its PIN: the only one, which "+
		"%s's own phone enciphers to it", amount, title(payer.Name))
	if payment, err = s.show(payer, payee, payment); err != nil {
		return err
	}

	if err := s.receiving(payee).Receive(s.ctx, func(tap wallet.Tap) (err error) {
		receipt, err = payee.Phone.Accept(s.ctx, tap, payment)
		return err
	}); err != nil {
		return err
	}
	s.print.event(title(payee.Name)+"'s card", "3: accepts the Payment: %s has %s",
		title(payee.Name), amount)
	if receipt, err = s.show(payee, payer, receipt); err != nil {
		return err
	}
	return payer.Phone.TakeAnswer(s.ctx, receipt)
}

// errPINToReceive says that the demo's payees entered a PIN after all.
var errPINToReceive = errors.New("demo: the payee's card asks for its PIN to receive")

// hold holds a person's card to the paired phone, without PIN.
func (s *scenario) hold(p *sandbox.Person) wallet.Tap {
	s.print.tap()
	return wallet.Tap{Card: p.Card.Tap()}
}

// receiving is a payee with phone and card, and without PIN.
func (s *scenario) receiving(p *sandbox.Person) wallet.Side {
	hold := func(_ context.Context, withPIN bool) (wallet.Tap, error) {
		if withPIN {
			return wallet.Tap{}, errPINToReceive
		}
		return s.hold(p), nil
	}
	return wallet.Side{Phone: p.Phone, Hold: hold}
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
	var asked envelope.Envelope
	err := s.receiving(s.cecilia).Receive(s.ctx, func(tap wallet.Tap) (err error) {
		asked, err = s.cecilia.Phone.Request(s.ctx, tap, amount, "")
		return err
	})
	if err != nil {
		return err
	}
	s.print.event("Cecilia", "asks Anna for %s", amount)
	if asked, err = s.show(s.cecilia, s.anna, asked); err != nil {
		return err
	}
	tap, err := s.present(s.anna)
	if err != nil {
		return err
	}
	if _, err = s.anna.Phone.Pay(s.ctx, tap, asked); err != nil {
		return err
	}
	s.print.event("Anna's card", "pays it; the Payment stays on Anna's phone, which has no network")
	if err := s.receiving(s.cecilia).Receive(s.ctx, func(tap wallet.Tap) error {
		_, err := s.cecilia.Phone.Refuse(s.ctx, tap, asked)
		return err
	}); err != nil {
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
