package settlement_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
)

// double is a row for everybody with twice the default limits.
var double = message.CrisisRow{MaxBalance: 8_000_00, MaxTransactions: 120, MaxPayment: 8_000_00,
	MaxSpent: 20_000_00, MaxReceipts: 12_000, MaxReceived: 2_000_000_00}

// TestACrisisOrderHasOneBodyForEver: the same body gives the same bytes, also after a restart, and
// another one is refused.
func TestACrisisOrderHasOneBodyForEver(t *testing.T) {
	w := settlementtest.NewWorld(t)
	k := w.CrisisKey(1, 365)
	signed, err := w.SignCrisis(k, w.CrisisOrder(k, 1, 0, 7, double))
	require.NoError(t, err)
	order, err := message.Parse[message.CrisisOrder](signed)
	require.NoError(t, err)
	require.NoError(t, message.VerifyAs(order, message.ByNotary, w.NotaryKey()))
	w.Stop()
	w.Start()
	again, err := w.SignCrisis(k, w.CrisisOrder(k, 1, 0, 7, double))
	require.NoError(t, err)
	require.Equal(t, signed, again)
	_, err = w.SignCrisis(k, w.CrisisOrder(k, 1, 0, 8, double))
	require.ErrorIs(t, err, notary.Taken)
	report, err := w.Notary.CrisisOrders(t.Context(), notary.CrisisPage{Limit: 2})
	require.NoError(t, err)
	require.Len(t, report.Orders, 1)
	require.Equal(t, uint32(2), report.Next)
	require.Equal(t, signed, report.Orders[0].Order)
	require.Equal(t, "eva", report.Orders[0].By)
}

// TestCrisisOrdersThatAreRefused changes one thing in an order that would be signed.
func TestCrisisOrdersThatAreRefused(t *testing.T) {
	w := settlementtest.NewWorld(t)
	k, short, other := w.CrisisKey(2, 365), w.CrisisKey(1, 364), w.CrisisKey(3, 370)
	_, err := w.SignCrisis(k, w.CrisisOrder(k, 1, 0, 7, double))
	require.NoError(t, err)
	for name, c := range map[string]struct {
		kind   notary.Kind
		by     *settlementtest.CrisisKey
		change func(o *message.CrisisOrder)
	}{
		"a number left out": {notary.Sequence, k,
			func(o *message.CrisisOrder) { o.Number = 3 }},
		"another notary": {notary.Unknown, k,
			func(o *message.CrisisOrder) { o.Notary = "SENOTARY00002" }},
		"another key's reference": {notary.Certificate, k,
			func(o *message.CrisisOrder) { o.CrisisKey = other.Reference }},
		"a former key": {notary.Certificate, short,
			func(o *message.CrisisOrder) { o.CrisisKey = short.Reference }},
		"over": {notary.Date, k, func(o *message.CrisisOrder) {
			o.From, o.Until = o.From.AddDays(-3), o.From.AddDays(-1)
		}},
		"too long": {notary.Date, k,
			func(o *message.CrisisOrder) { o.Until = o.From.AddDays(32) }},
		"after its key": {notary.Date, k, func(o *message.CrisisOrder) {
			o.From, o.Until = o.From.AddDays(360), o.From.AddDays(366)
		}},
		"too high balance": {notary.Policy, k,
			func(o *message.CrisisOrder) { o.Rows[0].MaxBalance = 20_000_01 }},
		"an intermediary that has not joined": {notary.Unknown, k,
			func(o *message.CrisisOrder) { o.Rows[0].Name = "SENORDIK" }},
		"one beside others": {notary.Unknown, k, func(o *message.CrisisOrder) {
			o.Rows = append(o.Rows, message.CrisisRow{Group: 1, Name: "NOSUCHBK", MaxSpent: 1})
		}},
		"too many at a terminal": {notary.Policy, k,
			func(o *message.CrisisOrder) { o.Rows[0].MaxReceived = 10_000_000_01 }},
	} {
		t.Run(name, func(t *testing.T) {
			o := w.CrisisOrder(k, 2, 0, 7, double)
			c.change(o)
			_, err := w.SignCrisis(c.by, o)
			require.ErrorIs(t, err, c.kind)
		})
	}
	unsigned := w.CrisisOrder(k, 2, 0, 7, double)
	_, err = w.SignCrisis(other, unsigned)
	require.ErrorIs(t, err, notary.Certificate)
	_, err = w.Notary.SignCrisisOrder(t.Context(), notary.CrisisSigning{
		Order:     w.Encode(w.CrisisOrder(k, 2, 0, 7, double)),
		CrisisKey: k.Certificate, By: "eva"})
	require.ErrorIs(t, err, notary.Signature)
	instruction := w.Intermediaries["NORDIC"].InstructionCertificate
	_, err = w.Notary.SignCrisisOrder(t.Context(), notary.CrisisSigning{
		Order: w.Encode(unsigned), CrisisKey: instruction, By: "eva"})
	require.ErrorIs(t, err, notary.Certificate)
	_, err = w.SignCrisis(k, w.CrisisOrder(k, 2, 0, 31, double))
	require.NoError(t, err, "nothing of it has taken the number")
}

// TestAFormerOrderIsNotCountersigned: the order that counts can be signed again, one whose place
// another has taken or that is over cannot.
func TestAFormerOrderIsNotCountersigned(t *testing.T) {
	w := settlementtest.NewWorld(t)
	k := w.CrisisKey(1, 365)
	countersign := func(number uint32, from, until int) error {
		o := w.CrisisOrder(k, number, from, until, double)
		require.NoError(t, message.SignAs(o, message.ByCrisisKey, k.Signer()))
		_, err := notary.CountersignCrisis(t.Context(), w.Notary, notary.CrisisSigning{
			Order: w.Encode(o), CrisisKey: k.Certificate, By: "eva"})
		return err
	}
	require.NoError(t, countersign(1, 0, 7))
	require.NoError(t, countersign(1, 0, 7), "the same again")
	require.NoError(t, countersign(2, 3, 9))
	require.NoError(t, countersign(1, 0, 7), "order 2 is to come")
	require.NoError(t, countersign(3, 0, 7))
	require.NoError(t, countersign(3, 0, 7))
	err := countersign(1, 0, 7)
	require.ErrorIs(t, err, notary.Sequence)
	require.ErrorContains(t, err, "order 3 is in force")
	w.Clock.At = w.Clock.At.AddDate(0, 0, 8)
	require.ErrorIs(t, countersign(3, -8, -1), notary.Sequence, "over")
}

// TestRowsNameWhoHasJoined: who drafts an order knows the intermediaries, and the nearest name to a
// wrong one; groups that no card is in are named.
func TestRowsNameWhoHasJoined(t *testing.T) {
	w := loaded(t)
	require.NoError(t, w.Notary.For(nordic).SetGroup(t.Context(), w.Devices["ANNA"].ID, 2))
	report, err := w.Notary.CrisisOrders(t.Context(), notary.CrisisPage{Limit: 2})
	require.NoError(t, err)
	require.Contains(t, report.Intermediaries, message.Name(nordic))
	require.NoError(t, notary.CheckRows([]message.CrisisRow{{}, {Group: 1, Name: nordic}},
		report.Intermediaries))
	err = notary.CheckRows([]message.CrisisRow{{Name: "SENORDIK"}}, report.Intermediaries)
	require.ErrorIs(t, err, notary.Unknown)
	require.ErrorContains(t, err, "nearest: "+string(nordic))
	empty := message.CrisisRow{Group: 2, Name: "SEFJORDB"}
	require.Equal(t, []message.CrisisRow{{Group: 3}, empty},
		report.EmptyGroups([]message.CrisisRow{{Name: nordic}, {Group: 2}, {Group: 3},
			{Group: 2, Name: nordic}, empty}))
}

// TestInstructionsNameTheLowestOrder follows the number through a crisis, and no Instruction with
// another one is signed.
func TestInstructionsNameTheLowestOrder(t *testing.T) {
	w := loaded(t)
	anna, k := w.Devices["ANNA"], w.CrisisKey(1, 365)
	sign := func(number uint32, from, until int, rows ...message.CrisisRow) {
		_, err := w.SignCrisis(k, w.CrisisOrder(k, number, from, until, rows...))
		require.NoError(t, err)
	}
	require.Equal(t, uint32(1), next(t, w, anna).LowestOrder, "the next")
	sign(1, 2, 9, double)
	require.Equal(t, uint32(1), next(t, w, anna).LowestOrder, "to come")
	w.Clock.At = w.Clock.At.AddDate(0, 0, 2)
	require.Equal(t, uint32(1), next(t, w, anna).LowestOrder, "in force")
	sign(2, 1, 9, double)
	require.Equal(t, uint32(1), next(t, w, anna).LowestOrder, "the later one is to come")
	w.Clock.At = w.Clock.At.AddDate(0, 0, 1)
	require.Equal(t, uint32(2), next(t, w, anna).LowestOrder, "it has come")
	wrong := w.Instruction(anna, next(t, w, anna), 0)
	wrong.OrderNumber = 1
	w.SignInstruction(wrong, w.Intermediaries["NORDIC"])
	_, err := w.Notary.For(nordic).CoSign(t.Context(), "wrong", w.Encode(wrong))
	require.ErrorIs(t, err, notary.Policy)
	sign(3, 0, 2) // ends it
	owed := next(t, w, anna)
	require.Equal(t, uint32(3), owed.LowestOrder, "it stays while it spreads")
	require.NotEmpty(t, owed.Crisis.Order)
	w.Clock.At = w.Clock.At.AddDate(0, 0, 3)
	owed = next(t, w, anna)
	require.Equal(t, uint32(4), owed.LowestOrder, "over")
	require.Empty(t, owed.Crisis.Order)
	require.Equal(t, k.Certificate, owed.Crisis.CrisisKey, "a key goes on to spread")
}

// TestTheGroupComesWithTheNextInstruction: it is the notary's, and no Instruction names another.
func TestTheGroupComesWithTheNextInstruction(t *testing.T) {
	w := loaded(t)
	anna := w.Devices["ANNA"]
	require.NoError(t, w.Notary.For(nordic).SetGroup(t.Context(), anna.ID, 2))
	require.ErrorIs(t, w.Notary.For(fjord).SetGroup(t.Context(), anna.ID, 3), notary.NotYours)
	owed := next(t, w, anna)
	require.Equal(t, uint8(2), owed.Group)
	require.Zero(t, owed.LastGroup)
	wrong := w.Instruction(anna, owed, 0)
	wrong.Group = 0
	w.SignInstruction(wrong, w.Intermediaries["NORDIC"])
	_, err := w.Notary.For(nordic).CoSign(t.Context(), "wrong", w.Encode(wrong))
	require.ErrorIs(t, err, notary.Policy)
	w.Sync(anna, settlementtest.Whole, 0)
	require.Equal(t, uint8(2), next(t, w, anna).LastGroup)
}

// TestOrdersHeldAreCounted: what States show, and an order that the notary never signed.
func TestOrdersHeldAreCounted(t *testing.T) {
	w := loaded(t)
	k := w.CrisisKey(1, 365)
	signed, err := w.SignCrisis(k, w.CrisisOrder(k, 1, 0, 7, double))
	require.NoError(t, err)
	order, err := message.Parse[message.CrisisOrder](signed)
	require.NoError(t, err)
	w.Devices["ANNA"].Crisis, w.Devices["BERTIL"].Crisis = order, w.CrisisOrder(k, 9, 0, 7, double)
	for _, name := range w.Names {
		w.Sync(w.Devices[name], settlementtest.Whole, 0)
	}
	report, err := w.Notary.CrisisOrders(t.Context(), notary.CrisisPage{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, 1, report.Orders[0].Held)
	require.Equal(t, 3, report.Devices)
	require.Equal(t, []message.DeviceID{w.Devices["BERTIL"].ID}, report.Foreign)
}

// thief is a card of NORDIC whose key is stolen and which has ended, so that its holding pays.
func thief(t *testing.T, w *settlementtest.World) *settlementtest.Device {
	stolen := w.Issue("THIEF", "NORDIC", spec.RoleCard)
	w.Dishonest["THIEF"] = true
	require.NoError(t, w.Notary.Issue(t.Context(), "rich", nordic, 100_000_00))
	require.NoError(t, w.Notary.For(nordic).ReportLost(t.Context(), stolen.ID))
	w.Clock.At = w.Clock.At.Add(w.Terms.Honour)
	require.NoError(t, w.Notary.For(nordic).End(t.Context(), stolen.ID))
	return stolen
}

// accepted has a device accept a Payment of a thief, and returns the verdict.
func accepted(
	t *testing.T, w *settlementtest.World, thief, payee *settlementtest.Device, atc uint32,
	amount money.Ore,
) notary.Verdict {
	r, err := payee.Request(amount, "")
	require.NoError(t, err)
	p := &message.Payment{Payer: thief.ID, ATC: atc, Request: *r}
	require.NoError(t, message.Sign(p, thief.StolenKey()))
	receipt, err := payee.Accept(p)
	require.NoError(t, err)
	w.Submit(w.Encode(p), w.Encode(receipt))
	status, err := w.Notary.Payment(t.Context(), thief.ID, atc)
	require.NoError(t, err)
	w.Audit(false)
	return status.Verdict
}

// spend has a device pay another, so that it has room again.
func spend(t *testing.T, from, to *settlementtest.Device, amount money.Ore) {
	r, err := to.Request(amount, from.ID)
	require.NoError(t, err)
	_, err = from.Pay(r, false)
	require.NoError(t, err)
}

// TestHelpFollowsTheCrisisOrders: an honest payee that uses all that an order allows it is paid
// all, by orders in force, and by one that has ended before the payee could be told. What only a
// thief can claim, waits.
func TestHelpFollowsTheCrisisOrders(t *testing.T) {
	w := loaded(t)
	bertil, merchant, stolen := w.Devices["BERTIL"], w.Devices["SHOP"], thief(t, w)
	k := w.CrisisKey(1, 365)
	signed, err := w.SignCrisis(k, w.CrisisOrder(k, 1, 0, 7, double))
	require.NoError(t, err)
	bertil.Crisis, err = message.Parse[message.CrisisOrder](signed)
	require.NoError(t, err)
	merchant.Crisis = bertil.Crisis
	// holds 8,000, has paid 20,000: 28,000 in all
	atc := uint32(1)
	for ; atc <= 3; atc++ {
		require.Equal(t, notary.Uncovered, accepted(t, w, stolen, bertil, atc, 7_000_00))
		spend(t, bertil, merchant, 6_500_00)
	}
	require.Equal(t, notary.Uncovered, accepted(t, w, stolen, bertil, atc, 5_000_00))
	// the crisis has ended since, and the payee was dark: its last record still counts
	w.Clock.At = w.Clock.At.Add(9 * 24 * time.Hour)
	require.Equal(t, notary.Uncovered, accepted(t, w, stolen, bertil, atc+1, 1_500_00))
	w.Dishonest["BERTIL"] = true // from here on its key is used by a thief, too
	forged := func(amount money.Ore) notary.Verdict {
		bertil.Balance -= amount // room for more than an honest card has
		atc++
		return accepted(t, w, stolen, bertil, atc+1, amount)
	}
	require.Equal(t, notary.Waiting, forged(500_01))
}

// TestHelpEndsWithTheAcknowledgement: once the payee was told that a crisis is over, and what it
// wrote before is acknowledged, the policy's help counts again.
func TestHelpEndsWithTheAcknowledgement(t *testing.T) {
	w := loaded(t)
	bertil, stolen := w.Devices["BERTIL"], thief(t, w)
	k := w.CrisisKey(1, 365)
	_, err := w.SignCrisis(k, w.CrisisOrder(k, 1, 0, 7, double))
	require.NoError(t, err)
	w.Clock.At = w.Clock.At.Add(9 * 24 * time.Hour)
	w.Sync(bertil, settlementtest.Whole, 0) // told: 2 is the lowest
	w.Dishonest["BERTIL"] = true
	bertil.Policy.MaxBalance, bertil.Policy.MaxSpent = 30_000_00, 30_000_00 // a thief's card
	require.Equal(t, notary.Uncovered, accepted(t, w, stolen, bertil, 1, 14_000_00),
		"4,000 + 10,000")
	require.Equal(t, notary.Waiting, accepted(t, w, stolen, bertil, 2, 1))
}

// TestCrisisOrdersComeInPages: the newest first, with a way to all; none is without bound.
func TestCrisisOrdersComeInPages(t *testing.T) {
	w := loaded(t)
	k := w.CrisisKey(1, 365)
	for number := uint32(1); number <= 5; number++ {
		_, err := w.SignCrisis(k, w.CrisisOrder(k, number, 0, 7, double))
		require.NoError(t, err)
	}
	var seen []uint32
	for page := (notary.CrisisPage{Limit: 2}); ; {
		report, err := w.Notary.CrisisOrders(t.Context(), page)
		require.NoError(t, err)
		require.Equal(t, uint32(6), report.Next, "of all, whatever the page")
		require.LessOrEqual(t, len(report.Orders), 2)
		if len(report.Orders) == 0 {
			break
		}
		for _, o := range report.Orders {
			seen = append(seen, o.Number)
		}
		page.Before = seen[len(seen)-1]
	}
	require.Equal(t, []uint32{5, 4, 3, 2, 1}, seen)
	for _, limit := range []int{-1, 0, notary.MaxPage + 1} {
		_, err := w.Notary.CrisisOrders(t.Context(), notary.CrisisPage{Limit: limit})
		require.ErrorIs(t, err, notary.Malformed)
	}
	_, err := w.Notary.CrisisOrders(t.Context(), notary.CrisisPage{After: "\x00", Limit: 1})
	require.ErrorIs(t, err, notary.Malformed)
}

// TestAlarmingDevicesComeInPages: each is named once, on one page.
func TestAlarmingDevicesComeInPages(t *testing.T) {
	w := loaded(t)
	k := w.CrisisKey(1, 365)
	var want []message.DeviceID
	for _, name := range w.Names {
		w.Devices[name].Crisis = w.CrisisOrder(k, 9, 0, 7, double)
		w.Sync(w.Devices[name], settlementtest.Whole, 0)
		want = append(want, w.Devices[name].ID)
	}
	var seen []message.DeviceID
	for page := (notary.CrisisPage{Limit: 1}); ; {
		report, err := w.Notary.CrisisOrders(t.Context(), page)
		require.NoError(t, err)
		if len(report.Foreign) == 0 {
			break
		}
		require.Len(t, report.Foreign, 1)
		seen = append(seen, report.Foreign...)
		page.After = seen[len(seen)-1]
	}
	require.ElementsMatch(t, want, seen)
}
