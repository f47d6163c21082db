package settlement_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/attack"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store/storetest"
)

// TestMain sets fewer runs than rapid's hundred, because each is a whole small economy;
// -rapid.checks sets more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	flag.Parse()
	os.Exit(storetest.Run(m))
}

// randomWorld does random actions in a world, in any order, and loses, repeats and delays messages
// to the notary.
type randomWorld struct {
	*settlementtest.World
	requests []*message.Request
	payments []*message.Payment
	receipts []*message.Receipt
	orders   int
}

func newRandomWorld(t *rapid.T) *randomWorld {
	e := &randomWorld{World: settlementtest.NewWorld(t)}
	e.Terms.PoolAhead = notary.PoolAhead{
		Cap:      money.Ore(rapid.SampledFrom([]int{0, 30_00, 400_00}).Draw(t, "cap")),
		EachCard: money.Ore(rapid.SampledFrom([]int{0, 50_00}).Draw(t, "each card"))}
	e.Again()
	e.Issue("ANNA", "NORDIC", spec.RoleCard)
	e.Issue("BERTIL", "FJORD", spec.RoleCard)
	e.Issue("CECILIA", "NORDIC", spec.RoleCard)
	e.Issue("SHOP", "FJORD", spec.RoleTerminal)
	e.Issue("COUNTER", "NORDIC", spec.RoleDesk)
	for _, name := range []message.Name{"SENORDIC", "SEFJORD0"} {
		e.orders++
		require.NoError(t, e.Notary.Issue(context.Background(),
			notary.OrderKey(fmt.Sprint(e.orders)), name, 900_00))
	}
	require.NoError(t, e.Notary.FundPool(context.Background(), "pool",
		rapid.SampledFrom([]money.Ore{50_00, 500_00}).Draw(t, "pool")))
	for _, name := range []string{"ANNA", "BERTIL", "CECILIA"} {
		e.Sync(e.Devices[name], settlementtest.Whole, 300_00)
	}
	return e
}

func (e *randomWorld) device(t *rapid.T, label string) *settlementtest.Device {
	return e.Devices[rapid.SampledFrom(e.Names).Draw(t, label)]
}

func (e *randomWorld) card(t *rapid.T, label string) *settlementtest.Device {
	return e.Devices[rapid.SampledFrom([]string{"ANNA", "BERTIL", "CECILIA"}).Draw(t, label)]
}

// pick draws one by its index, so that a failure reads well.
func pick[E any](t *rapid.T, from []E, label string) E {
	return from[rapid.IntRange(0, len(from)-1).Draw(t, label)]
}

func drawAmount(t *rapid.T) money.Ore {
	return money.Ore(rapid.SampledFrom([]int{1, 20_00, 60_00, 100_00, 300_00}).Draw(t, "amount"))
}

// trade: the ordinary case, perhaps torn before the payee has the Payment or its decision.
func (e *randomWorld) trade(t *rapid.T) {
	made, paid := len(e.requests), len(e.payments)
	if e.request(t); len(e.requests) == made {
		return
	}
	r := e.requests[made]
	payer := e.card(t, "payer")
	if p, err := payer.Pay(r, r.Payee.Name() == payer.ID.Name() && r.Payer != ""); err == nil {
		e.payments = append(e.payments, p)
	}
	if len(e.payments) > paid && rapid.IntRange(0, 2).Draw(t, "torn") > 0 {
		e.acceptOne(e.payments[paid])
	}
}

// request: a payee asks; a desk names a card of its own intermediary.
func (e *randomWorld) request(t *rapid.T) {
	payee := e.device(t, "payee")
	var payer message.DeviceID
	if payee.Role == spec.RoleDesk {
		payer = e.Devices[rapid.SampledFrom([]string{"ANNA", "CECILIA"}).Draw(t, "payer")].ID
	}
	if r, err := payee.Request(drawAmount(t), payer); err == nil {
		e.requests = append(e.requests, r)
	}
}

// pay: any card pays any request that it ever saw, also one that is paid or closed.
func (e *randomWorld) pay(t *rapid.T) {
	if len(e.requests) == 0 {
		return
	}
	r := pick(t, e.requests, "request")
	if p, err := e.card(t, "payer").Pay(r, r.Payee.Name() == "SENORDIC" &&
		r.Payer != ""); err == nil {
		e.payments = append(e.payments, p)
	}
}

// accept: a payment reaches its payee, late or often.
func (e *randomWorld) accept(t *rapid.T) {
	if len(e.payments) == 0 {
		return
	}
	e.acceptOne(pick(t, e.payments, "payment"))
}

func (e *randomWorld) acceptOne(p *message.Payment) {
	for _, name := range e.Names {
		if d := e.Devices[name]; d.ID == p.Request.Payee {
			if receipt, err := d.Accept(p); err == nil {
				e.receipts = append(e.receipts, receipt)
			}
		}
	}
}

func (e *randomWorld) refuse(t *rapid.T) {
	d := e.device(t, "payee")
	if len(d.Open) > 0 {
		_, err := d.Refuse(pick(t, d.Open, "open").Number)
		require.NoError(t, err)
	}
}

// handOver: the payer's phone hands over some payment, some receipt.
func (e *randomWorld) handOver(t *rapid.T) {
	if len(e.payments) > 0 {
		e.Submit(e.Encode(pick(t, e.payments, "payment")))
	}
	if len(e.receipts) > 0 && rapid.Bool().Draw(t, "with receipt") {
		e.Submit(e.Encode(pick(t, e.receipts, "receipt")))
	}
}

// repeat: something submitted before comes again.
func (e *randomWorld) repeat(t *rapid.T) {
	if len(e.Submitted) > 0 {
		before, err := notary.AllBalances(context.Background(), e.Notary)
		require.NoError(t, err)
		e.Submit(pick(t, e.Submitted, "item"))
		after, err := notary.AllBalances(context.Background(), e.Notary)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}

// refund: a terminal gives a payment back, or some öre of it, perhaps one that it may not; twice it
// is the same.
func (e *randomWorld) refund(t *rapid.T) {
	if len(e.payments) == 0 {
		return
	}
	p := pick(t, e.payments, "payment")
	e.orders++
	r := notary.Refund{Order: notary.OrderKey(fmt.Sprint(e.orders)), Payee: p.Request.Payee,
		Payer: p.Payer, ATC: p.ATC,
		Amount: money.Ore(rapid.Uint32Range(1, uint32(p.Request.Amount)).Draw(t, "refunded"))}
	first := e.Notary.For(p.Request.Payee.Name()).Refund(context.Background(), r)
	require.Equal(t, first, e.Notary.For(p.Request.Payee.Name()).Refund(context.Background(), r))
	var refused *notary.Error
	require.True(t, first == nil || errors.As(first, &refused), first)
}

func (e *randomWorld) sync(t *rapid.T) {
	d := e.device(t, "device")
	until := settlementtest.Step(rapid.IntRange(0, int(settlementtest.Whole)).Draw(t, "until"))
	var credit money.Ore
	if d.Role.CanPay() && rapid.Bool().Draw(t, "load") {
		credit = drawAmount(t)
	}
	report, _ := e.Sync(d, until, credit)
	if until >= settlementtest.State && !e.IsDishonest(d) {
		require.False(t, report.Cloned)
		require.True(t, report.Complete)
		require.Equal(t, money.Ore(0), report.Difference)
	}
}

func (e *randomWorld) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){"trade": e.trade, "trade more": e.trade,
		"trade again": e.trade, "request": e.request, "pay": e.pay, "accept": e.accept,
		"refuse": e.refuse, "hand": e.handOver,
		"repeat": e.repeat, "sync": e.sync, "refund": e.refund,
		"": func(*rapid.T) { e.Audit(false) }}
}

// TestHonestDevicesInAnyOrder: whatever honest devices do and however far each synchronisation
// comes, every invariant holds after every step, and two whole rounds bring agreement.
func TestHonestDevicesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := newRandomWorld(t)
		defer e.Stop()
		t.Repeat(e.actions())
		e.twoRounds(t)
	})
}

func (e *randomWorld) twoRounds(t *rapid.T) {
	for range 2 {
		for _, name := range rapid.Permutation(e.Names).Draw(t, "order") {
			// again until nothing is owed: an outstanding instruction first, then what came since
			for range 2 {
				e.Sync(e.Devices[name], settlementtest.Whole, 0)
			}
		}
	}
	e.Audit(true)
}

// TestAttacksAndLossesInAnyOrder: beside that, cards are copied, lost and ended, stolen keys sign
// what no card would, and payees contradict themselves. What holds for honest devices still holds.
func TestAttacksAndLossesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := newRandomWorld(t)
		defer e.Stop()
		actions := e.actions()
		maps.Copy(actions, e.attacks())
		t.Repeat(actions)
	})
}

// attacks are the actions of those who attack, and of those whom it concerns.
func (e *randomWorld) attacks() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){"copy": e.copyCard, "forge": e.forge,
		"lose": func(t *rapid.T) {
			d := e.device(t, "lost")
			require.NoError(t, e.Notary.For(d.ID.Name()).ReportLost(context.Background(), d.ID))
		},
		"wait": func(t *rapid.T) {
			e.Clock.At = e.Clock.At.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "days")) * 24 *
				time.Hour)
			_, err := e.Notary.EndDue(context.Background())
			require.NoError(t, err)
		}}
}

// copyCard puts a clone of a card beside it; both go on. The clone gets its own name, so that any
// action may be done with it.
func (e *randomWorld) copyCard(t *rapid.T) {
	name := rapid.SampledFrom([]string{"ANNA", "CECILIA"}).Draw(t, "copied")
	if twin := name + "-TWIN"; e.Devices[twin] == nil {
		e.Devices[twin], e.Names = e.Devices[name].Copy(), append(e.Names, twin)
		e.Dishonest[name], e.Dishonest[twin] = true, true
	}
}

// forge: the stolen key of BERTIL's card, or of the merchant's terminal, signs anything. The notary
// may refuse it; it must not move what is not theirs.
func (e *randomWorld) forge(t *rapid.T) {
	name := rapid.SampledFrom([]string{"BERTIL", "SHOP"}).Draw(t, "stolen")
	thief := e.Devices[name]
	e.Dishonest[name] = true
	number := uint32(rapid.IntRange(1, 8).Draw(t, "number"))
	atc := uint32(rapid.IntRange(1, 8).Draw(t, "atc"))
	setup := &attack.Setup{Stolen: thief.ID, DeviceKey: thief.StolenKey(), Number: atc,
		Asked: number}
	var way attack.Way
	switch rapid.SampledFrom([]string{"payment", "receipt", "refusal"}).Draw(t, "what") {
	case "payment":
		if len(e.requests) == 0 {
			return
		}
		way, setup.Request = attack.StolenPayment, pick(t, e.requests, "request")
	case "receipt":
		if len(e.payments) == 0 {
			return
		}
		way, setup.Payment = attack.StolenReceipt, pick(t, e.payments, "payment")
		setup.Asked = rapid.SampledFrom([]uint32{number, setup.Payment.Request.Number}).Draw(t,
			"of")
	case "refusal":
		way = attack.StolenRefusal
	}
	call, err := way.Make(setup)
	require.NoError(t, err)
	answer := call(context.Background(), attack.Services{Notary: e.Notary.For("")})
	require.True(t, attack.StolenDeviceKey.IsRight(answer), answer)
}
