package settlement

import (
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

// keepKey keeps the certificate of the notary's own key: a later start may be with another one.
func (n *Notary) keepKey(t *txn, c *cvc.Certificate, raw []byte) error {
	known, err := t.notaryKey(n.reference)
	if err != nil {
		return err
	}
	if known != nil && !known.PublicKey.Equal(c.PublicKey) {
		return notary.Refuse(notary.Taken, "notary key %s: the reference stands for another key "+
			"in this ledger; certify the new key under the next reference", n.reference)
	}
	if known != nil && !c.Renews(known) {
		return nil
	}
	return t.exec(`INSERT INTO notary_key (reference, certificate) VALUES ($1, $2)
		ON CONFLICT (reference) DO UPDATE SET certificate = excluded.certificate`, n.reference, raw)
}

// notaryKey reads the certificate of a notary key; nil for one that was never used on this ledger.
func (t *txn) notaryKey(reference message.AuthorityRef) (*cvc.Certificate, error) {
	var raw []byte
	known, err := t.queryRow("SELECT certificate FROM notary_key WHERE reference = $1",
		[]any{reference}, &raw)
	if err != nil || !known {
		return nil, err
	}
	c, err := cvc.Parse(raw)
	return c, store.Failed(err)
}

// checkKeys refuses an Instruction by an older key than that of the device's Instruction before:
// the device has stored the later key, and never goes back. Keys and ledger are restored from
// different backups then.
func (t *txn) checkKeys(d *device, i *message.Instruction, last *instructionRow) error {
	if last.seq == 0 {
		return nil
	}
	before, err := message.Parse[message.Instruction](last.encoded)
	if err != nil {
		return store.Failed(err)
	}
	for _, key := range []struct {
		role        spec.Role
		now, former message.AuthorityRef
		certificate func(message.AuthorityRef) (*cvc.Certificate, error)
	}{
		{spec.RoleNotary, i.Notary, before.Notary, t.notaryKey},
		{spec.RoleInstructionKey, i.InstructionKey, before.InstructionKey,
			func(r message.AuthorityRef) (*cvc.Certificate, error) {
				return t.authority(r, spec.RoleInstructionKey)
			}},
	} {
		if key.now == key.former {
			continue
		}
		now, err := key.certificate(key.now)
		if err != nil {
			return err
		}
		former, err := key.certificate(key.former)
		if err != nil {
			return err
		}
		if now == nil || former == nil || now.Expiry.Before(former.Expiry) {
			return notary.Refuse(notary.OlderKey, "Instruction %d of %s is by the %s %s, the one "+
				"before was by %s, which ends later, and the device would refuse it: restore the "+
				"later key from its backup", i.Sequence, d.id, key.role, key.now, key.former)
		}
	}
	return nil
}
