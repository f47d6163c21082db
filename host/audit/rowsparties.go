package audit

import (
	"crypto/ecdsa"
	"slices"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/store"
)

func (s *rowsRun) intermediaryRows() {
	s.intermediaries = map[string]bool{}
	s.each(func(row store.Row) error {
		var name string
		err := row.Scan(&name)
		s.intermediaries[name] = true
		return err
	}, "SELECT name FROM intermediary")
}

// certificate reads a certificate of an authority, and holds it against the reference, the role
// and the day that its row has; nil when it cannot be read.
func (s *rowsRun) certificate(
	where, reference string, role spec.Role, expires string, raw []byte,
) *cvc.Certificate {
	c, err := cvc.Parse(raw)
	if err != nil {
		s.wrong(where, "its certificate cannot be read: %v", err)
		return nil
	}
	s.same(where, pair{"the reference", reference, string(c.Holder)},
		pair{"the role", role, c.Role})
	if expires != "" {
		s.same(where, pair{"the last day", expires, c.Expiry.String()})
	}
	if s.auditor.Roots != nil {
		if err := s.auditor.Roots.Verify(c); err != nil {
			s.wrong(where, "no root has certified it: %v", err)
		}
	}
	return c
}

func (s *rowsRun) authorityRows() {
	s.authorities = map[string]*cvc.Certificate{}
	joined := map[message.Name][]spec.Role{}
	s.each(func(row store.Row) error {
		var reference, intermediary, expires string
		var role spec.Role
		var raw []byte
		if err := row.Scan(&reference, &intermediary, &role, &raw, &expires); err != nil {
			return err
		}
		where := "authority " + reference
		c := s.certificate(where, reference, role, expires, raw)
		if c == nil {
			return nil
		}
		s.same(where, pair{"the intermediary", intermediary, string(c.Holder.Name())})
		s.authorities[string(c.Holder)] = c
		joined[c.Holder.Name()] = append(joined[c.Holder.Name()], c.Role)
		return nil
	}, "SELECT reference, intermediary, role, certificate, expires FROM authority")
	for name := range s.intermediaries {
		for _, role := range []spec.Role{spec.RoleIntermediary, spec.RoleInstructionKey} {
			if !slices.Contains(joined[message.Name(name)], role) {
				s.wrong("intermediary "+name, "has joined, and has no certificate of a %s", role)
			}
		}
	}
	for name := range joined {
		s.joinedAs("authorities of "+string(name), string(name))
	}
}

// joinedAs reports an intermediary that a row names and that has not joined.
func (s *rowsRun) joinedAs(where, intermediary string) {
	if !s.intermediaries[intermediary] {
		s.wrong(where, "its row names the intermediary %q, which has not joined", intermediary)
	}
}

func (s *rowsRun) notaryKeyRows() {
	s.notaryKeys = map[string]bool{}
	s.each(func(row store.Row) error {
		var reference string
		var raw []byte
		if err := row.Scan(&reference, &raw); err != nil {
			return err
		}
		where := "notary key " + reference
		c := s.certificate(where, reference, spec.RoleNotary, "", raw)
		if c != nil && !s.isNotary(c.PublicKey) {
			s.wrong(where, "is no key of this central bank")
		}
		s.notaryKeys[reference] = true
		return nil
	}, "SELECT reference, certificate FROM notary_key")
}

// byNotary reports a notary key that a message names and that the ledger was never opened with.
func (s *rowsRun) byNotary(where string, reference message.AuthorityRef) {
	if !s.notaryKeys[string(reference)] {
		s.wrong(where, "names the notary key %s, and there is no row of it", reference)
	}
}

func (s *rowsRun) crisisRows() {
	keys := map[string]*ecdsa.PublicKey{}
	s.each(func(row store.Row) error {
		var reference, expires string
		var raw []byte
		if err := row.Scan(&reference, &raw, &expires); err != nil {
			return err
		}
		if c := s.certificate("crisis key "+reference, reference, spec.RoleCrisisKey, expires,
			raw); c != nil {
			keys[reference] = c.PublicKey
		}
		return nil
	}, "SELECT reference, certificate, expires FROM crisis_key")
	s.each(func(row store.Row) error {
		var number uint32
		var identity, raw, notary []byte
		var key, at string
		if err := row.Scan(&number, &identity, &raw, &key, &notary, &at); err != nil {
			return err
		}
		where := numbered("crisis order ", "", number)
		s.moments(where, at)
		s.crisisOrder(where, number, identity, raw, key, notary, keys)
		return nil
	}, "SELECT number, identity, bytes, crisis_key, notary, signed_at FROM crisis_order")
}

func (s *rowsRun) crisisOrder(
	where string, number uint32, identity, raw []byte, by string, notary []byte,
	keys map[string]*ecdsa.PublicKey,
) {
	o, err := message.Parse[message.CrisisOrder](raw)
	if err != nil {
		s.wrong(where, "cannot be read: %v", err)
		return
	}
	c := s.certificate(where, string(o.Notary), spec.RoleNotary, "", notary)
	s.same(where, pair{"the number", number, o.Number},
		pair{"the crisis key", by, string(o.CrisisKey)})
	s.identity(where, identity, o)
	s.byNotary(where, o.Notary)
	if key := keys[by]; key == nil || c == nil || message.Verify(o, key, c.PublicKey) != nil {
		s.wrong(where, "is not signed by its crisis key and the notary")
	}
}

// identity holds the identity that a row has against that of its message, which it returns.
func (s *rowsRun) identity(where string, identity []byte, m message.Message) message.Hash {
	should, err := message.Identity(m)
	if err != nil || string(identity) != string(should[:]) {
		s.wrong(where, "its row has the identity %.4x, its message %.4x", identity, should[:])
	}
	return should
}

func (s *rowsRun) isNotary(key *ecdsa.PublicKey) bool {
	return slices.ContainsFunc(s.auditor.notaries,
		func(n *ecdsa.PublicKey) bool { return n.Equal(key) })
}
