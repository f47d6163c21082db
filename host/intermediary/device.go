package intermediary

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// AddDevice makes a device known, here and at the notary, before it is used:
//
//  1. The device is kept, so that its synchronisations are accepted.
//  2. The notary registers id and key, once for ever.
//  3. So is a card's group, if it comes with one.
//
// A cut between them is repaired by the same call; the same device again is
// fine, with a later certificate too. Errors: [banking.ErrMalformed], also for ceilings that no
// card is installed with, [banking.ErrNoCustomer], [banking.ErrTaken], [banking.ErrSecondCard],
// those of the notary's Register.
func (i *Intermediary) AddDevice(ctx context.Context, d banking.Device) error {
	if _, err := customer(ctx, i.db, d.Customer); err != nil {
		return err
	}
	certificate, err := cvc.Parse(d.Certificate)
	if err != nil {
		return banking.Refuse(banking.ErrMalformed, "intermediary: certificate of device %s: %v",
			d.ID, err)
	}
	if certificate.Device() != d.ID {
		return banking.Refuse(banking.ErrMalformed, "intermediary: device %s: the certificate is "+
			"that of %s: give the one that was issued for this device", d.ID, certificate.Holder)
	}
	if d.Ceilings != nil {
		ceilings, err := message.ParsePolicy(d.Ceilings)
		if err == nil {
			err = message.CheckSlots(d.Slots, ceilings)
		}
		if err != nil {
			return banking.Refuse(banking.ErrMalformed, "intermediary: device %s: ceilings: %v",
				d.ID, err)
		}
	}
	others, err := i.othersBarred(ctx, d)
	if err != nil {
		return err
	}
	if err := i.storeDevice(ctx, d, certificate, others); err != nil {
		return err
	}
	if err := i.notary.Register(ctx, notary.Registration{Certificate: d.Certificate,
		Owner: d.Customer, Ceilings: d.Ceilings, Slots: d.Slots}); err != nil || d.Group == 0 {
		return err
	}
	return i.SetGroup(ctx, d.ID, d.Group)
}

// storeDevice keeps a device, or the later certificate of one that is kept, for the
// same key and role.
func (i *Intermediary) storeDevice(
	ctx context.Context, d banking.Device, certificate *cvc.Certificate, others barred,
) error {
	return store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		if err := others.check(ctx, tx, d); err != nil {
			return err
		}
		kept, err := device(ctx, tx, d.ID)
		switch {
		case errors.Is(err, banking.ErrNoDevice):
		case err != nil:
			return err
		case kept.Customer != d.Customer || !bytes.Equal(kept.PINPoint, d.PINPoint) ||
			!bytes.Equal(kept.Ceilings, d.Ceilings) || kept.Slots != d.Slots:
			return fmt.Errorf("device %s: %w", d.ID, banking.ErrTaken)
		default:
			former, err := cvc.Parse(kept.Certificate)
			if err != nil {
				return fmt.Errorf("intermediary: device %s: certificate kept: %w", d.ID, err)
			}
			if former.Role != certificate.Role || !former.PublicKey.Equal(certificate.PublicKey) {
				return fmt.Errorf("device %s: %w", d.ID, banking.ErrTaken)
			}
			if !certificate.Expiry.After(former.Expiry) {
				return nil
			}
		}
		shallHave, err := policyOfNew(ctx, tx, d)
		if err != nil {
			return err
		}
		policy, err := shallHave.Bytes()
		if err != nil {
			return fmt.Errorf("intermediary: device %s: %w", d.ID, err)
		}
		if err := store.Exec(ctx, tx, `INSERT INTO device (id, customer, role, certificate,
			pin_point, ceilings, slots, policy)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET certificate =
			excluded.certificate`,
			d.ID, d.Customer, certificate.Role, d.Certificate, d.PINPoint, d.Ceilings,
			d.Slots, policy); err != nil {
			return fmt.Errorf("intermediary: device %s: %w", d.ID, err)
		}
		return ledger.Open(ctx, tx, shadowCopy(d.ID))
	})
}

// storedDevice is a Device with the changes that its next Instruction shall make.
type storedDevice struct {
	banking.Device
	role        spec.Role
	blockWanted bool
	resetIn     uint32 // number of the Instruction that gives back the PIN tries
	unpairIn    uint32 // number of the Instruction that ends the pair with a phone
	policySeen  int64  // version of the policy in its last State
	attacks     int64  // on it, in its last State
}

func device(ctx context.Context, q store.Queryer, id message.DeviceID) (storedDevice, error) {
	d := storedDevice{Device: banking.Device{ID: id}}
	if err := checkTexts(id); err != nil {
		return d, err
	}
	var policy []byte
	found, err := store.Get(ctx, q, store.Into{&d.Customer, &d.role, &d.Certificate, &d.PINPoint,
		&d.Ceilings, &d.Slots, &policy, &d.blockWanted, &d.resetIn, &d.unpairIn,
		&d.Group, &d.policySeen, &d.attacks}, `SELECT customer, role, certificate, pin_point,
		ceilings, slots, policy, block_wanted, reset_in, unpair_in, people, policy_seen, attacks
		FROM device WHERE id = $1`, id)
	if err == nil && !found {
		return d, fmt.Errorf("device %q: %w", id, banking.ErrNoDevice)
	}
	if err != nil {
		return d, fmt.Errorf("intermediary: device %s: %w", id, err)
	}
	if d.Policy, err = message.ParsePolicy(policy); err != nil {
		return d, fmt.Errorf("intermediary: device %s: policy kept: %w", id, err)
	}
	return d, nil
}

// BatchCertificate implements banking.Wallet.
func (i *Intermediary) BatchCertificate(
	_ context.Context, batch message.DeviceID,
) ([]byte, error) {
	if _, err := message.ParseDeviceID(string(batch)); err != nil {
		return nil, banking.Refuse(banking.ErrMalformed, "intermediary: batch: %v", err)
	}
	if i.batch == nil || batch.Name() != i.name {
		return nil, nil
	}
	encoded, err := i.batch(batch)
	if err != nil {
		return nil, fmt.Errorf("intermediary: batch %s: %w", batch, err)
	}
	return encoded, nil
}

// Device returns what is kept of a device. Errors: [banking.ErrNoDevice].
func (i *Intermediary) Device(ctx context.Context, id message.DeviceID) (banking.Device, error) {
	d, err := device(ctx, i.db, id)
	return d.Device, err
}
