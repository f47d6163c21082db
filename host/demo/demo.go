// Package demo plays the example of the pilot's report with real parties: money is loaded, spent at
// a merchant, torn, passed from card to card, refused, settled in whatever order the parties come
// online, and unloaded; for a day there is no network, and a crisis order spreads by taps; at the
// end the books are read and every invariant of the protocol is checked. Start at [Run].
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/trace"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/progress"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

// scenario is one run of the demo.
type scenario struct {
	ctx     context.Context // of the one run; every scene passes it on
	sandbox *sandbox.Sandbox
	print   *printer

	anna, bertil, cecilia *sandbox.Person
	cafe, pharmacy        *sandbox.Merchant // the pharmacy from the evening before the day on

	before []money.Ore               // what the people's cards had before the day without network
	seen   map[string]notary.Verdict // what was printed of a payment
}

// Options say how the demo is shown.
type Options struct {
	Plan    sandbox.Plan
	Sandbox sandbox.Options // Observe is the demo's own
	Trace   *trace.Text     // how every command to a card is shown; nil shows none
	Show    progress.Show   // receives the demo as events, for a program
}

// Run founds a sandbox in an empty folder, plays the demo, writes it to out, and returns the books
// after it. Violations of the protocol are in the books, not an error.
func Run(
	ctx context.Context, folder string, out io.Writer, options Options,
) (sandbox.Books, error) {
	tell := &printer{out: out, show: options.Show, trace: options.Trace}
	options.Sandbox.Observe = tell.onExchange
	tell.heading("The parties")
	t, err := sandbox.Found(ctx, folder, options.Plan, options.Sandbox)
	if err != nil {
		return sandbox.Books{}, err
	}
	books, err := play(ctx, t, tell)
	return books, errors.Join(err, t.Close())
}

// play plays one scene after the other.
func play(ctx context.Context, t *sandbox.Sandbox, tell *printer) (sandbox.Books, error) {
	s := &scenario{ctx: ctx, sandbox: t, print: tell}
	var err error
	for name, person := range map[string]**sandbox.Person{"anna": &s.anna, "bertil": &s.bertil,
		"cecilia": &s.cecilia} {
		if *person, err = t.Person(ctx, name, ""); err != nil {
			return sandbox.Books{}, err
		}
	}
	if s.cafe, err = t.Merchant(ctx, "cafe"); err != nil {
		return sandbox.Books{}, err
	}
	if err := s.introduce(); err != nil {
		return sandbox.Books{}, err
	}
	for _, scene := range []func() error{
		s.pair, s.load, s.payAtTheMerchant, s.tornTap, s.cardToCard, s.refuse,
		s.settleTheChain, s.payerFirst, s.unload, s.dayWithoutNetwork, s.morningAfter, s.settleAll,
	} {
		if err := scene(); err != nil {
			return sandbox.Books{}, err
		}
	}
	books, err := t.Books(ctx, true)
	if err != nil {
		return books, err
	}
	return books, tell.books(books)
}

func (s *scenario) introduce() error {
	banks, err := s.sandbox.Banks(s.ctx)
	if err != nil {
		return err
	}
	for _, b := range banks {
		s.print.event("Riksbank",
			"issues e-krona to %s, and certifies its CA and its instruction key", b.Settings.Title)
	}
	for _, p := range s.people() {
		b, err := s.sandbox.BankOf(s.ctx, p)
		if err != nil {
			return err
		}
		s.print.event(b.Settings.Title, "issues %s's card %s: key pair made on the card, "+
			"certificate, PIN letter, registered at the notary",
			title(p.Name), p.Phone.Device())
	}
	b, err := s.sandbox.BankOfMerchant(s.ctx, s.cafe)
	if err != nil {
		return err
	}
	s.print.event(b.Settings.Title, "certifies the terminal %s of the %s", s.cafe.Terminal.ID(),
		s.cafe.Name)
	return nil
}

func (s *scenario) people() []*sandbox.Person {
	return []*sandbox.Person{s.anna, s.bertil, s.cecilia}
}

// present holds a person's card to a phone or terminal, with the PIN entered.
func (s *scenario) present(p *sandbox.Person) (wallet.Tap, error) {
	s.print.tap()
	entered, err := p.Letter.Block()
	return wallet.Tap{Card: p.Card.Tap(), PIN: entered}, err
}

func (s *scenario) load() error {
	s.print.heading("Load: online, from the online wallet to the card")
	return s.loadCard(s.anna, 200*money.Krona)
}

func (s *scenario) loadCard(p *sandbox.Person, amount money.Ore) error {
	s.print.event(title(p.Name), "orders %s for the card, and holds it to the phone", amount)
	result, err := p.Phone.Load(s.ctx, s.hold(p), amount)
	if err != nil {
		return err
	}
	b, err := s.sandbox.BankOf(s.ctx, p)
	if err != nil {
		return err
	}
	s.print.event("Notary",
		"reserves %s in the card's shadow wallet and signs the Instruction beside %s", amount,
		b.Settings.Title)
	s.print.event(title(p.Name)+"'s card", "verifies both signatures, adds %s, confirms",
		result.Credited)
	return nil
}

// ask begins a sale at the terminal.
func (s *scenario) ask(amount money.Ore) (terminal.Sale, error) {
	sale, err := s.cafe.Terminal.Ask(s.ctx, amount)
	if err == nil {
		s.print.event("Terminal", "signs and stores the Request: %s, number %d. Please tap", amount,
			sale.Number)
	}
	return sale, err
}

// take holds the person's card to the terminal for a sale.
func (s *scenario) take(
	p *sandbox.Person, sale terminal.Sale, entered pin.Block,
) (envelope.Envelope, error) {
	s.print.tap()
	return s.cafe.Terminal.Take(s.ctx, sale.Number, p.Card.Tap(), entered)
}

// sell takes an amount at the terminal and returns the Receipt.
func (s *scenario) sell(p *sandbox.Person, amount money.Ore) (envelope.Envelope, error) {
	sale, err := s.ask(amount)
	if err != nil {
		return envelope.Envelope{}, err
	}
	entered, err := p.Letter.Block()
	if err != nil {
		return envelope.Envelope{}, err
	}
	receipt, err := s.take(p, sale, entered)
	if err != nil {
		return envelope.Envelope{}, err
	}
	s.print.event(title(p.Name)+"'s card",
		"PIN verified; verifies terminal and Request, pays %s, keeps the Payment as a record",
		amount)
	s.print.event("Terminal", "verifies card and Payment, stores it, and shows: paid %s", amount)
	s.print.cost("the tap")
	return receipt, nil
}

func (s *scenario) payAtTheMerchant() error {
	s.print.heading("At the merchant: card and terminal are offline")
	receipt, err := s.sell(s.anna, 45*money.Krona)
	if err != nil {
		return err
	}
	return s.anna.Phone.TakeAnswer(s.ctx, receipt)
}

func (s *scenario) tornTap() error {
	s.print.heading("A torn tap, and its resend")
	sale, err := s.ask(30 * money.Krona)
	if err != nil {
		return err
	}
	entered, err := s.anna.Letter.Block()
	if err != nil {
		return err
	}
	s.anna.Card.WithdrawAfter(payInstruction)
	_, err = s.take(s.anna, sale, entered)
	var torn *terminal.TornTap
	if !errors.As(err, &torn) {
		return fmt.Errorf("demo: the tap was not torn: %w", err)
	}
	s.print.event("Anna", "takes the card away too early: it has paid, but the answer is lost")
	s.print.event("Terminal", "got no answer. Hold the same card to the terminal again")
	receipt, err := s.take(s.anna, sale, pin.Block{})
	if err != nil {
		return err
	}
	s.print.event("Anna's card", "gives the same Payment again: no PIN, no second debit")
	s.print.event("Terminal", "stores it, and shows: paid %s", sale.Amount)
	s.print.cost("the second tap")
	return s.anna.Phone.TakeAnswer(s.ctx, receipt)
}

// synchronise brings a person's card online.
func (s *scenario) synchronise(p *sandbox.Person) error {
	result, err := p.Phone.Synchronise(s.ctx, s.hold(p))
	if err != nil {
		return err
	}
	s.print.synchronised(title(p.Name)+"'s card", result)
	return nil
}

// synchroniseTerminal synchronises the cafe's terminal.
func (s *scenario) synchroniseTerminal() error { return s.synchroniseAt(s.cafe, "Terminal") }

// synchroniseAt synchronises a merchant's terminal, which the demo calls by a name.
func (s *scenario) synchroniseAt(m *sandbox.Merchant, name string) error {
	result, err := m.Terminal.Synchronise(s.ctx)
	if err != nil {
		return err
	}
	s.print.synchronised(name, result)
	return nil
}
