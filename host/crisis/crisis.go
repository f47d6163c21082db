// Package crisis is what terminals and phones do with crisis orders: which order of two is kept,
// whether one is genuine, when it counts and what it raises (protocol §2, crisis order).
//
// Start at [Held]: what a device keeps, and [Held.Take], the rule by which it takes another. A card
// has the same rule in its applet.
//
// It trusts the root's key, and what a device has kept itself. Whoever offers an order is not
// trusted.
package crisis

import (
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
)

// Carried is a crisis order with its signers' certificates, as devices give them to each other.
// Each part may be missing: a newer crisis key counts by itself.
type Carried struct {
	Order     []byte `json:"order,omitempty"`      // both signatures included
	CrisisKey []byte `json:"crisis_key,omitempty"` // 7F21 of the newest crisis key
	Notary    []byte `json:"notary,omitempty"`     // 7F21 of the notary that signed the order
}

// IsEmpty reports whether nothing is carried.
func (c Carried) IsEmpty() bool { return len(c.Order) == 0 && len(c.CrisisKey) == 0 }

// Held is what a device keeps.
type Held struct {
	Order     *message.CrisisOrder // nil for none
	CrisisKey *cvc.Certificate     // the newest that was met; nil for none
	Notary    *cvc.Certificate     // of the order; without one, the last that was met
	Lowest    uint32               // number that the last synchronisation told; 0 before the first
}

// Why an order is not taken; errors.Is finds them.
var (
	// ErrOld says that an order's number is no higher than that of the order that is held, or lower
	// than the last synchronisation told.
	ErrOld = errors.New("crisis order: a later one is held, or it has been ended")
	// ErrOldKey says that an order, or a crisis key, is from before the crisis key that is held.
	ErrOldKey = errors.New("crisis order: it is by a crisis key that a later one has replaced")
	// ErrNoKey says that the certificate of a signer is missing.
	ErrNoKey = errors.New("crisis order: the certificate of a signer is not known: give the file " +
		"that the notary has countersigned, which has it")
	// ErrRoot says that another root has certified a signer than the device knows: one of both is
	// from before the root was replaced.
	ErrRoot = errors.New("crisis order: another root has certified its signers than is known " +
		"here: synchronise first, then give it again; one from before the root was replaced " +
		"counts no longer")
	// ErrFalse says that the signatures or days do not fit.
	ErrFalse = errors.New("crisis order: it is not genuine")
	// ErrEarly says that an order has not begun, and would take the place of one that counts.
	ErrEarly = errors.New("crisis order: it has not begun, and would take the place of the one " +
		"that counts now: give it on its first day")
)

// Number returns the number up to which orders are of no use to the device, as a card's SELECT.
func (h Held) Number() uint32 {
	if h.Order != nil {
		return h.Order.Number
	}
	return max(h.Lowest, 1) - 1
}

// Carried returns what the device gives to others on a day: its order while it counts, and its
// crisis key always.
func (h Held) Carried(day message.Date) (c Carried, err error) {
	if h.CrisisKey == nil {
		return c, nil
	}
	if c.CrisisKey, err = h.CrisisKey.Encode(); err != nil || !h.Counts(day) {
		return c, err
	}
	if c.Order, err = message.Encode(h.Order); err != nil {
		return c, err
	}
	c.Notary, err = h.Notary.Encode()
	return c, err
}

// Counts reports whether the device holds an order that counts on a day.
func (h Held) Counts(day message.Date) bool { return h.Order != nil && h.Order.CountsOn(day) }

// Told returns what is held after a synchronisation has told the lowest number.
func (h Held) Told(lowest uint32) Held {
	h.Lowest = lowest
	if h.Order != nil && h.Order.Number < lowest {
		h.Order = nil
	}
	return h
}

// Take returns what is held after c was offered. A newer crisis key is taken by itself, and drops
// an order of the former key, whatever its number; then a genuine order with a higher number is
// taken, and one that is told to be too low is not, which is said of a genuine one only, as far as
// its notary is known. One that has not begun is not taken in place of one that counts. What is
// returned is to be kept also with an error: the error is about the order. known are the notaries'
// certificates that the device has met.
//
// Errors: [ErrOld], [ErrOldKey], [ErrNoKey], [ErrRoot], [ErrFalse], [ErrEarly].
func (h Held) Take(
	root *cvc.Certificate, c Carried, known map[message.AuthorityRef]*cvc.Certificate,
	today message.Date,
) (Held, error) {
	h, err := h.takeKey(root, c.CrisisKey)
	if err != nil || len(c.Order) == 0 {
		return h, err
	}
	order, err := message.Parse[message.CrisisOrder](c.Order)
	switch {
	case err != nil:
		return h, fmt.Errorf("%w (%w)", ErrFalse, err)
	case h.CrisisKey == nil:
		return h, fmt.Errorf("%w (crisis key %s)", ErrNoKey, order.CrisisKey)
	case string(h.CrisisKey.Holder) != string(order.CrisisKey):
		if err := c.CheckAlone(); err != nil {
			return h, err
		}
		return h, fmt.Errorf("%w (%s; the newest known is %s)", ErrOldKey, order.CrisisKey,
			h.CrisisKey.Holder)
	}
	old := order.Number <= h.Number() || order.Number < h.Lowest
	notary := known[order.Notary]
	if len(c.Notary) > 0 {
		if notary, err = certificate(root, c.Notary, spec.RoleNotary); err != nil {
			return h, err
		}
	}
	switch {
	case notary != nil && string(notary.Holder) == string(order.Notary):
		if err := Check(order, h.CrisisKey, notary); err != nil {
			return h, err
		}
	case !old:
		return h, fmt.Errorf("%w (notary %s)", ErrNoKey, order.Notary)
	}
	if old {
		return h, fmt.Errorf("%w (number %d)", ErrOld, order.Number)
	}
	if err := CheckBegun(order, h.Order, today); err != nil {
		return h, err
	}
	h.Order, h.Notary = order, notary
	return h, nil
}

// CheckBegun checks that an order does not end another one before it begins: a device keeps one
// order, so that one which was made for later, and came too soon, would leave it with no raised
// limits until then. held is nil for a device without an order. Errors: [ErrEarly].
func CheckBegun(order, held *message.CrisisOrder, today message.Date) error {
	if held == nil || !order.From.After(today) || !held.CountsOn(today) {
		return nil
	}
	return fmt.Errorf("%w (number %d counts from %s, number %d until %s)", ErrEarly, order.Number,
		order.From, held.Number, held.Until)
}

// takeKey takes a crisis key that is newer than the one that is held: it ends later, or a later
// root has certified it.
func (h Held) takeKey(root *cvc.Certificate, encoded []byte) (Held, error) {
	if len(encoded) == 0 {
		return h, nil
	}
	key, err := certificate(root, encoded, spec.RoleCrisisKey)
	switch {
	case err != nil:
		return h, err
	case h.CrisisKey == nil:
	case key.Holder == h.CrisisKey.Holder:
		if !key.PublicKey.Equal(h.CrisisKey.PublicKey) {
			return h, fmt.Errorf("%w (%s is known with another key)", ErrFalse, key.Holder)
		}
		return h, nil
	case !key.Expiry.After(h.CrisisKey.Expiry) && key.Authority <= h.CrisisKey.Authority:
		return h, fmt.Errorf("%w (%s; the newest known is %s)", ErrOldKey, key.Holder,
			h.CrisisKey.Holder)
	}
	h.CrisisKey, h.Order = key, nil
	return h, nil
}

// CheckAlone verifies an order by the certificates that come with it, as a device without a root
// can; whether those are genuine it does not say. Errors: [ErrFalse].
func (c Carried) CheckAlone() error {
	order, err := message.Parse[message.CrisisOrder](c.Order)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrFalse, err)
	}
	if len(c.CrisisKey) == 0 || len(c.Notary) == 0 {
		return nil
	}
	key, err := cvc.Parse(c.CrisisKey)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrFalse, err)
	}
	notary, err := cvc.Parse(c.Notary)
	if err != nil {
		return fmt.Errorf("%w (%w)", ErrFalse, err)
	}
	return Check(order, key, notary)
}

// certificate reads one that the root has issued for a role. Errors: [ErrRoot], [ErrFalse].
func certificate(
	root *cvc.Certificate, encoded []byte, role spec.Role,
) (*cvc.Certificate, error) {
	c, err := cvc.Parse(encoded)
	if err == nil && string(c.Authority) != string(root.Holder) {
		return nil, fmt.Errorf("%w (%s; known is %s)", ErrRoot, c.Authority, root.Holder)
	}
	if err == nil {
		err = c.VerifyBy(root)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w (%w)", ErrFalse, err)
	case c.Role != role:
		return nil, fmt.Errorf("%w (%s is a %v)", ErrFalse, c.Holder, c.Role)
	}
	return c, nil
}

// Check verifies an order by the certificates of its signers: references, days and both
// signatures. Errors: [ErrFalse].
func Check(order *message.CrisisOrder, crisisKey, notary *cvc.Certificate) error {
	switch {
	case string(order.CrisisKey) != string(crisisKey.Holder) ||
		crisisKey.Role != spec.RoleCrisisKey,
		string(order.Notary) != string(notary.Holder) || notary.Role != spec.RoleNotary:
		return fmt.Errorf("%w (it names %s and %s)", ErrFalse, order.CrisisKey, order.Notary)
	case order.Until.After(crisisKey.Expiry), order.Until.After(notary.Expiry):
		return fmt.Errorf("%w (its last day, %v, is after the end of a signer's certificate)",
			ErrFalse, order.Until)
	}
	if err := message.Verify(order, crisisKey.PublicKey, notary.PublicKey); err != nil {
		return fmt.Errorf("%w (%w)", ErrFalse, err)
	}
	return nil
}

// Raises reports whether the device holds an order that counts on a day and has limits for a
// terminal of the intermediary: one that ends a crisis has none.
func (h Held) Raises(name message.Name, day message.Date) bool {
	_, fits := h.row(name, day)
	return fits
}

// row is what the order that counts on a day has for a terminal of the intermediary.
func (h Held) row(name message.Name, day message.Date) (row message.CrisisRow, fits bool) {
	if !h.Counts(day) {
		return row, false
	}
	return h.Order.Row(name, 0)
}

// Raise returns a terminal's terms raised by the order that counts on a day, for a terminal of the
// intermediary. It has no ceilings but its terms' own fields.
func (h Held) Raise(terms message.Policy, name message.Name, day message.Date) message.Policy {
	row, fits := h.row(name, day)
	if !fits {
		return terms
	}
	terms.MaxTransactions = max(terms.MaxTransactions, row.MaxReceipts)
	terms.MaxBalance = max(terms.MaxBalance, row.MaxReceived)
	terms.MaxPayment = max(terms.MaxPayment, row.MaxPayment)
	return terms
}

// MostSpent returns the most that a card of an intermediary may pay between two acknowledgements
// by a policy or by the order that counts on a day, whatever the card's group.
func (h Held) MostSpent(policy message.Policy, name message.Name, day message.Date) money.Ore {
	most := policy.MaxSpent
	if !h.Counts(day) {
		return most
	}
	for _, row := range h.Order.Rows {
		if row.Name == "" || row.Name == name {
			most = max(most, row.MaxSpent)
		}
	}
	return most
}

// DefaultRow is the row for everybody that a crisis order has where nobody names another: twice the
// default limits of cards, and the default ones of terminals.
func DefaultRow() message.CrisisRow {
	return message.CrisisRow{
		MaxBalance: 2 * spec.DefaultMaxBalance, MaxTransactions: spec.CeilingMaxTransactions,
		MaxPayment: 2 * spec.DefaultMaxPayment, MaxSpent: 2 * spec.DefaultMaxSpent,
		MaxReceipts: spec.DefaultTerminalReceipts, MaxReceived: spec.DefaultTerminalBalance,
	}
}
