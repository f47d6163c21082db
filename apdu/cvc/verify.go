package cvc

import (
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// CheckIssuer checks that the issuer may certify this holder in this role: the
// reference fits, the role is one that the issuer's role issues, and a device
// carries its intermediary's name.
func (c *Certificate) CheckIssuer(issuer *Certificate) error {
	if string(c.Authority) != string(issuer.Holder) {
		return fmt.Errorf("%w: it names %s, not %s", ErrIssuer, c.Authority, issuer.Holder)
	}
	row, known := c.Role.Row()
	if !known || row.IssuedBy != issuer.Role {
		return fmt.Errorf("%w: a %v does not certify a %v", ErrIssuer, issuer.Role, c.Role)
	}
	if issuer.Role == spec.RoleIntermediary && c.Holder.Name() != issuer.Holder.Name() {
		return fmt.Errorf("%w: %s certifies devices of its own name only, not %s", ErrIssuer,
			issuer.Holder, c.Holder)
	}
	return nil
}

// VerifyBy checks that the issuer may certify this and did. It does not look at
// the days; see [Certificate.ValidOn].
func (c *Certificate) VerifyBy(issuer *Certificate) error {
	if err := c.CheckIssuer(issuer); err != nil {
		return err
	}
	body, err := c.Body()
	if err != nil {
		return err
	}
	if err := c.Signature.Verify(issuer.PublicKey, body); err != nil {
		return fmt.Errorf("%w: %s by %s: %w", ErrSignature, c.Holder, issuer.Holder, err)
	}
	return nil
}

// ValidOn checks that the day is within the certificate's validity.
func (c *Certificate) ValidOn(day message.Date) error {
	if day.Before(c.Effective) || day.After(c.Expiry) {
		return fmt.Errorf("%w: %s is valid from %v to %v, the day is %v", ErrExpired, c.Holder,
			c.Effective, c.Expiry, day)
	}
	return nil
}

// VerifyChain checks a chain on one day: chain[0] is the certificate to check, each of
// the following certifies the one before, and the last is the root that the caller
// trusts.
func VerifyChain(day message.Date, chain ...*Certificate) error {
	if len(chain) < 2 {
		return fmt.Errorf("%w: a chain has at least a certificate and a root", ErrIssuer)
	}
	for i, c := range chain {
		if err := c.ValidOn(day); err != nil {
			return err
		}
		if i+1 < len(chain) {
			if err := c.VerifyBy(chain[i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Renews reports whether a certificate takes the place of a former one: for the same holder, role
// and key, it ends later, or as late and is by a later authority. It verifies neither.
func (c *Certificate) Renews(former *Certificate) bool {
	return c.Holder == former.Holder && c.Role == former.Role &&
		c.PublicKey.Equal(former.PublicKey) && (c.Expiry.After(former.Expiry) ||
		c.Expiry == former.Expiry && c.Authority > former.Authority)
}

// MayInstruct checks that a key is an instruction key of the device's own
// intermediary. The root certifies instruction keys of any name; only this one
// counts for the device.
func (c *Certificate) MayInstruct(device message.DeviceID) error {
	if c.Role != spec.RoleInstructionKey || c.Holder.Name() != device.Name() {
		return fmt.Errorf("%w: %v %s is no instruction key for %s", ErrIssuer, c.Role, c.Holder,
			device)
	}
	return nil
}
