package demo

import (
	"context"
	"errors"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/envelope"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/wallet"
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
	request, err := s.askFor(payee, amount)
	if err != nil {
		return err
	}
	s.print.event(title(payee.Name)+"'s card", "1: signs the Request for %s, and keeps room for it",
		amount)
	if request, err = s.show(payee, payer, request); err != nil {
		return err
	}

	payment, err := s.payRequest(payer, request)
	if err != nil {
		return err
	}
	s.print.event(title(payer.Name)+"'s card", "2: pays %s, with its PIN: the only one, which "+
		"%s's own phone enciphers to it", amount, title(payer.Name))
	if payment, err = s.show(payer, payee, payment); err != nil {
		return err
	}

	receipt, err := s.accept(payee, payment)
	if err != nil {
		return err
	}
	s.print.event(title(payee.Name)+"'s card", "3: accepts the Payment: %s has %s",
		title(payee.Name), amount)
	if receipt, err = s.show(payee, payer, receipt); err != nil {
		return err
	}
	return payer.Phone.TakeAnswer(s.ctx, receipt)
}

// askFor has a payee's card sign a Request.
func (s *scenario) askFor(
	payee *sandbox.Person, amount money.Ore,
) (request envelope.Envelope, err error) {
	err = s.receiving(payee).Receive(s.ctx, func(tap wallet.Tap) (err error) {
		request, err = payee.Phone.Request(s.ctx, tap, amount, "")
		return err
	})
	return request, err
}

// payRequest has a payer's card pay a Request, with its PIN.
func (s *scenario) payRequest(
	payer *sandbox.Person, request envelope.Envelope,
) (payment envelope.Envelope, err error) {
	tap, err := s.present(payer)
	if err != nil {
		return payment, err
	}
	return payer.Phone.Pay(s.ctx, tap, request)
}

// accept has a payee's card accept a Payment.
func (s *scenario) accept(
	payee *sandbox.Person, payment envelope.Envelope,
) (receipt envelope.Envelope, err error) {
	err = s.receiving(payee).Receive(s.ctx, func(tap wallet.Tap) (err error) {
		receipt, err = payee.Phone.Accept(s.ctx, tap, payment)
		return err
	})
	return receipt, err
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
	read, modules, err := pass(to, e)
	if err != nil {
		return e, err
	}
	s.print.event(title(from.Name)+"'s phone", "shows the %s as a QR code of %d by %d modules, "+
		"which %s's phone reads", e.Kind(), modules, modules, title(to.Name))
	return read, nil
}

// pass has somebody's phone read a message from a QR code, and returns how many modules wide that
// is.
func pass(to *sandbox.Person, e envelope.Envelope) (envelope.Envelope, int, error) {
	code, err := e.QR()
	if err != nil {
		return e, 0, err
	}
	read, err := envelope.ParseText(code.Text)
	if err != nil {
		return e, 0, err
	}
	read, err = to.Phone.Complete(read)
	return read, code.Size(), err
}

func (s *scenario) refuse() error {
	s.print.heading("A refusal: the payment is on its way, and never arrives")
	const amount = 20 * money.Krona
	asked, err := s.askFor(s.cecilia, amount)
	if err != nil {
		return err
	}
	s.print.event("Cecilia", "asks Anna for %s", amount)
	if asked, err = s.show(s.cecilia, s.anna, asked); err != nil {
		return err
	}
	if _, err = s.payRequest(s.anna, asked); err != nil {
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
	if err := s.unloadCard(s.cecilia, amount); err != nil {
		return err
	}
	s.print.event("Fjord Bank", "has its desk sign a Request that names Cecilia's card")
	s.print.event("Cecilia's card", "pays %s to the desk; settled, it is in the online wallet",
		amount)
	return nil
}

func (s *scenario) unloadCard(p *sandbox.Person, amount money.Ore) error {
	tap, err := s.present(p)
	if err != nil {
		return err
	}
	_, err = p.Phone.Unload(s.ctx, tap, amount)
	return err
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
		if err := s.synchroniseTerminals(); err != nil {
			return err
		}
	}
	return nil
}
