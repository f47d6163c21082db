package banking

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

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

// MaxDevice is the highest number that an id has room for: no number is given twice, and a bank
// of millions replaces all its cards every few years.
const MaxDevice = math.MaxInt32

// From decimals on a number is written as an A and the rest in base 36.
const (
	decimals   = 10_000_000
	digitsOfID = 7
	longBase   = 36
)

// DeviceIDOf returns the id of an intermediary's n-th device of one kind: its name, the kind
// and seven digits; behind 9999999 comes A000000, and digits are letters too.
func DeviceIDOf(name message.Name, kind DeviceKind, n int) message.DeviceID {
	if n < decimals {
		return message.DeviceID(fmt.Sprintf("%s%c%0*d", name, kind, digitsOfID, n))
	}
	rest := strings.ToUpper(strconv.FormatInt(int64(n-decimals), longBase))
	zeros := strings.Repeat("0", digitsOfID-1-len(rest))
	return message.DeviceID(fmt.Sprintf("%s%cA%s%s", name, kind, zeros, rest))
}

// NumberOf returns the n of which [DeviceIDOf] makes the id; false where it makes it of none.
func NumberOf(id message.DeviceID, kind DeviceKind) (n int, is bool) {
	digits, is := strings.CutPrefix(string(id), string(id.Name())+string(kind))
	if !is {
		return 0, false
	}
	base, from := 10, int64(0)
	if rest, isLong := strings.CutPrefix(digits, "A"); isLong {
		digits, base, from = rest, longBase, decimals
	}
	number, err := strconv.ParseInt(digits, base, 64)
	if err != nil || number < 0 || from+number > MaxDevice {
		return 0, false
	}
	n = int(from + number)
	return n, DeviceIDOf(id.Name(), kind, n) == id
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
