package intermediary

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// lostOrder is a load or a refund that the notary has carried out and whose order was lost here
// with a restored backup: it came after that, so that the books do not have its customer debited.
// Own funds have paid for it, until the customer's online wallet covers it.
type lostOrder struct {
	device   message.DeviceID
	amount   money.Ore
	sequence uint32 // of its Instruction
	returned bool   // the device could not take it
	repaid   bool   // the online wallet has paid it
}

// lostRefund stands before the key of a refund on the list: a load may have the same.
const lostRefund = "refund:"

// storeLostOrder records a Loaded or RefundPaid entry without a known order.
func storeLostOrder(ctx context.Context, tx *sql.Tx, e notary.Entry) error {
	id := string(e.Order)
	if e.Kind == notary.RefundPaid {
		id = lostRefund + id
	}
	if err := store.Exec(ctx, tx, `INSERT INTO lost_order (id, device, amount, sequence, owner)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
		id, e.Device, int64(-e.Online), e.Instr, e.Owner); err != nil {
		return fmt.Errorf("intermediary: lost order %s: %w", e.Order, err)
	}
	return nil
}

// repayLostOrders repays own funds what they paid for lost orders whose customers' online wallets
// cover them now, the oldest order first.
func (i *Intermediary) repayLostOrders(ctx context.Context, tx *sql.Tx) error {
	type owed struct {
		id, owner string
		amount    money.Ore
	}
	all, err := store.All(ctx, tx, func(row store.Row) (o owed, err error) {
		err = row.Scan(&o.id, &o.owner, &o.amount)
		return o, err
	}, `SELECT id, owner, amount FROM lost_order WHERE NOT repaid
		ORDER BY sequence, id`)
	if err != nil {
		return fmt.Errorf("intermediary: lost orders: %w", err)
	}
	for _, o := range all {
		holds, err := ledger.Balance(ctx, tx, wallet(o.owner))
		switch {
		case errors.Is(err, ledger.ErrNoAccount): // the customer came after the backup too
			continue
		case err != nil:
			return err
		case holds < o.amount:
			continue
		}
		if _, err := ledger.Post(ctx, tx, i.clock.Now(), ledger.Order{
			Key: "lost:" + o.id, Memo: "order lost with a restored backup",
			Lines: []ledger.Line{{Account: wallet(o.owner), Amount: -o.amount},
				{Account: ownFunds, Amount: o.amount}},
		}); err != nil {
			return err
		}
		if err := store.Exec(ctx, tx, `UPDATE lost_order SET repaid = TRUE WHERE id = $1`,
			o.id); err != nil {
			return fmt.Errorf("intermediary: lost order %s: %w", o.id, err)
		}
	}
	return nil
}

// returnLostOrder records that its credit was returned.
func returnLostOrder(ctx context.Context, tx *sql.Tx, id string) error {
	if err := store.Exec(ctx, tx, `UPDATE lost_order SET returned = TRUE WHERE id = $1`,
		id); err != nil {
		return fmt.Errorf("intermediary: lost order %s: %w", id, err)
	}
	return nil
}

// placement is how a load order starts: its state, the Instruction that carries it, and the account
// that the customer's money goes to; none when the customer has paid.
type placement struct {
	state    loadState
	sequence sql.NullInt64
	aside    ledger.Account
	paid     bool
}

// restoreLoad returns the placement of an order that is not known here. A lost order leaves the
// list and gets the state that it has at the notary; its money goes to own funds, if they have
// paid.
func restoreLoad(
	ctx context.Context, tx *sql.Tx, id string, device message.DeviceID, amount money.Ore,
) (placement, error) {
	f, found, err := takeLostOrder(ctx, tx, id, device, amount)
	if err != nil || !found {
		return placement{state: loadPlaced, aside: transit}, err
	}
	begins := placement{state: loadReserved, aside: ownFunds, paid: f.repaid,
		sequence: sql.NullInt64{Int64: int64(f.sequence), Valid: true}}
	if f.returned {
		begins.state = loadReturned
	}
	return begins, nil
}

// takeLostOrder takes an order that came again off the list, if it is there. Errors:
// [banking.ErrTaken] for another one under its key.
func takeLostOrder(
	ctx context.Context, tx *sql.Tx, id string, device message.DeviceID, amount money.Ore,
) (f lostOrder, found bool, err error) {
	found, err = store.Get(ctx, tx, store.Into{&f.device, &f.amount, &f.sequence, &f.returned,
		&f.repaid}, `SELECT device, amount, sequence, returned, repaid FROM lost_order
		WHERE id = $1`, id)
	switch {
	case err != nil:
		return f, false, fmt.Errorf("intermediary: lost order %s: %w", id, err)
	case !found:
		return f, false, nil
	case f.device != device || f.amount != amount:
		return f, false, fmt.Errorf("order %s: %w", id, banking.ErrTaken)
	}
	if err := store.Exec(ctx, tx, `DELETE FROM lost_order WHERE id = $1`, id); err != nil {
		return f, false, fmt.Errorf("intermediary: lost order %s: %w", id, err)
	}
	return f, true, nil
}
