package demo

import (
	"errors"
	"fmt"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/crisis"
	"ekrona.example/host/envelope"
	"ekrona.example/host/limit"
	"ekrona.example/host/notary"
	"ekrona.example/host/remote"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/session"
)

// crisisDays is how long the crisis order of the day counts.
const crisisDays = 7

// rent is what Bertil's card has no room for before the limits rise.
const rent = 900 * money.Krona

// dayWithoutNetwork has people and merchants pay for a day, cards reach a limit, and a crisis order
// spread by their taps, while every call to a bank or the notary fails.
func (s *scenario) dayWithoutNetwork() error {
	s.print.heading("A day without network")
	if err := s.eveningBefore(); err != nil {
		return err
	}
	s.sandbox.CutNetwork()
	if err := s.checkDark(); err != nil {
		return err
	}
	s.print.event("No network", "is left: terminals and phones try to synchronise, and no bank "+
		"can be reached")
	for _, step := range []func() error{
		s.morningSales, s.bicycle, s.reachLimit, s.orderCrisis, s.coffeeWithOrder,
		s.rentAgain, s.orderReachesPharmacy,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return s.checkDark()
}

// wages are loaded onto the people's cards on the evening before.
var wages = []money.Ore{3_000 * money.Krona, 1_000 * money.Krona, 3_500 * money.Krona}

// eveningBefore loads the cards, and gives a second merchant a terminal.
func (s *scenario) eveningBefore() error {
	var held []string
	for n, p := range s.people() {
		b, err := s.sandbox.BankOf(s.ctx, p)
		if err != nil {
			return err
		}
		balance, err := s.balance(p)
		if err != nil {
			return err
		}
		s.before = append(s.before, balance)
		if err := b.Deposit(s.ctx, "wages of "+p.Name, p.Name, wages[n]); err != nil {
			return err
		}
		if _, err := p.Phone.Load(s.ctx, s.hold(p), wages[n]); err != nil {
			return err
		}
		if balance, err = s.balance(p); err != nil {
			return err
		}
		held = append(held, fmt.Sprintf("%s %s", title(p.Name), balance))
	}
	s.print.event("The evening", "before, wages are loaded; the cards have: %s",
		strings.Join(held, ", "))
	b, err := s.sandbox.Bank(s.ctx, string(sandbox.Nordic))
	if err != nil {
		return err
	}
	id, err := s.sandbox.IssueTerminal(s.ctx, b, "pharmacy")
	if err != nil {
		return err
	}
	if s.pharmacy, err = s.sandbox.Merchant(s.ctx, "pharmacy"); err != nil {
		return err
	}
	s.print.event(b.Settings.Title, "certifies the terminal %s of the pharmacy, which "+
		"synchronises for the first time", id)
	if _, err := s.pharmacy.Terminal.Synchronise(s.ctx); err != nil {
		return err
	}
	_, err = s.newVerdicts() // those of the day come after these
	return err
}

// balance reads a card at its owner's phone.
func (s *scenario) balance(p *sandbox.Person) (money.Ore, error) {
	holdings, err := p.Phone.Holdings(s.ctx, s.hold(p))
	return holdings.Balance, err
}

// errNotDark says that a call went through on the day without network.
var errNotDark = errors.New("demo: a call went through on the day without network")

// checkDark has everybody try to synchronise, and a bank ask the notary: nobody may get through.
func (s *scenario) checkDark() error {
	bank, err := s.sandbox.BankOfMerchant(s.ctx, s.cafe)
	if err != nil {
		return err
	}
	tries := []func() (session.Result, error){
		func() (session.Result, error) { return s.cafe.Terminal.Synchronise(s.ctx) },
		func() (session.Result, error) { return s.pharmacy.Terminal.Synchronise(s.ctx) },
		func() (r session.Result, err error) {
			_, err = bank.Position(s.ctx, s.cafe.Terminal.ID(), 1)
			return r, err
		},
	}
	for _, p := range s.people() {
		tries = append(tries, func() (session.Result, error) {
			return p.Phone.Synchronise(s.ctx, s.hold(p))
		})
	}
	for _, try := range tries {
		if _, err := try(); !errors.Is(err, remote.ErrUnreachable) {
			return errors.Join(errNotDark, err)
		}
	}
	return nil
}

// buy has a person pay at a merchant, and keep the Receipt.
func (s *scenario) buy(p *sandbox.Person, at *sandbox.Merchant, amount money.Ore) error {
	sale, err := at.Terminal.Ask(s.ctx, amount)
	if err != nil {
		return err
	}
	entered, err := p.Letter.Block()
	if err != nil {
		return err
	}
	s.print.tap()
	receipt, err := at.Terminal.Take(s.ctx, sale.Number, p.Card.Tap(), entered)
	if err != nil {
		return err
	}
	return p.Phone.TakeAnswer(s.ctx, receipt)
}

func (s *scenario) morningSales() error {
	amounts := []money.Ore{45 * money.Krona, 60 * money.Krona, 35 * money.Krona}
	var taken []string
	for n, p := range s.people() {
		if err := s.buy(p, s.cafe, amounts[n]); err != nil {
			return err
		}
		taken = append(taken, fmt.Sprintf("%s of %s", amounts[n], title(p.Name)))
	}
	s.print.event("The cafe", "takes %s", strings.Join(taken, ", "))
	return nil
}

// bicycle has Anna pay Bertil, by two phones.
func (s *scenario) bicycle() error {
	const price = 2_500 * money.Krona
	asked, err := s.askFor(s.bertil, price)
	if err != nil {
		return err
	}
	asked, _, err = pass(s.anna, asked)
	if err != nil {
		return err
	}
	if err := s.payAndAccept(s.anna, s.bertil, asked); err != nil {
		return err
	}
	s.print.event("Anna's card", "pays %s to Bertil's for his bicycle: two phones, three taps",
		price)
	return nil
}

// payAndAccept goes on from a Request that the payer's phone has read.
func (s *scenario) payAndAccept(payer, payee *sandbox.Person, e envelope.Envelope) error {
	e, err := s.payRequest(payer, e)
	if err != nil {
		return err
	}
	if e, _, err = pass(payee, e); err != nil {
		return err
	}
	if e, err = s.accept(payee, e); err != nil {
		return err
	}
	if e, _, err = pass(payer, e); err != nil {
		return err
	}
	return payer.Phone.TakeAnswer(s.ctx, e)
}

// reachLimit has Bertil ask for more than the card may hold.
func (s *scenario) reachLimit() error {
	_, err := s.askFor(s.bertil, rent)
	var reached *limit.Reached
	if !errors.As(err, &reached) {
		return errors.Join(errors.New("demo: Bertil's card has not reached its limit"), err)
	}
	s.print.event("Bertil", "asks Cecilia for %s of the rent; the card signs no Request", rent)
	s.print.event("Bertil's phone", "says: %s", reached.English())
	return nil
}

// orderCrisis has the central bank sign a crisis order, which comes to one terminal.
func (s *scenario) orderCrisis() error {
	today := message.DateOf(s.sandbox.Clock().Now())
	row := crisis.DefaultRow()
	carried, err := s.sandbox.OrderCrisis(s.ctx, notary.CrisisDraft{From: today,
		Until: today.AddDays(crisisDays - 1), Rows: []message.CrisisRow{row}}, "eva")
	if err != nil {
		return err
	}
	s.print.event("Riksbank", "signs a crisis order, with the crisis key and in another room as "+
		"notary: for %d days a card may hold %s", crisisDays, row.MaxBalance)
	if err := s.cafe.Terminal.TakeCrisis(s.ctx, carried); err != nil {
		return err
	}
	s.print.event("The cafe", "gets it from a messenger as a file of %d bytes; the terminal "+
		"verifies both signatures", len(carried.Bytes()))
	return nil
}

// coffeeWithOrder has the terminal give the order to Bertil's card.
func (s *scenario) coffeeWithOrder() error {
	const price = 32 * money.Krona
	if err := s.buy(s.bertil, s.cafe, price); err != nil {
		return err
	}
	s.print.event("Bertil's card", "pays %s for a coffee; in the same tap it gets the order, and "+
		"verifies it too", price)
	s.print.cost("that tap")
	holdings, err := s.bertil.Phone.Holdings(s.ctx, s.hold(s.bertil))
	if err != nil {
		return err
	}
	s.print.event("Bertil's phone", "reads the card: %s, and it may hold %s now; takes the order",
		holdings.Balance, holdings.Limits.MaxBalance)
	return nil
}

// rentAgain has Bertil ask anew. The order goes beside the Request, in a text: a QR code has no
// room for both.
func (s *scenario) rentAgain() error {
	asked, err := s.askFor(s.bertil, rent)
	if err != nil {
		return err
	}
	text := asked.Text()
	read, err := envelope.ParseText(text)
	if err != nil {
		return err
	}
	s.print.event("Bertil's phone", "sends Cecilia's the Request for %s, and the order beside "+
		"it: %d characters", rent, len(text))
	if err := s.payAndAccept(s.cecilia, s.bertil, read); err != nil {
		return err
	}
	s.print.event("Cecilia's card", "verifies and takes the order, and pays")
	return nil
}

// orderReachesPharmacy has Cecilia's card give the order to another terminal.
func (s *scenario) orderReachesPharmacy() error {
	const price = 120 * money.Krona
	if err := s.buy(s.cecilia, s.pharmacy, price); err != nil {
		return err
	}
	room, err := s.pharmacy.Terminal.Room(s.ctx)
	if err != nil {
		return err
	}
	if room.Crisis == nil {
		return errors.New("demo: the pharmacy's terminal has not taken the order from the card")
	}
	s.print.event("The pharmacy", "takes %s of Cecilia, and crisis order %d from the card", price,
		room.Crisis.Number)
	return nil
}

// synchroniseTerminals synchronises both merchants' terminals.
func (s *scenario) synchroniseTerminals() error {
	return errors.Join(s.synchroniseAt(s.cafe, "The cafe"),
		s.synchroniseAt(s.pharmacy, "The pharmacy"))
}

// morningAfter has everybody synchronise; then the notary has decided all of the day.
func (s *scenario) morningAfter() error {
	s.print.heading("The morning after: everybody synchronises, and everything settles")
	s.sandbox.RestoreNetwork()
	if err := s.synchroniseTerminals(); err != nil {
		return err
	}
	for _, p := range s.people() {
		if err := s.synchronise(p); err != nil {
			return err
		}
	}
	for _, report := range []func() error{s.reportSettled, s.reportOrders, s.unloadWages} {
		if err := report(); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) reportSettled() error {
	all, err := s.newVerdicts()
	if err != nil {
		return err
	}
	settled, sum := 0, money.Ore(0)
	for _, d := range all {
		if d.Verdict == notary.Settled {
			settled, sum = settled+1, sum+d.Amount
		}
	}
	s.print.event("Notary", "%d of the day's %d payments are settled: %s", settled, len(all), sum)
	return nil
}

func (s *scenario) reportOrders() error {
	c, err := s.sandbox.CentralBank(s.ctx)
	if err != nil {
		return err
	}
	report, err := c.CrisisOrders(s.ctx, notary.CrisisPage{Limit: notary.MaxPage})
	for _, o := range report.Orders {
		s.print.event("Riksbank", "sees that %d of %d devices hold crisis order %d", o.Held,
			report.Devices, o.Number)
	}
	return err
}

// unloadWages brings each card back to what it had before the day.
func (s *scenario) unloadWages() error {
	var back []string
	for n, p := range s.people() {
		balance, err := s.balance(p)
		if err != nil {
			return err
		}
		amount := balance - s.before[n]
		if err := s.unloadCard(p, amount); err != nil {
			return err
		}
		back = append(back, fmt.Sprintf("%s %s", title(p.Name), amount))
	}
	s.print.event("What is left", "of the wages is unloaded: %s", strings.Join(back, ", "))
	return nil
}
