// Package order defines the orders of a customer's wallet app to the intermediary: to load a
// device, to unload it, or to refund what a terminal took. An order is signed by the app's key
// before it is sent and has its own id, so that it can be sent again and is carried out once.
//
// Start at [New], [NewRefund] and [Named]. An order that was started is signed anew by [Sign]
// whenever it is sent: it stays the same order under the key of another phone.
//
// Cards know nothing of orders: an order never moves offline money by itself, it requests an
// Instruction or a desk's Request, or moves online money. The intermediary trusts the key that it
// registered for the customer, for the customer's devices only.
package order

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
)

// Kind is what an order requests.
type Kind byte

// The kinds.
const (
	Load   Kind = 1 // online to offline
	Unload Kind = 2 // offline to online
	Refund Kind = 3 // online to online: from a terminal's owner to that of the card that paid
)

// String names the kind.
func (k Kind) String() string {
	switch k {
	case Load:
		return "load"
	case Unload:
		return "unload"
	case Refund:
		return "refund"
	}
	return fmt.Sprintf("order kind %d", byte(k))
}

// ErrSignature says that an order is not signed by its customer's app.
var ErrSignature = errors.New(
	"order: not signed by the app that is registered for this customer: register the app again")

// ID identifies an order: chosen by the app, at random or from the name of a [Named] order.
type ID [16]byte

// Order is one order.
type Order struct {
	ID     ID               `json:"id"`
	Kind   Kind             `json:"kind"`
	Device message.DeviceID `json:"device"` // the owner's own; of a refund, the terminal
	Amount money.Ore        `json:"amount"`
	// of a refund: what it gives back, or a part of it; else zero
	Of Payment `json:"of,omitzero"`
}

// Payment names one payment to a terminal.
type Payment struct {
	Payer message.DeviceID `json:"payer"`
	ATC   uint32           `json:"atc"` // the payer's record number
}

// Key returns the order's id as text, the idempotency key of everything it causes.
func (o Order) Key() string { return hex.EncodeToString(o.ID[:]) }

// domain separates orders from anything else that the app's key may sign.
const domain = "ekrona order 1"

// Digest returns the hash of the order's whole content: the app signs it, and it distinguishes a
// repeat from another order with the same id.
func (o Order) Digest() [sha256.Size]byte {
	content := append([]byte(domain), 0, byte(o.Kind))
	content = append(content, o.ID[:]...)
	content = binary.BigEndian.AppendUint64(content, uint64(o.Amount))
	content = append(content, o.Device...)
	if o.Kind == Refund {
		content = binary.BigEndian.AppendUint32(append(content, o.Of.Payer...), o.Of.ATC)
	}
	return sha256.Sum256(content)
}

// Signed is an order and the app's signature, ASN.1 DER (SEC 1 §C.8).
type Signed struct {
	Order
	Signature []byte `json:"signature,omitempty"`
}

// New returns an order to load or unload, with a random id, and signs it.
func New(
	kind Kind, device message.DeviceID, amount money.Ore, random io.Reader, app crypto.Signer,
) (Signed, error) {
	return newOrder(Order{Kind: kind, Device: device, Amount: amount}, random, app)
}

// NewRefund returns an order to give back a payment that a terminal took, or a part of it, with a
// random id, and signs it. app is the key of the terminal's owner.
func NewRefund(
	terminal message.DeviceID, of Payment, amount money.Ore, random io.Reader, app crypto.Signer,
) (Signed, error) {
	return newOrder(Order{Kind: Refund, Device: terminal, Amount: amount, Of: of}, random, app)
}

// newOrder gives an order a random id and signs it.
func newOrder(o Order, random io.Reader, app crypto.Signer) (Signed, error) {
	if err := checkAmount(o); err != nil {
		return Signed{}, err
	}
	if err := entropy.Fill(random, o.ID[:]); err != nil {
		return Signed{}, fmt.Errorf("order: %w", err)
	}
	return Sign(o, app)
}

func checkAmount(o Order) error {
	if o.Amount <= 0 {
		return fmt.Errorf("order: an amount of %s cannot be ordered: give more than 0.00 kr",
			o.Amount)
	}
	return nil
}

// nameDomain separates ids of named orders from all other hashes.
const nameDomain = "ekrona order name 1"

// Named gives an order the id that follows from its customer's own name for it, and signs it. The
// id is the same at every phone of the customer: the bank carries the order out once, whoever
// repeats it. Each kind and each device has names of its own. Who guesses a name can at most take
// its id first, at the same bank: the order is then refused, as one with another content under that
// id, and moves nothing.
func Named(o Order, name string, app crypto.Signer) (Signed, error) {
	if err := checkAmount(o); err != nil {
		return Signed{}, err
	}
	content := append([]byte(nameDomain), 0, byte(o.Kind))
	content = append(append(append(content, o.Device...), 0), name...)
	sum := sha256.Sum256(content)
	copy(o.ID[:], sum[:])
	return Sign(o, app)
}

// Sign signs an order with the app's key, for the first time or again.
func Sign(o Order, app crypto.Signer) (Signed, error) {
	digest := o.Digest()
	signature, err := app.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return Signed{}, fmt.Errorf("order: the app's key does not sign: %w", err)
	}
	return Signed{o, signature}, nil
}

// Verify checks the signature with the customer's registered key.
func (s Signed) Verify(app *ecdsa.PublicKey) error {
	digest := s.Digest()
	if !ecdsa.VerifyASN1(app, digest[:], s.Signature) {
		return ErrSignature
	}
	return nil
}
