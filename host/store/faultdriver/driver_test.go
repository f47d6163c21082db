package faultdriver_test

import (
	"context"
	"database/sql"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

var boxes = store.Schema{Name: "boxes", Files: fstest.MapFS{"00001_boxes.sql": {
	Data: []byte("-- +goose Up\nCREATE TABLE box (name TEXT NOT NULL PRIMARY KEY);\n"),
}}}

// open opens a new database through a driver with faults.
func open(t *testing.T) (*faultdriver.Driver, *sql.DB) {
	t.Helper()
	d := faultdriver.New(nil)
	db, err := store.OpenOn(t.Context(), d, storetest.NewFile(t, boxes), boxes)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return d, db
}

// write is one transaction.
func write(ctx context.Context, db *sql.DB, name string) error {
	return store.InTx(ctx, db, func(tx *sql.Tx) error {
		return store.Exec(ctx, tx, `INSERT INTO box (name) VALUES ($1)`, name)
	})
}

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		plan  faultdriver.Plan
		err   error
		lost  bool
		boxes int64
	}{
		"none": {faultdriver.Nth(0, faultdriver.ErrPowerLost), nil, false, 1},
		"before the begin": {faultdriver.Nth(1, faultdriver.ErrPowerLost), faultdriver.ErrPowerLost,
			true, 0},
		"before the commit": {
			faultdriver.Nth(1, faultdriver.ErrPowerLost, faultdriver.Commit),
			faultdriver.ErrPowerLost, true, 0,
		},
		"after the commit": {
			faultdriver.Nth(1, faultdriver.ErrPowerLost, faultdriver.Committed),
			faultdriver.ErrPowerLost, true, 1,
		},
		"the answer": {
			faultdriver.Nth(1, faultdriver.ErrNoAnswer, faultdriver.Committed),
			faultdriver.ErrNoAnswer, false, 1,
		},
		"full at the statement": {faultdriver.FullFrom(1), faultdriver.ErrDiskFull, false, 0},
		"full at the commit":    {faultdriver.FullFrom(2), faultdriver.ErrDiskFull, false, 0},
		"never full":            {faultdriver.FullFrom(0), nil, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d, db := open(t)
			d.Follow(c.plan)
			require.ErrorIs(t, write(t.Context(), db, "a"), c.err)
			assert.Equal(t, c.lost, d.Lost())
			d.Follow(nil)
			if c.lost {
				require.ErrorIs(t, write(t.Context(), db, "b"), faultdriver.ErrPowerLost)
				assert.Empty(t, d.Steps(), "nothing is done without power")
				d.Restore()
			}
			n, err := store.Number(t.Context(), db, `SELECT count(*) FROM box`)
			require.NoError(t, err)
			assert.Equal(t, c.boxes, n)
			require.NoError(t, write(t.Context(), db, "c"), "it goes on")
		})
	}
}

func TestSteps(t *testing.T) {
	d, db := open(t)
	d.Follow(nil)
	require.NoError(t, write(t.Context(), db, "a"))
	steps := d.Steps()
	require.GreaterOrEqual(t, len(steps), 4)
	assert.Equal(t, faultdriver.Begin, steps[0])
	assert.Contains(t, steps, faultdriver.Statement)
	assert.Equal(t, []faultdriver.Kind{faultdriver.Commit, faultdriver.Committed},
		steps[len(steps)-2:])
}

// A full disk refuses writes, and its data can still be read.
func TestFullDiskIsRead(t *testing.T) {
	d, db := open(t)
	require.NoError(t, write(t.Context(), db, "a"))
	d.Follow(faultdriver.FullFrom(1))
	n, err := store.Number(t.Context(), db, `SELECT count(*) FROM box`)
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	require.ErrorIs(t, write(t.Context(), db, "b"), faultdriver.ErrDiskFull)
}

// The same seed gives the same faults, of every kind.
func TestRandomRepeats(t *testing.T) {
	run := func(seed uint64) (faults []error) {
		p := faultdriver.Random(seed, 3)
		for range 50 {
			for _, k := range []faultdriver.Kind{
				faultdriver.Begin, faultdriver.Statement, faultdriver.Commit, faultdriver.Committed,
			} {
				faults = append(faults, p(t.Context(), faultdriver.Step{Kind: k}))
			}
		}
		return faults
	}
	assert.Equal(t, run(1), run(1))
	assert.NotEqual(t, run(1), run(2))
	for _, kind := range []error{
		nil, faultdriver.ErrPowerLost, faultdriver.ErrNoAnswer, faultdriver.ErrDiskFull,
	} {
		assert.Contains(t, run(1), kind)
	}
}
