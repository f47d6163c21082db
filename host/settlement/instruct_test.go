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

// next returns what Outstanding reports of a device.
func next(t *testing.T, w *settlementtest.World, d *settlementtest.Device) notary.Outstanding {
	owed, err := w.Notary.For(d.ID.Name()).Outstanding(context.Background(), d.ID)
	require.NoError(t, err)
	return owed
}

// TestInstructionsThatAreRefused changes one thing in an Instruction that would be signed.
func TestInstructionsThatAreRefused(t *testing.T) {
	for _, a := range attack.Instructions() {
		t.Run(a.Name, func(t *testing.T) {
			w := loaded(t)
			anna := w.Devices["ANNA"]
			by := w.Intermediaries["NORDIC"]
			on := attack.Services{Notary: w.Notary.For(nordic), Balances: books(w.Notary)}
			require.NoError(t, a.Run(t.Context(), on, &attack.Setup{
				InstructionKey: by.StolenKey(), Next: *w.Instruction(anna, next(t, w, anna), 0),
				Used: anna.Sequence, ATC: anna.ATC, Issued: 1000_00, Holding: 800_00, Amount: 1,
				Order: "an order", Ceilings: anna.Ceilings, ForeignDevice: w.Devices["BERTIL"].ID,
				ForeignKey: w.Intermediaries["FJORD"].Instructs,
			}))
			require.Equal(t, money.Ore(800_00), balance(t, w, nordic))
			require.Equal(t, uint32(2), next(t, w, anna).NextSeq)
			require.Nil(t, next(t, w, anna).Instruction)
		})
	}
}

// TestOneBodyForEver: the same body gives the same bytes, another one is refused whether or not the
// first was applied.
func TestOneBodyForEver(t *testing.T) {
	w := loaded(t)
	ctx, anna := context.Background(), w.Devices["ANNA"]
	owed := next(t, w, anna)
	i := w.Encode(w.Instruction(anna, owed, 50_00))
	signed, err := w.Notary.For(nordic).CoSign(ctx, "first", i)
	require.NoError(t, err)
	other := w.Encode(w.Instruction(anna, owed, 60_00))
	for range 2 {
		again, err := w.Notary.For(nordic).CoSign(ctx, "first", i)
		require.NoError(t, err)
		require.Equal(t, signed, again)
		_, err = w.Notary.For(nordic).CoSign(ctx, "first", other)
		require.ErrorIs(t, err, notary.Taken)
		_, err = w.Notary.For(nordic).CoSign(ctx, "second", other)
		require.ErrorIs(t, err, notary.Taken)
		_, err = w.Notary.For(nordic).CoSign(ctx, "second", i)
		require.ErrorIs(t, err, notary.Taken)
		none := w.Instruction(anna, owed, 0)
		none.Sequence = 0 // as the next is while one is outstanding
		w.SignInstruction(none, w.Intermediaries["NORDIC"])
		_, err = w.Notary.For(nordic).CoSign(ctx, "third", w.Encode(none))
		require.ErrorIs(t, err, notary.Sequence)
		require.Equal(t, money.Ore(750_00), balance(t, w, nordic))
		w.Sync(anna, settlementtest.Whole, 0)
	}
	require.Equal(t, money.Ore(250_00), anna.Balance)
	later := w.Instruction(anna, next(t, w, anna), 0)
	_, err = w.Notary.For(nordic).CoSign(ctx, "first", w.Encode(later))
	require.ErrorIs(t, err, notary.Taken, "an order serves one Instruction")
	w.Audit(false)
}

// TestNoCreditWithoutAnExplainedState: none before the first State, none for a balance that is not
// what the records say, none for a lost device or a terminal.
func TestNoCreditWithoutAnExplainedState(t *testing.T) {
	w := loaded(t)
	anna, bertil, merchant := w.Devices["ANNA"], w.Devices["BERTIL"], w.Devices["SHOP"]
	refused := func(d *settlementtest.Device, by string) error {
		_, err := w.Notary.For(d.ID.Name()).CoSign(t.Context(), notary.OrderKey("credit of "+by),
			w.Encode(w.Instruction(d, next(t, w, d), 1_00)))
		return err
	}
	require.NoError(t, w.Notary.Issue(t.Context(), "fjord", fjord, 10_00))
	require.ErrorIs(t, refused(bertil, "no state"), notary.Difference)
	w.Dishonest["ANNA"] = true
	anna.Balance += 5
	report, creditRefused := w.Sync(anna, settlementtest.Whole, 1_00)
	require.Equal(t, money.Ore(5), report.Difference)
	require.ErrorIs(t, creditRefused, notary.Difference)
	anna.Balance -= 5
	report, creditRefused = w.Sync(anna, settlementtest.Whole, 1_00)
	require.Zero(t, report.Difference)
	require.NoError(t, creditRefused)
	require.ErrorIs(t, refused(merchant, "terminal"), notary.WrongStatus)
	w.Sync(bertil, settlementtest.Whole, 0)
	require.NoError(t, w.Notary.For(fjord).ReportLost(t.Context(), bertil.ID))
	owed := next(t, w, bertil)
	owed.Status = notary.Active // or the helper would block it
	_, err := w.Notary.For(fjord).CoSign(t.Context(), "lost",
		w.Encode(w.Instruction(bertil, owed, 1_00)))
	require.ErrorIs(t, err, notary.WrongStatus)
}

// TestConfirmations: one counts once, and two that disagree prove a clone.
func TestConfirmations(t *testing.T) {
	w := loaded(t)
	ctx, anna := context.Background(), w.Devices["ANNA"]
	w.Sync(anna, settlementtest.CoSigned, 20_00)
	i, err := message.Parse[message.Instruction](next(t, w, anna).Instruction)
	require.NoError(t, err)
	identity, err := message.Identity(i)
	require.NoError(t, err)
	say := func(credit spec.CreditVerdict) []byte {
		c := &message.Confirmation{Device: anna.ID, Sequence: 2, Instruction: identity,
			Credit: credit}
		require.NoError(t, message.Sign(c, anna.StolenKey()))
		return w.Encode(c)
	}
	require.NoError(t, w.Notary.For(nordic).Confirm(ctx, say(spec.CreditNotTaken)))
	require.Equal(t, money.Ore(800_00), balance(t, w, nordic), "released")
	require.NoError(t, w.Notary.For(nordic).Confirm(ctx, say(spec.CreditNotTaken)),
		"again")
	require.Equal(t, notary.Active, next(t, w, anna).Status)
	require.NoError(t, w.Notary.For(nordic).Confirm(ctx, say(spec.CreditTaken)))
	require.Equal(t, notary.Ended, next(t, w, anna).Status)
	require.Equal(t, money.Ore(1000_00), balance(t, w, nordic), "what was left went to its owner")
	w.Dishonest["ANNA"] = true
	w.Audit(false)
}

// TestStatesAreFresh: a State that is merely older than its submission proves nothing against the
// card.
func TestStatesAreFresh(t *testing.T) {
	w := loaded(t)
	ctx, anna, merchant := context.Background(), w.Devices["ANNA"], w.Devices["SHOP"]
	challenge := w.Challenge(anna)
	state, err := anna.State(challenge)
	require.NoError(t, err)
	// after the State was given, and known to the notary before it
	p := paid(t, anna, merchant, 30_00)
	_, err = merchant.Accept(p)
	require.NoError(t, err)
	w.Sync(merchant, settlementtest.Whole, 0)
	report, err := w.Notary.For(nordic).SubmitState(ctx, w.Encode(state))
	require.NoError(t, err)
	require.False(t, report.Cloned)
	require.Zero(t, report.Difference)
	w.Audit(false)
}

// TestAbandonedChallengesAreForgotten: Challenges whose sessions ended cost the notary the last
// few; what a State has answered stays, and can be submitted again.
func TestAbandonedChallengesAreForgotten(t *testing.T) {
	const open = 16
	w := loaded(t)
	anna := w.Devices["ANNA"]
	submit := func(c *message.Challenge) error {
		state, err := anna.State(c)
		require.NoError(t, err)
		_, err = w.Notary.For(nordic).SubmitState(context.Background(), w.Encode(state))
		return err
	}
	answered := w.Challenge(anna)
	require.NoError(t, submit(answered))
	var abandoned []*message.Challenge
	for range open + 1 {
		abandoned = append(abandoned, w.Challenge(anna))
	}
	require.ErrorIs(t, submit(abandoned[0]), notary.Challenge)
	require.NoError(t, submit(abandoned[1]))
	require.NoError(t, submit(abandoned[open]))
	require.NoError(t, submit(answered))
	w.Audit(false)
}

// TestChallengeOpenedAgain: a repeated call has the number that was drawn, until a State has
// answered the Challenge or the notary has learned more of the device; then it is another
// Challenge, and the first one still says what was known when it was opened.
func TestChallengeOpenedAgain(t *testing.T) {
	w := loaded(t)
	anna, merchant := w.Devices["ANNA"], w.Devices["SHOP"]
	n := w.Notary.For(nordic)
	session := notary.Opening{InstructionKey: w.Intermediaries["NORDIC"].Instructs, Device: anna.ID,
		Nonce: message.Nonce{1}}
	drawn := uint64(1000)
	open := func(o notary.Opening) message.Random {
		t.Helper()
		drawn++
		w.Draws(drawn)
		opened, err := n.OpenChallenge(t.Context(), o)
		require.NoError(t, err)
		return opened.Random
	}
	submit := func(random message.Random) notary.StateReport {
		t.Helper()
		state, err := anna.State(&message.Challenge{InstructionKey: session.InstructionKey,
			Device: anna.ID, Nonce: session.Nonce, Random: random})
		require.NoError(t, err)
		report, err := n.SubmitState(t.Context(), w.Encode(state))
		require.NoError(t, err)
		return report
	}
	first := open(session)
	require.Equal(t, first, open(session))
	next := session
	next.Nonce[0]++
	require.NotEqual(t, first, open(next), "another session")
	require.Equal(t, first, open(session))

	stale, err := anna.State(&message.Challenge{InstructionKey: session.InstructionKey,
		Device: anna.ID, Nonce: session.Nonce, Random: first})
	require.NoError(t, err)
	_, err = merchant.Accept(paid(t, anna, merchant, 30_00))
	require.NoError(t, err)
	w.Sync(merchant, settlementtest.Whole, 0)
	second := open(session)
	require.NotEqual(t, first, second, "a payment of the device has become known")
	report, err := n.SubmitState(t.Context(), w.Encode(stale))
	require.NoError(t, err)
	require.False(t, report.Cloned, "it is as old as the first Challenge, which had not seen it")

	require.Equal(t, second, open(session))
	require.False(t, submit(second).Cloned)
	require.NotEqual(t, second, open(session), "a State has answered it")
	w.Audit(false)
}
