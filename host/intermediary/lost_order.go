package intermediary

import (
	"context"
	"database/sql"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// lostOrder is a load that the notary has carried out and whose order was lost here with a restored
// backup.
type lostOrder struct {
	device   message.DeviceID
	amount   money.Ore
	sequence uint32 // of its Instruction
	returned bool   // the device could not take it
}

// storeLostOrder records a Loaded entry without a known order.
func storeLostOrder(ctx context.Context, tx *sql.Tx, e notary.Entry) error {
	if err := store.Exec(ctx, tx, `INSERT INTO lost_order (id, device, amount, sequence) VALUES ($1,
		$2, $3, $4) ON CONFLICT (id) DO NOTHING`,
		e.Order, e.Device, int64(e.Shadow), e.Instr); err != nil {
		return fmt.Errorf("intermediary: lost load order %s: %w", e.Order, err)
	}
	return nil
}

// returnLostOrder records that its credit was returned.
func returnLostOrder(ctx context.Context, tx *sql.Tx, id string) error {
	if err := store.Exec(ctx, tx, `UPDATE lost_order SET returned = TRUE WHERE id = $1`,
		id); err != nil {
		return fmt.Errorf("intermediary: lost load order %s: %w", id, err)
	}
	return nil
}

// placement is how a load order starts: its state, the Instruction that carries it, and the account
// that the customer's money goes to.
type placement struct {
	state    loadState
	sequence sql.NullInt64
	aside    ledger.Account
}

// restoreLoad returns the placement of an order that is not known here. A lost order leaves the
// list and gets the state that it has at the notary; its money goes to own funds, which have paid.
func restoreLoad(
	ctx context.Context, tx *sql.Tx, id string, device message.DeviceID, amount money.Ore,
) (placement, error) {
	var f lostOrder
	found, err := store.Get(ctx, tx, store.Into{&f.device, &f.amount, &f.sequence, &f.returned},
		`SELECT device, amount, sequence, returned FROM lost_order WHERE id = $1`, id)
	switch {
	case err != nil:
		return placement{}, fmt.Errorf("intermediary: lost load order %s: %w", id, err)
	case !found:
		return placement{state: loadPlaced, aside: transit}, nil
	case f.device != device || f.amount != amount:
		return placement{}, fmt.Errorf("load order %s: %w", id, banking.ErrTaken)
	}
	if err := store.Exec(ctx, tx, `DELETE FROM lost_order WHERE id = $1`, id); err != nil {
		return placement{}, fmt.Errorf("intermediary: lost load order %s: %w", id, err)
	}
	begins := placement{state: loadReserved,
		sequence: sql.NullInt64{Int64: int64(f.sequence), Valid: true}, aside: ownFunds}
	if f.returned {
		begins.state = loadReturned
	}
	return begins, nil
}
