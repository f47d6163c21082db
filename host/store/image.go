package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"sync"
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
			for {
				if own, can := inner.(imager); can {
					return do(own)
				}
				wrapped, wraps := inner.(interface{ Inner() Connection })
				if !wraps {
					break
				}
				inner = wrapped.Inner()
			}
		}
		return fmt.Errorf("%T has none: open one in memory", opened)
	})
	if err != nil {
		return fmt.Errorf("image of a database: %w", err)
	}
	return nil
}

// images has the image of a database with the tables of some schemas and without rows, by what
// their files have.
var images sync.Map

// beginAsImage makes the tables of schemas in a new database in [Memory]. A program opens many with
// the same tables, and making them takes longer than what most tests do there: it is done once, on
// a driver without faults, and all begin as copies.
func beginAsImage(ctx context.Context, db *sql.DB, schemas []Schema) error {
	key, err := contentOf(schemas)
	if err != nil {
		return err
	}
	image, known := images.Load(key)
	if !known {
		if image, err = madeOnce(ctx, schemas); err != nil {
			return err
		}
		images.Store(key, image)
	}
	return SetImage(ctx, db, image.([]byte))
}

// contentOf is the same for schemas with the same names and files.
func contentOf(schemas []Schema) (sum [sha256.Size]byte, err error) {
	var all bytes.Buffer
	for _, s := range schemas {
		names, err := fs.Glob(s.Files, "*.sql")
		if err != nil {
			return sum, err
		}
		fmt.Fprintf(&all, "%q %q\n", s.Name, names)
		for _, name := range names {
			text, err := fs.ReadFile(s.Files, name)
			if err != nil {
				return sum, err
			}
			fmt.Fprintf(&all, "%d\n%s", len(text), text)
		}
	}
	return sha256.Sum256(all.Bytes()), nil
}

func madeOnce(ctx context.Context, schemas []Schema) (image []byte, err error) {
	db, err := Open(ctx, Memory)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := migrate(ctx, db, SQLite, false, schemas); err != nil {
		return nil, err
	}
	return Image(ctx, db)
}
