package cvc

import (
	"fmt"

	"ekrona.example/apdu/message"
)

// Roots are the roots that somebody trusts, the earliest first: the first as it is given, each
// other by a link certificate of the one before it.
type Roots []*Certificate

// ParseRoots reads a root (7F21), which is trusted as it is given, and the links from it on.
func ParseRoots(root []byte, links ...[]byte) (Roots, error) {
	first, err := Parse(root)
	if err != nil {
		return nil, fmt.Errorf("root certificate: %w", err)
	}
	roots := Roots{first}
	for _, encoded := range links {
		if roots, _, err = roots.Follow(encoded); err != nil {
			return nil, err
		}
	}
	return roots, nil
}

// Current returns the last root, which alone certifies notaries and instruction keys from the
// moment on at which it is known.
func (r Roots) Current() *Certificate { return r[len(r)-1] }

// Follow adds the root of a link certificate (7F21). One that is known already changes nothing, nor
// does a link to a root before the first one; learned reports whether it was added. Errors: those
// of [Parse], [ErrIssuer], [ErrSignature].
func (r Roots) Follow(encoded []byte) (next Roots, learned bool, err error) {
	link, err := Parse(encoded)
	if err != nil {
		return r, false, fmt.Errorf("link certificate: %w", err)
	}
	if !link.IsLink() || link.Holder.Name() != r[0].Holder.Name() ||
		string(link.Holder) <= string(link.Authority) {
		return r, false, fmt.Errorf("%w: the %v %s by %s is no link from a root to the next",
			ErrIssuer, link.Role, link.Holder, link.Authority)
	}
	if link.Holder <= r[0].Holder {
		return r, false, nil
	}
	for _, known := range r {
		if known.Holder == link.Holder && known.PublicKey.Equal(link.PublicKey) {
			return r, false, nil
		}
	}
	if err := link.VerifyBy(r.Current()); err != nil {
		return r, false, fmt.Errorf("link certificate: %w", err)
	}
	return append(r[:len(r):len(r)], link), true, nil
}

// Of returns the root that an authority's certificate names. Errors: [ErrIssuer].
func (r Roots) Of(c *Certificate) (*Certificate, error) {
	for _, root := range r {
		if string(root.Holder) == string(c.Authority) {
			return root, nil
		}
	}
	return nil, fmt.Errorf("%w: %s is by %s, which is not known: it is known up to %s", ErrIssuer,
		c.Holder, c.Authority, r.Current().Holder)
}

// Verify checks that one of the roots has certified an authority. It looks at no dates.
func (r Roots) Verify(c *Certificate) error {
	root, err := r.Of(c)
	if err != nil {
		return err
	}
	return c.VerifyBy(root)
}

// VerifyDevice checks on a day the chain from a device's certificate over that of its CA to the
// root that has certified the CA.
func (r Roots) VerifyDevice(day message.Date, device, ca *Certificate) error {
	root, err := r.Of(ca)
	if err != nil {
		return err
	}
	return VerifyChain(day, device, ca, root)
}
