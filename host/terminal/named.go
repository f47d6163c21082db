package terminal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/store"
)

// Errors of a sale with a name of the merchant's own. Nothing was done.
var (
	ErrNameTaken = errors.New(
		"terminal: this name was given to another sale before: choose another name")
	ErrNameLost = errors.New("terminal: the sale of this name was open in the copy from which " +
		"the journal was restored, and may be paid: see in the merchant's account; a new sale " +
		"wants another name")
)

// NamedSale is what the journal knows of a sale by its name.
type NamedSale struct {
	Number uint32
	Amount money.Ore
	Paid   bool             // else it is open
	Payer  message.DeviceID // of a paid one
	ATC    uint32           // of the payer's record of a paid one
}

// Named returns the sale of a name, nil where there is none that is open or paid: a refused one has
// come to nothing, and its name may be used again. As with a first sale, the journal is brought up
// to date before, if it is an older copy and the intermediary can be reached. Errors:
// [ErrNameTaken] when it is for another amount, [ErrNameLost]; [ErrEnded], [ErrRolledBack] unless
// it is paid.
func (t *Terminal) Named(ctx context.Context, name string, amount money.Ore) (*NamedSale, error) {
	stopped := t.checkStart(ctx)
	s, err := t.named(ctx, t.db, name, amount)
	if err == nil && stopped != nil && (s == nil || !s.Paid) { // what is paid stays so
		return nil, stopped
	}
	return s, err
}

func (t *Terminal) named(
	ctx context.Context, q store.Queryer, name string, amount money.Ore,
) (*NamedSale, error) {
	var s NamedSale
	var accepted sql.Null[bool]
	var sealed []byte
	found, err := store.Get(ctx, q, store.Into{&s.Number, &s.Amount, &accepted, &sealed},
		`SELECT number, amount, accepted, payment FROM named WHERE name = $1`, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("terminal: journal: %w", err)
	case !found || accepted.Valid && !accepted.V:
		return nil, nil
	case s.Amount != amount:
		return nil, fmt.Errorf("%w (%s: sale %d of %s)", ErrNameTaken, name, s.Number, s.Amount)
	case !accepted.Valid:
		if _, err := t.sale(ctx, q, s.Number); errors.Is(err, ErrNoSale) {
			return nil, fmt.Errorf("%w (%s: sale %d)", ErrNameLost, name, s.Number)
		} else if err != nil {
			return nil, err
		}
		return &s, nil
	}
	s.Paid = true
	plain, err := t.sealer.open("named", s.Number, sealed)
	if err != nil {
		return nil, err
	}
	payer, atc, _ := strings.Cut(string(plain), "/")
	number, err := strconv.ParseUint(atc, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%w (sale %d)", ErrJournal, s.Number)
	}
	s.Payer, s.ATC = message.DeviceID(payer), uint32(number)
	return &s, nil
}

// keepName gives a new sale its name, in the transaction that makes it. Errors: [ErrNameTaken] for
// that of a sale which is open or paid.
func (t *Terminal) keepName(
	ctx context.Context, tx *sql.Tx, name string, number uint32, amount money.Ore,
) error {
	if name == "" {
		return nil
	}
	known, err := t.named(ctx, tx, name, amount)
	if err == nil && known != nil {
		err = fmt.Errorf("%w (%s: sale %d)", ErrNameTaken, name, known.Number)
	}
	if err != nil {
		return err
	}
	if err := store.Exec(ctx, tx, `INSERT INTO named (name, number, amount) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET number = excluded.number, amount = excluded.amount,
		accepted = NULL, payment = NULL`, name, number, int64(amount)); err != nil {
		return fmt.Errorf("terminal: journal: sale %d: %w", number, err)
	}
	return nil
}

// keepOutcome keeps beside the name of a sale, if it has one, what was decided on it.
func (t *Terminal) keepOutcome(
	ctx context.Context, tx *sql.Tx, number uint32, record message.Record,
) error {
	var payment []byte
	if record.Receipt != nil {
		var err error
		if payment, err = t.sealer.seal("named", number, fmt.Appendf(nil, "%s/%d",
			record.Payment.Payer, record.Payment.ATC)); err != nil {
			return err
		}
	}
	if err := store.Exec(ctx, tx, `UPDATE named SET accepted = $1, payment = $2 WHERE number = $3`,
		record.Receipt != nil, payment, number); err != nil {
		return fmt.Errorf("terminal: journal: sale %d: %w", number, err)
	}
	return nil
}
