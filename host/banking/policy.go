package banking

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

// PolicyOrder is an order of the intermediary's staff to give devices other limits.
type PolicyOrder struct {
	Key    string // the caller's own key: an order is carried out once for it
	By     string // who ordered it, for human readers
	Preset string // name of the limits, empty for none
	// Policy has the limits. Its version is given by the intermediary: the same for all devices of
	// an order, and above that of every order before it.
	Policy message.Policy

	// Everyone says that it is for all cards in use, and for those that are issued later.
	Everyone bool
	// Devices, Customers and Groups are for whom it is otherwise: single devices, and the cards in
	// use of customers and of groups of people, 1 to 255, also those that they get later.
	Devices   []message.DeviceID
	Customers []string
	Groups    []int

	At time.Time // when it was ordered; given by the intermediary
}

// Check refuses an order that says nothing, or not for whom. Errors: [ErrMalformed].
func (o PolicyOrder) Check() error {
	named := len(o.Devices) + len(o.Customers) + len(o.Groups)
	switch {
	case o.Key == "" || o.By == "":
		return Refuse(ErrMalformed,
			"intermediary: a policy is ordered by somebody, under a key: name both")
	case o.Everyone == (named > 0):
		return Refuse(ErrMalformed, "intermediary: policy order %s: give it for everyone, or for "+
			"the devices, customers and groups that are named", o.Key)
	case slices.ContainsFunc(o.Groups, func(g int) bool { return g < 1 || g > math.MaxUint8 }):
		return Refuse(ErrMalformed, "intermediary: policy order %s: groups %v: give numbers of 1 "+
			"to %d", o.Key, o.Groups, math.MaxUint8)
	}
	if o.Policy.MaxTransactions == 0 {
		return Refuse(ErrMalformed, "intermediary: policy order %s: 0 transactions: give 1 or "+
			"more: a card with none cannot be unloaded either", o.Key)
	}
	if _, err := o.Policy.Bytes(); err != nil {
		return Refuse(ErrMalformed, "intermediary: policy order %s: %v", o.Key, err)
	}
	return nil
}

// Sorted returns the order with each device, customer and group once, in the order of their names.
func (o PolicyOrder) Sorted() PolicyOrder {
	o.Devices = slices.Compact(slices.Sorted(slices.Values(o.Devices)))
	o.Customers = slices.Compact(slices.Sorted(slices.Values(o.Customers)))
	o.Groups = slices.Compact(slices.Sorted(slices.Values(o.Groups)))
	return o
}

// CardPolicy says which policy a card shall have, and which it has shown.
type CardPolicy struct {
	Device   message.DeviceID
	Customer string
	Policy   message.Policy // that it shall have, with its version
	Ceilings message.Policy // written into the card for good
	Seen     uint32         // version that the card showed at its last synchronisation
	Group    uint8          // of people that its owner belongs to, 0 for none
	InUse    bool           // neither reported lost nor ended, as the notary said last
	Attacks  uint8          // on it that it had found at its last synchronisation
}

// Rollout is how far a policy has got to a card.
type Rollout string

// The card has the policy that it shall have; it gets it with its next synchronisation; or it
// shows a later one, whose order was lost with a restored backup: order the policy again.
const (
	RolledOut   Rollout = "current"
	Outstanding Rollout = "outstanding"
	OrderLost   Rollout = "order lost"
)

// Rollout compares the version that the card shall have with the one that it has shown.
func (c CardPolicy) Rollout() Rollout {
	switch {
	case c.Seen < c.Policy.Version:
		return Outstanding
	case c.Seen > c.Policy.Version:
		return OrderLost
	}
	return RolledOut
}

// Above returns, for a human reader, which limits of a policy are above a card's ceilings; empty
// when none is.
func Above(p, ceilings message.Policy) string {
	if p.Within(ceilings) {
		return ""
	}
	var above []string
	for _, limit := range []struct {
		name        string
		is, ceiling fmt.Stringer
		over        bool
	}{
		{"balance", p.MaxBalance, ceilings.MaxBalance, p.MaxBalance > ceilings.MaxBalance},
		{"payment", p.MaxPayment, ceilings.MaxPayment, p.MaxPayment > ceilings.MaxPayment},
		{"spent", p.MaxSpent, ceilings.MaxSpent, p.MaxSpent > ceilings.MaxSpent},
		{"transactions", count(p.MaxTransactions), count(ceilings.MaxTransactions),
			p.MaxTransactions > ceilings.MaxTransactions},
	} {
		if limit.over {
			above = append(above, fmt.Sprintf("%s %s, ceiling %s", limit.name, limit.is,
				limit.ceiling))
		}
	}
	for _, flag := range spec.Flags {
		if !(message.Policy{Flags: p.Flags & flag.Bit}).Within(ceilings) {
			above = append(above, flag.Name+", which the ceilings do not allow")
		}
	}
	return strings.Join(above, "; ")
}

// count is a number of transactions.
type count uint

func (c count) String() string { return fmt.Sprint(uint(c)) }

type policyOrderJSON struct {
	Key       string             `json:"key"`
	By        string             `json:"by"`
	Preset    string             `json:"preset,omitempty"`
	Policy    []byte             `json:"policy,omitempty"` // content of DO CB
	Everyone  bool               `json:"everyone,omitempty"`
	Devices   []message.DeviceID `json:"devices,omitempty"`
	Customers []string           `json:"customers,omitempty"`
	Groups    []int              `json:"groups,omitempty"`
	At        time.Time          `json:"at"`
}

// JSONShape returns what is sent of an order.
func (PolicyOrder) JSONShape() any { return policyOrderJSON{} }

// MarshalJSON writes the policy as the card gets it.
func (o PolicyOrder) MarshalJSON() ([]byte, error) {
	policy, err := o.Policy.Bytes()
	if err != nil {
		return nil, err
	}
	return json.Marshal(policyOrderJSON{o.Key, o.By, o.Preset, policy, o.Everyone, o.Devices,
		o.Customers, o.Groups, o.At})
}

// UnmarshalJSON reads the policy as the card does.
func (o *PolicyOrder) UnmarshalJSON(b []byte) error {
	var in policyOrderJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	policy, err := message.ParsePolicy(in.Policy)
	*o = PolicyOrder{in.Key, in.By, in.Preset, policy, in.Everyone, in.Devices, in.Customers,
		in.Groups, in.At}
	return err
}

type cardPolicyJSON struct {
	Device   message.DeviceID `json:"device"`
	Customer string           `json:"customer"`
	Policy   []byte           `json:"policy,omitempty"`   // content of DO CB
	Ceilings []byte           `json:"ceilings,omitempty"` // content of DO CB
	Seen     uint32           `json:"seen"`
	Group    uint8            `json:"group,omitempty"`
	InUse    bool             `json:"in_use"`
	Attacks  uint8            `json:"attacks,omitempty"` // found by its last synchronisation
}

// JSONShape returns what is sent of a card's policy.
func (CardPolicy) JSONShape() any { return cardPolicyJSON{} }

// MarshalJSON writes the policies as cards get them.
func (c CardPolicy) MarshalJSON() ([]byte, error) {
	policy, err := c.Policy.Bytes()
	if err != nil {
		return nil, err
	}
	ceilings, err := c.Ceilings.Bytes()
	if err != nil {
		return nil, err
	}
	return json.Marshal(cardPolicyJSON{c.Device, c.Customer, policy, ceilings, c.Seen, c.Group,
		c.InUse, c.Attacks})
}

// UnmarshalJSON reads the policies as cards do.
func (c *CardPolicy) UnmarshalJSON(b []byte) error {
	var in cardPolicyJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	policy, err := message.ParsePolicy(in.Policy)
	if err != nil {
		return err
	}
	ceilings, err := message.ParsePolicy(in.Ceilings)
	*c = CardPolicy{in.Device, in.Customer, policy, ceilings, in.Seen, in.Group, in.InUse,
		in.Attacks}
	return err
}
