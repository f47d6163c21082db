// Package storetest runs the tests of a package on each database that package store supports. A
// package has
//
//	func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }
//
// and its tests open what New gives them: all of them run on SQLite, and then again on a PostgreSQL
// server that this package starts, from Debian's binaries, for the time of the tests. On a machine
// without these the second half is left out, unless EKRONA_REQUIRE_POSTGRESQL is set.
package storetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/thorough"
	"ekrona.example/host/store"
)

// T is the methods that tests of every kind have.
type T interface {
	require.TestingT
	Logf(format string, args ...any)
	Cleanup(func())
}

// only is for measurements of hours.
var only = flag.String("only", "", "run on this database alone: sqlite or postgresql")

// server is the PostgreSQL server on which the tests run now; nil while they run on SQLite.
var server *postgres

// Dialect returns the database that the tests run on now.
func Dialect() store.Dialect {
	if server != nil {
		return store.PostgreSQL
	}
	return store.SQLite
}

// OnFirst skips a test of what does not depend on the database, such as the codec of the calls to a
// party, on each database but the first, unless everything is to be tried.
func OnFirst(t *testing.T) {
	t.Helper()
	if Dialect() != store.SQLite && !thorough.All() {
		t.Skip("not once more on another database")
	}
}

// Run runs a package's tests on each database, for TestMain, and returns the exit code.
func Run(m *testing.M) int {
	flag.Parse()
	if *only != "" && *only != "sqlite" && *only != "postgresql" {
		fmt.Printf("FAIL: -only %s: say sqlite or postgresql\n", *only)
		return 1
	}
	if *only != "postgresql" {
		if code := m.Run(); code != 0 || isOnce() || *only == "sqlite" {
			return code
		}
	}
	if err := fewerChecks(); err != nil {
		fmt.Println("FAIL: the number of random tests:", err)
		return 1
	}
	started, err := start(context.Background())
	if errors.Is(err, errNotInstalled) && os.Getenv("EKRONA_REQUIRE_POSTGRESQL") == "" {
		fmt.Println("not run on PostgreSQL:", err)
		return 0
	}
	if err != nil {
		fmt.Println("FAIL: PostgreSQL for the tests:", err)
		return 1
	}
	fmt.Println("once more, on PostgreSQL:")
	server = started
	code := m.Run()
	server = nil
	if err := started.stop(); err != nil {
		fmt.Println("FAIL: PostgreSQL for the tests:", err)
		return 1
	}
	return code
}

// fewerChecks has random tests make a fifth of their checks: a statement takes many times as long
// on a server as in memory.
func fewerChecks() error {
	checks := flag.Lookup("rapid.checks")
	if checks == nil {
		return nil
	}
	n, err := strconv.Atoi(checks.Value.String())
	if err != nil {
		return err
	}
	return checks.Value.Set(strconv.Itoa(max(1, n/5)))
}

// isOnce reports whether the tests are only listed, or a fuzz test searches for a failing input.
func isOnce() bool {
	for _, name := range []string{"test.list", "test.fuzz"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return true
		}
	}
	return false
}

// New returns the source, for store.Open, of a new database with the tables of the schemas. It is
// removed when the test ends; until then it can be opened again after it was closed, except on
// SQLite, where it is in memory.
func New(t T, schemas ...store.Schema) string {
	if server == nil {
		return store.Memory
	}
	name, err := server.create(context.Background(), schemas)
	require.NoError(t, err)
	t.Logf("on PostgreSQL, database %s", name)
	t.Cleanup(func() {
		require.NoError(t, server.release(context.Background(), name, schemas))
	})
	return server.source(name)
}

// Server starts a PostgreSQL server for one test that runs on no other database, and returns what
// gives it databases by their names. Without Debian's binaries the test is skipped, unless
// EKRONA_REQUIRE_POSTGRESQL is set.
func Server(t *testing.T) (database func(name string) (source string)) {
	t.Helper()
	started, err := start(t.Context())
	if errors.Is(err, errNotInstalled) && os.Getenv("EKRONA_REQUIRE_POSTGRESQL") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, started.stop()) })
	return func(name string) string {
		t.Helper()
		_, err := started.admin.ExecContext(t.Context(), `CREATE DATABASE `+name)
		require.NoError(t, err)
		return started.source(name)
	}
}

// NewFile is New for a database that can be opened again after it was closed, on SQLite too.
func NewFile(t *testing.T, schemas ...store.Schema) string {
	if server == nil {
		return filepath.Join(t.TempDir(), "test.db")
	}
	return New(t, schemas...)
}

func names(schemas []store.Schema) string {
	var all []string
	for _, s := range schemas {
		all = append(all, s.Name)
	}
	return strings.Join(all, "_")
}
