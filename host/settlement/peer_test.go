package settlement_test

import (
	"context"
	"database/sql"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

var pgledger = flag.String("pgledger", "",
	"folder with github.com/pgr0ss/pgledger: its transfers are measured beside, on PostgreSQL")

// peer is pgledger, which keeps accounts and transfers by functions in the database, and verifies
// nothing.
type peer struct {
	db       *sql.DB
	accounts []string
}

// peerAccounts are as many as its own benchmark has.
const peerAccounts = 10

// newPeer returns pgledger on a database beside; nil when its folder is not given, or on SQLite.
func newPeer(t *testing.T) *peer {
	t.Helper()
	if *pgledger == "" || storetest.Dialect() == store.SQLite {
		return nil
	}
	db, err := store.Open(t.Context(), storetest.New(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, name := range []string{"vendor/scoville-pgsql-ulid/ulid-to-uuid.sql",
		"vendor/scoville-pgsql-ulid/uuid-to-ulid.sql", "pgledger.sql"} {
		script, err := os.ReadFile(filepath.Join(*pgledger, name))
		require.NoError(t, err)
		const severalStatements = pgx.QueryExecModeSimpleProtocol
		_, err = db.ExecContext(t.Context(), string(script), severalStatements)
		require.NoError(t, err)
	}
	p := &peer{db: db}
	for range peerAccounts {
		account, err := store.Column[string](t.Context(), db,
			"SELECT id FROM pgledger_create_account('card', 'SEK')")
		require.NoError(t, err)
		p.accounts = append(p.accounts, account...)
	}
	return p
}

// rate returns how many transfers a second it makes for several callers at once, each in a
// transaction of its own, as in its own benchmark.
func (p *peer) rate(t *testing.T, callers int, during time.Duration) float64 {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), during)
	defer end()
	made, failed := make([]int, callers), make([]error, callers)
	began := time.Now()
	var working sync.WaitGroup
	for c := range callers {
		working.Go(func() {
			for n := c; ctx.Err() == nil && failed[c] == nil; n++ {
				from := p.accounts[n%len(p.accounts)]
				to := p.accounts[(n*7+c+1)%len(p.accounts)]
				if from == to {
					continue
				}
				// not of ctx: a statement that is broken off would be counted in part
				_, failed[c] = p.db.ExecContext(context.WithoutCancel(ctx),
					"SELECT id FROM pgledger_create_transfer($1, $2, $3)", from, to, 100)
				made[c]++
			}
		})
	}
	working.Wait()
	all := 0
	for c, n := range made {
		require.NoError(t, failed[c])
		all += n
	}
	return float64(all) / time.Since(began).Seconds()
}
