package settlement

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/store"
)

// ErrLanguage says that a database keeps messages of another form than this program's: its tables
// may be the same ones all the same.
var ErrLanguage = errors.New("the messages that the database keeps cannot be read: " +
	"another version of this program wrote them, or others have changed them; go on with that " +
	"version, or restore a copy")

// languageRows are so many messages of each kind that are tried: one that somebody has changed
// keeps no notary from its work.
const languageRows = 4

// checkLanguage returns ErrLanguage where none of the first messages of a kind can be read.
func checkLanguage(ctx context.Context, q store.Queryer) error {
	for table, parse := range map[string]func(b []byte) error{
		"state": func(b []byte) error {
			_, err := message.Parse[message.State](b)
			return err
		},
		"instruction": func(b []byte) error {
			_, err := message.Parse[message.Instruction](b)
			return err
		},
	} {
		rows, err := store.Column[[]byte](ctx, q, fmt.Sprintf("SELECT bytes FROM %s LIMIT %d",
			table, languageRows))
		if err != nil {
			return err
		}
		var why error
		for _, row := range rows {
			if why = parse(row); why == nil {
				break
			}
		}
		if why != nil {
			return fmt.Errorf("%w: %w", ErrLanguage, why)
		}
	}
	return nil
}
