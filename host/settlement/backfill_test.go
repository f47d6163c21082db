package settlement_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/audit"
	"ekrona.example/host/settlement"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// sumColumns are what migration 00003 adds to a device's row, from the rows that there are.
var sumColumns = []string{"reserved", "unconfirmed", "unpaid", "accepted", "unanswered",
	"collected", "swept", "untaken"}

// sumCases end with what the others have cleared at their ends: all of the sums.
var sumCases = []namedCase{
	{"money on its way", linesOf(`
		card ANNA NORDIC
		card BERTIL FJORD
		card CECILIA FJORD
		terminal SHOP FJORD
		issue NORDIC 1000
		load ANNA 200
		pay ANNA SHOP 80
		sync ANNA
		verdict ANNA/1 reserved
		pay ANNA BERTIL 50
		pay BERTIL CECILIA 40
		sync CECILIA
		verdict BERTIL/2 waiting
		load ANNA 30 cosigned`)},
	{"money that has moved", linesOf(`
		card ANNA NORDIC
		card BERTIL FJORD
		terminal SHOP FJORD
		issue NORDIC 1000
		load ANNA 200
		pay ANNA SHOP 80
		sync SHOP
		give ANNA BERTIL 20
		sync ANNA
		lost BERTIL
		days 11
		due BERTIL
		verdict ANNA/2 settled`)},
	{"a credit that an ended card has not taken", linesOf(`
		card ANNA NORDIC
		issue NORDIC 9000
		load ANNA 4000
		load ANNA 100 applied
		lost ANNA
		days 11
		due ANNA
		sync ANNA`)},
}

// TestADatabaseOfBeforeIsMigrated: the rows of cases are put into a database as it was before
// migration 00003, which is then opened: the sums that it works out are those that the notary has
// kept while it worked, and every invariant holds.
func TestADatabaseOfBeforeIsMigrated(t *testing.T) {
	cases := append(readCases(t), sumCases...)
	if storetest.Dialect() == store.PostgreSQL { // a database takes a second to make
		cases = cases[len(cases)-len(sumCases):]
	}
	seen := map[string]int{}
	for _, c := range cases {
		if slices.ContainsFunc(c.lines, func(line []string) bool { return line[0] == "ahead" }) {
			continue // the pool did not lend then
		}
		t.Run(c.title, func(t *testing.T) {
			s := newCaseRunner(t)
			s.run(c.lines)
			path := storetest.NewFile(t)
			before, err := store.Open(t.Context(), path, schemasBefore(t, "00003")...)
			require.NoError(t, err)
			copyRows(t, s.DB, before)
			require.NoError(t, before.Close())

			after, err := store.Open(t.Context(), path, schemas(t)...)
			require.NoError(t, err)
			defer func() { require.NoError(t, after.Close()) }()
			kept, worked := sumsIn(t, s.DB), sumsIn(t, after)
			assert.Equal(t, kept, worked)
			found, err := audit.New(s.NotaryKey()).Check(t.Context(), after, s.Honest())
			require.NoError(t, err)
			require.Empty(t, found)
			for _, row := range worked {
				for n, column := range sumColumns {
					if row[n] != 0 {
						seen[column]++
					}
				}
			}
		})
	}
	for _, column := range sumColumns {
		assert.Positive(t, seen[column], "no case has %s", column)
	}
}

// schemasBefore are the schemas without the migrations of settlement from a number on.
func schemasBefore(t *testing.T, number string) []store.Schema {
	t.Helper()
	all, err := settlement.Schemas()
	require.NoError(t, err)
	at := slices.IndexFunc(all, func(s store.Schema) bool { return s.Name == "settlement" })
	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(all[at].Files, ".", func(path string, e fs.DirEntry,
		err error) error {
		if err != nil || e.IsDir() || path >= number {
			return err
		}
		content, err := fs.ReadFile(all[at].Files, path)
		files[path] = &fstest.MapFile{Data: content}
		return err
	}))
	require.NotEmpty(t, files)
	all[at].Files = files
	return all
}

// copyRows copies the rows of all tables, as far as the other database has the columns, past its
// rules.
func copyRows(t *testing.T, from, to *sql.DB) {
	t.Helper()
	ctx := t.Context()
	tables, columns := `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'sqlite%'`, `SELECT name FROM pragma_table_info($1)`
	unchecked := `PRAGMA defer_foreign_keys = ON`
	if storetest.Dialect() == store.PostgreSQL {
		tables = `SELECT table_name::text FROM information_schema.tables
			WHERE table_schema = 'public' AND table_name <> 'store_writer'`
		columns = `SELECT column_name::text FROM information_schema.columns
			WHERE table_schema = 'public' AND table_name = $1`
		unchecked = `SET LOCAL session_replication_role = replica`
	}
	names, err := store.Column[string](ctx, to, tables)
	require.NoError(t, err)
	require.NoError(t, store.InTx(ctx, to, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, unchecked); err != nil {
			return err
		}
		for _, table := range names {
			if strings.HasSuffix(table, "_version") {
				continue
			}
			own, err := store.Column[string](ctx, tx, columns, table)
			if err != nil {
				return err
			}
			places := []string{}
			for n := range own {
				places = append(places, fmt.Sprintf("$%d", n+1))
			}
			into := "INSERT INTO " + table + " (" + strings.Join(own, ", ") + ") VALUES (" +
				strings.Join(places, ", ") + ")"
			if err := store.Each(ctx, from, func(row store.Row) error {
				values, pointers := make([]any, len(own)), make([]any, len(own))
				for n := range values {
					pointers[n] = &values[n]
				}
				if err := row.Scan(pointers...); err != nil {
					return err
				}
				return store.Exec(ctx, tx, into, values...)
			}, "SELECT "+strings.Join(own, ", ")+" FROM "+table); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
		return nil
	}))
}

// sumsIn are the sums of all devices.
func sumsIn(t *testing.T, db *sql.DB) map[string][8]int64 {
	t.Helper()
	all := map[string][8]int64{}
	require.NoError(t, store.Each(t.Context(), db, func(row store.Row) error {
		id, s := "", [8]int64{}
		err := row.Scan(&id, &s[0], &s[1], &s[2], &s[3], &s[4], &s[5], &s[6], &s[7])
		all[id] = s
		return err
	}, "SELECT id, "+strings.Join(sumColumns, ", ")+" FROM device"))
	return all
}
