package storetest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/clock"
	"ekrona.example/host/store"
)

// Costs is what the server has done in all its databases.
type Costs struct {
	Commits    int64
	Statements int64 // also those of functions
	Syncs      int64 // of the write-ahead log, to the disk
	Logged     int64 // bytes of the write-ahead log
	Stored     int64 // bytes of all databases
}

// reported is how long a session of PostgreSQL 15 that does nothing may keep its counts to itself.
const reported = 11 * time.Second

// Measure returns what the server has done until now, with flag -durable on PostgreSQL; nothing
// else.
func Measure(t T) (c Costs) {
	if server == nil || !*durable {
		return c
	}
	ctx := context.Background()
	require.NoError(t, clock.Pause(ctx, reported))
	countStatements(t)
	_, err := server.admin.ExecContext(ctx, "CHECKPOINT")
	require.NoError(t, err)
	require.NoError(t, store.Must(ctx, server.admin, store.Into{&c.Commits, &c.Statements, &c.Syncs,
		&c.Logged, &c.Stored}, `SELECT (SELECT sum(xact_commit)::bigint FROM pg_stat_database),
		(SELECT sum(calls)::bigint FROM pg_stat_statements), wal_sync, wal_bytes::bigint,
		(SELECT sum(pg_database_size(oid))::bigint FROM pg_database) FROM pg_stat_wal`))
	return c
}

// Since returns what was done since an earlier measurement.
func (c Costs) Since(before Costs) Costs {
	return Costs{c.Commits - before.Commits, c.Statements - before.Statements,
		c.Syncs - before.Syncs, c.Logged - before.Logged, c.Stored - before.Stored}
}

// Report logs what each of n did.
func (c Costs) Report(t T, n int64, what string) {
	if c == (Costs{}) {
		return
	}
	each := func(all int64) float64 { return float64(all) / float64(n) }
	t.Logf("for each %s of %d: %.4f commits, %.3f statements, %.4f syncs, %.0f bytes of log, "+
		"%.0f bytes stored", what, n, each(c.Commits), each(c.Statements), each(c.Syncs),
		each(c.Logged), each(c.Stored))
}

// Dearest logs the statements that have taken most time since the last call, with flag -durable on
// PostgreSQL.
func Dearest(t T, most int) {
	if server == nil || !*durable {
		return
	}
	countStatements(t)
	ctx := context.Background()
	require.NoError(t, store.Each(ctx, server.admin, func(row store.Row) error {
		var calls, took float64
		var query string
		err := row.Scan(&calls, &took, &query)
		t.Logf("%8.0f calls, %8.1f ms: %s", calls, took, query)
		return err
	}, `SELECT calls, total_exec_time, left(regexp_replace(query, '\s+', ' ', 'g'), 150)
		FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT $1`, most))
	_, err := server.admin.ExecContext(ctx, "SELECT pg_stat_statements_reset()")
	require.NoError(t, err)
}

func countStatements(t T) {
	_, err := server.admin.ExecContext(context.Background(),
		"CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
	require.NoError(t, err)
}
