package sandbox

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/clock"
	"ekrona.example/host/crisis"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/terminal"
)

// crisisWeek is a sandbox whose clock a test moves.
type crisisWeek struct {
	t *testing.T
	*Sandbox
	clock *clock.Manual
}

func newCrisisWeek(t *testing.T) *crisisWeek {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, found(t, root).Close())
	w := &crisisWeek{t: t, clock: &clock.Manual{At: time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC)}}
	opened, err := Open(root, Options{Environment: party.Environment{Clock: w.clock}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	w.Sandbox = opened
	return w
}

// person loads somebody's card with an amount.
func (w *crisisWeek) person(name string, amount money.Ore) *Person {
	w.t.Helper()
	p, err := w.Person(w.t.Context(), name, "")
	require.NoError(w.t, err)
	b, err := w.BankOf(w.t.Context(), p)
	require.NoError(w.t, err)
	require.NoError(w.t, b.Deposit(w.t.Context(), "crisis of "+name, name, amount))
	_, err = p.Phone.Load(w.t.Context(), tap(w.t, p.Holder), amount)
	require.NoError(w.t, err)
	return p
}

// number is what a card answers to SELECT.
func (w *crisisWeek) number(p *Person) uint32 {
	w.t.Helper()
	application, err := client.New(p.Card.Tap()).Select(w.t.Context())
	require.NoError(w.t, err)
	return application.OrderNumber
}

// order has the central bank order a crisis for a week.
func (w *crisisWeek) order(rows ...message.CrisisRow) crisis.Carried {
	w.t.Helper()
	today := message.DateOf(w.clock.At)
	carried, err := w.OrderCrisis(w.t.Context(), notary.CrisisDraft{From: today,
		Until: today.AddDays(6), Rows: rows}, "eva")
	require.NoError(w.t, err)
	return carried
}

func (w *crisisWeek) sell(p *Person, amount money.Ore) {
	w.t.Helper()
	m, err := w.Merchant(w.t.Context(), "cafe")
	require.NoError(w.t, err)
	sale, err := m.Terminal.Ask(w.t.Context(), amount)
	require.NoError(w.t, err)
	held := tap(w.t, p.Holder)
	_, err = m.Terminal.Take(w.t.Context(), sale.Number, held.Card, held.PIN)
	require.NoError(w.t, err)
}

func (w *crisisWeek) sync(p *Person) {
	w.t.Helper()
	_, err := p.Phone.Synchronise(w.t.Context(), tap(w.t, p.Holder))
	require.NoError(w.t, err)
}

// pay pays from card to card, each at its owner's phone.
func (w *crisisWeek) pay(payer, payee *Person, amount money.Ore) error {
	w.t.Helper()
	request, err := payee.Phone.Request(w.t.Context(), tap(w.t, payee.Holder), amount,
		payer.Phone.Device())
	if err != nil {
		return err
	}
	payment, err := payer.Phone.Pay(w.t.Context(), tap(w.t, payer.Holder), request)
	if err != nil {
		return err
	}
	_, err = payee.Phone.Accept(w.t.Context(), tap(w.t, payee.Holder), payment)
	return err
}

// TestACrisisOrderGoesFromATerminalToCardsAndPhones: without any network after the terminal's last
// synchronisation; then it ends by the same way.
func TestACrisisOrderGoesFromATerminalToCardsAndPhones(t *testing.T) {
	w := newCrisisWeek(t)
	anna, bertil := w.person("anna", 3_900*money.Krona), w.person("bertil", 3_000*money.Krona)
	cafe, err := w.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	carried := w.order(crisis.DefaultRow())
	_, err = cafe.Terminal.Synchronise(t.Context())
	require.NoError(t, err)
	room, err := cafe.Terminal.Room(t.Context())
	require.NoError(t, err)
	require.NotNil(t, room.Crisis)

	require.Error(t, w.pay(bertil, anna, 500*money.Krona), "anna may hold 4,000 kr")
	w.sell(anna, money.Krona)
	require.Equal(t, uint32(1), w.number(anna), "it came with the sale")
	require.NoError(t, w.pay(bertil, anna, 500*money.Krona))
	theirs, err := anna.Phone.CarriedCrisis(t.Context())
	require.NoError(t, err)
	require.Equal(t, carried, theirs, "her phone has it from the card")
	require.Equal(t, uint32(1), w.number(bertil), "his card got it beside her Request")
	kept, err := bertil.Phone.CarriedCrisis(t.Context())
	require.NoError(t, err)
	require.Equal(t, carried, kept)

	w.sync(anna)
	central, err := w.CentralBank(t.Context())
	require.NoError(t, err)
	report, err := central.CrisisOrders(t.Context(), notary.CrisisPage{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, 2, report.Orders[0].Held, "anna's and the cafe's")

	ends := w.order()
	require.NoError(t, anna.Phone.TakeCrisis(t.Context(), ends))
	w.sell(anna, money.Krona) // the cafe learns it from her card, which has it from her phone
	_, err = anna.Phone.Holdings(t.Context(), tap(t, anna.Holder))
	require.NoError(t, err)
	w.sell(anna, money.Krona)
	room, err = cafe.Terminal.Room(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 2, room.Crisis.Number)
	require.True(t, room.Crisis.None, "it ends the crisis")
	w.sell(bertil, money.Krona)
	require.Equal(t, uint32(2), w.number(bertil))
	w.clock.At = w.clock.At.AddDate(0, 0, 10)
	w.sync(bertil)
	require.Equal(t, uint32(2), w.number(bertil), "LOWEST is 3")
	kept, err = bertil.Phone.CarriedCrisis(t.Context())
	require.NoError(t, err)
	require.Empty(t, kept.Order)
	books, err := w.Books(t.Context(), false)
	require.NoError(t, err)
	require.Empty(t, books.Violations)
}

// TestANewCardTakesNoOrderThatIsOver: it is told with its first PIN, before any Instruction.
func TestANewCardTakesNoOrderThatIsOver(t *testing.T) {
	w := newCrisisWeek(t)
	over := w.order(crisis.DefaultRow())
	w.clock.At = w.clock.At.AddDate(0, 0, 10)
	b, err := w.Bank(t.Context(), string(Nordic))
	require.NoError(t, err)
	require.NoError(t, w.Enrol(t.Context(), b, "dora"))
	require.NoError(t, w.issueCard(t.Context(), b, "dora", 9))
	require.NoError(t, w.LearnCards(t.Context(), "dora"))
	dora, err := w.Person(t.Context(), "dora", "")
	require.NoError(t, err)
	require.Equal(t, uint32(1), w.number(dora), "LOWEST is 2")
	applet := client.New(dora.Card.Tap())
	_, err = applet.Select(t.Context())
	require.NoError(t, err)
	err = applet.CrisisOrder(t.Context(), over.Order, over.CrisisKey, over.Notary)
	require.True(t, client.Is(err, spec.SWOrderOld), err)
}

// TestPhonesCarryNothingThatTheirCardRefuses: a forged order is forgotten at the next tap.
func TestPhonesCarryNothingThatTheirCardRefuses(t *testing.T) {
	w := newCrisisWeek(t)
	anna := w.person("anna", 100*money.Krona)
	forged := w.order(crisis.DefaultRow())
	forged.Order[len(forged.Order)-1] ^= 1
	require.NoError(t, anna.Phone.TakeCrisis(t.Context(), forged))
	require.ErrorIs(t, anna.Phone.TakeCrisis(t.Context(), crisis.Carried{Order: []byte{1}}),
		message.ErrMalformed)
	_, err := anna.Phone.Holdings(t.Context(), tap(t, anna.Holder))
	require.NoError(t, err)
	require.Zero(t, w.number(anna))
	kept, err := anna.Phone.CarriedCrisis(t.Context())
	require.NoError(t, err)
	require.Empty(t, kept.Order)
	w.sync(anna)
	require.Equal(t, uint32(1), w.number(anna), "the genuine one comes from the bank")
}

// TestATerminalIsIssuedWithTheNotary: one that has never synchronised takes the order from a card,
// and sells for more than its terms allow.
func TestATerminalIsIssuedWithTheNotary(t *testing.T) {
	w := newCrisisWeek(t)
	anna := w.person("anna", money.Krona)
	b, err := w.Bank(t.Context(), string(Nordic))
	require.NoError(t, err)
	_, err = w.IssueTerminal(t.Context(), b, "kiosk")
	require.NoError(t, err)
	kiosk, err := w.Merchant(t.Context(), "kiosk")
	require.NoError(t, err)
	require.NoError(t, anna.Phone.TakeCrisis(t.Context(), w.order(crisis.DefaultRow())))
	_, err = anna.Phone.Holdings(t.Context(), tap(t, anna.Holder))
	require.NoError(t, err)
	_, err = kiosk.Terminal.Ask(t.Context(), 2*spec.DefaultTerminalPayment)
	require.ErrorIs(t, err, terminal.ErrTooMuch)
	_, err = kiosk.Terminal.AskWith(t.Context(), 2*spec.DefaultTerminalPayment, anna.Card.Tap())
	require.NoError(t, err)
}

// TestAGivenOrderIsTakenOldOrFalse: an owner learns whether an order is not genuine or only not
// newer, as a merchant does, and the card keeps its own in both cases.
func TestAGivenOrderIsTakenOldOrFalse(t *testing.T) {
	w := newCrisisWeek(t)
	anna := w.person("anna", 100*money.Krona)
	cafe, err := w.Merchant(t.Context(), "cafe")
	require.NoError(t, err)
	first, second := w.order(crisis.DefaultRow()), w.order(crisis.DefaultRow())
	altered := func(c crisis.Carried, at int) crisis.Carried {
		c.Order = bytes.Clone(c.Order)
		c.Order[len(c.Order)-at] ^= 1
		return c
	}
	otherNotary := func(c crisis.Carried) crisis.Carried {
		c.Notary = bytes.Clone(c.Notary)
		c.Notary[len(c.Notary)-1] ^= 1
		return c
	}
	for _, step := range []struct {
		name   string
		given  crisis.Carried
		want   error
		number uint32
	}{
		{"altered", altered(second, 1), crisis.ErrFalse, 0},
		{"newer", second, nil, 2},
		{"the same", second, crisis.ErrOld, 2},
		{"the same, altered", altered(second, 1), crisis.ErrFalse, 2},
		{"other limits", altered(second, 140), crisis.ErrFalse, 2},
		{"older", first, crisis.ErrOld, 2},
		{"older, altered", altered(first, 1), crisis.ErrFalse, 2},
		{"older, the notary's certificate altered", otherNotary(first), crisis.ErrFalse, 2},
		{"the same, the notary's certificate altered", otherNotary(second), crisis.ErrFalse, 2},
	} {
		phone := anna.Phone.GiveCrisis(t.Context(), tap(t, anna.Holder), step.given,
			message.DateOf(w.clock.Now()))
		terminal := cafe.Terminal.TakeCrisis(t.Context(), step.given)
		if step.want == nil {
			require.NoError(t, phone, step.name)
			require.NoError(t, terminal, step.name)
		} else {
			require.ErrorIs(t, phone, step.want, step.name)
			require.ErrorIs(t, terminal, step.want, step.name)
		}
		require.Equal(t, step.number, w.number(anna), step.name)
	}
}
