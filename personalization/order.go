// Package personalization makes cards active. Start at [NewOrder], then [Line.Issue],
// which takes a card from wherever it is to active: keys of its own, the applet, the
// instance with the order's parameters. Its last part, [Issuer.Personalize], does
// without the security domain: keys made on the card, a certificate over them, PIN and
// PUK, registration at the notary, activation. [Issuer.Renew] issues a later
// certificate.
//
// It trusts the secure channel over which the parameters go to the card, since the
// token in them is what ties the card's keys to this card; everything after that is
// authenticated by the token, which ACTIVATE erases.
package personalization

import (
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// Order is one card to be made. It holds the card's token: keep it secret, and
// keep it until the card is active; a card whose token is lost is installed again,
// under another device id.
type Order struct {
	Device message.DeviceID
	Role   spec.Role // card or SAM
	Limits
	Date  message.Date // first date that the card knows
	Owner string       // customer of the intermediary
	Token pin.Token
	Batch message.DeviceID // whose key it shares; none: by its number (Issuer.BatchSize)
	Group uint8            // of people that its owner belongs to, 0 for none
}

// Limits are written into a card for good. They are the issuer's choice, apart from the
// policy, which Instructions change under them.
type Limits struct {
	Ceilings message.Policy // without version; transactions at most Slots
	Slots    uint8          // of the log, spec.MinSlots to spec.MaxSlots
	// MaxAttacks are the attacks found that block the card, at most spec.MostAttacks; 0 for never.
	MaxAttacks uint8
}

// DefaultLimits are those of a card whose issuer names none.
func DefaultLimits() Limits {
	return Limits{Ceilings: message.DefaultCeilings(), Slots: spec.DefaultSlots,
		MaxAttacks: spec.DefaultAttacks}
}

// Fitted returns the limits with ceilings of no more transactions than the log has slots: no card
// takes more.
func (l Limits) Fitted() Limits {
	l.Ceilings.MaxTransactions = min(l.Ceilings.MaxTransactions, uint16(l.Slots))
	return l
}

// Check refuses what no card is installed with.
func (l Limits) Check() error {
	return errors.Join(message.CheckSlots(l.Slots, l.Ceilings), message.CheckAttacks(l.MaxAttacks))
}

// NewOrder draws the token of an order for a card of the default limits.
func NewOrder(
	device message.DeviceID, owner string, today message.Date, random io.Reader,
) (Order, error) {
	o := Order{Device: device, Role: spec.RoleCard, Limits: DefaultLimits(), Date: today,
		Owner: owner}
	if err := entropy.Fill(random, o.Token[:]); err != nil {
		return Order{}, fmt.Errorf("personalization: %w", err)
	}
	return o, nil
}

// InstallParameters are the application parameters of INSTALL for this card. They
// name the root by its hash; the card gets the root itself in Personalize.
func (o Order) InstallParameters(root *cvc.Certificate) ([]byte, error) {
	anchor, err := root.Anchor()
	if err != nil {
		return nil, fmt.Errorf("personalization: root certificate: %w", err)
	}
	parameters := message.InstallParameters{
		Device: o.Device, RootAnchor: anchor, Role: o.Role, Ceilings: o.Ceilings,
		Slots: o.Slots, MaxAttacks: o.MaxAttacks, Date: o.Date, Token: o.Token,
	}
	return parameters.Encode()
}
