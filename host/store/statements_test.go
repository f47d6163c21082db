package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

// counting is a driver whose connections count how often a statement is prepared.
type counting struct {
	driver.Driver
	prepared *int
}

type countingConn struct {
	Wrapped
	prepared *int
}

func (c counting) Open(source string) (driver.Conn, error) {
	opened, err := c.Driver.Open(source)
	if err != nil {
		return nil, err
	}
	inner, err := Wrap(opened)
	return countingConn{inner, c.prepared}, err
}

func (c countingConn) Prepare(query string) (driver.Stmt, error) {
	*c.prepared++
	return c.Wrapped.Prepare(query)
}

// openCounting returns a database with one table, and the count.
func openCounting(t *testing.T) (*sql.DB, *int) {
	t.Helper()
	n := new(int)
	db, err := OpenOn(t.Context(), keeping{counting{&sqlite.Driver{}, n}},
		Memory)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, Exec(t.Context(), db, `CREATE TABLE number (n BIGINT UNIQUE)`))
	*n = 0
	return db, n
}

func TestStatementsAreKept(t *testing.T) {
	db, prepared := openCounting(t)
	for n := range 50 {
		require.NoError(t, Exec(t.Context(), db, `INSERT INTO number (n) VALUES ($1)`, n))
		var sum int
		require.NoError(t, Must(t.Context(), db, Into{&sum},
			`SELECT sum(n) FROM number WHERE n <= $1`, n))
		require.Equal(t, n*(n+1)/2, sum)
	}
	assert.Equal(t, 2, *prepared)
}

// A statement that fails is good for its next use.
func TestAFailedStatementCanBeUsedAgain(t *testing.T) {
	db, prepared := openCounting(t)
	const insert = `INSERT INTO number (n) VALUES ($1)`
	require.NoError(t, Exec(t.Context(), db, insert, 1))
	require.ErrorContains(t, Exec(t.Context(), db, insert, 1), "UNIQUE")
	require.NoError(t, Exec(t.Context(), db, insert, 2))
	assert.Equal(t, 1, *prepared)
	require.Error(t, Exec(t.Context(), db, `INSERT INTO nothing VALUES ($1)`, 1))
	all, err := Column[int](t.Context(), db, `SELECT n FROM number ORDER BY n`)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2}, all)
}

// A statement whose rows are being read is not given to another use of the same text, and no more
// copies than a few are kept.
func TestTheSameStatementWithinItself(t *testing.T) {
	db, prepared := openCounting(t)
	require.NoError(t, InTx(t.Context(), db, func(tx *sql.Tx) error {
		for n := range 3 {
			if err := Exec(t.Context(), tx, `INSERT INTO number (n) VALUES ($1)`,
				n); err != nil {
				return err
			}
		}
		*prepared = 0
		assert.Equal(t, 1+3+9+27+81+243, count(t, tx, 5))
		return nil
	}))
	assert.Less(t, *prepared, 1+3+9+27+81+243)
	require.NoError(t, InTx(t.Context(), db, func(tx *sql.Tx) error {
		*prepared = 0
		count(t, tx, maxKept-1)
		return nil
	}))
	assert.Zero(t, *prepared)
}

// count reads the table within itself, so deep, and returns how often it was read.
func count(t *testing.T, tx *sql.Tx, deep int) int {
	t.Helper()
	rows, err := tx.QueryContext(context.WithoutCancel(t.Context()), `SELECT n FROM number`)
	require.NoError(t, err)
	defer rows.Close()
	times := 1
	for rows.Next() {
		if deep > 0 {
			times += count(t, tx, deep-1)
		}
	}
	require.NoError(t, rows.Err())
	return times
}
