package ledger

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

// TestBookKnowsWhatWasPosted: of orders that are looked up together, those posted before are not
// posted again, another content under a known key is refused, and what is forgotten never happens.
func TestBookKnowsWhatWasPosted(t *testing.T) {
	db := open(t)
	customer := Account{Kind: Customer, ID: "anna"}
	order := func(key string, amount money.Ore) Order {
		return Order{Key: key, Lines: []Line{{Account: customer, Amount: amount},
			{Account: Account{Kind: CentralBankContra}, Amount: -amount}}}
	}
	inBook := func(do func(b *Book)) {
		t.Helper()
		require.NoError(t, store.InTx(t.Context(), db, func(tx *sql.Tx) error {
			b := NewBook(tx, store.DialectOf(db))
			require.NoError(t, b.Open(t.Context(), customer))
			require.NoError(t, b.Open(t.Context(), Account{Kind: CentralBankContra}))
			require.NoError(t, b.LoadOrders(t.Context(), "one", "two", "three", "two"))
			do(b)
			return b.Flush(t.Context())
		}))
		require.NoError(t, Verify(t.Context(), db))
	}
	post := func(b *Book, o Order, want bool) {
		t.Helper()
		posted, err := b.Post(t.Context(), noon, o)
		require.NoError(t, err)
		require.Equal(t, want, posted)
	}
	inBook(func(b *Book) {
		post(b, order("one", 5), true)
		post(b, order("two", 7), true)
		post(b, order("two", 7), false)
	})
	inBook(func(b *Book) {
		post(b, order("three", 90), true)
		b.Forget()
		post(b, order("one", 5), false)
		post(b, order("three", 11), true)
		_, err := b.Post(t.Context(), noon, order("two", 8))
		require.ErrorIs(t, err, ErrConflict)
	})
	balance, err := Balance(t.Context(), db, customer)
	require.NoError(t, err)
	require.Equal(t, money.Ore(5+7+11), balance)
}
