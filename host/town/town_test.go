package town

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona/apdu/cvc"
	"ekrona/apdu/money"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/applet"
	"ekrona/emulator/card"
	"ekrona/host/banking"
	"ekrona/host/wallet"
	"ekrona/personalization"
)

// open opens a town whose run repeats.
func open(t *testing.T, folder string) *Town {
	t.Helper()
	opened, err := Open(context.Background(), folder, Options{
		Plan: Pilot(), Clock: FixedClock(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)), Random: card.SeededRandom(t.Name()),
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

func TestFoundedTownIsFoundAgain(t *testing.T) {
	folder := t.TempDir()
	founded := open(t, folder)
	first, err := founded.Person("anna")
	require.NoError(t, err)
	letter := first.Letter
	require.NoError(t, founded.Close())

	again := open(t, folder)
	anna, err := again.Person("anna")
	require.NoError(t, err)
	assert.Equal(t, letter, anna.Letter)
	_, err = again.Person("dora")
	assert.ErrorIs(t, err, ErrUnknown)
}

// TestCustomerAfterTheFounding: a card is issued in a reader, and found in the
// customer's phone afterwards.
func TestCustomerAfterTheFounding(t *testing.T) {
	ctx, folder := t.Context(), t.TempDir()
	founded := open(t, folder)
	bank, err := founded.Bank("SENORDIC")
	require.NoError(t, err)
	require.NoError(t, founded.Enrol(ctx, bank, "erik"))
	require.NoError(t, founded.Enrol(ctx, bank, "erik"), "again")
	for _, name := range []string{"anna", "Erik", "../erik", ""} {
		assert.Error(t, founded.Enrol(ctx, bank, name), name)
	}
	other, err := founded.Bank("SEFJORDB")
	require.NoError(t, err)
	assert.ErrorContains(t, founded.Enrol(ctx, other, "erik"), "SENORDIC")
	_, err = founded.Person("erik")
	require.ErrorIs(t, err, ErrUnknown, "without a card")

	blank, err := card.New(founded.cardOptions())
	require.NoError(t, err)
	_, err = blank.Load(applet.CAP)
	require.NoError(t, err)
	issuer := founded.Issuer(bank)
	id, err := bank.ReserveDevice(ctx, banking.KindCard, "erik's")
	require.NoError(t, err)
	order, err := personalization.NewOrder(id, "erik", issuer.Effective, issuer.Random)
	require.NoError(t, err)
	root, err := cvc.Parse(issuer.Root)
	require.NoError(t, err)
	parameters, err := order.InstallParameters(root)
	require.NoError(t, err)
	_, err = blank.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID), parameters)
	require.NoError(t, err)
	letter := Letter{PIN: "4711", PUK: "12345678"}
	entered, err := letter.Block()
	require.NoError(t, err)
	puk, err := pin.NewPUKBlock(letter.PUK)
	require.NoError(t, err)
	_, err = issuer.Personalize(ctx, blank, order, personalization.Secrets{PIN: entered, PUK: puk})
	require.NoError(t, err)
	require.NoError(t, bank.Deposit(ctx, "erik's first", "erik", 100_00))
	require.NoError(t, founded.Close())

	again := open(t, folder)
	erik, err := again.Person("erik")
	require.NoError(t, err)
	assert.Equal(t, id, erik.Phone.Device())
	books, err := again.Books(ctx, false)
	require.NoError(t, err)
	assert.Nil(t, books.People[len(books.People)-1].Offline, "nobody asked the card")
	_, err = erik.Phone.Synchronise(ctx, wallet.Tap{Card: erik.Card.Tap(), PIN: entered})
	require.ErrorIs(t, err, ErrNoCard)

	erik.Card.Insert(blank, func() error { blank.Reset(); return nil })
	_, err = erik.Phone.Load(ctx, wallet.Tap{Card: erik.Card.Tap(), PIN: entered}, 50_00)
	require.NoError(t, err)
	books, err = again.Books(ctx, false)
	require.NoError(t, err)
	assert.Empty(t, books.Violations)
	assert.Equal(t, money.Ore(50_00), *books.People[len(books.People)-1].Offline)
}
