package storetest

import (
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
)

// CopyOf copies a database on a server as it is at one moment, by pg_dump, while others use it.
// restore puts the copy in its place; nobody uses it then.
func CopyOf(t testing.TB, source string) (restore func()) {
	t.Helper()
	bin, err := binaries()
	require.NoError(t, err)
	u, err := url.Parse(source)
	require.NoError(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	dump, err := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), source).Output()
	require.NoError(t, err)
	return func() {
		t.Helper()
		u.Path = "/postgres"
		admin, err := store.Open(t.Context(), u.String())
		require.NoError(t, err)
		for _, statement := range []string{`DROP DATABASE ` + name + ` WITH (FORCE)`,
			`CREATE DATABASE ` + name} {
			_, err := admin.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		require.NoError(t, admin.Close())
		load := exec.CommandContext(t.Context(), filepath.Join(bin, "psql"),
			"--quiet", "--set=ON_ERROR_STOP=1",
			source)
		load.Stdin = strings.NewReader(string(dump))
		out, err := load.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
}
