package flows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
	"ekrona.example/host/notary"
	"ekrona.example/host/terminal"
)

// orderCrisis has the central bank order a crisis for today, by a new crisis key.
func (w *world) orderCrisis(rows ...message.CrisisRow) crisis.Carried {
	w.t.Helper()
	subject := w.subject("SECRISIS00001", spec.RoleCrisisKey)
	subject.Expiry = w.today().AddDays(365)
	key, err := w.folder.Certified("crisis", subject, w.root)
	require.NoError(w.t, err)
	carried, err := notary.IssueCrisis(w.ctx, w.bank, key.Signer, notary.CrisisDraft{
		CrisisKey: key.Encoded, From: w.today(), Until: w.today(), Rows: rows}, "eva")
	require.NoError(w.t, err)
	return carried
}

// fillTerminal sells until the terminal has no room for another receipt.
func (w *world) fillTerminal(p *person) {
	w.t.Helper()
	tap := p.tap(w.t)
	for range spec.PilotTerminalReceipts {
		sale, err := w.terminal.Ask(w.ctx, money.Krona)
		require.NoError(w.t, err)
		_, err = w.terminal.Take(w.ctx, sale.Number, tap.Card, tap.PIN)
		require.NoError(w.t, err)
	}
	_, err := w.terminal.Ask(w.ctx, money.Krona)
	require.ErrorIs(w.t, err, terminal.ErrSyncFirst)
}

// TestATerminalThatIsFullLearnsTheOrderAtATap: it has never synchronised, and knows the notary all
// the same. The order comes with the card of a sale for which it has no room, whether that was
// asked for before or is not asked for yet, and from a card without any sale.
func TestATerminalThatIsFullLearnsTheOrderAtATap(t *testing.T) {
	for name, held := range map[string]func(w *world, open terminal.Sale, p *person) error{
		"with a new sale": func(w *world, _ terminal.Sale, p *person) error {
			_, err := w.terminal.AskWith(w.ctx, money.Krona, p.reader())
			return err
		},
		"with an open sale": func(w *world, open terminal.Sale, p *person) error {
			tap := p.tap(w.t)
			_, err := w.terminal.Take(w.ctx, open.Number, tap.Card, tap.PIN)
			return err
		},
		"without a sale": func(w *world, _ terminal.Sale, p *person) error {
			learned, err := w.terminal.Meet(w.ctx, p.reader())
			require.True(w.t, learned)
			if err == nil {
				learned, err = w.terminal.Meet(w.ctx, p.reader())
				require.False(w.t, learned, "it has it already")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, anna, merchant := annaAndMerchant(t)
			bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 100*money.Krona)
			w.load(bertil, 10*money.Krona)
			open, err := merchant.Ask(w.ctx, money.Krona)
			require.NoError(t, err)
			w.fillTerminal(anna)
			_, err = merchant.AskWith(w.ctx, money.Krona, bertil.reader())
			require.ErrorIs(t, err, terminal.ErrSyncFirst, "no card has an order yet")

			require.NoError(t, bertil.phone.TakeCrisis(w.ctx, w.orderCrisis(
				message.CrisisRow{MaxReceipts: spec.PilotTerminalReceipts + 3})))
			_, err = bertil.phone.Holdings(w.ctx, bertil.tap(t))
			require.NoError(t, err, "his card has it from his phone")
			require.NoError(t, held(w, open, bertil))
			room, err := merchant.Room(w.ctx)
			require.NoError(t, err)
			require.EqualValues(t, 1, room.Crisis.Number)
			sale, err := merchant.Ask(w.ctx, money.Krona)
			require.NoError(t, err)
			tap := anna.tap(t)
			_, err = merchant.Take(w.ctx, sale.Number, tap.Card, tap.PIN)
			require.NoError(t, err)
			holdings, err := anna.phone.Holdings(w.ctx, anna.tap(t))
			require.NoError(t, err)
			require.EqualValues(t, 1, holdings.Crisis.Number, "it goes on to the next card")
		})
	}
}

// TestALoadFitsWhatTheCrisisOrderAllows: a card that holds the order takes more than its policy
// allows, and no more than the order does; after its end the policy counts again.
func TestALoadFitsWhatTheCrisisOrderAllows(t *testing.T) {
	w := newWorld(t)
	most := message.DefaultPolicy().MaxBalance
	anna := w.addPerson("anna", "SENORDIC", "00000001", 5_000*money.Krona)
	w.load(anna, most)
	_, err := anna.phone.Load(w.ctx, anna.tap(t), money.Krona)
	require.ErrorContains(t, err, "the device may hold 4000.00 kr")
	w.orderCrisis(message.CrisisRow{MaxBalance: most + 500*money.Krona})
	w.load(anna, 400*money.Krona)
	_, err = anna.phone.Load(w.ctx, anna.tap(t), 101*money.Krona)
	require.ErrorContains(t, err, "the device may hold 4500.00 kr and holds or expects 4400.00 kr")
	w.load(anna, 100*money.Krona)
	w.clock.At = w.clock.At.AddDate(0, 0, 1)
	_, err = anna.phone.Load(w.ctx, anna.tap(t), money.Krona)
	require.ErrorContains(t, err, "the device may hold 4000.00 kr")
}
