package intermediary

import (
	"context"

	"ekrona/apdu/message"
	"ekrona/host/banking"
)

// SetGroup has a device's next Instruction give it another group of people. The notary keeps it.
// Errors: [banking.ErrNoDevice], the notary's.
func (i *Intermediary) SetGroup(ctx context.Context, id message.DeviceID, group uint8) error {
	if _, err := device(ctx, i.db, id); err != nil {
		return err
	}
	return i.notary.SetGroup(ctx, id, group)
}

// FirstCrisis returns what a card that is registered gets with its first PIN: what the notary would
// have its next Instruction name. It implements banking.Registry. Errors: [banking.ErrNoDevice],
// the notary's.
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
