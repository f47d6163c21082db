package store_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/clock"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

var leases = schema("leases", `CREATE TABLE writer_lease (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    term   BIGINT NOT NULL,
    holder TEXT NOT NULL,
    until  TEXT NOT NULL
);
INSERT INTO writer_lease (one, term, holder, until) VALUES (1, 0, '', '');`)

// Of the processes on a database one writes: until it is silent for its time or gives the lease up.
// Whoever has lost the lease writes nothing, by whatever statement, and says who has it; the same
// name takes it at once.
func TestOneProcessWrites(t *testing.T) {
	ctx, source := t.Context(), storetest.NewFile(t, boxes, leases)
	now := &clock.Manual{At: time.Date(2026, time.November, 30, 0, 0, 0, 0, time.UTC)}
	hold := func(name string) (*sql.DB, *store.Holding) {
		db, err := store.Open(ctx, source, boxes, leases)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		h, err := store.Hold(db, store.Lease{Holder: name, Time: 6 * time.Second, Clock: now})
		require.NoError(t, err)
		return db, h
	}
	first, a := hold("A")
	second, b := hold("B")
	holder, self := a.Decides()
	require.Equal(t, "", holder)
	require.False(t, self)

	require.NoError(t, insert(ctx, first, "1"))
	holder, self = a.Decides()
	require.Equal(t, "A", holder)
	require.True(t, self)
	require.Equal(t, 2*time.Second, a.Due())
	refused := func(db *sql.DB, name string) {
		t.Helper()
		var held *store.HeldError
		for _, err := range []error{insert(ctx, db, "never"),
			store.InTx(ctx, db, func(*sql.Tx) error { panic("it is not run") })} {
			require.ErrorAs(t, err, &held)
			require.Equal(t, name, held.HeldBy())
		}
	}
	refused(second, "A")
	require.Equal(t, "A", b.Elsewhere())
	require.Empty(t, a.Elsewhere())
	require.Equal(t, 2*time.Second, b.Due())
	require.EqualValues(t, 1, count(t, second), "it reads all the same")

	now.At = now.At.Add(5 * time.Second)
	require.Equal(t, time.Second, b.Due())
	require.NoError(t, a.Renew(ctx))
	now.At = now.At.Add(5 * time.Second)
	refused(second, "A")
	now.At = now.At.Add(time.Second)
	require.Empty(t, b.Elsewhere(), "its time is over")
	require.NoError(t, insert(ctx, second, "2"))
	refused(first, "B")
	require.Equal(t, "B", a.Elsewhere())

	require.NoError(t, a.GiveUp(ctx), "it is another's to give up")
	refused(first, "B")
	require.NoError(t, b.GiveUp(ctx))
	require.NoError(t, insert(ctx, first, "3"))
	refused(second, "A")
	again, _ := hold("A") // after a crash
	require.NoError(t, insert(ctx, again, "4"))
	refused(first, "A")
	_, self = a.Decides()
	require.False(t, self, "of two with one name the later has it")
	require.Equal(t, "A", a.Elsewhere())
	require.EqualValues(t, 4, count(t, second))
}
