package party

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/host/clock"
	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/store/storetest"
)

// TestALeaseThatCannotBeKept: is said once, however long it lasts, and so is that it is kept again.
func TestALeaseThatCannotBeKept(t *testing.T) {
	ctx, d := t.Context(), faultdriver.New(nil)
	schema := store.Schema{Name: "leases", Files: fstest.MapFS{"00001_lease.sql": {Data: []byte(
		"-- +goose Up\nCREATE TABLE writer_lease (one BIGINT PRIMARY KEY, term BIGINT NOT NULL, " +
			"holder TEXT NOT NULL, until TEXT NOT NULL);\n" +
			"INSERT INTO writer_lease (one, term, holder, until) VALUES (1, 0, '', '');")}}}
	db, err := store.OpenOn(ctx, d, storetest.NewFile(t, schema), schema)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	now := &clock.Manual{At: time.Date(2026, time.November, 30, 0, 0, 0, 0, time.UTC)}
	held, err := store.Hold(db, store.Lease{Holder: "https://a:1", Time: 6 * time.Second,
		Clock: now})
	require.NoError(t, err)
	const begins, ends, over = 3, 50, 60 // renewals
	var text bytes.Buffer
	renewals := 0
	e := Environment{Clock: now, Pause: func(_ context.Context, pause time.Duration) error {
		now.At = now.At.Add(pause)
		switch renewals++; renewals {
		case begins:
			d.Follow(func(context.Context, faultdriver.Step) error { return errors.New("away") })
		case ends:
			d.Follow(nil)
		case over:
			return context.Canceled
		}
		return nil
	}}
	Lease{held}.Keep(slog.New(slog.NewTextHandler(&text, nil)), e)(ctx)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	require.Len(t, lines, 3, text.String())
	require.Contains(t, lines[0], `level=INFO msg="lease: this process decides"`)
	require.Contains(t, lines[1], `level=ERROR msg="lease: neither taken nor renewed`)
	require.Contains(t, lines[2], `level=WARN msg="lease: this process decides again"`)
}
