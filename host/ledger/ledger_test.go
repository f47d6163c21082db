package ledger

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

func open(t storetest.T) *sql.DB {
	schema, err := Schema()
	require.NoError(t, err)
	db, err := store.Open(context.Background(), storetest.New(t, schema), schema)
	require.NoError(t, err)
	return db
}

// TestCases runs testdata/cases.txt, whose head explains its lines.
func TestCases(t *testing.T) {
	file, err := os.Open("testdata/cases.txt")
	require.NoError(t, err)
	defer file.Close()
	var db *sql.DB
	title, at, cases := "", 0, 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		at++
		line, want, _ := strings.Cut(lines.Text(), "->")
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		where := fmt.Sprintf("cases.txt:%d (%s)", at, title)
		switch verb {
		case "", "#":
		case "case":
			title, db, cases = rest, open(t), cases+1
		case "account":
			for _, name := range strings.Fields(rest) {
				require.NoError(t, store.InTx(t.Context(), db,
					func(tx *sql.Tx) error { return Open(t.Context(), tx, accountNamed(name)) }))
			}
		case "post":
			key, movements, _ := strings.Cut(rest, " ")
			require.Equal(t, strings.TrimSpace(want),
				attempt(t, db, func(tx *sql.Tx) (bool, error) {
					return Post(t.Context(), tx, noon,
						Order{Key: key, Lines: parseLines(t, movements)})
				}), where)
		case "reverse":
			key, of, found := strings.Cut(rest, " of ")
			require.True(t, found, where)
			require.Equal(t, strings.TrimSpace(want),
				attempt(t, db, func(tx *sql.Tx) (bool, error) {
					return Reverse(t.Context(), tx, noon, key, strings.TrimSpace(of))
				}), where)
		case "books":
			require.Equal(t, balancesOf(parseLines(t, rest)), books(t, db), where)
			require.NoError(t, Verify(t.Context(), db), where)
		default:
			require.Fail(t, "unknown line", where)
		}
	}
	require.Greater(t, cases, 5)
}

func attempt(t require.TestingT, db *sql.DB, do func(*sql.Tx) (bool, error)) string {
	var posted bool
	err := store.InTx(context.Background(), db, func(tx *sql.Tx) (err error) {
		posted, err = do(tx)
		return err
	})
	var short *ShortError
	switch {
	case err == nil && posted:
		return "posted"
	case err == nil:
		return "repeated"
	case errors.Is(err, ErrConflict):
		return "conflict"
	case errors.As(err, &short):
		return "short"
	case strings.Contains(err.Error(), "sums to zero"):
		return "unbalanced"
	case strings.Contains(err.Error(), "there is no"):
		return "unknown"
	}
	return err.Error()
}

func parseLines(t require.TestingT, text string) (lines []Line) {
	for part := range strings.SplitSeq(text, ",") {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			continue
		}
		require.Len(t, fields, 2, text)
		amount, err := money.Parse(strings.TrimPrefix(fields[1], "-"))
		require.NoError(t, err, text)
		if strings.HasPrefix(fields[1], "-") {
			amount = -amount
		}
		lines = append(lines, Line{accountNamed(fields[0]), amount})
	}
	return lines
}

func balancesOf(lines []Line) map[string]money.Ore {
	all := map[string]money.Ore{}
	for _, line := range lines {
		all[line.Account.String()] = line.Amount
	}
	return all
}

func books(t require.TestingT, db *sql.DB) map[string]money.Ore {
	all := map[string]money.Ore{}
	for _, kind := range []Kind{Issued, Online, Shadow, Pool, Customer, OwnFunds,
		CentralBankContra} {
		holdings, err := Holdings(context.Background(), db, kind)
		require.NoError(t, err)
		for _, h := range holdings {
			if h.Balance != 0 {
				all[h.Account.String()] = h.Balance
			}
		}
	}
	return all
}

// TestAnyOrdersKeepTheBooks compares the ledger with a plain map over random orders, repeats and
// reversals.
func TestAnyOrdersKeepTheBooks(t *testing.T) {
	accounts := []Account{{Kind: Issued}, {Online, "N"}, {Online, "F"}, {Shadow, "A"},
		{Shadow, "B"}, {Kind: OwnFunds}}
	rapid.Check(t, func(t *rapid.T) {
		db := open(t)
		defer db.Close()
		require.NoError(t, store.InTx(context.Background(), db, func(tx *sql.Tx) error {
			for _, a := range accounts {
				if err := Open(context.Background(), tx, a); err != nil {
					return err
				}
			}
			return nil
		}))
		model, done := map[string]money.Ore{}, map[string][]Line{}
		for range rapid.IntRange(1, 25).Draw(t, "orders") {
			key := rapid.StringMatching("[a-h]").Draw(t, "key")
			var lines []Line
			var sum money.Ore
			for range rapid.IntRange(1, 3).Draw(t, "lines") {
				amount := money.Ore(rapid.Int64Range(-40, 40).Draw(t, "amount"))
				lines, sum = append(lines,
					Line{rapid.SampledFrom(accounts).Draw(t, "account"), amount}), sum+amount
			}
			lines = append(lines, Line{rapid.SampledFrom(accounts).Draw(t, "account"), -sum})
			if rapid.Bool().Draw(t, "repeat") && done[key] != nil {
				lines = done[key]
			}
			got := attempt(t, db, func(tx *sql.Tx) (bool, error) {
				return Post(context.Background(), tx, noon, Order{Key: key, Lines: lines})
			})
			require.Equal(t, expected(model, done, key, lines), got)
			if got == "posted" {
				done[key] = lines
				for _, line := range lines {
					model[line.Account.String()] += line.Amount
				}
			}
			for name, balance := range model {
				if balance == 0 {
					delete(model, name)
				}
			}
			require.Equal(t, model, books(t, db))
			require.NoError(t, Verify(context.Background(), db))
		}
	})
}

func expected(model map[string]money.Ore, done map[string][]Line, key string, lines []Line) string {
	if before := done[key]; before != nil {
		if contentHash(Order{Lines: before}) == contentHash(Order{Lines: lines}) {
			return "repeated"
		}
		return "conflict"
	}
	after, moved := map[string]money.Ore{}, false
	for _, line := range lines {
		after[line.Account.String()] += line.Amount
		moved = moved || line.Amount != 0
	}
	if !moved {
		return "unbalanced"
	}
	for name, change := range after {
		if model[name]+change < 0 && !accountNamed(name).Kind.MayOverdraw() {
			return "short"
		}
	}
	return "posted"
}

// TestFactsStay: the database itself refuses to change or delete what was posted, and refuses
// balances below zero.
func TestFactsStay(t *testing.T) {
	db := open(t)
	require.NoError(t, store.InTx(t.Context(), db, func(tx *sql.Tx) error {
		for _, a := range []Account{{Kind: Issued}, {Kind: Pool}} {
			if err := Open(t.Context(), tx, a); err != nil {
				return err
			}
		}
		_, err := Post(t.Context(), tx, noon,
			Order{Key: "k", Lines: []Line{{Account{Kind: Issued}, -7}, {Account{Kind: Pool}, 7}}})
		return err
	}))
	statements := []string{
		"UPDATE ledger_entry SET amount = 8", "DELETE FROM ledger_entry",
		"UPDATE ledger_order SET memo = 'x'", "DELETE FROM ledger_order",
		"UPDATE ledger_account SET balance = -1 WHERE name = 'pool'",
	}
	if storetest.Dialect() == store.SQLite {
		statements = append(statements,
			"INSERT OR REPLACE INTO ledger_entry SELECT * FROM ledger_entry",
			"REPLACE INTO ledger_entry SELECT * FROM ledger_entry",
			"INSERT OR REPLACE INTO ledger_order SELECT * FROM ledger_order",
			"REPLACE INTO ledger_order SELECT * FROM ledger_order")
	}
	for _, statement := range statements {
		require.Error(t, store.Exec(t.Context(), db, statement), statement)
	}
	require.NoError(t, Verify(t.Context(), db))
	_, err := db.Exec("UPDATE ledger_account SET balance = 6 WHERE name = 'pool'")
	require.NoError(t, err)
	require.ErrorContains(t, Verify(t.Context(), db), "pool")
}
