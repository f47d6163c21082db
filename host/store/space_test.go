package store

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// TestWhatADiskSaysIsNamed: whoever says it, the system, PostgreSQL or SQLite; nothing else is.
func TestWhatADiskSaysIsNamed(t *testing.T) {
	for cause, want := range map[syscall.Errno]error{syscall.ENOSPC: ErrNoRoom,
		syscall.EDQUOT: ErrNoRoom, syscall.EROFS: ErrDisk, syscall.EIO: ErrDisk} {
		err := ofDisk(&fs.PathError{Op: "write", Path: "x", Err: cause})
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, err, cause)
	}
	require.NoError(t, ofDisk(nil))
	none := ofDisk(fs.ErrNotExist)
	require.ErrorIs(t, none, fs.ErrNotExist)
	require.False(t, errors.Is(none, ErrDisk) || errors.Is(none, ErrNoRoom))
	for code, want := range map[string]error{"53100": ErrNoRoom, "58030": ErrDisk} {
		err := Failed(&pgconn.PgError{Code: code})
		require.ErrorIs(t, err, want)
		require.ErrorAs(t, err, new(*AwayError))
	}
	require.False(t, errors.As(Failed(&pgconn.PgError{Code: "23505"}), new(*AwayError)))
}
