package intermediary

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// covered is the condition that a device is covered by the policy order of the version $1.
const covered = `(device.ceilings IS NOT NULL AND device.in_use AND
	EXISTS (SELECT 1 FROM policy_order o WHERE o.version = $1 AND o.everyone)
	OR EXISTS (SELECT 1 FROM policy_target t WHERE t.version = $1 AND (t.device = device.id OR
	t.customer = device.customer AND device.ceilings IS NOT NULL AND device.in_use))
	OR device.ceilings IS NOT NULL AND device.in_use AND EXISTS (SELECT 1 FROM policy_group g
	WHERE g.version = $1 AND g.people = device.people))`

// SetPolicy carries out an order to give devices other limits, in one transaction: the order is
// kept under the next version, and each of its devices gets it with its next Instruction. A cut
// leaves nothing, or all of it; the same order again gives the same version. Cards that are issued
// later get the latest order that is for everyone, for their owner or for the owner's group,
// lowered to their ceilings.
// Errors: [banking.ErrMalformed], [banking.ErrNoDevice], [banking.ErrNoCustomer],
// [banking.ErrTaken], [banking.ErrPolicy].
func (i *Intermediary) SetPolicy(
	ctx context.Context, o banking.PolicyOrder,
) (version uint32, err error) {
	if err := o.Check(); err != nil {
		return 0, err
	}
	if err := errors.Join(checkTexts(o.Key, o.By, o.Preset), checkTexts(o.Devices...),
		checkTexts(o.Customers...)); err != nil {
		return 0, err
	}
	o = o.Sorted()
	o.At = i.clock.Now().UTC()
	err = store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		kept, err := policyOrders(ctx, tx, "key = $1", o.Key)
		if err != nil {
			return err
		}
		if len(kept) > 0 {
			before := kept[0]
			version = before.Policy.Version
			before.Policy.Version, before.At = o.Policy.Version, o.At
			if !reflect.DeepEqual(before, o) {
				return fmt.Errorf("policy order %s: %w", o.Key, banking.ErrTaken)
			}
			return nil
		}
		next, err := nextVersion(ctx, tx)
		if err != nil {
			return err
		}
		version = next
		ordered := o
		ordered.Policy.Version = version
		return placePolicy(ctx, tx, ordered)
	})
	return version, err
}

// nextVersion returns the version of the next order: above every order that is kept, and above what
// any card has shown, of which the order may have been lost with a restored backup.
func nextVersion(ctx context.Context, tx *sql.Tx) (uint32, error) {
	last, err := store.Number(ctx, tx, `SELECT max(version) FROM (SELECT version FROM policy_order
		UNION ALL SELECT policy_seen AS version FROM device) AS used`)
	if err != nil {
		return 0, fmt.Errorf("intermediary: policy orders: %w", err)
	}
	if last >= math.MaxUint32 {
		return 0, banking.Refuse(banking.ErrTaken, "intermediary: all %d versions of a policy are "+
			"used, and no card takes an earlier one", uint32(math.MaxUint32))
	}
	return uint32(last + 1), nil
}

// placePolicy keeps an order and gives its devices the policy.
func placePolicy(ctx context.Context, tx *sql.Tx, o banking.PolicyOrder) error {
	policy, err := o.Policy.Bytes()
	if err != nil {
		return banking.Refuse(banking.ErrMalformed, "intermediary: policy order %s: %v", o.Key, err)
	}
	version := int64(o.Policy.Version)
	if err := store.Exec(ctx, tx, `INSERT INTO policy_order (version, key, policy, preset,
		everyone, ordered_by, ordered_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`, version, o.Key,
		policy, o.Preset, o.Everyone, o.By, o.At.Format(time.RFC3339Nano)); err != nil {
		return fmt.Errorf("intermediary: policy order %s: %w", o.Key, err)
	}
	target := func(device message.DeviceID, customer string) error {
		return store.Exec(ctx, tx, `INSERT INTO policy_target (version, device, customer)
			VALUES ($1, $2, $3)`, version, device, customer)
	}
	for _, id := range o.Devices {
		if _, err := device(ctx, tx, id); err != nil {
			return err
		}
		if err := target(id, ""); err != nil {
			return err
		}
	}
	for _, id := range o.Customers {
		if _, err := customer(ctx, tx, id); err != nil {
			return err
		}
		if err := target("", id); err != nil {
			return err
		}
	}
	for _, group := range o.Groups {
		if err := store.Exec(ctx, tx, `INSERT INTO policy_group (version, people) VALUES ($1, $2)`,
			version, group); err != nil {
			return fmt.Errorf("intermediary: policy order %s: %w", o.Key, err)
		}
	}
	if err := underCeilings(ctx, tx, o.Policy); err != nil {
		return err
	}
	if err := store.Exec(ctx, tx, `UPDATE device SET policy = $2 WHERE `+covered, version,
		policy); err != nil {
		return fmt.Errorf("intermediary: policy order %s: %w", o.Key, err)
	}
	return nil
}

// underCeilings refuses a policy that is above the ceilings of a card that its order covers, and
// names it; of cards with the same ceilings it names the first.
func underCeilings(ctx context.Context, tx *sql.Tx, policy message.Policy) error {
	var refused []error
	err := store.Each(ctx, tx, func(row store.Row) error {
		var encoded []byte
		var first message.DeviceID
		var cards int
		if err := row.Scan(&encoded, &first, &cards); err != nil {
			return err
		}
		ceilings, err := message.ParsePolicy(encoded)
		if err != nil {
			return fmt.Errorf("ceilings of %s: %w", first, err)
		}
		if above := banking.Above(policy, ceilings); above != "" {
			others := ""
			if cards > 1 {
				others = fmt.Sprintf(" and %d more with the same ceilings", cards-1)
			}
			refused = append(refused, banking.Refuse(banking.ErrPolicy, "intermediary: the policy "+
				"is above the ceilings of %s%s (%s), which are in the card for good: lower the "+
				"limits, or leave it out", first, others, above))
		}
		return nil
	}, `SELECT ceilings, min(id), count(*) FROM device WHERE ceilings IS NOT NULL AND `+covered+
		` GROUP BY ceilings ORDER BY min(id)`, int64(policy.Version))
	if err != nil {
		return fmt.Errorf("intermediary: policy: %w", err)
	}
	if len(refused) > 0 {
		return refused[0]
	}
	return nil
}

// policyOfNew returns the policy that a device shall have which is made known: the one that it
// comes with, or for a card the latest order for everyone, its owner or the owner's group, as far
// as its ceilings allow it.
func policyOfNew(ctx context.Context, tx *sql.Tx, d banking.Device) (message.Policy, error) {
	if d.Ceilings == nil {
		return d.Policy, nil
	}
	var encoded []byte
	ordered, err := store.Get(ctx, tx, store.Into{&encoded}, `SELECT policy FROM policy_order o
		WHERE everyone OR EXISTS (SELECT 1 FROM policy_target t WHERE t.version = o.version AND
		t.customer = $1) OR EXISTS (SELECT 1 FROM policy_group g WHERE g.version = o.version AND
		g.people = $2) ORDER BY version DESC LIMIT 1`, d.Customer, int64(d.Group))
	if err != nil || !ordered {
		return d.Policy, err
	}
	policy, err := message.ParsePolicy(encoded)
	if err != nil {
		return policy, fmt.Errorf("intermediary: policy for %s: %w", d.ID, err)
	}
	ceilings, err := message.ParsePolicy(d.Ceilings)
	if err != nil {
		return policy, banking.Refuse(banking.ErrMalformed, "intermediary: ceilings of %s: %v",
			d.ID, err)
	}
	return policy.Under(ceilings), nil
}

// noteState keeps what a device has shown in its State: the version of its policy, and how many
// attacks on it were found.
func (i *Intermediary) noteState(
	ctx context.Context, d storedDevice, state *message.State,
) error {
	if d.policySeen == int64(state.PolicyVersion) && d.attacks == int64(state.Attacks) {
		return nil // as mostly: then nobody waits to write
	}
	if err := store.Exec(ctx, i.db, `UPDATE device SET policy_seen = $1, attacks = $2
		WHERE id = $3 AND (policy_seen <> $1 OR attacks <> $2)`, int64(state.PolicyVersion),
		int64(state.Attacks), state.Device); err != nil {
		return fmt.Errorf("intermediary: device %s: %w", state.Device, err)
	}
	return nil
}

// PolicyOrders returns the orders before a version, newest first; 0 begins with the newest. Errors:
// [banking.ErrMalformed] (no page of that size).
func (i *Intermediary) PolicyOrders(
	ctx context.Context, before uint32, limit int,
) (orders []banking.PolicyOrder, err error) {
	if err := checkPage(limit); err != nil {
		return nil, err
	}
	end := int64(before)
	if end == 0 {
		end = math.MaxInt64
	}
	err = store.Read(ctx, i.db, func(tx *sql.Tx) error {
		orders, err = policyOrders(ctx, tx, "version < $1 ORDER BY version DESC LIMIT $2", end,
			limit)
		return err
	})
	return orders, err
}

// policyOrders reads the orders that satisfy a condition.
func policyOrders(
	ctx context.Context, tx *sql.Tx, condition string, args ...any,
) ([]banking.PolicyOrder, error) {
	orders, err := store.All(ctx, tx, func(row store.Row) (o banking.PolicyOrder, err error) {
		var policy []byte
		var at string
		if err := row.Scan(&o.Key, &policy, &o.Preset, &o.Everyone, &o.By, &at); err != nil {
			return o, err
		}
		if o.Policy, err = message.ParsePolicy(policy); err != nil {
			return o, err
		}
		o.At, err = time.Parse(time.RFC3339Nano, at)
		return o, err
	}, "SELECT key, policy, preset, everyone, ordered_by, ordered_at FROM policy_order WHERE "+
		condition, args...)
	if err != nil {
		return nil, fmt.Errorf("intermediary: policy orders: %w", err)
	}
	for n := range orders {
		o := &orders[n]
		err := store.Each(ctx, tx, func(row store.Row) error {
			var device message.DeviceID
			var customer string
			err := row.Scan(&device, &customer)
			if device != "" {
				o.Devices = append(o.Devices, device)
			} else {
				o.Customers = append(o.Customers, customer)
			}
			return err
		}, `SELECT device, customer FROM policy_target WHERE version = $1
			ORDER BY device, customer`, int64(o.Policy.Version))
		if err == nil {
			o.Groups, err = store.Column[int](ctx, tx, `SELECT people FROM policy_group
				WHERE version = $1 ORDER BY people`, int64(o.Policy.Version))
		}
		if err != nil {
			return nil, fmt.Errorf("intermediary: policy order %s: %w", o.Key, err)
		}
	}
	return orders, nil
}

// CardPolicies returns what cards shall have and have shown, in the order of their ids after one.
// Errors: [banking.ErrMalformed] (no page of that size).
func (i *Intermediary) CardPolicies(
	ctx context.Context, after message.DeviceID, limit int,
) ([]banking.CardPolicy, error) {
	if err := errors.Join(checkPage(limit), checkTexts(after)); err != nil {
		return nil, err
	}
	return store.All(ctx, i.db, func(row store.Row) (c banking.CardPolicy, err error) {
		var policy, ceilings []byte
		if err := row.Scan(&c.Device, &c.Customer, &policy, &ceilings, &c.Seen,
			&c.Group, &c.InUse, &c.Attacks); err != nil {
			return c, err
		}
		if c.Policy, err = message.ParsePolicy(policy); err != nil {
			return c, err
		}
		c.Ceilings, err = message.ParsePolicy(ceilings)
		return c, err
	}, `SELECT id, customer, policy, ceilings, policy_seen, people, in_use, attacks FROM device
		WHERE ceilings IS NOT NULL AND id > $1 ORDER BY id LIMIT $2`, after, limit)
}

func checkPage(limit int) error {
	if limit < 1 || limit > notary.MaxPage {
		return banking.Refuse(banking.ErrMalformed, "intermediary: a page of %d: ask for 1 to %d "+
			"at once", limit, notary.MaxPage)
	}
	return nil
}
