package flows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/terminal"
	"ekrona.example/personalization"
)

// TestTerminalTakesNothingFromALostCard: the loss report reaches a terminal of the other
// intermediary when it synchronises. What the terminal had accepted before settles.
func TestTerminalTakesNothingFromALostCard(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 500*money.Krona)
	w.load(anna, 200*money.Krona)
	w.load(bertil, 100*money.Krona)
	pos := w.addTerminal("SEFJORDB")
	require.NoError(t, anna.bank.ReportLost(w.ctx, anna.device.ID))

	early, err := pos.Ask(w.ctx, 40*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, early.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err, "the terminal does not know it yet")
	torn, err := pos.Ask(w.ctx, 30*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, torn.Number, losing(anna, spec.Pay), block(t, rightPIN))
	var tap *terminal.TornTap
	require.ErrorAs(t, err, &tap)

	_, err = pos.Synchronise(w.ctx)
	require.NoError(t, err)
	w.audit("the terminal knows")
	_, err = pos.Take(w.ctx, torn.Number, anna.reader(), pin.Block{})
	require.ErrorIs(t, err, terminal.ErrRevoked, "what it has paid comes back to its owner")
	_, err = pos.Take(w.ctx, torn.Number, bertil.reader(), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrRefused)
	later, err := pos.Ask(w.ctx, 20*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, later.Number, anna.reader(), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrRevoked)
	assert.Equal(t, 110*money.Krona, w.offline(anna), "who it is shows in its answer only")
	w.restartTerminal()
	last, err := pos.Ask(w.ctx, 20*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, last.Number, anna.reader(), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrRevoked, "the list survives")
	good, err := pos.Ask(w.ctx, 20*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, good.Number, bertil.reader(), block(t, rightPIN))
	require.NoError(t, err)
	w.audit("refused")
	w.agree()
	assert.Equal(t, 60*money.Krona, w.taken())
}

// TestLoadOfACardThatNeverComesAgainComesBack: the central bank has ended it, and nobody
// synchronises it.
func TestLoadOfACardThatNeverComesAgainComesBack(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.load(anna, 200*money.Krona)
	placed, err := order.New(order.Load, anna.device.ID, 50*money.Krona, w.random("order"),
		anna.app.Signer)
	require.NoError(t, err)
	require.NoError(t, anna.bank.PlaceLoad(w.ctx, placed))
	anna.lost = true
	require.NoError(t, anna.bank.ReportLost(w.ctx, anna.device.ID))
	assert.Equal(t, 250*money.Krona, w.online(anna), "it may be found again")
	w.clock.At = w.clock.At.Add(honour)
	_, err = w.bank.EndDue(w.ctx)
	require.NoError(t, err)
	assert.Equal(t, 500*money.Krona, w.online(anna))
	w.audit("ended")
	w.agree()
}

// TestLostCardsMoneyReachesTheNewCard walks from the loss to the money on the new card, by each way
// in which the lost card can end, with the audit of every invariant after each step. A claim on the
// lost card comes before its end, and another one after it.
func TestLostCardsMoneyReachesTheNewCard(t *testing.T) {
	for name, end := range map[string]struct {
		wait time.Duration
		end  func(w *world, anna *person) error
	}{
		"asked for after the honour time": {honour,
			func(w *world, anna *person) error { return anna.bank.End(w.ctx, anna.device.ID) }},
		"asked for at once": {0,
			func(w *world, anna *person) error { return anna.bank.EndNow(w.ctx, anna.device.ID) }},
		"by itself": {honour, func(w *world, anna *person) error {
			ended, err := w.bank.EndDue(w.ctx)
			assert.Equal(w.t, []notary.EndedDevice{{Device: anna.device.ID, Owner: "anna",
				Why: "reported lost"}}, ended)
			return errors.Join(err, anna.bank.CollectEnded(w.ctx))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
			bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 500*money.Krona)
			w.load(anna, 200*money.Krona)
			w.load(bertil, 50*money.Krona)
			pos := w.addTerminal("SEFJORDB")
			w.cardToCard(anna, bertil, 80*money.Krona)
			sale, err := pos.Ask(w.ctx, 45*money.Krona)
			require.NoError(t, err)
			_, err = pos.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
			require.NoError(t, err)
			w.audit("spent")
			anna.lost = true

			renewed := w.replaceCard(anna)
			w.load(renewed, 10*money.Krona)
			require.ErrorIs(t, anna.bank.End(w.ctx, anna.device.ID), notary.WrongStatus)
			w.sync(bertil)
			w.audit("a claim on the lost card is honoured")
			assert.Equal(t, 290*money.Krona, w.online(renewed))

			w.clock.At = w.clock.At.Add(end.wait)
			require.NoError(t, end.end(w, anna))
			w.audit("ended")
			assert.Equal(t, 410*money.Krona, w.online(renewed), "120 kr were left")
			w.load(renewed, 120*money.Krona)
			assert.Equal(t, 130*money.Krona, w.offline(renewed))
			_, err = pos.Synchronise(w.ctx)
			require.NoError(t, err)
			w.audit("a later claim is the intermediary's loss")
			assert.Equal(t, 45*money.Krona, w.taken())
			assert.Equal(t, 290*money.Krona, w.online(renewed))
			w.cardToCard(renewed, bertil, 30*money.Krona)
			w.audit("the new card pays")
			w.agree()
		})
	}
}

// TestSilentCardsMoneyComesHome: nobody claims it, and nobody has reported the card.
func TestSilentCardsMoneyComesHome(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	w.load(anna, 200*money.Krona)
	placed, err := order.New(order.Load, anna.device.ID, 50*money.Krona, w.random("order"),
		anna.app.Signer)
	require.NoError(t, err)
	require.NoError(t, anna.bank.PlaceLoad(w.ctx, placed))
	anna.lost = true
	w.clock.At = w.clock.At.AddDate(3, 0, 1).Add(honour)
	for range 2 {
		_, err = w.bank.EndDue(w.ctx)
		require.NoError(t, err)
		require.NoError(t, anna.bank.CollectEnded(w.ctx))
		w.audit("ended")
	}
	balance, err := ledger.Balance(w.ctx, anna.bank.db,
		ledger.Account{Kind: ledger.Customer, ID: "anna"})
	require.NoError(t, err)
	assert.Equal(t, 500*money.Krona, balance, "before anybody asks for it")
	w.agree()
}

// replaceCard makes another card for a person, who then uses it, in place of the lost one.
func (w *world) replaceCard(former *person) *person {
	w.t.Helper()
	id, err := former.bank.ReserveDevice(w.ctx, banking.Reservation{Kind: banking.KindCard,
		Intent: "in place of " + string(former.device.ID), Owner: former.name,
		Replaces: former.device.ID})
	require.NoError(w.t, err)
	made, err := personalization.NewOrder(id, former.name, w.today(), w.random("order"))
	require.NoError(w.t, err)
	p := &person{name: former.name, bank: former.bank, app: former.app, card: w.install(made)}
	p.device, err = w.issuer(p.bank).Personalize(w.ctx, p.reader(), made, secrets(w.t))
	require.NoError(w.t, err)
	p.journal = w.open(string(id), walletSchema(w.t))
	w.people = append(w.people, p)
	w.startPhone(p)
	w.audit("two cards")
	require.NoError(w.t, p.bank.ReportLost(w.ctx, former.device.ID))
	w.audit("replaced")
	return p
}
