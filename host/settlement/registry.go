package settlement

import (
	"bytes"
	"context"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/signature"
	"ekrona/apdu/spec"
	"ekrona/host/ledger"
	"ekrona/host/store"
)

// Join admits an intermediary by its two root-signed certificates (7F21): its CA's and its instruction key's, both with its
// name. Later keys join in the same way, beside the former. Errors: Malformed, Certificate, Taken (a reference with another key).
func (n *Notary) Join(ctx context.Context, name string, ca, instructionKey []byte) error {
	return n.change(ctx, func(t *txn) error {
		if _, err := message.ParseName(name); err != nil {
			return refuse(Malformed, "name of an intermediary: %v", err)
		}
		if err := t.exec("INSERT INTO intermediary (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", name); err != nil {
			return err
		}
		if err := ledger.Open(t.ctx, t.tx, onlineOf(name)); err != nil {
			return err
		}
		if err := n.admit(t, name, ca, spec.RoleIntermediary); err != nil {
			return err
		}
		return n.admit(t, name, instructionKey, spec.RoleInstructionKey)
	})
}

// admit keeps one certificate of an intermediary's authority.
func (n *Notary) admit(t *txn, name string, raw []byte, role spec.Role) error {
	c, err := cvc.Parse(raw)
	if err != nil {
		return refuse(Malformed, "certificate of %s: %v", name, err)
	}
	if c.Role != role || string(c.Holder.Name()) != name {
		return refuse(Certificate, "certificate %s is for the %s of %s, not for the %s of %s", c.Holder, c.Role, c.Holder.Name(), role, name)
	}
	if err := c.VerifyBy(n.root); err != nil {
		return refuse(Certificate, "certificate %s: %v", c.Holder, err)
	}
	known, err := t.authority(string(c.Holder), role)
	if err != nil {
		return err
	}
	if known != nil && !known.PublicKey.Equal(c.PublicKey) {
		return refuse(Taken, "reference %s stands for another key; certify the new key under the next reference", c.Holder)
	}
	return t.exec(`INSERT INTO authority (reference, intermediary, role, certificate, expires) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (reference) DO UPDATE SET certificate = excluded.certificate, expires = excluded.expires WHERE excluded.expires > authority.expires`,
		string(c.Holder), name, int(role), raw, c.Expiry.String())
}

// authority reads the certificate of a reference; nil when nobody joined with it.
func (t *txn) authority(reference string, role spec.Role) (*cvc.Certificate, error) {
	var raw []byte
	known, err := t.found("SELECT certificate FROM authority WHERE reference = $1 AND role = $2", []any{reference, int(role)}, &raw)
	if err != nil || !known {
		return nil, err
	}
	c, err := cvc.Parse(raw)
	return c, store.Failed(err)
}

// signedByAuthority checks that an intermediary's own instruction key signed the message, one that has not expired on the day
// that the message gives the card (no day: not looked at).
func (t *txn) signedByAuthority(from string, reference message.AuthorityRef, m message.Message, day message.Date) error {
	key, err := t.authority(string(reference), spec.RoleInstructionKey)
	if err != nil {
		return err
	}
	if key == nil || string(key.Holder.Name()) != from {
		return refuse(Signature, "%s is no instruction key of %s; it joins with the key first", reference, from)
	}
	if err := message.VerifyAs(m, 0, key.PublicKey); err != nil {
		return refuse(Signature, "%s is not signed by %s", m.Layout().Name, reference)
	}
	if day.After(key.Expiry) {
		return refuse(Date, "%s says %s, after the end of %s (%s)", m.Layout().Name, day, reference, key.Expiry)
	}
	return nil
}

func (t *txn) joined(name string) error {
	known, err := t.number("SELECT count(*) FROM intermediary WHERE name = $1", name)
	if err == nil && known == 0 {
		err = refuse(Unknown, "intermediary %q has not joined", name)
	}
	return err
}

// Register admits a device once, with the key of its certificate. The same registration again is fine, and a later certificate for
// the same key and role takes the place of the former; another key or owner for an id is refused for ever. It must be done before
// the device is used: what was paid to an id that nobody had registered was given back to the payer.
// Errors: Malformed, Certificate, NotYours, Unknown (not joined), Taken.
func (n *Notary) Register(ctx context.Context, from string, r Registration) error {
	return n.change(ctx, func(t *txn) error {
		c, point, err := t.deviceCertificate(r.Certificate)
		if err != nil {
			return err
		}
		id := string(c.Holder)
		if intermediaryOf(id) != from {
			return refuse(NotYours, "device %s carries the name of %s, not of %s", id, intermediaryOf(id), from)
		}
		if err := checkCeilings(c, r.Ceilings); err != nil {
			return err
		}
		held, err := t.lookup(id)
		if err != nil {
			return err
		}
		if held != nil {
			if held.role != c.Role || !bytes.Equal(held.key, point) || held.owner != r.Owner || !bytes.Equal(held.ceilings, r.Ceilings) {
				return refuse(Taken, "device %s is registered with another key, role, owner or ceilings; a new device needs a new id", id)
			}
			return t.exec("UPDATE device SET certificate = $1, expires = $2 WHERE id = $3 AND expires < $4", r.Certificate, c.Expiry.String(), id, c.Expiry.String())
		}
		return t.insertDevice(from, c, point, r)
	})
}

func (t *txn) insertDevice(from string, c *cvc.Certificate, point []byte, r Registration) error {
	id := string(c.Holder)
	head, err := message.FirstHead(message.DeviceID(id), c.PublicKey)
	if err != nil {
		return refuse(Malformed, "device %s: %v", id, err)
	}
	if err := t.exec(`INSERT INTO device (id, intermediary, role, public_key, certificate, expires, owner, ceilings, registered_at, held_head)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, id, from, int(c.Role), point, r.Certificate, c.Expiry.String(), r.Owner, r.Ceilings,
		t.stamp(), head[:]); err != nil {
		return err
	}
	if !c.Role.CanPay() {
		return nil
	}
	return ledger.Open(t.ctx, t.tx, shadowOf(id))
}

func checkCeilings(c *cvc.Certificate, ceilings []byte) error {
	if ceilings == nil && !c.Role.CanPay() {
		return nil
	}
	if _, err := message.ParsePolicy(ceilings); err != nil || !c.Role.CanPay() {
		return refuse(Malformed, "device %s: a card or SAM is registered with its write-once ceilings, a %s without", c.Holder, c.Role)
	}
	return nil
}

// deviceCertificate parses a device's certificate and verifies it with the CA that its intermediary joined with.
func (t *txn) deviceCertificate(raw []byte) (*cvc.Certificate, []byte, error) {
	c, err := cvc.Parse(raw)
	if err != nil {
		return nil, nil, refuse(Malformed, "certificate of a device: %v", err)
	}
	if !c.Role.IsDevice() {
		return nil, nil, refuse(Certificate, "certificate %s is for a %s, not for a device", c.Holder, c.Role)
	}
	ca, err := t.authority(string(c.Authority), spec.RoleIntermediary)
	if err != nil {
		return nil, nil, err
	}
	if ca == nil {
		return nil, nil, refuse(Unknown, "certificate of %s: CA %s has not joined", c.Holder, c.Authority)
	}
	if err := c.VerifyBy(ca); err != nil {
		return nil, nil, refuse(Certificate, "certificate of %s: %v", c.Holder, err)
	}
	point, err := signature.Point(c.PublicKey)
	if err != nil {
		return nil, nil, refuse(Certificate, "certificate of %s: %v", c.Holder, err)
	}
	return c, point, nil
}

// takeCertificate keeps the certificate of a payer that nobody registered under this key, and gives the Payments that some payee
// accepted on the strength of it their standing: the intermediary whose CA certified it answers for them.
func (t *txn) takeCertificate(raw []byte) error {
	c, point, err := t.deviceCertificate(raw)
	if err != nil {
		return err
	}
	id := string(c.Holder)
	held, err := t.lookup(id)
	if err != nil || held != nil && bytes.Equal(held.key, point) || !c.Role.CanPay() {
		return err
	}
	if err := t.exec("INSERT INTO stray_certificate (device, public_key, certificate, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		id, point, raw, t.stamp()); err != nil {
		return err
	}
	doubtful, err := t.open("p.payer = $1 AND p.standing = $2", id, int(unproven))
	if err != nil {
		return err
	}
	for _, p := range doubtful {
		var kept []byte
		if _, err := t.found("SELECT bytes FROM payment WHERE n = $1", []any{p.n}, &kept); err != nil {
			return err
		}
		m, err := message.Parse[message.Payment](kept)
		if err != nil {
			return store.Failed(err)
		}
		if !signedBy(m, point) {
			continue
		}
		if err := t.exec("UPDATE payment SET standing = $1 WHERE n = $2", int(uncarded), p.n); err != nil {
			return err
		}
	}
	return nil
}

// issuerOf is the certificate of the CA that certified a device.
func (t *txn) issuerOf(d *device) ([]byte, error) {
	c, err := cvc.Parse(d.certificate)
	if err != nil {
		return nil, store.Failed(err)
	}
	var raw []byte
	_, err = t.found("SELECT certificate FROM authority WHERE reference = $1", []any{string(c.Authority)}, &raw)
	return raw, err
}

// intermediaryOf is the name that a device id carries.
func intermediaryOf(device string) string { return string(message.DeviceID(device).Name()) }
