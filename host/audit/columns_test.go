package audit_test

import (
	"database/sql"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/audit"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement/archive"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

// With 0 every row of every table is changed, which takes minutes.
var rowsEach = flag.Int("rows", 2, "rows of each table that TestEveryColumnIsLookedAt changes")

// saidOnce are the columns, and the tables of which rows may be gone ("table."), that no other row
// and no message repeats, so that nobody can say whether somebody has changed them; and why that
// moves no money.
var saidOnce = map[string]string{
	"n":                  "the order in which rows came",
	"at":                 "when it was",
	"writer_lease":       "who writes now, no books",
	"ledger_version":     "the state of the tables, no books",
	"settlement_version": "the state of the tables, no books",
	"archive_begun":      "what archives are there; their files are held against their bodies",
	"archive_written":    "the same",
	"archive_ended":      "the same",

	"challenge.known_atc":     "what was known when it was opened",
	"challenge.known_seq":     "the same",
	"challenge.known_request": "the same",
	"crisis_order.":           "an order that no device has shown yet",
	"crisis_order.signed_by":  "who had asked for it",
	"device.card_group":       "the group for the next Instruction, an operator's choice",
	"device.ceilings":         "told at registration, and to the card",
	"device.slots":            "the same",
	"device.ended_why":        "words, but for the evidence that they name",
	"device.repayments":       "of an ended one the last moved nothing, when there was nothing",
	"evidence.first":          "the identity of what was held, or the head of a chain",
	"evidence.kind":           "words, and whether it proves a clone",
	"instruction.applied_atc": "one of several States that show it",
	"instruction.order_key":   "of one without a credit nothing else tells",
	"ledger_order.key":        "of an issue to the pool nothing else tells",
	"ledger_entry.line":       "hashed in their order; a gap is a line of nothing",
	"statement.number":        "one that its row's number is too",
	"archived":                "a column of what an archive's file says, against which it is held",
	"payment.awaits_cover":    "what is tried again at once; all are once a day",
	"payment.awaits_pool":     "the same",
	"pool_ahead.cap":          "taken from the terms at each start",
	"refund.reason":           "words",
	"revocation.seq":          "the order in which terminals read them",
	"state.":                  "one that says what another of its device says too",
	"state.complete":          "a judgement of its moment, formed anew by reconcile",
	"state.difference":        "the same",
}

// isSaidOnce returns why a column, or that a row is gone, need not be found.
func isSaidOnce(table, column string, archived bool) (name, why string) {
	if column == "at" || strings.HasSuffix(column, "_at") || column == "lent_since" ||
		column == "tstamp" {
		return "at", saidOnce["at"]
	}
	if column == "n" || table == "statement" && column == "seq" ||
		table == "ledger_order" && column == "id" {
		return "n", saidOnce["n"]
	}
	names := []string{table, table + "." + column}
	if archived {
		names = append(names, "archived")
	}
	for _, name := range names {
		if why := saidOnce[name]; why != "" {
			return name, why
		}
	}
	return "", ""
}

// eventfulDay is an ordinary one with a crisis order, a clone, a payer that nobody registered, and
// an archive.
func eventfulDay(t *testing.T) *settlementtest.World {
	w := ordinaryDay(t)
	key := w.CrisisKey(1, 300)
	_, err := w.SignCrisis(key, w.CrisisOrder(key, 1, 0, 5, message.CrisisRow{MaxBalance: 8000_00,
		MaxTransactions: 120, MaxPayment: 8000_00, MaxSpent: 8000_00}))
	require.NoError(t, err)
	fritz, gerd := w.Issue("FRITZ", "NORDIC", spec.RoleCard), w.Issue("GERD", "FJORD",
		spec.RoleCard)
	load(t, w, fritz, 80_00, settlementtest.Whole)
	twin := fritz.Copy()
	w.Dishonest["FRITZ"] = true
	w.Submit(w.Encode(pay(t, fritz, gerd, 5_00, true)), w.Encode(pay(t, twin, gerd, 6_00, false)))
	ghost := w.Unregistered("GHOST", "NORDIC", spec.RoleCard, "a key of a thief")
	ghost.Balance = 100_00
	pay(t, ghost, gerd, 30_00, true)
	for _, r := range gerd.Log {
		record, err := r.Encode()
		require.NoError(t, err)
		// held, and refused before the certificate is there
		_, err = w.Notary.For("").Submit(t.Context(), [][]byte{record})
		require.NoError(t, err)
	}
	w.Submit(ghost.Certificate)
	load(t, w, gerd, 0, settlementtest.Whole)
	ringInParts(t, w)
	written, err := archive.Write(t.Context(), w.DB, archive.Plan{
		Before: message.DateOf(w.Clock.At), To: filepath.Join(t.TempDir(), "archive"),
		Clock: w.Clock})
	require.NoError(t, err)
	require.Positive(t, written.Payments)
	return w
}

// ringInParts nets a ring of cards in parts. Each card paid the next one twice, and only the second
// payments are handed over: more than any wallet has.
func ringInParts(t *testing.T, w *settlementtest.World) {
	ahead := w.Terms.PoolAhead
	w.Together, w.Connected, w.Terms.PoolAhead = 1, 1, notary.PoolAhead{} // that lends for a ring
	service := w.Again()
	var cards []*settlementtest.Device
	for _, name := range []string{"HANNA", "IDA", "JONAS", "KARIN", "LARS"} {
		cards = append(cards, w.Issue(name, "NORDIC", spec.RoleCard))
	}
	load(t, w, cards[0], 10_00, settlementtest.Whole)
	load(t, w, cards[1], 10_00, settlementtest.Whole)
	for n := range 2 * len(cards) {
		payer, payee := cards[n%len(cards)], cards[(n+1)%len(cards)]
		p := pay(t, payer, payee, payer.Balance, true)
		if n >= len(cards) {
			w.Submit(w.Encode(p), w.Encode(payee.Log[len(payee.Log)-1].Receipt))
		}
	}
	settled, err := service.NetLarge(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(cards), settled)
	w.Terms.PoolAhead = ahead
	w.Again()
	for _, card := range cards {
		load(t, w, card, 0, settlementtest.Whole)
	}
}

// column is one of a table, and the values that it is given in place of its own.
type column struct {
	table, name, kind string
}

// others are expressions for other values than the column has.
func (c column) others() []string {
	switch c.kind {
	case "": // the row goes
		return []string{""}
	case "BLOB":
		last := "CAST(substr(%[1]s, 1, length(%[1]s) - 1) || CASE WHEN substr(%[1]s, -1) = x'00' " +
			"THEN x'01' ELSE x'00' END AS BLOB)"
		middle := "CAST(substr(%[1]s, 1, length(%[1]s) / 2) || CASE WHEN substr(%[1]s, " +
			"length(%[1]s) / 2 + 1, 1) = x'00' THEN x'01' ELSE x'00' END || substr(%[1]s, " +
			"length(%[1]s) / 2 + 2) AS BLOB)"
		if c.name == "bytes" || c.name == "certificate" {
			return []string{last, middle}
		}
		return []string{last, "CASE WHEN %[1]s IS NULL THEN zeroblob(32) END"}
	case "TEXT":
		return []string{"substr(%[1]s, 1, length(%[1]s) - 1) || CASE substr(%[1]s, -1) WHEN '9' " +
			"THEN '8' ELSE '9' END", "CASE WHEN %[1]s IS NULL OR %[1]s = '' THEN 'X' END"}
	}
	return []string{"coalesce(%[1]s, 0) + 1", "1 - %[1]s",
		"CASE WHEN %[1]s IS NULL THEN 0 END"}
}

// change changes a row, and reports whether the database lets it, and it is changed.
func (c column) change(t *testing.T, tx *sql.Tx, row int64, other string) bool {
	statement := fmt.Sprintf("DELETE FROM %s WHERE rowid = %d", c.table, row)
	if c.kind != "" {
		value := fmt.Sprintf(other, c.name)
		statement = fmt.Sprintf("UPDATE OR FAIL %s SET %s = %s WHERE rowid = %d AND %[2]s IS NOT "+
			"(%[3]s)", c.table, c.name, value, row)
	}
	result, err := tx.ExecContext(t.Context(), statement)
	if err != nil {
		require.Regexp(t, "constraint failed|datatype mismatch", err.Error(), statement)
		return false
	}
	n, err := result.RowsAffected()
	require.NoError(t, err)
	return n > 0
}

// TestEveryColumnIsLookedAt changes every column of every table of the ledger, and takes rows away,
// one at a time. The auditor finds each, but for what nothing else tells.
func TestEveryColumnIsLookedAt(t *testing.T) {
	w := eventfulDay(t)
	honest := w.Honest()
	look := func(q store.Queryer) (found []audit.Violation, err error) {
		a := audit.New(w.NotaryKey())
		a.PoolAhead, a.Roots = w.Terms.PoolAhead, w.Roots()
		if found, err = a.Check(t.Context(), q, honest); err != nil || len(found) > 0 {
			return found, err
		}
		return a.Rows(t.Context(), q)
	}
	found, err := look(w.DB)
	require.NoError(t, err)
	require.Empty(t, found)
	used := map[string]bool{}
	for _, c := range columns(t, w.DB) {
		rows, err := store.Column[int64](t.Context(), w.DB,
			"SELECT rowid FROM "+c.table+" ORDER BY rowid")
		require.NoError(t, err)
		require.NotEmpty(t, rows, "the world lacks rows of %s", c.table)
		for _, row := range spread(rows) {
			name, why := isSaidOnce(c.table, c.name, isArchived(t, w.DB, c.table, row))
			for _, other := range c.others() {
				if !missed(t, w.DB, c, row, other, look) {
					continue
				}
				used[name] = true
				if why == "" {
					t.Errorf("%s.%s: another value in row %d (%s) is not found", c.table, c.name,
						row, other)
				}
			}
		}
	}
	for name := range saidOnce {
		if *rowsEach == 0 && !used[name] {
			t.Errorf("%s: is found now, or is not there: take it off the list", name)
		}
	}
}

// isArchived reports whether the body of a row's message is in an archive.
func isArchived(t *testing.T, db *sql.DB, table string, row int64) bool {
	if table != "payment" && table != "payee_answer" {
		return false
	}
	n, err := store.Number(t.Context(), db, "SELECT count(*) FROM "+table+" WHERE rowid = $1 AND "+
		"archive IS NOT NULL", row)
	require.NoError(t, err)
	return n > 0
}

// columns lists those of all tables, and for each table one without a name: that a row goes.
func columns(t *testing.T, db *sql.DB) (all []column) {
	tables, err := store.Column[string](t.Context(), db, "SELECT name FROM sqlite_master WHERE "+
		"type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
	require.NoError(t, err)
	for _, table := range tables {
		require.NoError(t, store.Each(t.Context(), db, func(row store.Row) error {
			c := column{table: table}
			err := row.Scan(&c.name, &c.kind)
			all = append(all, c)
			return err
		}, "SELECT name, type FROM pragma_table_info($1)", table))
		all = append(all, column{table: table})
	}
	return all
}

// spread returns some of many rows: the first, the last, and some between.
func spread(rows []int64) []int64 {
	most := *rowsEach
	if most == 0 || len(rows) <= most {
		return rows
	}
	some := make([]int64, most)
	for i := range some {
		some[i] = rows[i*(len(rows)-1)/(most-1)]
	}
	return slices.Compact(some)
}

// missed reports whether the auditor finds nothing in what a changed row leaves.
func missed(
	t *testing.T, db *sql.DB, c column, row int64, other string,
	look func(store.Queryer) ([]audit.Violation, error),
) bool {
	_, err := db.ExecContext(t.Context(), "PRAGMA foreign_keys = OFF")
	require.NoError(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	drop, err := store.Column[string](t.Context(), tx, "SELECT 'DROP ' || type || ' ' || name "+
		"FROM sqlite_master WHERE type = 'trigger' OR type = 'index' AND sql LIKE '%UNIQUE%'")
	require.NoError(t, err)
	for _, statement := range drop {
		_, err := tx.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	if !c.change(t, tx, row, other) {
		return false
	}
	found, err := look(tx)
	return err == nil && len(found) == 0
}
