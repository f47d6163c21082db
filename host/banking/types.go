package banking

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
)

// Customer is an owner of devices with an online wallet.
type Customer struct {
	ID   string // the intermediary's own reference, not empty
	Name string
	App  *ecdsa.PublicKey // key of the customer's wallet app, on P-256
}

// Device is a card, SAM or terminal of one of the customers.
type Device struct {
	ID          message.DeviceID
	Customer    string
	Certificate []byte         // 7F21, signed by the CA
	PINPoint    []byte         // a card's point for enciphered PINs, for its owner's phone
	Ceilings    []byte         // write-once ceilings of a card (content of CB); nil for a terminal
	Slots       uint8          // of a card's log; 0 for a terminal
	Policy      message.Policy // that the device shall have
	Group       uint8          // of people that a card's owner belongs to; 0 leaves it as it is
}

// FirstCrisis is what a new card knows of crisis orders, so that it takes none that is over.
type FirstCrisis struct {
	LowestOrder uint32 `json:"lowest_order"` // number of a crisis order that it takes
	Group       uint8  `json:"group"`        // of people that its owner belongs to, 0 for none
}

// DeviceKind is the letter in a device id that names the kind of device.
type DeviceKind rune

// The kinds.
const (
	KindCard     DeviceKind = 'C'
	KindTerminal DeviceKind = 'T'
	KindDesk     DeviceKind = 'D'
	// KindBatch is of no device, and nobody reserves its ids: batches of cards are numbered
	// by their issuer.
	KindBatch DeviceKind = 'B'
)

var kindNames = map[DeviceKind]string{KindCard: "card", KindTerminal: "terminal", KindDesk: "desk"}

// MaxDevice is the highest number that an id has room for.
const MaxDevice = 9_999_999

// DeviceIDOf returns the id of an intermediary's n-th device of one kind: its name, the kind
// and seven digits.
func DeviceIDOf(name message.Name, kind DeviceKind, n int) message.DeviceID {
	return message.DeviceID(fmt.Sprintf("%s%c%07d", name, kind, n))
}

// Check refuses a kind that there is not. Errors: [ErrMalformed].
func (k DeviceKind) Check() error {
	if _, known := kindNames[k]; !known {
		return Refuse(ErrMalformed,
			"intermediary: device kind %d: give a card, terminal or desk", k)
	}
	return nil
}

// MarshalText returns the kind's name.
func (k DeviceKind) MarshalText() ([]byte, error) {
	if name, known := kindNames[k]; known {
		return []byte(name), nil
	}
	return nil, fmt.Errorf("device kind %d has no name", k)
}

// UnmarshalText reads the kind's name.
func (k *DeviceKind) UnmarshalText(text []byte) error {
	for kind, name := range kindNames {
		if name == string(text) {
			*k = kind
			return nil
		}
	}
	return fmt.Errorf("unknown device kind %q", text)
}

type customerJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	App  []byte `json:"app,omitempty"` // the point, 65 bytes
}

// JSONShape returns what is sent of a customer.
func (Customer) JSONShape() any { return customerJSON{} }

// MarshalJSON writes the app's key as its point.
func (c Customer) MarshalJSON() ([]byte, error) {
	point, err := signature.Point(c.App)
	if err != nil {
		return nil, err
	}
	return json.Marshal(customerJSON{c.ID, c.Name, point})
}

// UnmarshalJSON reads the app's key from its point.
func (c *Customer) UnmarshalJSON(b []byte) error {
	var in customerJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	app, err := signature.ParsePoint(in.App)
	*c = Customer{in.ID, in.Name, app}
	return err
}

type deviceJSON struct {
	ID          message.DeviceID `json:"id"`
	Customer    string           `json:"customer"`
	Certificate []byte           `json:"certificate,omitempty"`
	PINPoint    []byte           `json:"pin_point,omitempty"`
	Ceilings    []byte           `json:"ceilings,omitempty"`
	Slots       uint8            `json:"slots,omitempty"`
	Policy      []byte           `json:"policy,omitempty"` // content of DO CB
	Group       uint8            `json:"group,omitempty"`
}

// JSONShape returns what is sent of a device.
func (Device) JSONShape() any { return deviceJSON{} }

// MarshalJSON writes the policy as the card gets it.
func (d Device) MarshalJSON() ([]byte, error) {
	policy, err := d.Policy.Bytes()
	if err != nil {
		return nil, err
	}
	return json.Marshal(deviceJSON{d.ID, d.Customer, d.Certificate, d.PINPoint, d.Ceilings, d.Slots,
		policy, d.Group})
}

// UnmarshalJSON reads the policy as the card does.
func (d *Device) UnmarshalJSON(b []byte) error {
	var in deviceJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	policy, err := message.ParsePolicy(in.Policy)
	*d = Device{in.ID, in.Customer, in.Certificate, in.PINPoint, in.Ceilings, in.Slots, policy,
		in.Group}
	return err
}
