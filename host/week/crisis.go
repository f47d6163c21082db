package week

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/crisis"
	"ekrona.example/host/limit"
	"ekrona.example/host/notary"
	"ekrona.example/host/progress"
)

// The crisis order of a week under the limits Crisis.
const (
	orderDay  = 2  // on whose morning it is signed, from 1
	orderDays = 14 // for which it counts
)

// filesOf is to how many merchants the files of a trade refer.
const filesOf = 20

// Order is the crisis order of a week.
type Order struct {
	Number uint32 `json:"number"`
	Day    int    `json:"day"` // on whose morning it was signed
	// Merchants, from 0, are those whose terminals got it by file that morning.
	Merchants []int `json:"merchants"`
}

// Spreading is how far the crisis order has come by the evening of a day, and what it was good for.
// The zero value is that of a day without an order, or without an evening.
type Spreading struct {
	Cards     int `json:"cards"`     // that hold it
	Terminals int `json:"terminals"` // the same
	// Used are the limits that it raised and that were needed, the most frequent first.
	Used []Used `json:"used"`
}

// Used is on how many cards or terminals, since the network went, more was paid or held than the
// policy allows by itself.
type Used struct {
	Reason
	Count int `json:"count"`
}

// order is the order as devices carry it; the zero value stands for none.
type order struct {
	carried  crisis.Carried
	identity message.Hash
}

// orderCrisis has the central bank sign the order, with both keys, and carries it to the terminals
// that get it by file.
func (w *world) orderCrisis(ctx context.Context) (Order, error) {
	made := Order{Day: orderDay, Merchants: w.district.fileMerchants()}
	carried, err := notary.IssueCrisis(ctx, w.central, w.crisisKey.Signer, notary.CrisisDraft{
		CrisisKey: w.crisisKey.Encoded, From: w.today(), Until: w.today().AddDays(orderDays - 1),
		Rows: []message.CrisisRow{crisis.DefaultRow()}}, "the central bank")
	if err != nil {
		return made, err
	}
	parsed, err := message.Parse[message.CrisisOrder](carried.Order)
	if err != nil {
		return made, err
	}
	made.Number = parsed.Number
	w.order.carried = carried
	if w.order.identity, err = message.Identity(parsed); err != nil {
		return made, err
	}
	for _, number := range made.Merchants {
		s := w.merchants[number]
		if err := s.TakeCrisis(ctx, carried); err != nil {
			return made, fmt.Errorf("%s takes the crisis order: %w", s.name, err)
		}
	}
	return made, nil
}

// fileMerchants draws who gets the crisis order by file: a quarter of the merchants, of those
// where people come early as well as of the largest, and at least one. Every other terminal and
// every card has it from a tap, or from the other phone beside a message.
func (t *district) fileMerchants() []int {
	r := draws(t.seed, "crisis order")
	var drawn []int
	for trade, row := range trades {
		merchants := t.ofTrade[trade]
		some := min(t.merchants*row.files/filesOf, len(merchants))
		for _, n := range r.Perm(len(merchants))[:some] {
			drawn = append(drawn, merchants[n])
		}
	}
	if len(drawn) == 0 {
		return []int{r.IntN(t.merchants)}
	}
	slices.Sort(drawn)
	return drawn
}

// spreading counts who holds the crisis order. Nobody can hold another one.
func (w *world) spreading(ctx context.Context, cards []*message.State) (s Spreading, err error) {
	for number, c := range cards {
		switch c.OrderHeld {
		case message.Hash{}:
		case w.order.identity:
			s.Cards++
		default:
			return s, fmt.Errorf("the card of %s holds crisis order %d, which nobody has signed",
				w.people[number].name, c.OrderNumber)
		}
	}
	for _, m := range w.merchants {
		c, err := m.CarriedCrisis(ctx)
		if err != nil {
			return s, err
		}
		switch {
		case len(c.Order) == 0:
		case bytes.Equal(c.Order, w.order.carried.Order):
			s.Terminals++
		default:
			return s, fmt.Errorf("%s holds a crisis order that nobody has signed", m.name)
		}
	}
	if !w.order.carried.IsEmpty() {
		s.Used = w.used(cards)
	}
	return s, nil
}

// used counts which limits of the policies were passed.
func (w *world) used(cards []*message.State) []Used {
	card, terms := message.DefaultPolicy(), w.terms.terminal
	counts := map[Reason]int{}
	count := func(passed bool, what limit.Kind, whose limit.Owner) {
		if passed {
			counts[Reason{What(what), whose}]++
		}
	}
	for number, p := range w.people {
		records := cards[number].ATC - cards[number].AckedATC
		count(p.most.held > card.MaxBalance, limit.Balance, limit.Card)
		count(p.most.paid > card.MaxPayment, limit.Payment, limit.Card)
		count(p.spent > card.MaxSpent, limit.Spent, limit.Card)
		count(records > uint32(card.MaxTransactions), limit.Transactions, limit.Card)
	}
	for _, m := range w.merchants {
		count(m.receipts > int(terms.MaxTransactions), limit.Receipts, limit.Terminal)
		count(m.taken > terms.MaxBalance, limit.Sum, limit.Terminal)
		count(m.most > terms.MaxPayment, limit.Payment, limit.Terminal)
	}
	used := []Used{}
	for reason, n := range counts {
		used = append(used, Used{reason, n})
	}
	slices.SortFunc(used, func(a, b Used) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.String(), b.String()))
	})
	return used
}

// extremes are the most that a person held, and paid at once, since the network went.
type extremes struct{ held, paid money.Ore }

// pays notes that a person has paid.
func (p *person) pays(amount money.Ore) {
	p.balance -= amount
	p.spent += amount
	p.most.paid = max(p.most.paid, amount)
}

// gets notes that a person was paid.
func (p *person) gets(amount money.Ore) {
	p.balance += amount
	p.most.held = max(p.most.held, p.balance)
}

// knows notes what a person's card holds after a torn tap.
func (p *person) knows(balance money.Ore) {
	if balance < p.balance {
		p.pays(p.balance - balance)
	} else {
		p.gets(balance - p.balance)
	}
}

// WriteOrder writes where the crisis order came from, how far it came within its first day, and
// what it was good for; nothing for a week without one.
func (r Report) WriteOrder(out io.Writer) {
	var evenings []Spreading
	for _, d := range r.Days {
		if d.Crisis.Used != nil {
			evenings = append(evenings, d.Crisis)
		}
	}
	if r.Order == nil || len(evenings) == 0 {
		return
	}
	first, needed := evenings[0], []string{}
	for _, u := range evenings[len(evenings)-1].Used {
		needed = append(needed, fmt.Sprintf("%v on %d", u.Reason, u.Count))
	}
	if len(needed) == 0 {
		needed = append(needed, "none")
	}
	fmt.Fprintf(out, "crisis order %d came by file to %s on the morning of day %d; in the evening "+
		"%s of the cards and %s of the terminals held it; limits above the policies' that were "+
		"needed: %s\n", r.Order.Number, progress.Plural(len(r.Order.Merchants), "terminal"),
		r.Order.Day, percent(first.Cards, r.Cards), percent(first.Terminals, r.Terminals),
		strings.Join(needed, ", "))
}
