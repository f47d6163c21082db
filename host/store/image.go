package store

import (
	"context"
	"database/sql"
	"fmt"
)

// imager is what SQLite's connection offers to copy a database whole.
type imager interface {
	Serialize() ([]byte, error)
	Deserialize([]byte) error
}

// Image returns everything that a database in [Memory] holds, as SQLite writes it to a file.
func Image(ctx context.Context, db *sql.DB) (image []byte, err error) {
	err = withImager(ctx, db, func(i imager) error {
		image, err = i.Serialize()
		return err
	})
	return image, err
}

// SetImage makes a database in [Memory] hold what an [Image] of one with the same schemas has, and
// nothing else. Nobody may use it meanwhile.
func SetImage(ctx context.Context, db *sql.DB, image []byte) error {
	return withImager(ctx, db, func(i imager) error { return i.Deserialize(image) })
}

// withImager calls do with the database's own connection.
func withImager(ctx context.Context, db *sql.DB, do func(imager) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("image of a database: %w", err)
	}
	defer conn.Close()
	err = conn.Raw(func(opened any) error {
		if strict, ours := opened.(*strictConn); ours {
			inner := strict.Connection
			if wrapped, ours := inner.(interface{ Inner() Connection }); ours {
				inner = wrapped.Inner()
			}
			if own, can := inner.(imager); can {
				return do(own)
			}
		}
		return fmt.Errorf("%T has none: open one in memory", opened)
	})
	if err != nil {
		return fmt.Errorf("image of a database: %w", err)
	}
	return nil
}
