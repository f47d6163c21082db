package settlement

import (
	"bytes"
	"context"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// Join implements notary.Operator.
func (n *Notary) Join(ctx context.Context, name message.Name, ca, instructionKey []byte) error {
	return n.change(ctx, func(t *txn) error {
		if _, err := message.ParseName(string(name)); err != nil {
			return notary.Refuse(notary.Malformed, "name of an intermediary: %v", err)
		}
		if err := t.exec(
			"INSERT INTO intermediary (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
			name); err != nil {
			return err
		}
		if err := t.openAccount(onlineOf(name)); err != nil {
			return err
		}
		if err := n.admit(t, name, ca, spec.RoleIntermediary); err != nil {
			return err
		}
		return n.admit(t, name, instructionKey, spec.RoleInstructionKey)
	})
}

// admit stores one certificate of an intermediary's authority.
func (n *Notary) admit(t *txn, name message.Name, raw []byte, role spec.Role) error {
	c, err := cvc.Parse(raw)
	if err != nil {
		return notary.Refuse(notary.Malformed, "certificate of %s: %v", name, err)
	}
	if c.Role != role || c.Holder.Name() != name {
		return notary.Refuse(notary.Certificate,
			"certificate %s is for the %s of %s, not for the %s of %s", c.Holder, c.Role,
			c.Holder.Name(), role, name)
	}
	root, err := n.roots.Of(c)
	if err == nil {
		err = c.VerifyBy(root)
	}
	if err != nil {
		return notary.Refuse(notary.Certificate, "certificate %s: %v", c.Holder, err)
	}
	known, err := t.authority(message.AuthorityRef(c.Holder), role)
	if err != nil {
		return err
	}
	if known != nil && !known.PublicKey.Equal(c.PublicKey) {
		return notary.Refuse(notary.Taken,
			"reference %s stands for another key; certify the new key under the next reference",
			c.Holder)
	}
	switch {
	case known == nil && role == spec.RoleInstructionKey:
		if err := t.checkSuccessor(name, c); err != nil {
			return err
		}
	case known != nil && !c.Renews(known):
		return nil
	}
	if message.DateOf(t.now).After(root.Expiry) {
		return notary.Refuse(notary.Certificate, "certificate %s: its root %s has ended on %s, "+
			"and vouches for nothing new: have it certified by the next root", c.Holder,
			root.Holder, root.Expiry)
	}
	return t.exec(`INSERT INTO authority (reference, intermediary, role, certificate, expires)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (reference) DO UPDATE SET certificate = excluded.certificate, expires =
		excluded.expires`,
		string(c.Holder), name, int(role), raw, c.Expiry.String())
}

// checkSuccessor refuses an instruction key that ends before a former one: no card that knows the
// former would take it.
func (t *txn) checkSuccessor(name message.Name, c *cvc.Certificate) error {
	var former, ends string
	later, err := t.queryRow(`SELECT reference, expires FROM authority WHERE intermediary = $1
		AND role = $2 AND reference < $3 AND expires > $4 ORDER BY expires DESC LIMIT 1`,
		[]any{name, int(spec.RoleInstructionKey), string(c.Holder), c.Expiry.String()}, &former,
		&ends)
	if err == nil && later {
		err = notary.Refuse(notary.Certificate, "instruction key %s ends on %s, before the former "+
			"one %s (%s): no card would take it; have it certified until then or later", c.Holder,
			c.Expiry, former, ends)
	}
	return err
}

// authority reads the certificate of a reference; nil when nobody joined with it.
func (t *txn) authority(reference message.AuthorityRef, role spec.Role) (*cvc.Certificate, error) {
	key := authorityKey{reference, int64(role)}
	if err := load(t, t.work.authorities, []authorityKey{key}, authorityColumns, authorityArgs,
		scanAuthority, authorityQuery); err != nil || t.work.authorities[key] == nil {
		return nil, err
	}
	c, err := cvc.Parse(t.work.authorities[key])
	return c, store.Failed(err)
}

var authorityColumns = []store.Field{{Name: "reference", Type: store.Text},
	{Name: "role", Type: store.BigInt}}

const authorityQuery = `SELECT reference, role, certificate FROM authority WHERE reference = $1
	AND role = $2`

func authorityArgs(k authorityKey) []any { return []any{string(k.reference), k.role} }

func scanAuthority(row store.Row) (k authorityKey, certificate []byte, err error) {
	return k, certificate, row.Scan(&k.reference, &k.role, &certificate)
}

// signedByAuthority checks that an intermediary's own instruction key signed the message, one that
// has not expired on the day that the message gives the card (no day: not checked).
func (t *txn) signedByAuthority(
	from message.Name, reference message.AuthorityRef, m message.Message, day message.Date,
) error {
	key, err := t.instructionKeyOf(from, reference)
	if err != nil {
		return err
	}
	point, err := signature.Point(key.PublicKey)
	if err != nil {
		return store.Failed(err)
	}
	if !t.signedBy(m, point) {
		return notary.Refuse(notary.Signature, "%s is not signed by %s", m.Layout().Name, reference)
	}
	if day.After(key.Expiry) {
		return notary.Refuse(notary.Date, "%s says %s, after the end of %s (%s)", m.Layout().Name,
			day, reference, key.Expiry)
	}
	return nil
}

// instructionKeyOf reads the certificate of an intermediary's own instruction key.
func (t *txn) instructionKeyOf(
	from message.Name, reference message.AuthorityRef,
) (*cvc.Certificate, error) {
	key, err := t.authority(reference, spec.RoleInstructionKey)
	if err == nil && (key == nil || key.Holder.Name() != from) {
		err = notary.Refuse(notary.Signature,
			"%s is no instruction key of %s; it joins with the key first", reference, from)
	}
	return key, err
}

func (t *txn) joined(name message.Name) error {
	if err := checkTexts(name); err != nil {
		return err
	}
	known, err := t.queryInt("SELECT count(*) FROM intermediary WHERE name = $1", name)
	if err == nil && known == 0 {
		err = notary.Refuse(notary.Unknown, "intermediary %q has not joined", name)
	}
	return err
}

// Register implements notary.Participant.
func (p participant) Register(ctx context.Context, r notary.Registration) error {
	if err := checkTexts(r.Owner); err != nil {
		return err
	}
	return p.n.change(ctx, func(t *txn) error {
		c, point, err := t.deviceCertificate(r.Certificate)
		if err != nil {
			return err
		}
		id := c.Device()
		if id.Name() != p.from {
			return notary.Refuse(notary.NotYours, "device %s carries the name of %s, not of %s", id,
				id.Name(), p.from)
		}
		if err := checkCeilings(c, r); err != nil {
			return err
		}
		held, err := t.lookup(id)
		if err != nil {
			return err
		}
		if held != nil {
			if held.role != c.Role || !bytes.Equal(held.key, point) || held.owner != r.Owner ||
				!bytes.Equal(held.ceilings, r.Ceilings) || held.slots != r.Slots {
				return notary.Refuse(notary.Taken, "device %s is registered with another key, "+
					"role, owner, ceilings or slots; a new device needs a new id", id)
			}
			return t.exec("UPDATE device SET certificate = $1, expires = $2 WHERE id = $3 AND "+
				"expires < $4", r.Certificate, c.Expiry.String(), id, c.Expiry.String())
		}
		return t.insertDevice(p.from, c, point, r)
	})
}

func (t *txn) insertDevice(
	from message.Name, c *cvc.Certificate, point []byte, r notary.Registration,
) error {
	id := c.Device()
	t.touched.device(id)
	head, err := message.FirstHead(id, c.PublicKey)
	if err != nil {
		return notary.Refuse(notary.Malformed, "device %s: %v", id, err)
	}
	if err := t.exec(`INSERT INTO device (id, intermediary, role, public_key, certificate, expires,
		owner, ceilings, slots, registered_at, held_head)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
		$11)`, id, from, int(c.Role), point, r.Certificate, c.Expiry.String(), r.Owner, r.Ceilings,
		r.Slots, t.stamp(), head[:]); err != nil {
		return err
	}
	if !c.Role.CanPay() {
		return nil
	}
	return t.openAccount(shadowOf(id))
}

func checkCeilings(c *cvc.Certificate, r notary.Registration) error {
	if r.Ceilings == nil && r.Slots == 0 && !c.Role.CanPay() {
		return nil
	}
	ceilings, err := message.ParsePolicy(r.Ceilings)
	if err != nil || !c.Role.CanPay() {
		return notary.Refuse(notary.Malformed, "device %s: a card or SAM is registered with its "+
			"write-once ceilings and slots, a %s without", c.Holder, c.Role)
	}
	if err := message.CheckSlots(r.Slots, ceilings); err != nil {
		return notary.Refuse(notary.Malformed, "device %s: %v", c.Holder, err)
	}
	return nil
}

// deviceCertificate parses a device's certificate and verifies it with the CA that its intermediary
// joined with.
func (t *txn) deviceCertificate(raw []byte) (*cvc.Certificate, []byte, error) {
	c, err := cvc.Parse(raw)
	if err != nil {
		return nil, nil, notary.Refuse(notary.Malformed, "certificate of a device: %v", err)
	}
	if c.Device() == "" {
		return nil, nil, notary.Refuse(notary.Certificate,
			"certificate %s is for a %s, not for a device", c.Holder, c.Role)
	}
	ca, err := t.authority(c.Authority, spec.RoleIntermediary)
	if err != nil {
		return nil, nil, err
	}
	if ca == nil {
		return nil, nil, notary.Refuse(notary.Unknown, "certificate of %s: CA %s has not joined",
			c.Holder, c.Authority)
	}
	if err := c.VerifyBy(ca); err != nil {
		return nil, nil, notary.Refuse(notary.Certificate, "certificate of %s: %v", c.Holder, err)
	}
	point, err := signature.Point(c.PublicKey)
	if err != nil {
		return nil, nil, notary.Refuse(notary.Certificate, "certificate of %s: %v", c.Holder, err)
	}
	return c, point, nil
}

// storeCertificate stores the certificate of a payer that nobody registered under this key, and
// sets the signature status of the Payments that payees accepted with it: the intermediary whose CA
// certified it is liable for them.
func (t *txn) storeCertificate(raw []byte) error {
	c, point, err := t.deviceCertificate(raw)
	if err != nil {
		return err
	}
	id := c.Device()
	held, err := t.lookup(id)
	if err != nil || held != nil && bytes.Equal(held.key, point) || !c.Role.CanPay() {
		return err
	}
	if err := t.exec("INSERT INTO unregistered_certificate (device, public_key, certificate, "+
		"seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		id, point, raw, t.stamp()); err != nil {
		return err
	}
	doubtful, err := t.open("p.payer = $1 AND p.signature = $2", id, int(unverified))
	if err != nil {
		return err
	}
	for _, p := range doubtful {
		var kept []byte
		if _, err := t.queryRow("SELECT bytes FROM payment WHERE n = $1", []any{p.n},
			&kept); err != nil {
			return err
		}
		m, err := message.Parse[message.Payment](kept)
		if err != nil {
			return store.Failed(err)
		}
		if !signedBy(m, point) {
			continue
		}
		if err := t.exec("UPDATE payment SET signature = $1 WHERE n = $2", int(unregisteredKey),
			p.n); err != nil {
			return err
		}
		t.touched.payment(p.n)
	}
	return nil
}

// issuerOf returns the certificate of the CA that certified a device.
func (t *txn) issuerOf(d *device) ([]byte, error) {
	c, err := cvc.Parse(d.certificate)
	if err != nil {
		return nil, store.Failed(err)
	}
	var raw []byte
	_, err = t.queryRow("SELECT certificate FROM authority WHERE reference = $1",
		[]any{string(c.Authority)}, &raw)
	return raw, err
}
