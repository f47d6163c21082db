package flows

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/thorough"
	"ekrona.example/applet/client"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/ledger"
	"ekrona.example/host/order"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
)

func TestLoadThatCannotBeIsRefusedAndItsMoneyStaysOnline(t *testing.T) {
	cases := []struct {
		name   string
		before func(w *world, anna *person)
		amount money.Ore
		offer  string
	}{
		{"more than the online wallet holds", func(*world, *person) {}, 5001 * money.Krona,
			"load less"},
		{"more than the card may hold", func(*world, *person) {}, 4001 * money.Krona,
			"load at most 4000.00 kr"},
		{"open requests counted", func(w *world, anna *person) {
			_, err := anna.phone.Request(w.ctx, anna.tap(w.t), 1000*money.Krona, "")
			require.NoError(w.t, err)
		}, 3001 * money.Krona, "load at most 3000.00 kr"},
		{"a blocked card", func(w *world, anna *person) {
			require.NoError(w.t, anna.bank.Block(w.ctx, anna.device.ID, true))
		}, 100 * money.Krona, "load another one"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			anna := w.addPerson("anna", "SENORDIC", "00000001", 5000*money.Krona)
			c.before(w, anna)
			_, err := anna.phone.Load(w.ctx, anna.tap(t), c.amount)
			var refused *order.Refused
			require.ErrorAs(t, err, &refused)
			require.ErrorContains(t, err, c.offer)
			w.audit("refused")
			assert.Equal(t, 5000*money.Krona, w.online(anna))
			assert.Zero(t, w.offline(anna))
			require.NoError(t, anna.bank.Block(w.ctx, anna.device.ID, false))
			w.sync(anna)
			w.load(anna, 50*money.Krona)
		})
	}
}

func TestSameLoadTwiceIsTwoLoads(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.load(anna, 100*money.Krona)
	w.load(anna, 100*money.Krona)
	assert.Equal(t, 200*money.Krona, w.offline(anna))
	w.agree()
}

func TestOrdersAreTheOwnersAndOnceForTheirID(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SENORDIC", "00000002", 500*money.Krona)
	var refused *order.Refused

	stolen, err := order.New(order.Load, anna.device.ID, money.Krona, w.random("order"),
		bertil.app.Signer)
	require.NoError(t, err)
	err = anna.bank.PlaceLoad(w.ctx, stolen)
	require.ErrorIs(t, err, order.ErrSignature)
	require.False(t, errors.As(err, &refused), "with the right key it is carried out")
	_, err = anna.bank.RequestUnload(w.ctx, stolen)
	require.ErrorAs(t, err, &refused, "a load is no unload")
	_, err = anna.phone.Unload(w.ctx, anna.tap(t), 100_000_000*money.Krona)
	require.ErrorAs(t, err, &refused, "no message carries so much")

	first, err := order.New(order.Load, anna.device.ID, money.Krona, w.random("order"),
		anna.app.Signer)
	require.NoError(t, err)
	require.NoError(t, anna.bank.PlaceLoad(w.ctx, first))
	require.NoError(t, anna.bank.PlaceLoad(w.ctx, first))
	assert.Equal(t, 499*money.Krona, w.online(anna))
	w.audit("set aside once")
	w.sync(anna)
	assert.Equal(t, money.Krona, w.offline(anna))
}

func TestPolicyComesWithTheNextInstruction(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	above := message.DefaultCeilings()
	above.MaxBalance++
	order := banking.PolicyOrder{Key: "1", By: "eva", Policy: above,
		Devices: []message.DeviceID{anna.device.ID}}
	_, err := anna.bank.SetPolicy(w.ctx, order)
	require.ErrorIs(t, err, banking.ErrPolicy)
	require.ErrorContains(t, err, string(anna.device.ID))

	careful := message.PilotPolicy()
	careful.MaxPayment, careful.Flags = 5000, spec.FlagPINToReceive
	order.Policy = careful
	for range 2 {
		version, err := anna.bank.SetPolicy(w.ctx, order)
		require.NoError(t, err)
		require.EqualValues(t, 1, version)
	}
	w.sync(anna)
	w.audit("policy")
	holdings, err := anna.phone.Holdings(w.ctx, anna.tap(t))
	require.NoError(t, err, "its owner's phone enciphers the PIN")
	careful.Version = 1
	assert.Equal(t, careful, holdings.Policy)
	assert.Equal(t, 200*money.Krona, holdings.Balance)

	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 51*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.True(t, client.Is(err, spec.SWPaymentLimit), err)
	cecilia := w.addPerson("cecilia", "SENORDIC", "00000003", 0)
	_, err = cecilia.phone.Pay(w.ctx, anna.tap(t), asked)
	require.True(t, client.Is(err, spec.SWMACWrong), "another phone has another key: %v", err)
	w.agree()
}

func TestPINIsChangedUnblockedAndGivenItsTriesAgain(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	wrong := func() wallet.Tap { return wallet.Tap{Card: anna.reader(), PIN: block(t, "0000")} }
	for left := spec.PINTries - 1; left >= 0; left-- {
		_, err := anna.phone.Holdings(w.ctx, wrong())
		var tries apdu.TriesLeft
		if left > 0 {
			require.ErrorAs(t, err, &tries)
			assert.Equal(t, left, int(tries))
		}
	}
	_, err := anna.phone.Holdings(w.ctx, anna.tap(t))
	require.ErrorIs(t, err, client.ErrSecurity)

	require.NoError(t, anna.bank.ResetTries(w.ctx, anna.device.ID))
	w.sync(anna)
	_, err = anna.phone.Holdings(w.ctx, anna.tap(t))
	require.NoError(t, err, "the Instruction gave the tries back")

	require.NoError(t, anna.phone.ChangePIN(w.ctx, anna.tap(t), block(t, "2468")))
	_, err = anna.phone.Holdings(w.ctx, wallet.Tap{Card: anna.reader(), PIN: block(t, "2468")})
	require.NoError(t, err)
	require.NoError(t, anna.phone.UnblockPIN(w.ctx, wallet.Tap{Card: anna.reader()},
		block(t, "87654321"), block(t, rightPIN)))
	_, err = anna.phone.Holdings(w.ctx, anna.tap(t))
	require.NoError(t, err)
	_, err = anna.phone.Holdings(w.ctx, wallet.Tap{Card: anna.reader()})
	require.ErrorIs(t, err, wallet.ErrPINNeeded)
}

// unloadRequested returns anna with 200 kr on her card, and the desk's Request to unload 50 of
// them.
func unloadRequested(t *testing.T) (*world, *person, order.Signed, envelope.Envelope) {
	t.Helper()
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.load(anna, 200*money.Krona)
	o, err := order.New(order.Unload, anna.device.ID, 50*money.Krona, w.random("order"),
		anna.app.Signer)
	require.NoError(t, err)
	asked, err := anna.bank.RequestUnload(w.ctx, o)
	require.NoError(t, err)
	return w, anna, o, asked
}

func TestCancelledUnloadGivesBackWhatIsPaidAfterAll(t *testing.T) {
	w, anna, o, asked := unloadRequested(t)
	again, err := anna.bank.RequestUnload(w.ctx, o)
	require.NoError(t, err)
	assert.Equal(t, asked, again)
	for range 2 {
		require.NoError(t, anna.bank.CancelUnload(w.ctx, o.Key()))
	}
	var refused *order.Refused
	_, err = anna.bank.RequestUnload(w.ctx, o)
	require.ErrorAs(t, err, &refused, "a card that has not paid it never does")
	payment, err := anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.NoError(t, err)
	_, err = anna.bank.TakeUnload(w.ctx, payment.Message)
	require.ErrorIs(t, err, banking.ErrUnloadClosed)
	require.ErrorAs(t, err, &refused)
	w.audit("paid too late")
	assert.Equal(t, 350*money.Krona, w.online(anna), "by the void payment")
	w.agree()
}

// TestDeskTakesWhatABackupMadeItForget: the desk's database is set back to before the Request that
// a card has paid. The desk's own signature proves that it made it, and the notary knows that it
// has not decided yet.
func TestDeskTakesWhatABackupMadeItForget(t *testing.T) {
	for name, arrives := range map[string]func(w *world, anna *person, payment []byte){
		"by the phone": func(w *world, anna *person, payment []byte) {
			for range 2 {
				receipt, err := anna.bank.TakeUnload(w.ctx, payment)
				require.NoError(t, err)
				require.NotNil(t, receipt)
			}
		},
		"with the card's records": func(w *world, anna *person, _ []byte) { w.sync(anna) },
	} {
		t.Run(name, func(t *testing.T) {
			w, anna, _, asked := unloadRequested(t)
			payment, err := anna.phone.Pay(w.ctx, anna.tap(t), asked)
			require.NoError(t, err)
			_, err = anna.bank.db.ExecContext(w.ctx, "DELETE FROM unload")
			require.NoError(t, err)
			arrives(w, anna, payment.Message)
			w.audit("forgotten, and taken")
			assert.Equal(t, 350*money.Krona, w.online(anna))
			_, err = anna.bank.db.ExecContext(w.ctx, "DELETE FROM unload")
			require.NoError(t, err)
			_, err = anna.bank.TakeUnload(w.ctx, payment.Message)
			require.ErrorIs(t, err, banking.ErrUnloadClosed,
				"it decided, and has forgotten that too")
			w.agree()
		})
	}
}

// TestUnloadGoesOnAtADeskThatForgotIt: the desk is set back while a phone is in the middle of an
// unload, before and after the desk has decided. The same call finishes it, and the card pays once.
func TestUnloadGoesOnAtADeskThatForgotIt(t *testing.T) {
	for name, meanwhile := range map[string]func(w *world, anna *person){
		"not decided": func(*world, *person) {},
		"decided":     func(w *world, anna *person) { w.sync(anna) },
	} {
		t.Run(name, func(t *testing.T) {
			w, anna, _ := annaAndBertil(t)
			_, err := anna.phone.Unload(w.ctx,
				wallet.Tap{Card: losing(anna, spec.Pay), PIN: block(t, rightPIN)}, 50*money.Krona)
			var torn *wallet.TornTap
			require.ErrorAs(t, err, &torn)
			meanwhile(w, anna)
			_, err = anna.bank.db.ExecContext(w.ctx, "DELETE FROM unload")
			require.NoError(t, err)
			_, err = anna.phone.Unload(w.ctx, anna.tap(t), 50*money.Krona)
			if err != nil {
				require.ErrorIs(t, err, banking.ErrUnloadClosed,
					"it decided, and has forgotten that too")
			}
			w.audit("gone on")
			assert.Equal(t, 150*money.Krona, w.offline(anna))
			assert.Equal(t, 350*money.Krona, w.online(anna))
			_, err = anna.phone.Unload(w.ctx, anna.tap(t), 50*money.Krona)
			require.NoError(t, err, "the next one is another")
			assert.Equal(t, 100*money.Krona, w.offline(anna))
			w.agree()
		})
	}
}

func TestTornTapsBetweenCardsAreRepairedByTheSameCall(t *testing.T) {
	commands := []*spec.Command{spec.Select, spec.Verify, spec.RequestPayment, spec.Pay,
		spec.Accept}
	for _, torn := range commands {
		t.Run(torn.Name, func(t *testing.T) {
			w, anna, bertil := annaAndBertil(t)
			tearing := func(p *person) wallet.Side {
				return wallet.Side{Phone: p.phone,
					Hold: func(context.Context, bool) (wallet.Tap, error) {
						return wallet.Tap{Card: losing(p, torn), PIN: block(t, rightPIN)}, nil
					}}
			}
			asked, _, err := wallet.Transfer(w.ctx, tearing(anna), tearing(bertil), 80*money.Krona)
			require.True(t, client.IsLost(err), err)
			w.audit("torn")
			w.restart()
			if asked.Message == nil {
				_, _, err = wallet.Transfer(w.ctx, anna.withPIN(t), bertil.withPIN(t),
					80*money.Krona)
			} else {
				_, err = wallet.ContinueTransfer(w.ctx, anna.withPIN(t), bertil.withPIN(t), asked)
			}
			require.NoError(t, err)
			w.audit("repaired")
			open, err := bertil.phone.Unfinished(w.ctx)
			require.NoError(t, err)
			assert.Empty(t, open, "one Request was made, not two")
			w.agree()
			assert.Equal(t, 120*money.Krona, w.offline(anna))
			assert.Equal(t, 80*money.Krona, w.offline(bertil))
		})
	}
}

func TestPaymentThatThePayeesPhoneLostReachesTheCardBySynchronising(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 80*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.NoError(t, err)
	w.sync(anna)
	schema, err := wallet.Schema()
	require.NoError(t, err)
	bertil.journal = w.open("bertil", schema)
	w.startPhone(bertil)

	result, err := bertil.phone.Synchronise(w.ctx, wallet.Tap{Card: bertil.reader()})
	require.NoError(t, err)
	require.Len(t, result.Unanswered, 1, "the card requires its PIN to receive")
	w.audit("still waiting")
	assert.Zero(t, w.offline(bertil))
	assert.Empty(t, w.sync(bertil).Unanswered)
	w.audit("accepted")
	assert.Equal(t, 80*money.Krona, w.offline(bertil))
	w.agree()
}

func TestBothSidesSynchroniseAtTheSameMoment(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	terminal := w.addTerminal("SEFJORDB")
	w.cardToCard(anna, bertil, 80*money.Krona)
	sale, err := terminal.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	_, err = terminal.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err)
	taps := []wallet.Tap{anna.tap(t), bertil.tap(t)}
	var all sync.WaitGroup
	for n, p := range []*person{anna, bertil} {
		all.Go(func() {
			_, err := p.phone.Synchronise(w.ctx, taps[n])
			assert.NoError(t, err)
		})
	}
	all.Go(func() {
		_, err := terminal.Synchronise(w.ctx)
		assert.NoError(t, err)
	})
	all.Wait()
	w.audit("all at once")
	w.agree()
	assert.Equal(t, 75*money.Krona, w.offline(anna))
	assert.Equal(t, 80*money.Krona, w.offline(bertil))
	assert.Equal(t, 45*money.Krona, w.taken())
}

func TestExpiredCardSynchronisesAndUnloadsOnly(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	w.clock.At = w.clock.At.Add(3*365*24*time.Hour + 48*time.Hour)
	w.sync(anna)
	w.audit("the date came")
	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 80*money.Krona, "")
	require.NoError(t, err, "bertil's card does not know the date")
	_, err = anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.True(t, client.Is(err, spec.SWExpired), err)
	_, err = anna.phone.Unload(w.ctx, anna.tap(t), 200*money.Krona)
	require.NoError(t, err)
	w.audit("unloaded")
	assert.Equal(t, 500*money.Krona, w.online(anna))
}

// TestPersonalizationMayBeCutAtEveryWrite cuts the power before each persistent
// write of a card's making; the same order finishes it.
func TestPersonalizationMayBeCutAtEveryWrite(t *testing.T) {
	model := newWorld(t).addPerson("model", "SENORDIC", "MODEL001", 0)
	require.Positive(t, model.writesToMake)
	const together = 8 // in one world, all of which is audited after each
	for first := 0; first < model.writesToMake; first += together {
		t.Run(fmt.Sprintf("from write %d on", first+1), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for n := first; n < min(first+together, model.writesToMake); n++ {
				if !thorough.Tries(n, 3) {
					continue
				}
				serial := fmt.Sprintf("CUT%05d", n+1)
				w.cutDuringIssue = n + 1
				p := w.addPerson(serial, "SENORDIC", serial, 10*money.Krona)
				w.load(p, 10*money.Krona)
			}
		})
	}
}

func TestCardThatWasInstalledForAnotherOrderIsNotIssued(t *testing.T) {
	w := newWorld(t)
	w.addPerson("anna", "SENORDIC", "00000001", 0)
	b := w.banks["SENORDIC"]
	mine, err := personalization.NewOrder("SENORDIC00000002", "anna", w.today(), w.random("order"))
	require.NoError(t, err)
	other, err := personalization.NewOrder("SENORDIC00000003", "anna", w.today(), w.random("order"))
	require.NoError(t, err)
	swapped := apdu.Framing{Card: w.install(other)}
	_, err = w.issuer(b).Personalize(w.ctx, swapped, mine, secrets(t))
	require.ErrorIs(t, err, pin.ErrKeyAnswer)
	_, err = b.Device(w.ctx, mine.Device)
	require.ErrorIs(t, err, banking.ErrNoDevice)
}

func TestFlowsGoOverExtendedLengthToo(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	anna.extended = true
	w.addTerminal("SEFJORDB")
	w.runWithFault(anna, 0, func(error) bool { return false })
	w.checkStory(anna)
}

// TestTornUnloadThatSynchronisesFirstIsNotPaidTwice: the card has paid the desk,
// the phone does not know, and the owner synchronises before trying again.
func TestTornUnloadThatSynchronisesFirstIsNotPaidTwice(t *testing.T) {
	w, anna, _ := annaAndBertil(t)
	_, err := anna.phone.Unload(w.ctx,
		wallet.Tap{Card: losing(anna, spec.Pay), PIN: block(t, rightPIN)}, 50*money.Krona)
	var torn *wallet.TornTap
	require.ErrorAs(t, err, &torn)
	w.sync(anna)
	w.audit("synchronised")
	assert.Equal(t, 350*money.Krona, w.online(anna), "the desk took what came with the records")
	_, err = anna.phone.Unload(w.ctx, anna.tap(t), 50*money.Krona)
	require.NoError(t, err)
	w.audit("asked again")
	assert.Equal(t, 150*money.Krona, w.offline(anna))
	assert.Equal(t, 350*money.Krona, w.online(anna))
	w.agree()
}

// TestPayerThatNobodyRegisteredIsItsIntermediarysLoss: an intermediary certifies
// a key without a card. The honest payees are paid, by its holding.
func TestPayerThatNobodyRegisteredIsItsIntermediarysLoss(t *testing.T) {
	w, anna, merchant := annaAndMerchant(t)
	b := w.banks["SENORDIC"]
	payer := w.unregisteredPayer(b)
	sale, err := merchant.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	require.NoError(t, merchant.Answer(w.ctx, w.paidBy(b, payer, sale.Request, 1)))
	asked, err := anna.phone.Request(w.ctx, anna.tap(t), 30*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.phone.Accept(w.ctx, anna.tap(t), w.paidBy(b, payer, asked, 2))
	require.NoError(t, err)
	w.audit("taken from a key without a card")

	_, err = merchant.Synchronise(w.ctx)
	require.NoError(t, err)
	w.sync(anna)
	w.audit("settled")
	assert.Equal(t, 45*money.Krona, w.taken())
	require.NoError(t, b.PullStatement(w.ctx))
	own, err := ledger.Balance(w.ctx, b.db, ledger.Account{Kind: ledger.OwnFunds})
	require.NoError(t, err)
	assert.Equal(t, (10_000-500-75)*money.Krona, own)
	w.agree()
	assert.Equal(t, 230*money.Krona, w.offline(anna))
}
