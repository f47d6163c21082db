package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5/stdlib"
)

// copied is rows in the binary format of PostgreSQL's COPY ("COPY", File Formats, Binary Format):
// the only argument of a statement COPY ... FROM STDIN.
type copied []byte

// copyIn inserts the rows as they are: the server neither builds arrays nor takes them apart, and
// logs whole pages of a table instead of rows.
func (s *Set) copyIn(ctx context.Context, tx *sql.Tx, table string) error {
	rows, err := s.copied()
	if err != nil {
		return Failed(err)
	}
	return Exec(ctx, tx, "COPY "+table+" ("+s.names("?", ", ")+") FROM STDIN (FORMAT binary)",
		rows)
}

// copied returns the rows encoded.
func (s *Set) copied() (copied, error) {
	size := 32
	for _, row := range s.Rows {
		size += 2
		for _, value := range row {
			size += 4 + sizeOf(value)
		}
	}
	// a signature, flags, and the length of an extension of the header
	out := append(make([]byte, 0, size), "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	for _, row := range s.Rows {
		out = binary.BigEndian.AppendUint16(out, uint16(len(s.Columns)))
		for i, c := range s.Columns {
			var err error
			if out, err = appendCopied(out, c.Type, row[i]); err != nil {
				return nil, fmt.Errorf("column %s: %w", c.Name, err)
			}
		}
	}
	return binary.BigEndian.AppendUint16(out, math.MaxUint16), nil // -1: the end
}

// sizeOf returns how many bytes a value takes, or more.
func sizeOf(value any) int {
	switch v := value.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	}
	return 8
}

// appendCopied appends a value of a column after its length.
func appendCopied(out []byte, t Type, value any) ([]byte, error) {
	length := func(n int) { out = binary.BigEndian.AppendUint32(out, uint32(n)) }
	if raw, isBytes := value.([]byte); value == nil || isBytes && raw == nil {
		length(-1)
		return out, nil
	}
	switch v := value.(type) {
	case string:
		if t == Text {
			length(len(v))
			return append(out, v...), nil
		}
	case int64:
		if t == BigInt {
			length(8)
			return binary.BigEndian.AppendUint64(out, uint64(v)), nil
		}
	case []byte:
		if t == Bytes {
			length(len(v))
			return append(out, v...), nil
		}
	case bool:
		if t == Boolean {
			length(1)
			if v {
				return append(out, 1), nil
			}
			return append(out, 0), nil
		}
	}
	return nil, fmt.Errorf("value %v is a %[1]T, and the column a %s", value, t)
}

func (c *warnedConn) copyOrExec(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if len(args) != 1 {
		return c.Wrapped.ExecContext(ctx, query, args)
	}
	rows, copies := args[0].Value.(copied)
	own, isOwn := c.Connection.(*stdlib.Conn)
	if !copies || !isOwn {
		return c.Wrapped.ExecContext(ctx, query, args)
	}
	done, err := own.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(rows), query)
	return driver.RowsAffected(done.RowsAffected()), err
}
