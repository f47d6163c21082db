package intermediary

import (
	"context"

	"ekrona/apdu/message"
)

// SetGroup has a device's next Instruction give it another group of people. The notary keeps it.
// Errors: [banking.ErrNoDevice], the notary's.
func (i *Intermediary) SetGroup(ctx context.Context, id message.DeviceID, group uint8) error {
	if _, err := device(ctx, i.db, id); err != nil {
		return err
	}
	return i.notary.SetGroup(ctx, id, group)
}
