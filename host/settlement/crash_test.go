package settlement_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/host/notary"
	"ekrona/host/settlement/settlementtest"
	"ekrona/host/store"
	"ekrona/host/store/storetest"
)

// call is one request to the notary and the answer that it got.
type call struct {
	name   string
	do     func(settlementtest.Notary) (any, error)
	answer any
	err    error
}

// recorder stands before a notary and writes down every call that changes something.
type recorder struct {
	settlementtest.Notary
	calls []call
}

func record[T any](r *recorder, name string, do func(settlementtest.Notary) (T, error)) (T, error) {
	answer, err := do(r.Notary)
	r.calls = append(r.calls, call{name, func(n settlementtest.Notary) (any, error) { return do(n) }, answer, err})
	return answer, err
}

func (r *recorder) command(name string, do func(settlementtest.Notary) error) error {
	_, err := record(r, name, func(n settlementtest.Notary) (struct{}, error) { return struct{}{}, do(n) })
	return err
}

func (r *recorder) Issue(ctx context.Context, order notary.OrderKey, intermediary message.Name, amount money.Ore) error {
	return r.command("Issue", func(n settlementtest.Notary) error { return n.Issue(ctx, order, intermediary, amount) })
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
	return record(l.r, "Submit", func(n settlementtest.Notary) ([]notary.Answer, error) { return n.For(l.name).Submit(ctx, items) })
}

func (l recordedLink) OpenChallenge(ctx context.Context, challenge []byte) error {
	return l.command("OpenChallenge", func(n notary.Participant) error { return n.OpenChallenge(ctx, challenge) })
}

func (l recordedLink) SubmitState(ctx context.Context, state []byte) (notary.StateReport, error) {
	return record(l.r, "SubmitState", func(n settlementtest.Notary) (notary.StateReport, error) {
		return n.For(l.name).SubmitState(ctx, state)
	})
}

func (l recordedLink) CoSign(ctx context.Context, order notary.OrderKey, instruction []byte) ([]byte, error) {
	return record(l.r, "CoSign", func(n settlementtest.Notary) ([]byte, error) { return n.For(l.name).CoSign(ctx, order, instruction) })
}

func (l recordedLink) Confirm(ctx context.Context, confirmation []byte) error {
	return l.command("Confirm", func(n notary.Participant) error { return n.Confirm(ctx, confirmation) })
}

func (l recordedLink) Refund(ctx context.Context, r notary.Refund) error {
	return l.command("Refund", func(n notary.Participant) error { return n.Refund(ctx, r) })
}

func (l recordedLink) ReportLost(ctx context.Context, device message.DeviceID) error {
	return l.command("ReportLost", func(n notary.Participant) error { return n.ReportLost(ctx, device) })
}

// recorded tells a story with most of what moves money, and returns the calls and the database that they left.
func recorded(t *testing.T) ([]call, string) {
	s := newStory(t)
	r := &recorder{Notary: s.Notary}
	s.Notary = r
	s.tell(storyOf(`
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

func storyOf(text string) (lines [][]string) {
	for line := range strings.SplitSeq(text, "\n") {
		if fields := strings.Fields(line); len(fields) > 0 {
			lines = append(lines, fields)
		}
	}
	return lines
}

// dump is every row of every table of ours.
func dump(t require.TestingT, db *sql.DB) string {
	var lines, tables []string
	rows, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%_version' AND name NOT LIKE 'sqlite_%' ORDER BY name")
	require.NoError(t, err)
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(t, rows.Close())
	for _, table := range tables {
		rows, err := db.Query("SELECT * FROM " + table)
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

// asOnceToldFirst takes from a repeated Submit's answer what the rest of the first attempt has already brought about: an answer
// tells where its payment stands now.
func asOnceToldFirst(got, first any) any {
	repeated, ok := got.([]notary.Answer)
	if !ok {
		return got
	}
	for i, a := range first.([]notary.Answer) {
		if a.Payment != nil && repeated[i].Payment != nil {
			repeated[i].Payment.Verdict, repeated[i].Payment.Accepted = a.Payment.Verdict, a.Payment.Accepted
		}
	}
	return repeated
}

// replay makes the calls again on a new database. In each call the power goes before the step that cut names (0: not at all); the
// call is then made again after a restart. Every answer and every row must be those of the undisturbed run. It returns the steps
// that each call took when nothing was cut.
func replay(t require.TestingT, path string, calls []call, want string, cut func(call int) int) [][]string {
	power := &settlementtest.Power{}
	w := settlementtest.NewWorldOn(t, power, path)
	defer w.Stop()
	var steps [][]string
	for i, c := range calls {
		power.CutBefore(cut(i))
		got, err := c.do(w.Notary)
		steps = append(steps, power.Steps)
		if power.Lost() {
			require.ErrorIs(t, err, settlementtest.ErrPower, "call %d, %s", i, c.name)
			w.Stop()
			power.Restore()
			w.Start()
			got, err = c.do(w.Notary)
			got = asOnceToldFirst(got, c.answer)
		}
		require.Equal(t, c.answer, got, "call %d, %s, power cut before step %d", i, c.name, cut(i))
		require.Equal(t, errors.Unwrap(c.err), errors.Unwrap(err), "call %d, %s", i, c.name)
	}
	power.Restore()
	require.Equal(t, want, dump(t, w.DB))
	return steps
}

// TestPowerCut: in every call the power goes after each commit, before anybody is told of it, and at random steps; the call is made
// again, and nothing tells the outcome from that of an undisturbed run.
func TestPowerCut(t *testing.T) {
	if storetest.Dialect() != store.SQLite {
		t.Skip("the power is cut before SQLite's driver")
	}
	calls, want := recorded(t)
	folder, runs := t.TempDir(), 0
	path := func() string {
		runs++
		return filepath.Join(folder, fmt.Sprintf("%d.db", runs))
	}
	steps := replay(t, path(), calls, want, func(int) int { return 0 })
	for nth, some := 1, true; some; nth++ {
		some = false
		at := make([]int, len(calls))
		for i := range calls {
			at[i] = nthCommit(steps[i], nth)
			some = some || at[i] > 0
		}
		if some {
			replay(t, path(), calls, want, func(call int) int { return at[call] })
		}
	}
	require.Greater(t, runs, 2)
	rapid.Check(t, func(t *rapid.T) {
		at := make([]int, len(calls))
		for i := range calls {
			at[i] = rapid.IntRange(0, len(steps[i])).Draw(t, "step")
		}
		replay(t, path(), calls, want, func(call int) int { return at[call] })
	})
}

// nthCommit is the number of the step after the n-th commit, or 0.
func nthCommit(steps []string, n int) int {
	for i, what := range steps {
		if what == "committed" {
			if n--; n == 0 {
				return i + 1
			}
		}
	}
	return 0
}
