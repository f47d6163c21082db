package intermediary

import (
	"context"
	"database/sql"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/store"
)

// SetGroup has a device's next Instruction give it another group of people:
//
//  1. The notary keeps it.
//  2. So does the intermediary, with the limits of the latest policy order for that group, if
//     no later one covers the card, lowered to its ceilings. A card that leaves a group keeps the
//     limits that it has until the next order.
//
// A cut between the two is repaired by the same call, or by the card's next synchronisation.
// Errors: [banking.ErrNoDevice], the notary's.
func (i *Intermediary) SetGroup(ctx context.Context, id message.DeviceID, group uint8) error {
	if _, err := device(ctx, i.db, id); err != nil {
		return err
	}
	if err := i.notary.SetGroup(ctx, id, group); err != nil {
		return err
	}
	return i.noteGroup(ctx, id, group)
}

// noteGroup keeps the group that the notary has for a device.
func (i *Intermediary) noteGroup(ctx context.Context, id message.DeviceID, group uint8) error {
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		d, err := device(ctx, tx, id)
		if err != nil || d.Group == group {
			return err
		}
		if err := store.Exec(ctx, tx, `UPDATE device SET people = $1 WHERE id = $2`, int64(group),
			id); err != nil {
			return fmt.Errorf("intermediary: device %s: %w", id, err)
		}
		d.Group = group
		policy, err := policyOfNew(ctx, tx, d.Device)
		if err != nil || policy.Version <= d.Policy.Version {
			return err
		}
		encoded, err := policy.Bytes()
		if err != nil {
			return fmt.Errorf("intermediary: device %s: %w", id, err)
		}
		if err := store.Exec(ctx, tx, `UPDATE device SET policy = $1 WHERE id = $2`, encoded,
			id); err != nil {
			return fmt.Errorf("intermediary: device %s: %w", id, err)
		}
		return nil
	})
}

// FirstCrisis returns what a card that is registered gets with its first PIN: what the notary would
// have its next Instruction name. It implements banking.Registry. Errors:
// [banking.ErrNoDevice], the notary's.
func (i *Intermediary) FirstCrisis(
	ctx context.Context, id message.DeviceID,
) (banking.FirstCrisis, error) {
	if _, err := device(ctx, i.db, id); err != nil {
		return banking.FirstCrisis{}, err
	}
	outstanding, err := i.notary.Outstanding(ctx, id)
	return banking.FirstCrisis{LowestOrder: outstanding.LowestOrder,
		Group: outstanding.Group}, err
}
