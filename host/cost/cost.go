// Package cost estimates how long the applet takes on a real card: it runs every
// flow of the protocol on a virtual card, which counts signatures, hashes,
// persistent writes, bytecodes and bytes on the wire, and prices them with what
// others measured on a P71 (package emulator/card, cost.go). Start at [Measure]; for the
// commands of a script on any applet at [Script].
//
// The estimate leaves out what nobody has measured, and the time in which a reader finds a card.
// Measurements on a real card are better.
package cost

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/vocabulary"
	"ekrona.example/emulator/card"
	"ekrona.example/host/notary"
	"ekrona.example/host/sandbox"
	"ekrona.example/host/wallet"
)

// Command is one command as a flow sent it.
type Command struct {
	Title string     `json:"title"`
	Stats card.Stats `json:"-"`
	Cost  card.Cost  `json:"-"`
}

// Tap is what one holding of a card to a reader took.
type Tap struct {
	Title    string        `json:"title"`
	Goal     time.Duration `json:"-"` // 0 if there is none
	Commands []Command     `json:"-"`
	Script   bool          `json:"-"` // the commands of a script, not of one tap
}

// Total returns the estimate of the whole tap.
func (t Tap) Total() time.Duration {
	var sum time.Duration
	for _, c := range t.Commands {
		sum += c.Cost.Of()
	}
	return sum
}

// Item is what a tap spends on one kind of operation.
type Item struct {
	Group card.CostGroup
	What  string
	Count int
	Time  time.Duration
}

// Items returns what the whole tap is spent on, the longest first.
func (t Tap) Items() []Item {
	var items []Item
	for _, c := range t.Commands {
		for _, i := range c.Cost {
			at := slices.IndexFunc(items, func(known Item) bool {
				return known.Group == i.Group && known.What == i.What
			})
			if at < 0 {
				at = len(items)
				items = append(items, Item{Group: i.Group, What: i.What})
			}
			items[at].Count += i.Count
			items[at].Time += i.Total()
		}
	}
	slices.SortStableFunc(items, func(a, b Item) int { return cmp.Compare(b.Time, a.Time) })
	return items
}

// The goals of a payment at a terminal, the reader's search for the card left out:
// TfL takes 500 ms at most and wants 200, Calypso stays under 200.
const (
	MetGoal   = 170 * time.Millisecond
	WarmGoal  = 200 * time.Millisecond
	NewCAGoal = 300 * time.Millisecond
)

// CrisisGoal is for the command that gives a card a crisis order of the most rows.
const CrisisGoal = 150 * time.Millisecond

// Titles of taps.
const (
	Met      = "pay at a terminal, the payee met before"
	Warm     = "pay at a terminal, warm"
	BatchMet = "pay at a terminal, its CA not seen before, the batch met"
	FullLog  = "synchronise 128 records, paired"
)

// measurement is a running [Measure].
type measurement struct {
	link   card.Link
	taps   []Tap
	holder string // of the card that is observed
	err    error  // the first failed estimate
	*sandbox.Sandbox
}

// Measure founds a sandbox in an empty folder, has its holders load, pay, receive, refuse,
// synchronise and unload, and returns the taps in order.
func Measure(ctx context.Context, folder string, link card.Link) ([]Tap, error) {
	m := &measurement{link: link, holder: "anna"}
	m.begin("personalize, after INSTALL", 0)
	plan := sandbox.Pilot()
	plan.People = append(plan.People, sandbox.PersonPlan{Name: "dora", Bank: sandbox.Nordic,
		Deposit: 500 * money.Krona})
	plan.Merchants = append(plan.Merchants,
		sandbox.MerchantPlan{Name: "kiosk", Bank: sandbox.Fjord})
	t, err := sandbox.Found(ctx, folder, plan, sandbox.Options{Observe: m.observe})
	if err != nil {
		return nil, err
	}
	m.Sandbox = t
	err = m.flows(ctx)
	return m.taps, errors.Join(err, m.err, t.Close())
}

func (m *measurement) begin(title string, goal time.Duration) {
	m.taps = append(m.taps, Tap{Title: title, Goal: goal})
}

func (m *measurement) observe(e apdu.Exchange, stats card.Stats) {
	if e.Label != m.holder || e.Err != nil || len(e.Wire) > 0 {
		return // the others' cards do the same; what was carried is counted on the wire
	}
	estimate, err := card.Estimate(stats, m.link)
	if err != nil {
		m.err = errors.Join(m.err, err)
		return
	}
	tap := &m.taps[len(m.taps)-1]
	title := vocabulary.Decoder().Command(e.Command).Name
	tap.Commands = append(tap.Commands, Command{title, stats, estimate})
}

func (m *measurement) flows(ctx context.Context) error {
	anna, err := m.Person(ctx, "anna", "")
	if err != nil {
		return err
	}
	bertil, err := m.Person(ctx, "bertil", "")
	if err != nil {
		return err
	}
	cafe, err := m.Merchant(ctx, "cafe")
	if err != nil {
		return err
	}
	kiosk, err := m.Merchant(ctx, "kiosk")
	if err != nil {
		return err
	}
	const small = 10 * money.Krona
	steps := []struct {
		title string
		goal  time.Duration
		do    func(tap wallet.Tap) error
	}{
		{"load", 0, func(tap wallet.Tap) error {
			_,
				err := anna.Phone.Load(ctx, tap, 20*small)
			return err
		}},
		{"pay at a terminal, its CA not seen before", NewCAGoal,
			func(tap wallet.Tap) error { return m.sell(ctx, cafe, tap, small) }},
		{Warm, WarmGoal, // another merchant's, of the same CA
			func(tap wallet.Tap) error { return m.sell(ctx, kiosk, tap, small) }},
		{Met, MetGoal,
			func(tap wallet.Tap) error { return m.sell(ctx, kiosk, tap, small) }},
		{"receive: REQUEST, then ACCEPT", 0,
			func(tap wallet.Tap) error { return m.receive(ctx, anna, bertil, small) }},
		{"pay another card", 0,
			func(tap wallet.Tap) error { return m.receive(ctx, bertil, anna, small) }},
		{"refuse", 0, func(tap wallet.Tap) error { return m.refuse(ctx, anna, tap, small) }},
		{"pair with the own phone", 0, func(tap wallet.Tap) error {
			return anna.Phone.Pair(ctx, tap)
		}},
		{"read the balance, paired", 0, func(wallet.Tap) error {
			_,
				err := anna.Phone.Holdings(ctx, bare(anna))
			return err
		}},
		{"receive, paired: REQUEST, then ACCEPT", 0,
			func(wallet.Tap) error { return m.receive(ctx, anna, bertil, small) }},
		{"synchronise", 0, func(tap wallet.Tap) error {
			_,
				err := anna.Phone.Synchronise(ctx, tap)
			return err
		}},
		{"unload", 0, func(tap wallet.Tap) error {
			_,
				err := anna.Phone.Unload(ctx, tap, small)
			return err
		}},
	}
	if err := m.fund(ctx, bertil, 5*small); err != nil {
		return err
	}
	if err := m.meetBatch(ctx, kiosk, small); err != nil {
		return err
	}
	for _, s := range steps {
		m.begin(s.title, s.goal)
		tap, err := present(anna)
		if err != nil {
			return err
		}
		if err := s.do(tap); err != nil {
			return err
		}
	}
	if err := m.sellToNext(ctx, cafe, bertil, small); err != nil {
		return err
	}
	if err := m.orderCrisis(ctx, cafe); err != nil {
		return err
	}
	m.begin("pay at a terminal that brings a crisis order, and its key", 0)
	tap, err := present(bertil)
	if err != nil {
		return err
	}
	if err := m.sell(ctx, cafe, tap, small); err != nil {
		return err
	}
	return m.synchroniseFullLog(ctx, cafe, bertil)
}

// meetBatch has a terminal meet the batch of the observed card, by another card of it.
func (m *measurement) meetBatch(
	ctx context.Context, s *sandbox.Merchant, amount money.Ore,
) error {
	dora, err := m.Person(ctx, "dora", "")
	if err != nil {
		return err
	}
	if err := m.fund(ctx, dora, amount); err != nil {
		return err
	}
	tap, err := present(dora)
	if err != nil {
		return err
	}
	return m.sell(ctx, s, tap, amount)
}

// sellToNext sells to another card of a batch that the terminal has met. The card does not know the
// terminal's CA, which it says after PAY.
func (m *measurement) sellToNext(
	ctx context.Context, s *sandbox.Merchant, next *sandbox.Person, amount money.Ore,
) error {
	m.holder = next.Name
	m.begin(BatchMet, NewCAGoal)
	tap, err := present(next)
	if err != nil {
		return err
	}
	return m.sell(ctx, s, tap, amount)
}

// orderCrisis gives a terminal a crisis order of the most rows.
func (m *measurement) orderCrisis(ctx context.Context, s *sandbox.Merchant) error {
	today := message.DateOf(m.Clock().Now())
	draft := notary.CrisisDraft{From: today, Until: today.AddDays(7)}
	for group := range uint8(spec.MaxOrderRows) {
		draft.Rows = append(draft.Rows, message.CrisisRow{Group: group,
			MaxBalance: spec.DefaultMaxBalance, MaxTransactions: spec.DefaultMaxTransactions,
			MaxPayment: spec.DefaultMaxPayment, MaxSpent: spec.DefaultMaxSpent})
	}
	carried, err := m.OrderCrisis(ctx, draft, "the central bank")
	if err != nil {
		return err
	}
	return s.Terminal.TakeCrisis(ctx, carried)
}

func present(p *sandbox.Person) (wallet.Tap, error) {
	entered, err := p.Letter.Block()
	return wallet.Tap{Card: p.Card.Tap(), PIN: entered}, err
}

// side is a person who enters the PIN where the card asks for it.
func side(p *sandbox.Person) wallet.Side {
	return wallet.Side{Phone: p.Phone,
		Hold: func(_ context.Context, withPIN bool) (wallet.Tap, error) {
			if withPIN {
				return present(p)
			}
			return bare(p), nil
		}}
}

// bare is a person's card held to the phone, without the PIN.
func bare(p *sandbox.Person) wallet.Tap { return wallet.Tap{Card: p.Card.Tap()} }

func (m *measurement) fund(ctx context.Context, p *sandbox.Person, amount money.Ore) error {
	tap, err := present(p)
	if err != nil {
		return err
	}
	_, err = p.Phone.Load(ctx, tap, amount)
	return err
}

func (m *measurement) sell(
	ctx context.Context, s *sandbox.Merchant, tap wallet.Tap, amount money.Ore,
) error {
	sale, err := s.Terminal.Ask(ctx, amount)
	if err != nil {
		return err
	}
	_, err = s.Terminal.Take(ctx, sale.Number, tap.Card, tap.PIN)
	return err
}

// receive pays from payer to payee, each at the own phone.
func (m *measurement) receive(
	ctx context.Context, payee, payer *sandbox.Person, amount money.Ore,
) error {
	_, _, err := wallet.Transfer(ctx, side(payer), side(payee), amount)
	return err
}

func (m *measurement) refuse(
	ctx context.Context, p *sandbox.Person, tap wallet.Tap, amount money.Ore,
) error {
	asked, err := p.Phone.Request(ctx, tap, amount, "")
	if err != nil {
		return err
	}
	_, err = p.Phone.Refuse(ctx, tap, asked)
	return err
}
