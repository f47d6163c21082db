// Package demo tells the story of the pilot's report with real parties: money is
// loaded, spent in a shop, torn, passed from card to card, refused, settled in
// whatever order the parties come online, and unloaded; at the end the books are
// read and every invariant of the protocol is checked. Start at [Run].
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ekrona/apdu/money"
	"ekrona/apdu/pin"
	"ekrona/host/envelope"
	"ekrona/host/progress"
	"ekrona/host/sandbox"
	"ekrona/host/terminal"
	"ekrona/host/wallet"
)

// story is one telling.
type story struct {
	ctx     context.Context // of the one telling; every scene passes it on
	sandbox *sandbox.Sandbox
	tell    *teller

	anna, bertil, cecilia *sandbox.Person
	cafe                  *sandbox.Merchant
}

// Options say how the story is told.
type Options struct {
	Plan    sandbox.Plan
	Sandbox sandbox.Options // Observe is the demo's own
	Trace   bool            // show every command to a card, decoded
	Show    progress.Show   // gets the story as events, for whoever does not read out
}

// Run founds a sandbox in an empty folder, tells the story on out, and returns the
// books after it. Violations of the protocol are in the books, not an error.
func Run(ctx context.Context, folder string, out io.Writer, options Options) (sandbox.Books, error) {
	tell := &teller{out: out, show: options.Show, trace: options.Trace}
	options.Sandbox.Observe = tell.observe
	tell.scene("The parties")
	t, err := sandbox.Found(ctx, folder, options.Plan, options.Sandbox)
	if err != nil {
		return sandbox.Books{}, err
	}
	books, err := tellStory(ctx, t, tell)
	return books, errors.Join(err, t.Close())
}

// tellStory tells one scene after the other.
func tellStory(ctx context.Context, t *sandbox.Sandbox, tell *teller) (sandbox.Books, error) {
	s := &story{ctx: ctx, sandbox: t, tell: tell}
	var err error
	for name, person := range map[string]**sandbox.Person{"anna": &s.anna, "bertil": &s.bertil, "cecilia": &s.cecilia} {
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
		s.load, s.payInTheShop, s.tornTap, s.cardToCard, s.refuse, s.settleTheChain, s.payerFirst, s.unload, s.comeToRest,
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

func (s *story) introduce() error {
	banks, err := s.sandbox.Banks(s.ctx)
	if err != nil {
		return err
	}
	for _, b := range banks {
		s.tell.say("Riksbank", "issues e-krona to %s, and certifies its CA and its instruction key", b.Settings.Title)
	}
	for _, p := range s.people() {
		b, err := s.sandbox.BankOf(s.ctx, p)
		if err != nil {
			return err
		}
		s.tell.say(b.Settings.Title, "issues %s's card %s: key pair made on the card, certificate, PIN letter, registered at the notary",
			title(p.Name), p.Phone.Device())
	}
	b, err := s.sandbox.BankOfMerchant(s.ctx, s.cafe)
	if err != nil {
		return err
	}
	s.tell.say(b.Settings.Title, "certifies the terminal %s of the %s", s.cafe.Terminal.ID(), s.cafe.Name)
	return nil
}

func (s *story) people() []*sandbox.Person { return []*sandbox.Person{s.anna, s.bertil, s.cecilia} }

// hold holds a person's card to a phone or terminal, with the PIN entered.
func (s *story) hold(p *sandbox.Person) (wallet.Tap, error) {
	s.tell.tap()
	entered, err := p.Letter.Block()
	return wallet.Tap{Card: p.Card.Tap(), PIN: entered}, err
}

func (s *story) load() error {
	s.tell.scene("Load: online, from the online wallet to the card")
	return s.loadCard(s.anna, 200*money.Krona)
}

func (s *story) loadCard(p *sandbox.Person, amount money.Ore) error {
	s.tell.say(title(p.Name), "orders %s for the card, and holds it to the phone", amount)
	tap, err := s.hold(p)
	if err != nil {
		return err
	}
	result, err := p.Phone.Load(s.ctx, tap, amount)
	if err != nil {
		return err
	}
	b, err := s.sandbox.BankOf(s.ctx, p)
	if err != nil {
		return err
	}
	s.tell.say("Notary", "reserves %s in the card's shadow wallet and signs the Instruction beside %s", amount, b.Settings.Title)
	s.tell.say(title(p.Name)+"'s card", "verifies both signatures, adds %s, confirms", result.Credited)
	return nil
}

// ask begins a sale at the till.
func (s *story) ask(amount money.Ore) (terminal.Sale, error) {
	sale, err := s.cafe.Terminal.Ask(s.ctx, amount)
	if err == nil {
		s.tell.say("Terminal", "signs and stores the Request: %s, number %d. Please tap", amount, sale.Number)
	}
	return sale, err
}

// take holds the person's card to the till for a sale.
func (s *story) take(p *sandbox.Person, sale terminal.Sale, entered pin.Block) (envelope.Envelope, error) {
	s.tell.tap()
	return s.cafe.Terminal.Take(s.ctx, sale.Number, p.Card.Tap(), entered)
}

// sell takes an amount at the till and returns the Receipt.
func (s *story) sell(p *sandbox.Person, amount money.Ore) (envelope.Envelope, error) {
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
	s.tell.say(title(p.Name)+"'s card", "PIN verified; verifies terminal and Request, pays %s, keeps the Payment as a record", amount)
	s.tell.say("Terminal", "verifies card and Payment, stores it, and shows: paid %s", amount)
	s.tell.cost("the tap")
	return receipt, nil
}

func (s *story) payInTheShop() error {
	s.tell.scene("In the shop: card and terminal are offline")
	receipt, err := s.sell(s.anna, 45*money.Krona)
	if err != nil {
		return err
	}
	return s.anna.Phone.TakeAnswer(s.ctx, receipt)
}

func (s *story) tornTap() error {
	s.tell.scene("A torn tap, and its resend")
	sale, err := s.ask(30 * money.Krona)
	if err != nil {
		return err
	}
	entered, err := s.anna.Letter.Block()
	if err != nil {
		return err
	}
	s.anna.Card.PullAfter(payInstruction)
	_, err = s.take(s.anna, sale, entered)
	var torn *terminal.TornTap
	if !errors.As(err, &torn) {
		return fmt.Errorf("demo: the tap was not torn: %w", err)
	}
	s.tell.say("Anna", "takes the card away too early: it has paid, the terminal has not heard")
	s.tell.say("Terminal", "got no answer. Hold the same card to the terminal again")
	receipt, err := s.take(s.anna, sale, pin.Block{})
	if err != nil {
		return err
	}
	s.tell.say("Anna's card", "gives the same Payment again: no PIN, no second debit")
	s.tell.say("Terminal", "stores it, and shows: paid %s", sale.Amount)
	s.tell.cost("the second tap")
	return s.anna.Phone.TakeAnswer(s.ctx, receipt)
}

// synchronise brings a person's card online.
func (s *story) synchronise(p *sandbox.Person) error {
	tap, err := s.hold(p)
	if err != nil {
		return err
	}
	result, err := p.Phone.Synchronise(s.ctx, tap)
	if err != nil {
		return err
	}
	s.tell.synchronised(title(p.Name)+"'s card", result)
	return nil
}

func (s *story) synchroniseTill() error {
	result, err := s.cafe.Terminal.Synchronise(s.ctx)
	if err != nil {
		return err
	}
	s.tell.synchronised("Terminal", result)
	return nil
}
