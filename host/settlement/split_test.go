package settlement_test

import (
	"database/sql"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/settlement/settlementtest"
	"ekrona.example/host/store"
)

// splitKey says by what a table's rows are in one of several databases: whose device, or its
// intermediary, the column names. Without a column a row is in each of them.
type splitKey struct{ by, column string }

// splitKeys has every table of the central bank's database. SPLIT.md tells the same.
var splitKeys = map[string]splitKey{
	"device": {"device", "id"}, "record": {"device", "device"},
	"instruction": {"device", "device"}, "confirmation": {"device", "device"},
	"challenge": {"device", "device"}, "state": {"device", "device"},
	"evidence": {"device", "device"}, "unregistered_certificate": {"device", "device"},
	"revocation":     {"device", "device"},
	"payment":        {"payer", "payer"},
	"payee_answer":   {"payee", "payee"},
	"payee_decision": {"payee", "payee"},
	"refund":         {"payee", "payee"},
	"statement":      {"device", "device"},
	"ledger_account": {"account", "name"}, "ledger_entry": {"account", "account"},
	"ledger_order": {"account", "key"},
	"intermediary": {by: "everywhere"}, "authority": {by: "everywhere"},
	"notary_key": {by: "everywhere"}, "crisis_key": {by: "everywhere"},
	"crisis_order": {by: "everywhere"},
	"writer_lease": {by: eachItsOwn}, "pool_ahead": {by: eachItsOwn},
	"netting":       {by: eachItsOwn},
	"archive_begun": {by: eachItsOwn}, "archive_written": {by: eachItsOwn},
	"archive_ended": {by: eachItsOwn},
}

// eachItsOwn is of tables that each database has for itself, with what refers to them.
const eachItsOwn = "each its own"

// mayRefer are the keys whose rows are always in one database: a foreign key may go there.
var mayRefer = map[string][]string{"payee": {"device"}, "payer": {"device"}}

// TestEveryTableHasItsKey walks the schema: each table has its key of the split, in a column that
// is always there, and no foreign key goes to where a row may be in another database.
func TestEveryTableHasItsKey(t *testing.T) {
	schemas, err := settlement.Schemas()
	require.NoError(t, err)
	db, err := store.Open(t.Context(), store.Memory, schemas...)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	page, err := os.ReadFile("SPLIT.md")
	require.NoError(t, err)
	tables := columnOf(t, db, `SELECT name FROM sqlite_master WHERE type = 'table'
		AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%goose%' AND name NOT LIKE '%version%'`)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		key, known := splitKeys[table]
		if !assert.True(t, known, "table %s has no key of the split: give it one here and in "+
			"SPLIT.md", table) {
			continue
		}
		if key.column != "" {
			assert.NotEmpty(t, columnOf(t, db, fmt.Sprintf(`SELECT name FROM
				pragma_table_info('%s') WHERE name = '%s' AND ("notnull" = 1 OR pk > 0)`, table,
				key.column)), "%s.%s may be null, or is not there", table, key.column)
		}
		row := regexp.MustCompile(`(?m)^\| .*` + "`" + table + "`" + `.* \| ` + key.by + ` \|`)
		assert.Regexp(t, row, string(page), "no row of SPLIT.md says that %s is by %s", table,
			key.by)
		for _, to := range columnOf(t, db, fmt.Sprintf(
			`SELECT "table" FROM pragma_foreign_key_list('%s')`, table)) {
			there := splitKeys[to]
			assert.True(t, there.by == key.by || there.by == "everywhere" ||
				there.by == eachItsOwn ||
				slices.Contains(mayRefer[key.by], there.by),
				"%s, by %s, refers to %s, by %s", table, key.by, to, there.by)
		}
	}
	for table := range splitKeys {
		assert.Contains(t, tables, table)
	}
}

func columnOf(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	all, err := store.Column[string](t.Context(), db, query)
	require.NoError(t, err)
	return all
}

// TestNoSequenceGoesOverTwoIntermediaries: each is given its own entries under numbers of its own,
// without gaps, whatever others move between; also after a restart and for a transaction of many.
func TestNoSequenceGoesOverTwoIntermediaries(t *testing.T) {
	w := loaded(t)
	anna, bertil := w.Devices["ANNA"], w.Devices["BERTIL"]
	terminal := w.Issue("SHOP", "FJORD", spec.RoleTerminal)
	for range 3 {
		paid(t, anna, bertil, 10_00)
		paid(t, anna, terminal, 5_00)
		w.Sync(bertil, settlementtest.Whole, 0)
		w.Again()
		w.Sync(terminal, settlementtest.Whole, 0)
		w.Sync(anna, settlementtest.Whole, 0)
	}
	for _, i := range w.Intermediaries {
		entries, err := w.Notary.For(i.Name).Statement(t.Context(), 0, notary.MaxPage)
		require.NoError(t, err)
		require.Greater(t, len(entries), 3)
		for n, e := range entries {
			assert.Equal(t, int64(n+1), e.Seq, i.Name)
		}
		rest, err := w.Notary.For(i.Name).Statement(t.Context(), 2, 1)
		require.NoError(t, err)
		assert.Equal(t, entries[2:3], rest)
	}
}

// TestThePageNamesWhatIsThere: the files and functions that SPLIT.md names.
func TestThePageNamesWhatIsThere(t *testing.T) {
	page, err := os.ReadFile("SPLIT.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`([a-z_]+\\.go)`").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, named)
	for _, file := range named {
		_, err := os.Stat(file[1])
		assert.NoError(t, err)
	}
	model, err := os.ReadFile("../../apdu/model/split.pml")
	require.NoError(t, err)
	for _, row := range []string{"claim", "ask", "credit"} {
		assert.Contains(t, string(page), "*"+row+"*")
		assert.Contains(t, string(model), "byte claim[3], ask[3], credit[3];")
		assert.True(t, strings.Contains(string(model), row+"[k] == NONE") ||
			strings.Contains(string(model), row+"[k] = WRITTEN"))
	}
}
