package settlement_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/attack"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/settlementtest"
)

// corruptedRecord returns the item of attack.CorruptedRecord.
func corruptedRecord(t *testing.T, r *message.Receipt, p *message.Payment) []byte {
	t.Helper()
	item, err := attack.Corrupted(r, p)
	require.NoError(t, err)
	return item
}

// TestCorruptedPaymentIsProvenByTheTrueOne: an attacker who hands over a corrupted record, before
// or after the payee's, gains nothing.
func TestCorruptedPaymentIsProvenByTheTrueOne(t *testing.T) {
	w := loaded(t)
	anna, bertil := w.Devices["ANNA"], w.Devices["BERTIL"]
	p := paid(t, anna, bertil, 30_00)
	r, err := bertil.Accept(p)
	require.NoError(t, err)
	corrupted := corruptedRecord(t, r, p)
	answer := submit(t, w, corrupted)
	require.ErrorIs(t, answer.Err, notary.Signature)
	require.Equal(t, notary.Waiting, answer.Payment.Verdict)
	w.Audit(false)
	for range 2 {
		require.NoError(t, submit(t, w, w.Encode(p)).Err)
		answer = submit(t, w, corrupted) // too late
		require.NoError(t, answer.Err)
		require.Equal(t, notary.Settled, answer.Payment.Verdict)
	}
	require.Equal(t, money.Ore(170_00), balance(t, w, string(anna.ID)))
	everybodyTwice(t, w)
}

// TestCorruptedPaymentOfARefusedRequestTakesNothingFromItsPayer: a payee that has refused, and then
// claims acceptance with a corrupted Payment before its payer synchronises, blocks neither the
// payer's card nor the return of its money.
func TestCorruptedPaymentOfARefusedRequestTakesNothingFromItsPayer(t *testing.T) {
	w := loaded(t)
	anna, bertil := w.Devices["ANNA"], w.Devices["BERTIL"]
	p := paid(t, anna, bertil, 30_00)
	lying := bertil.Copy()
	refusal, err := bertil.Refuse(p.Request.Number)
	require.NoError(t, err)
	lying.ATC = 5 // leaves room between the two decisions
	r, err := lying.Accept(p)
	require.NoError(t, err)
	w.Submit(w.Encode(refusal))
	answer := submit(t, w, corruptedRecord(t, r, p))
	require.ErrorIs(t, answer.Err, notary.Signature)
	require.False(t, answer.Payment.Verdict.Final(),
		"nobody knows yet whether its payer's wallet answers for it")
	answer = submit(t, w, w.Encode(p))
	require.NoError(t, answer.Err)
	require.Equal(t, notary.Void, answer.Payment.Verdict)
	require.Equal(t, money.Ore(170_00), balance(t, w, string(anna.ID)))
	report, _ := w.Sync(anna, settlementtest.Whole, 0)
	require.Zero(t, report.Difference)
	require.Empty(t, anna.Log)
	w.Dishonest["BERTIL"] = true
	w.Audit(false)
}

// TestCorruptedPaymentToAnEndedPayee: the end of the payee's device has accepted another Payment of
// the Request.
func TestCorruptedPaymentToAnEndedPayee(t *testing.T) {
	w := loaded(t)
	anna, bertil, cecilia := w.Devices["ANNA"], w.Devices["BERTIL"],
		w.Issue("CECILIA", "NORDIC", spec.RoleCard)
	_, refused := w.Sync(cecilia, settlementtest.Whole, 200_00)
	require.NoError(t, refused)
	request, err := bertil.Request(30_00, "")
	require.NoError(t, err)
	first, err := cecilia.Pay(request, false)
	require.NoError(t, err)
	p, err := anna.Pay(request, false)
	require.NoError(t, err)
	r, err := bertil.Accept(p)
	require.NoError(t, err)
	w.Submit(w.Encode(first))
	require.NoError(t, w.Notary.For(bertil.ID.Name()).ReportLost(context.Background(), bertil.ID))
	w.Clock.At = w.Clock.At.Add(w.Terms.Honour)
	_, err = w.Notary.EndDue(context.Background())
	require.NoError(t, err)
	require.ErrorIs(t, submit(t, w, corruptedRecord(t, r, p)).Err, notary.Signature)
	require.NoError(t, submit(t, w, w.Encode(p)).Err)
	report, _ := w.Sync(anna, settlementtest.Whole, 0)
	require.Zero(t, report.Difference)
	w.Audit(false)
}

// TestCorruptedPaymentOfACardThatNobodyRegistered: with its certificate in hand the true record
// proves it, though the corrupted one came first.
func TestCorruptedPaymentOfACardThatNobodyRegistered(t *testing.T) {
	w := loaded(t)
	bertil, ghost := w.Devices["BERTIL"],
		w.Unregistered("GHOST", "NORDIC", spec.RoleCard, "a key of the thief")
	ghost.Balance = 100_00
	p := paid(t, ghost, bertil, 30_00)
	r, err := bertil.Accept(p)
	require.NoError(t, err)
	record, err := bertil.Log[0].Encode()
	require.NoError(t, err)
	for _, item := range [][]byte{corruptedRecord(t, r, p), record} {
		require.ErrorIs(t, submit(t, w, item).Err, notary.Signature)
	}
	require.NoError(t, submit(t, w, ghost.Certificate).Err)
	answer := submit(t, w, record)
	require.NoError(t, answer.Err)
	require.Equal(t, notary.Uncovered, answer.Payment.Verdict)
	require.Equal(t, notary.Uncovered, submit(t, w, corruptedRecord(t, r, p)).Payment.Verdict)
	require.Equal(t, money.Ore(30_00), balance(t, w, string(bertil.ID)))
	w.Audit(false)
}

func everybodyTwice(t *testing.T, w *settlementtest.World) {
	for range 2 {
		for _, name := range w.Names {
			w.Sync(w.Devices[name], settlementtest.Whole, 0)
		}
	}
	w.Audit(true)
}
