package pki

import (
	"crypto/ecdsa"
	"fmt"
	"path/filepath"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/durable"
)

// readIssued reads what an identity has certified for the subject and, where they concern it, for
// others of its name; an archive that is not there is empty.
func readIssued(archive string, s Subject) (Store, error) {
	of := string(s.Holder) + "."
	if isSucceeded(s.Role) {
		of = string(s.Holder.Name())
	}
	return readArchive(filepath.Join(archive, of+"*."+certificateFile))
}

func readArchive(pattern string) (all Store, err error) {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		encoded, err := durable.Read(path)
		if err != nil {
			return nil, err
		}
		c, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, Entry{Name: filepath.Base(path), Certificate: c, Encoded: encoded})
	}
	return all, nil
}

// sameIssued finds a certificate for the same key that serves as well.
func sameIssued(issued Store, s Subject, public *ecdsa.PublicKey) []byte {
	for _, k := range issued {
		c := k.Certificate
		if c.Holder == s.Holder && c.PublicKey.Equal(public) && c.Role == s.Role &&
			!c.Expiry.Before(s.Expiry) && !c.Effective.After(s.Effective) {
			return k.Encoded
		}
	}
	return nil
}

// isSucceeded reports whether a device has one key of the role at a time, which only a later one
// replaces. Of CAs it has several.
func isSucceeded(role spec.Role) bool {
	return isNamed(role) || role == spec.RoleCrisisKey
}

// isNamed reports whether Instructions name keys of the role, for ever.
func isNamed(role spec.Role) bool {
	return role == spec.RoleNotary || role == spec.RoleInstructionKey
}

// checkSuccessor refuses a key that would end before a former one of the same name, and a crisis
// key that would not end after it: a card that knows the former never takes it (REFERENCE.md, PSO
// VERIFY CERTIFICATE), and an Instruction by it can never be applied. A crisis key that has a
// successor is certified no more, since no device takes what it signs. Keys succeed each other in
// the order of their references. Errors: [ErrSuccessor], [ErrFormer].
func checkSuccessor(s Subject, known Store) error {
	if !isSucceeded(s.Role) {
		return nil
	}
	isCrisis := s.Role == spec.RoleCrisisKey
	for _, k := range known {
		c := k.Certificate
		switch {
		case c.Role != s.Role || c.Holder.Name() != s.Holder.Name():
		case c.Holder < s.Holder && isCrisis && !s.Expiry.After(c.Expiry):
			return fmt.Errorf("%w: %s would end on %v, and %s, which it succeeds, ends on %v: "+
				"give a later last day", ErrSuccessor, s.Holder, s.Expiry, c.Holder, c.Expiry)
		case c.Holder < s.Holder && s.Expiry.Before(c.Expiry):
			return fmt.Errorf("%w: %s would end on %v, %s ends on %v: give %v or a later last day",
				ErrSuccessor, s.Holder, s.Expiry, c.Holder, c.Expiry, c.Expiry)
		case c.Holder > s.Holder && isCrisis:
			return fmt.Errorf("%w: %s succeeds %s: certify the next number", ErrFormer, c.Holder,
				s.Holder)
		}
	}
	return nil
}
