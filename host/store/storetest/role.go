package storetest

import (
	"errors"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/store"
)

// service is the role of services on the servers of tests. It owns nothing.
const service = "service"

// AsService returns a source of the same database for a role that does not own its tables.
func AsService(t *testing.T, source string) string {
	t.Helper()
	db, err := store.Open(t.Context(), source)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `DO $$ BEGIN
		IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '`+service+`') THEN
			CREATE ROLE `+service+` LOGIN;
		END IF;
	END $$`)
	require.NoError(t, errors.Join(err, db.Close()))
	u, err := url.Parse(source)
	require.NoError(t, err)
	u.User = url.User(service)
	return u.String()
}
