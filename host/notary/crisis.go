package notary

import (
	"time"

	"ekrona/apdu/message"
)

// CrisisSigning asks for the notary's signature under a crisis order.
type CrisisSigning struct {
	// Order is whole, signed by the crisis key; the notary's signature is still zero.
	Order []byte `json:"order,omitempty"`
	// CrisisKey is the 7F21 of the key that signed it, by the notary's root.
	CrisisKey []byte `json:"crisis_key,omitempty"`
	By        string `json:"by"` // who asks for it, 1 to 100 printable ASCII characters
}

// MaxCrisisDays is the most days from a crisis order's first to its last.
const MaxCrisisDays = 31

// CrisisOrder is a crisis order of the notary's table.
type CrisisOrder struct {
	Number    uint32    `json:"number"`
	Order     []byte    `json:"order,omitempty"`      // both signatures included
	CrisisKey []byte    `json:"crisis_key,omitempty"` // 7F21
	Notary    []byte    `json:"notary,omitempty"`     // 7F21
	By        string    `json:"by"`
	At        time.Time `json:"at"`
	// Held is how many devices that are in use had the order when they synchronised last.
	Held int `json:"held"`
}

// CrisisReport is what the notary knows of crisis orders.
type CrisisReport struct {
	Orders []CrisisOrder `json:"orders,omitempty"` // by number
	Lowest uint32        `json:"lowest"`           // number that Instructions name now
	Next   uint32        `json:"next"`             // number of the next order
	// Devices is how many devices hold orders: those in use that have synchronised.
	Devices int `json:"devices"`
	// Foreign are devices that held an order that this notary has not signed: both keys have been
	// stolen.
	Foreign []message.DeviceID `json:"foreign,omitempty"`
	// Notary is the 7F21 of this notary, for whoever drafts an order.
	Notary []byte `json:"notary,omitempty"`
}
