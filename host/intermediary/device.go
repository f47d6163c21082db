package intermediary

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/host/ledger"
	"ekrona/host/settlement"
	"ekrona/host/store"
)

// ErrNoDevice says that a device is not one of this intermediary's.
var ErrNoDevice = errors.New("intermediary: no such device here: ask the intermediary whose name its id begins with")

// Device is a card, SAM or terminal of one of the customers.
type Device struct {
	ID          message.DeviceID
	Customer    string
	Certificate []byte         // 7F21, signed by the CA
	PINPoint    []byte         // a card's point for enciphered PINs, for its owner's phone
	Ceilings    []byte         // write-once ceilings of a card, content of DO CB; nil for a terminal
	Policy      message.Policy // that the device shall have
}

// AddDevice makes a device known, here and at the notary, before it is used:
//
//  1. The device is kept, so that its synchronisations find their way.
//  2. The notary registers id and key, once for ever.
//
// A cut between the two is repaired by the same call; the same device again is
// fine, with a later certificate too. Errors: [ErrNoCustomer], [ErrTaken], those
// of settlement's Register.
func (i *Intermediary) AddDevice(ctx context.Context, d Device) error {
	if _, err := customer(ctx, i.db, d.Customer); err != nil {
		return err
	}
	certificate, err := cvc.Parse(d.Certificate)
	if err != nil {
		return fmt.Errorf("intermediary: certificate of device %s: %w", d.ID, err)
	}
	if certificate.Device() != d.ID {
		return fmt.Errorf("intermediary: device %s: the certificate is that of %s: give the one that was issued for this device", d.ID, certificate.Holder)
	}
	if err := i.keepDevice(ctx, d, certificate); err != nil {
		return err
	}
	return i.notary.Register(ctx, string(i.name), settlement.Registration{Certificate: d.Certificate, Owner: d.Customer, Ceilings: d.Ceilings})
}

// keepDevice keeps a device, or the later certificate of one that is kept, for the
// same key and role.
func (i *Intermediary) keepDevice(ctx context.Context, d Device, certificate *cvc.Certificate) error {
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		kept, err := device(ctx, tx, d.ID)
		switch {
		case errors.Is(err, ErrNoDevice):
		case err != nil:
			return err
		case kept.Customer != d.Customer || !bytes.Equal(kept.PINPoint, d.PINPoint) || !bytes.Equal(kept.Ceilings, d.Ceilings):
			return fmt.Errorf("device %s: %w", d.ID, ErrTaken)
		default:
			former, err := cvc.Parse(kept.Certificate)
			if err != nil {
				return fmt.Errorf("intermediary: device %s: certificate kept: %w", d.ID, err)
			}
			if former.Role != certificate.Role || !former.PublicKey.Equal(certificate.PublicKey) {
				return fmt.Errorf("device %s: %w", d.ID, ErrTaken)
			}
			if !certificate.Expiry.After(former.Expiry) {
				return nil
			}
		}
		if err := store.Exec(ctx, tx, `INSERT INTO device (id, customer, role, certificate, pin_point, ceilings, policy)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO UPDATE SET certificate = excluded.certificate`,
			d.ID, d.Customer, certificate.Role, d.Certificate, d.PINPoint, d.Ceilings, d.Policy.Bytes()); err != nil {
			return fmt.Errorf("intermediary: device %s: %w", d.ID, err)
		}
		return ledger.Open(ctx, tx, shadow(string(d.ID)))
	})
}

// keptDevice is a Device with what the intermediary wants of it.
type keptDevice struct {
	Device
	role        spec.Role
	blockWanted bool
	resetIn     uint32 // number of the Instruction that gives back the PIN tries
}

func device(ctx context.Context, q store.Queryer, id message.DeviceID) (keptDevice, error) {
	d := keptDevice{Device: Device{ID: id}}
	var policy []byte
	found, err := store.Get(ctx, q, store.Into{&d.Customer, &d.role, &d.Certificate, &d.PINPoint, &d.Ceilings, &policy, &d.blockWanted, &d.resetIn},
		`SELECT customer, role, certificate, pin_point, ceilings, policy, block_wanted, reset_in FROM device WHERE id = $1`, id)
	if err == nil && !found {
		return d, fmt.Errorf("device %q: %w", id, ErrNoDevice)
	}
	if err != nil {
		return d, fmt.Errorf("intermediary: device %s: %w", id, err)
	}
	if d.Policy, err = message.ParsePolicy(policy); err != nil {
		return d, fmt.Errorf("intermediary: device %s: policy kept: %w", id, err)
	}
	return d, nil
}

// Device is what is kept of a device. Errors: [ErrNoDevice].
func (i *Intermediary) Device(ctx context.Context, id message.DeviceID) (Device, error) {
	d, err := device(ctx, i.db, id)
	return d.Device, err
}

// SetPolicy gives a device other limits, by its next Instruction. The version is
// counted up here. Errors: [ErrNoDevice], [ErrPolicy] above the ceilings.
func (i *Intermediary) SetPolicy(ctx context.Context, id message.DeviceID, policy message.Policy) error {
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		d, err := device(ctx, tx, id)
		if err != nil {
			return err
		}
		if d.Ceilings != nil {
			ceilings, err := message.ParsePolicy(d.Ceilings)
			if err != nil {
				return fmt.Errorf("intermediary: device %s: ceilings kept: %w", id, err)
			}
			if !policy.Within(ceilings) {
				return fmt.Errorf("device %s: %w", id, ErrPolicy)
			}
		}
		policy.Version = d.Policy.Version
		if policy == d.Policy {
			return nil // asked again
		}
		policy.Version++
		if err := store.Exec(ctx, tx, `UPDATE device SET policy = $1 WHERE id = $2`, policy.Bytes(), id); err != nil {
			return fmt.Errorf("intermediary: device %s: %w", id, err)
		}
		return nil
	})
}

// ErrPolicy says that a policy is above the ceilings that were written into the
// card for good.
var ErrPolicy = errors.New("intermediary: the policy is above the card's ceilings: ask for less, or issue another card")
