package settlement_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/store/storetest"
)

// call is one request to the notary and the answer that it got.
type call struct {
	name   string
	do     func(settlementtest.Notary) (any, error)
	answer any
	err    error
}

// recorder wraps a notary and records every call that changes something.
type recorder struct {
	settlementtest.Notary
	calls []call
	draws func(number uint64) // sets what the notary draws: the number of the call
}

func record[T any](r *recorder, name string, do func(settlementtest.Notary) (T, error)) (T, error) {
	answer, err := do(r.Notary)
	r.calls = append(r.calls,
		call{name, func(n settlementtest.Notary) (any, error) { return do(n) }, answer, err})
	return answer, err
}

func (r *recorder) command(name string, do func(settlementtest.Notary) error) error {
	_, err := record(r, name, func(n settlementtest.Notary) (struct{}, error) {
		return struct{}{},
			do(n)
	})
	return err
}

func (r *recorder) Issue(
	ctx context.Context, order notary.OrderKey, intermediary message.Name, amount money.Ore,
) error {
	return r.command("Issue",
		func(n settlementtest.Notary) error { return n.Issue(ctx, order, intermediary, amount) })
}

func (r *recorder) For(name message.Name) notary.Participant {
	return recordedLink{r.Notary.For(name), r, name}
}

// recordedLink is the recorder for one intermediary.
type recordedLink struct {
	notary.Participant
	r    *recorder
	name message.Name
}

func (l recordedLink) command(name string, do func(notary.Participant) error) error {
	return l.r.command(name, func(n settlementtest.Notary) error { return do(n.For(l.name)) })
}

func (l recordedLink) Register(ctx context.Context, r notary.Registration) error {
	return l.command("Register", func(n notary.Participant) error { return n.Register(ctx, r) })
}

func (l recordedLink) Submit(ctx context.Context, items [][]byte) ([]notary.Answer, error) {
	return record(l.r, "Submit",
		func(n settlementtest.Notary) ([]notary.Answer,
			error) {
			return n.For(l.name).Submit(ctx, items)
		})
}

func (l recordedLink) OpenChallenge(
	ctx context.Context, o notary.Opening,
) (notary.Opened, error) {
	l.r.draws(uint64(len(l.r.calls)))
	return record(l.r, "OpenChallenge", func(n settlementtest.Notary) (notary.Opened, error) {
		return n.For(l.name).OpenChallenge(ctx, o)
	})
}

func (l recordedLink) SubmitState(ctx context.Context, state []byte) (notary.StateReport, error) {
	return record(l.r, "SubmitState", func(n settlementtest.Notary) (notary.StateReport, error) {
		return n.For(l.name).SubmitState(ctx, state)
	})
}

func (l recordedLink) CoSign(
	ctx context.Context, order notary.OrderKey, instruction []byte,
) ([]byte, error) {
	return record(l.r, "CoSign",
		func(n settlementtest.Notary) ([]byte,
			error) {
			return n.For(l.name).CoSign(ctx, order, instruction)
		})
}

func (l recordedLink) Confirm(ctx context.Context, confirmation []byte) error {
	return l.command("Confirm",
		func(n notary.Participant) error { return n.Confirm(ctx, confirmation) })
}

func (l recordedLink) Refund(ctx context.Context, r notary.Refund) error {
	return l.command("Refund", func(n notary.Participant) error { return n.Refund(ctx, r) })
}

func (l recordedLink) ReportLost(ctx context.Context, device message.DeviceID) error {
	return l.command("ReportLost",
		func(n notary.Participant) error { return n.ReportLost(ctx, device) })
}

// recorded runs a scenario with most of what moves money, and returns the calls and the resulting
// database.
func recorded(t *testing.T) ([]call, string) {
	s := newCaseRunner(t)
	r := &recorder{Notary: s.Notary, draws: s.Draws}
	s.Notary = r
	s.run(linesOf(`
		card ANNA NORDIC
		card BERTIL FJORD
		terminal SHOP FJORD
		desk COUNTER NORDIC
		issue NORDIC 1000
		load ANNA 200
		pay ANNA BERTIL 100
		pay BERTIL SHOP 80
		sync SHOP
		refund SHOP BERTIL/2 30 unsettled
		give ANNA SHOP 10
		sync ANNA
		refuse SHOP ANNA/2
		sync SHOP
		sync BERTIL
		refund SHOP BERTIL/2 30
		unload ANNA COUNTER 30
		copy ANNA TWIN
		pay ANNA SHOP 5
		pay TWIN BERTIL 60
		sync SHOP records
		sync BERTIL
		lost BERTIL`))
	require.Greater(t, len(r.calls), 30)
	return r.calls, dump(t, s.DB)
}

func linesOf(text string) (lines [][]string) {
	for line := range strings.SplitSeq(text, "\n") {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, fields)
		}
	}
	return lines
}

// tablesOf returns our tables, each with its columns for a SELECT. On PostgreSQL generated row
// numbers are left out, and the columns that refer to them: it leaves gaps after a transaction that
// was undone.
func tablesOf(t require.TestingT, db *sql.DB) map[string]string {
	query := `SELECT name, '*' FROM sqlite_master
		WHERE type = 'table' AND name NOT LIKE '%_version' AND name NOT LIKE 'sqlite_%'`
	if storetest.Dialect() == store.PostgreSQL {
		query = `SELECT c.table_name,
				string_agg('"' || c.column_name || '"', ', ' ORDER BY c.ordinal_position)
			FROM information_schema.columns c
			WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '%_version'
			AND c.is_identity = 'NO' AND NOT (c.data_type = 'bigint' AND EXISTS (
				SELECT 1 FROM information_schema.key_column_usage k
				JOIN information_schema.table_constraints r USING (constraint_name)
				WHERE r.constraint_type = 'FOREIGN KEY'
				AND k.table_name = c.table_name AND k.column_name = c.column_name))
			GROUP BY c.table_name`
	}
	rows, err := db.Query(query)
	require.NoError(t, err)
	tables := map[string]string{}
	for rows.Next() {
		var name, columns string
		require.NoError(t, rows.Scan(&name, &columns))
		tables[name] = columns
	}
	require.NoError(t, rows.Close())
	return tables
}

// dump returns every row of our tables.
func dump(t require.TestingT, db *sql.DB) string {
	var lines []string
	for table, selected := range tablesOf(t, db) {
		rows, err := db.Query(`SELECT ` + selected + ` FROM "` + table + `"`)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		for rows.Next() {
			cells := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range cells {
				into[i] = &cells[i]
			}
			require.NoError(t, rows.Scan(into...))
			lines = append(lines, fmt.Sprintf("%s %x", table, cells))
		}
		require.NoError(t, rows.Close())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// asAnsweredFirst removes from a repeated Submit's answer the effects of the rest of the first
// attempt: an answer has the present status of its payment.
func asAnsweredFirst(got, first any) any {
	repeated, ok := got.([]notary.Answer)
	if !ok {
		return got
	}
	for i, a := range first.([]notary.Answer) {
		if a.Payment != nil && repeated[i].Payment != nil {
			repeated[i].Payment.Verdict, repeated[i].Payment.Accepted = a.Payment.Verdict,
				a.Payment.Accepted
		}
	}
	return repeated
}

// replay makes the calls again on a new database. Each call runs under the plan that plan returns
// for it. If it fails by a fault it is made again, with no plan and, if the power was cut, after a
// restart. Every answer and every row must be those of the undisturbed run. It returns the steps
// that each call took at its first attempt, and the faults that struck.
func replay(
	t storetest.T, path string, calls []call, want string, plan func(call int) faultdriver.Plan,
) (steps [][]faultdriver.Kind, struck map[error]int) {
	d := faultdriver.New(nil)
	w := settlementtest.NewWorldOn(t, d, path)
	defer func() { w.Stop() }()
	struck = map[error]int{}
	for i, c := range calls {
		w.Draws(uint64(i))
		d.Follow(plan(i))
		got, err := c.do(w.Notary)
		steps = append(steps, d.Steps())
		d.Follow(nil)
		for _, fault := range []error{
			faultdriver.ErrPowerLost, faultdriver.ErrNoAnswer, faultdriver.ErrDiskFull,
		} {
			if !errors.Is(err, fault) {
				continue
			}
			struck[fault]++
			if d.Lost() {
				w.Stop()
				d.Restore()
				w.Start()
			}
			got, err = c.do(w.Notary)
			got = asAnsweredFirst(got, c.answer)
			break
		}
		require.Equal(t, c.answer, got, "call %d, %s", i, c.name)
		require.Equal(t, errors.Unwrap(c.err), errors.Unwrap(err), "call %d, %s", i, c.name)
	}
	require.Equal(t, want, dump(t, w.DB))
	return steps, struck
}

// newFile returns a database that persists after it was closed.
func newFile(t storetest.T, folder string) string {
	schemas, err := settlement.Schemas()
	require.NoError(t, err)
	if storetest.Dialect() == store.PostgreSQL {
		return storetest.New(t, schemas...)
	}
	empty, path := filepath.Join(folder, "empty"), filepath.Join(folder, rand.Text()+".db")
	if _, err := os.Stat(empty); err != nil { // its tables are made once
		db, err := store.Open(context.Background(), empty, schemas...)
		require.NoError(t, err)
		require.NoError(t, db.Close())
	}
	image, err := os.ReadFile(empty)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, image, 0o600))
	return path
}

// In every call the power is cut after each commit, before the caller learns of it, or the answer
// of the commit is lost; and the power is cut at random steps, and the disk full from a random
// write on. The call is made again, and the outcome is the same as that of an undisturbed run.
func TestFaultsOfTheDatabase(t *testing.T) {
	calls, want := recorded(t)
	folder := t.TempDir()
	undisturbed := func(int) faultdriver.Plan { return nil }
	steps, _ := replay(t, newFile(t, folder), calls, want, undisturbed)
	commits := 0
	for _, of := range steps {
		n := 0
		for _, kind := range of {
			if kind == faultdriver.Commit {
				n++
			}
		}
		commits = max(commits, n)
	}
	require.NotZero(t, commits)
	for nth := range commits {
		for _, fault := range []error{faultdriver.ErrPowerLost, faultdriver.ErrNoAnswer} {
			_, struck := replay(t, newFile(t, folder), calls, want, func(int) faultdriver.Plan {
				return faultdriver.Nth(nth+1, fault, faultdriver.Committed)
			})
			require.NotZero(t, struck[fault], "commit %d", nth+1)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := make([]int, len(calls))
		for i := range calls {
			at[i] = rapid.IntRange(0, len(steps[i])).Draw(t, "step")
		}
		full := rapid.Bool().Draw(t, "disk full")
		replay(t, newFile(t, folder), calls, want, func(call int) faultdriver.Plan {
			if full {
				return faultdriver.FullFrom(at[call])
			}
			return faultdriver.Nth(at[call], faultdriver.ErrPowerLost)
		})
	})
}

// One step in thirty has a fault of a kind that fits it, until every kind has struck.
func TestFaultsOfTheDatabaseAtRandom(t *testing.T) {
	calls, want := recorded(t)
	folder, all := t.TempDir(), map[error]int{}
	for seed := uint64(0); len(all) < 3; seed++ {
		require.Less(t, seed, uint64(20), "kinds of fault that struck: %v", all)
		random := faultdriver.Random(seed, 30)
		plan := func(int) faultdriver.Plan { return random }
		_, struck := replay(t, newFile(t, folder), calls, want, plan)
		for fault, n := range struck {
			all[fault] += n
		}
	}
}
