package intermediary

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/store"
)

// ErrOthersBooks says that a database has the books of another intermediary.
var ErrOthersBooks = errors.New("the database has another intermediary's books: name its own")

// Claim makes a database that was opened with [Schemas] the intermediary's of that name, for ever,
// before anything is done in it. Errors: [ErrOthersBooks], for one that is another's.
func Claim(ctx context.Context, db *sql.DB, name message.Name) error {
	known, err := CheckClaim(ctx, db, name)
	if err != nil || known {
		return err
	}
	err = store.InTx(ctx, db, func(tx *sql.Tx) error {
		return store.Exec(ctx, tx, `INSERT INTO whose (one, name) VALUES (1, $1)
			ON CONFLICT DO NOTHING`, name)
	})
	if err == nil {
		_, err = CheckClaim(ctx, db, name)
	}
	return err
}

// CheckClaim returns an error for a database that is another intermediary's, and whether it is the
// one's of that name already. Errors: [ErrOthersBooks].
func CheckClaim(ctx context.Context, db *sql.DB, name message.Name) (known bool, err error) {
	var whose message.Name
	known, err = store.Get(ctx, db, store.Into{&whose}, `SELECT name FROM whose`)
	if err == nil && known && whose != name {
		err = fmt.Errorf("%w (these are of %s, not of %s)", ErrOthersBooks, whose, name)
	}
	return known, err
}
