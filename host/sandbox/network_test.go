package sandbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/host/remote"
)

// TestWithoutNetworkNobodyIsReachedAndPaymentsGoOn: what is paid meanwhile is settled afterwards,
// and a load that was ordered meanwhile is carried out once.
func TestWithoutNetworkNobodyIsReachedAndPaymentsGoOn(t *testing.T) {
	w := newCrisisWeek(t)
	ctx := t.Context()
	anna, bertil := w.person("anna", 100*money.Krona), w.person("bertil", 50*money.Krona)
	cafe, err := w.Merchant(ctx, "cafe")
	require.NoError(t, err)
	bank, err := w.BankOf(ctx, anna)
	require.NoError(t, err)
	load := func() error {
		_, err := anna.Phone.Load(ctx, tap(t, anna.Holder), 7*money.Krona)
		return err
	}
	calls := map[string]func() error{
		"a load": load,
		"a phone": func() error {
			_, err := anna.Phone.Synchronise(ctx, tap(t, anna.Holder))
			return err
		},
		"a terminal": func() error {
			_, err := cafe.Terminal.Synchronise(ctx)
			return err
		},
		"a phone that asks for its owner's cards": func() error {
			return w.LearnCards(ctx, "anna")
		},
		"a bank": func() error {
			_, err := bank.Position(ctx, anna.Phone.Device(), 1)
			return err
		},
	}
	w.CutNetwork()
	for who, call := range calls {
		require.ErrorIs(t, call(), remote.ErrUnreachable, who)
	}
	w.sell(anna, 10*money.Krona)
	require.NoError(t, w.pay(bertil, anna, 5*money.Krona))
	w.RestoreNetwork()
	for who, call := range calls {
		require.NoError(t, call(), who)
	}
	w.sync(anna)
	w.sync(bertil)
	_, shadow, err := w.Wallets(ctx, anna)
	require.NoError(t, err)
	require.Equal(t, 102*money.Krona, shadow, "one load of 7")
	books, err := w.Books(ctx, true)
	require.NoError(t, err)
	require.Empty(t, books.Violations)
}
