package flows

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
)

func TestLoadPayAtATerminalAndSynchroniseInEitherOrder(t *testing.T) {
	for _, first := range []string{"payer", "merchant"} {
		t.Run(first+" first", func(t *testing.T) {
			w, anna, terminal := annaAndMerchant(t)
			require.Equal(t, 200*money.Krona, w.offline(anna))
			require.Equal(t, 300*money.Krona, w.online(anna))

			sale, err := terminal.Ask(w.ctx, 45*money.Krona)
			require.NoError(t, err)
			receipt, err := terminal.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
			require.NoError(t, err)
			again, err := terminal.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
			require.NoError(t, err)
			assert.Equal(t, receipt, again, "a paid sale gives its Receipt")
			w.audit("paid")
			require.Equal(t, 155*money.Krona, w.offline(anna))

			if first == "payer" {
				w.sync(anna)
				w.audit("payer synchronised")
				assert.Zero(t, w.taken(), "reserved until the merchant decides")
			}
			_, err = terminal.Synchronise(w.ctx)
			require.NoError(t, err)
			w.audit("merchant synchronised")
			assert.Equal(t, 45*money.Krona, w.taken())
			w.agree()
			assert.Equal(t, 155*money.Krona, w.offline(anna))
		})
	}
}

// annaAndBertil returns a world with two customers at two intermediaries; anna has 300 kr online
// and 200 kr on her card.
func annaAndBertil(t *testing.T) (w *world, anna, bertil *person) {
	t.Helper()
	w = newWorld(t)
	anna = w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil = w.addPerson("bertil", "SEFJORDB", "00000002", 0)
	w.load(anna, 200*money.Krona)
	return w, anna, bertil
}

// annaAndMerchant returns the same world with a merchant instead of bertil.
func annaAndMerchant(t *testing.T) (w *world, anna *person, merchant *merchantTerminal) {
	t.Helper()
	w = newWorld(t)
	anna = w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	merchant = w.addTerminal("SEFJORDB")
	w.audit("issued")
	w.load(anna, 200*money.Krona)
	return w, anna, merchant
}

// cardToCard makes a payment between two cards, each at its owner's phone, three taps.
func (w *world) cardToCard(payer, payee *person, amount money.Ore) {
	w.t.Helper()
	_, _, err := wallet.Transfer(w.ctx, payer.side(w.t), payee.side(w.t), amount)
	require.NoError(w.t, err)
	w.audit(payer.name + " paid " + payee.name)
}

func TestCardToCardSettlesWhoeverSynchronisesFirst(t *testing.T) {
	for _, payerFirst := range []bool{true, false} {
		w, anna, bertil := annaAndBertil(t)
		w.cardToCard(anna, bertil, 80*money.Krona)
		assert.Equal(t, 120*money.Krona, w.offline(anna))
		assert.Equal(t, 80*money.Krona, w.offline(bertil),
			"paid offline, before anybody synchronised")

		order := []*person{anna, bertil}
		if !payerFirst {
			order = []*person{bertil, anna}
		}
		for _, p := range order {
			w.sync(p)
			w.audit(p.name + " synchronised")
		}
		w.agree()
		assert.Equal(t, 120*money.Krona, w.offline(anna))
		assert.Equal(t, 80*money.Krona, w.offline(bertil))
	}
}

func TestTwoPhonesPassMessagesAndTheReceiptSettlesAtOnce(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)

	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 80*money.Krona, anna.device.ID)
	require.NoError(t, err)
	w.audit("asked")
	for range 2 { // over any channel, and again
		asked, err = envelope.Parse(asked.Bytes())
		require.NoError(t, err)
		payment, err := anna.phone.Pay(w.ctx, anna.tap(t), asked)
		require.NoError(t, err)
		w.audit("paid")
		receipt, err := bertil.phone.Accept(w.ctx, bertil.tap(t), payment)
		require.NoError(t, err)
		w.audit("accepted")
		require.NoError(t, anna.phone.TakeAnswer(w.ctx, receipt))
	}
	w.sync(anna)
	w.audit("the payer synchronised with the Receipt")
	status, err := w.bank.Payment(w.ctx, anna.device.ID, 1)
	require.NoError(t, err)
	assert.Equal(t, notary.Settled, status.Verdict)
	w.agree()
	assert.Equal(t, 80*money.Krona, w.offline(bertil))
}

func TestChainOfThreeSettlesThoughTheLastComesFirst(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 0)
	cecilia := w.addPerson("cecilia", "SENORDIC", "00000003", 0)
	w.load(anna, 200*money.Krona)
	w.cardToCard(anna, bertil, 80*money.Krona)
	w.cardToCard(bertil, cecilia, 50*money.Krona)
	for _, p := range []*person{cecilia, bertil, anna} {
		w.sync(p)
		w.audit(p.name + " synchronised")
	}
	w.agree()
	assert.Equal(t, 120*money.Krona, w.offline(anna))
	assert.Equal(t, 30*money.Krona, w.offline(bertil))
	assert.Equal(t, 50*money.Krona, w.offline(cecilia))
}

func TestRefusedPaymentComesBackToTheOnlineWallet(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	asked, err := bertil.phone.Request(w.ctx, bertil.tap(t), 80*money.Krona, "")
	require.NoError(t, err)
	_, err = anna.phone.Pay(w.ctx, anna.tap(t), asked)
	require.NoError(t, err)
	refusal, err := bertil.phone.Refuse(w.ctx, bertil.tap(t), asked)
	require.NoError(t, err)
	w.audit("refused")
	w.sync(anna)
	w.audit("the payer synchronised")
	assert.Equal(t, 300*money.Krona, w.online(anna), "nobody knows of the Refusal yet")
	require.NoError(t, anna.phone.TakeAnswer(w.ctx, refusal))
	w.sync(anna)
	w.audit("the Refusal arrived")
	assert.Equal(t, 380*money.Krona, w.online(anna))
	w.agree()
	assert.Equal(t, 120*money.Krona, w.offline(anna))
	assert.Zero(t, w.offline(bertil))
}

func TestTerminalRefusesAfterATornTap(t *testing.T) {
	w, anna, pos := annaAndMerchant(t)
	sale, err := pos.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, sale.Number, losing(anna, spec.Pay), block(t, rightPIN))
	var torn *terminal.TornTap
	require.ErrorAs(t, err, &torn)
	require.Equal(t, 155*money.Krona, w.offline(anna),
		"the card has paid, and the terminal does not know")
	_, err = pos.Refuse(w.ctx, sale.Number)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.ErrorIs(t, err, terminal.ErrRefused)
	w.audit("refused")
	w.agree()
	assert.Equal(t, 345*money.Krona, w.online(anna))
	assert.Zero(t, w.taken())
}

func TestTornTapIsRepairedWithoutPINAndWithoutASecondDebit(t *testing.T) {
	w, anna, pos := annaAndMerchant(t)
	sale, err := pos.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	_, err = pos.Take(w.ctx, sale.Number, losing(anna, spec.Pay), block(t, rightPIN))
	var torn *terminal.TornTap
	require.ErrorAs(t, err, &torn)
	assert.Equal(t, sale.Number, torn.Sale)
	w.audit("torn")
	w.restartTerminal() // and the terminal was switched off meanwhile
	open, err := w.terminal.OpenSales(w.ctx)
	require.NoError(t, err)
	require.Len(t, open, 1)
	_, err = w.terminal.Take(w.ctx, sale.Number, anna.reader(), pin.Block{})
	require.NoError(t, err)
	w.audit("repaired")
	assert.Equal(t, 155*money.Krona, w.offline(anna))
	w.agree()
	assert.Equal(t, 45*money.Krona, w.taken())
}

func TestTornTapThatSynchronisesFirstIsHandedToTheTerminal(t *testing.T) {
	w, anna, terminal := annaAndMerchant(t)
	sale, err := terminal.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	_, err = terminal.Take(w.ctx, sale.Number, losing(anna, spec.Pay), block(t, rightPIN))
	require.Error(t, err)
	w.sync(anna)
	w.audit("the payer synchronised")
	_, err = terminal.Synchronise(w.ctx)
	require.NoError(t, err)
	w.audit("the terminal synchronised")
	assert.Equal(t, 45*money.Krona, w.taken())
	w.agree()
}

func TestUnloadFillsTheOnlineWallet(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	w.cardToCard(anna, bertil, 80*money.Krona)
	_, err := bertil.phone.Unload(w.ctx, bertil.tap(t), 80*money.Krona)
	require.NoError(t, err)
	w.audit("bertil unloaded what is not settled yet")
	w.sync(anna)
	w.audit("anna synchronised")
	assert.Equal(t, 80*money.Krona, w.online(bertil))
	_, err = anna.phone.Unload(w.ctx, anna.tap(t), 120*money.Krona)
	require.NoError(t, err)
	w.audit("anna unloaded")
	assert.Equal(t, 420*money.Krona, w.online(anna))
	w.agree()
	assert.Zero(t, w.offline(anna))
	assert.Zero(t, w.offline(bertil))
}

func TestLostCardEndsAndItsMoneyComesBack(t *testing.T) {
	w, anna, bertil := annaAndBertil(t)
	terminal := w.addTerminal("SEFJORDB")
	w.cardToCard(anna, bertil, 80*money.Krona)
	sale, err := terminal.Ask(w.ctx, 45*money.Krona)
	require.NoError(t, err)
	_, err = terminal.Take(w.ctx, sale.Number, anna.reader(), block(t, rightPIN))
	require.NoError(t, err)
	w.audit("spent")

	ordered, err := order.New(order.Load, anna.device.ID, 30*money.Krona, w.random("order"),
		anna.app.Signer)
	require.NoError(t, err)
	require.NoError(t, anna.bank.PlaceLoad(w.ctx, ordered))
	anna.lost = true
	for range 2 {
		require.NoError(t, anna.bank.ReportLost(w.ctx, anna.device.ID))
	}
	w.audit("reported")
	require.ErrorIs(t, anna.bank.End(w.ctx, anna.device.ID), notary.WrongStatus)
	w.sync(bertil)
	w.audit("a claim within the time is honoured")
	assert.Equal(t, 270*money.Krona, w.online(anna), "30 kr are set aside for the load")

	w.clock.At = w.clock.At.Add(honour + 24*time.Hour)
	for range 2 {
		require.NoError(t, anna.bank.End(w.ctx, anna.device.ID))
	}
	w.audit("ended")
	assert.Equal(t, 420*money.Krona, w.online(anna),
		"what was left, 120 kr, and what no Instruction will ever load")
	progress, err := anna.bank.LoadProgress(w.ctx, ordered)
	require.NoError(t, err)
	assert.True(t, progress.Final && !progress.Done, progress.Reason)
	_, err = terminal.Synchronise(w.ctx)
	require.NoError(t, err)
	w.audit("a claim after the time is its intermediary's loss")
	assert.Equal(t, 45*money.Krona, w.taken())
	assert.Equal(t, 420*money.Krona, w.online(anna))
	w.agree()
}

func TestBlockedCardStillResendsRefusesAndSynchronises(t *testing.T) {
	w := newWorld(t)
	anna := w.addPerson("anna", "SENORDIC", "00000001", 500*money.Krona)
	bertil := w.addPerson("bertil", "SEFJORDB", "00000002", 200*money.Krona)
	w.load(bertil, 100*money.Krona)
	asked, err := anna.phone.Request(w.ctx, anna.tap(t), 30*money.Krona, "")
	require.NoError(t, err)
	_, err = bertil.phone.Pay(w.ctx, bertil.tap(t), asked)
	require.NoError(t, err)
	require.NoError(t, anna.bank.Block(w.ctx, anna.device.ID, true))
	w.sync(anna)
	w.audit("blocked")
	_, err = anna.phone.Request(w.ctx, anna.tap(t), 30*money.Krona, "")
	assert.True(t, client.Is(err, spec.SWBlocked), err)
	w.sync(bertil)
	w.sync(anna)
	w.audit("what waited for the blocked card was refused")
	require.NoError(t, anna.bank.Block(w.ctx, anna.device.ID, false))
	w.sync(anna)
	_, err = anna.phone.Request(w.ctx, anna.tap(t), 30*money.Krona, "")
	require.NoError(t, err)
	w.agree()
	assert.Equal(t, 130*money.Krona, w.online(bertil), "30 kr came back")
}

// losing returns a reader that loses the card after it has carried out a command, so
// that its answer never arrives.
func losing(p *person, command *spec.Command) apdu.Card {
	whole := p.reader()
	lost := false
	return apdu.CardFunc(func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		if lost {
			return apdu.Response{}, errLost
		}
		response, err := whole.Transmit(ctx, c)
		if found, ok := spec.Find(c.CLA&^spec.ClassSecured, c.INS, c.P1, c.P2); ok &&
			found.Command == command &&
			response.SW == apdu.OK {
			lost = true
			return apdu.Response{}, errLost
		}
		return response, err
	})
}

var errLost = errors.New("the card has left the field")
