package intermediary

import (
	"context"
	"fmt"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// ReportLost blocks a device that its owner reports lost, stolen or broken:
//
//  1. The order to block is kept; the device's next Instruction, if it ever comes
//     to one, carries it.
//  2. The notary puts it on the revocation list; claims on it are honoured for
//     the configured time.
//
// A cut between the two is repaired by the same call. It cannot be taken back: a
// device that is found again is unloaded and replaced.
// Errors: [banking.ErrNoDevice], the notary's.
func (i *Intermediary) ReportLost(ctx context.Context, id message.DeviceID) error {
	if err := i.Block(ctx, id, true); err != nil {
		return err
	}
	return i.notary.ReportLost(ctx, id)
}

// HonouredUntil returns until when claims on a device are honoured that was reported lost: then
// [Intermediary.End] ends it. It is zero for another device. Errors: [banking.ErrNoDevice], the
// notary's.
func (i *Intermediary) HonouredUntil(
	ctx context.Context, id message.DeviceID,
) (time.Time, error) {
	if _, err := device(ctx, i.db, id); err != nil {
		return time.Time{}, err
	}
	outstanding, err := i.notary.Outstanding(ctx, id)
	return outstanding.HonouredUntil, err
}

// revokedPage is how many devices of the revocation list one page has.
const revokedPage = 500

// Revoked returns to a terminal the devices, of any intermediary, that were reported lost or have
// ended, after a position in the notary's list. It implements banking.Terminal. Errors: the
// notary's.
func (i *Intermediary) Revoked(ctx context.Context, after int64) ([]notary.Revocation, error) {
	return i.notary.Revoked(ctx, after, revokedPage)
}

// End ends a reported device when its time is over: what its shadow wallet holds,
// and all that comes in later, goes to the owner's online wallet. The notary does
// it once; the money arrives with the statement. Errors: [banking.ErrNoDevice],
// notary.WrongStatus while the time is not over.
func (i *Intermediary) End(ctx context.Context, id message.DeviceID) error {
	return i.end(ctx, id, i.notary.End)
}

// EndNow ends a reported device before its time is over: for what is claimed on it later, the
// intermediary's own funds pay. Otherwise it is End. Errors: [banking.ErrNoDevice],
// notary.WrongStatus for a device that was not reported lost.
func (i *Intermediary) EndNow(ctx context.Context, id message.DeviceID) error {
	return i.end(ctx, id, i.notary.EndNow)
}

func (i *Intermediary) end(
	ctx context.Context, id message.DeviceID,
	atNotary func(ctx context.Context, id message.DeviceID) error,
) error {
	if _, err := device(ctx, i.db, id); err != nil {
		return err
	}
	if err := atNotary(ctx, id); err != nil {
		return err
	}
	if err := i.PullStatement(ctx); err != nil {
		return err
	}
	_, err := i.refuseIfEnded(ctx, id, notary.Ended)
	return err
}

// CollectEnded brings home the money of devices that have ended by themselves: it posts the
// notary's latest statement, and returns to the online wallets what was set aside for loads that
// no ended device will take. Once more is fine. Errors: the notary's.
func (i *Intermediary) CollectEnded(ctx context.Context) error {
	if err := i.PullStatement(ctx); err != nil {
		return err
	}
	waiting, err := i.loading(ctx, "")
	if err != nil {
		return err
	}
	return i.refuseLoadsOfEnded(ctx, waiting)
}

// Block has the device's next Instruction block or unblock it. Errors: [banking.ErrNoDevice].
func (i *Intermediary) Block(ctx context.Context, id message.DeviceID, blocked bool) error {
	if _, err := device(ctx, i.db, id); err != nil {
		return err
	}
	if err := store.Exec(ctx, i.db, `UPDATE device SET block_wanted = $1 WHERE id = $2`, blocked,
		id); err != nil {
		return fmt.Errorf("intermediary: device %s: %w", id, err)
	}
	return nil
}

// ResetTries has the device's next Instruction restore all tries of PIN and PUK. Errors:
// [banking.ErrNoDevice], the notary's.
func (i *Intermediary) ResetTries(ctx context.Context, id message.DeviceID) error {
	return i.withNext(ctx, id, `UPDATE device SET reset_in = $1 WHERE id = $2`)
}

// Unpair has the device's next Instruction end its pair with a phone. Errors:
// [banking.ErrNoDevice], the notary's.
func (i *Intermediary) Unpair(ctx context.Context, id message.DeviceID) error {
	return i.withNext(ctx, id, `UPDATE device SET unpair_in = $1 WHERE id = $2`)
}

// withNext keeps the number of the device's next Instruction that is not signed yet.
func (i *Intermediary) withNext(ctx context.Context, id message.DeviceID, keep string) error {
	if _, err := device(ctx, i.db, id); err != nil {
		return err
	}
	outstanding, err := i.notary.Outstanding(ctx, id)
	if err != nil {
		return err
	}
	next, err := firstUnapplied(id, outstanding)
	if err != nil {
		return err
	}
	if outstanding.Instruction != nil { // it is signed already
		next++
	}
	if err := store.Exec(ctx, i.db, keep, next, id); err != nil {
		return fmt.Errorf("intermediary: device %s: %w", id, err)
	}
	return nil
}
