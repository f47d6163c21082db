package personalization

import (
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// IssuerFault is an error in the keys or certificates of an issuer. No card is to blame,
// and the next one would fail too.
type IssuerFault struct{ Err error }

// Error names what is wrong and what to do.
func (f *IssuerFault) Error() string { return f.Err.Error() }

// Unwrap returns what is wrong.
func (f *IssuerFault) Unwrap() error { return f.Err }

// ErrExpiry is returned if the last day of the certificates to be issued is one that they cannot
// have.
var ErrExpiry = errors.New("the last day of the cards' certificates")

// Check finds before the first card all that cards will refuse or that nobody may
// issue: the certificates that go onto them, on this day, whether the CA's key is its
// certificate's, and the last day of what it will certify. The error holds every fault,
// each an [*IssuerFault].
func (i Issuer) Check(today message.Date) error {
	var faults []error
	fault := func(err error) { faults = append(faults, &IssuerFault{err}) }
	root, err := cvc.Parse(i.Root)
	if err != nil {
		fault(fmt.Errorf("root certificate: %w: take the one that the central bank published", err))
		return errors.Join(faults...)
	}
	if err := root.ValidOn(today); err != nil {
		fault(fmt.Errorf("root certificate: %w", err))
	}
	roots, err := cvc.ParseRoots(i.Root, i.Links...)
	if err != nil {
		fault(fmt.Errorf("links from root to root: %w: take those that the central bank published",
			err))
		return errors.Join(faults...)
	}
	for _, of := range []struct {
		name    string
		encoded []byte
		role    spec.Role
	}{
		{"CA's", i.CA.Encoded, spec.RoleIntermediary},
		{"instruction key's", i.InstructionKey, spec.RoleInstructionKey},
		{"notary's", i.Notary, spec.RoleNotary},
	} {
		c, err := cvc.Parse(of.encoded)
		if err == nil && c.Role != of.role {
			err = fmt.Errorf("%s is a %v and no %v", c.Holder, c.Role, of.role)
		}
		if err == nil {
			err = c.VerifyBy(roots.Current()) // which the cards learn by the links
		}
		if err == nil {
			err = c.ValidOn(today)
		}
		if err != nil {
			fault(
				fmt.Errorf(
					"%s certificate: %w: have it certified anew before cards are made",
					of.name,
					err,
				),
			)
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	ca := i.CA.Certificate
	if public, err := signature.PublicKey(i.CA.Signer); err != nil || !ca.PublicKey.Equal(public) {
		fault(
			fmt.Errorf(
				"the CA's key is not that of the certificate of %s: restore the one that belongs "+
					"to it",
				ca.Holder,
			),
		)
	}
	if instruction, err := cvc.Parse(i.InstructionKey); err == nil &&
		instruction.Holder.Name() != ca.Holder.Name() {
		fault(
			fmt.Errorf(
				"the instruction key is of %s, the CA of %s: give those of one intermediary",
				instruction.Holder.Name(),
				ca.Holder.Name(),
			),
		)
	}
	if err := i.CheckExpiry(today); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// CheckExpiry looks at the last day of the certificates to be issued only. Errors: an
// [*IssuerFault] that is [ErrExpiry].
func (i Issuer) CheckExpiry(today message.Date) error {
	switch ca := i.CA.Certificate; {
	case i.Expiry.Before(today):
		return &IssuerFault{fmt.Errorf("%w, %v, is past: give a later one", ErrExpiry, i.Expiry)}
	case i.Expiry.Before(i.Effective):
		return &IssuerFault{
			fmt.Errorf(
				"%w, %v, is before their first, %v: give a later one",
				ErrExpiry,
				i.Expiry,
				i.Effective,
			),
		}
	case i.Expiry.After(ca.Expiry):
		return &IssuerFault{
			fmt.Errorf(
				"%w, %v, is after that of their CA %s, %v: give an earlier one, or have the CA "+
					"certified anew",
				ErrExpiry,
				i.Expiry,
				ca.Holder,
				ca.Expiry,
			),
		}
	}
	return nil
}
