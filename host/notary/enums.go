package notary

import "fmt"

// Verdict is the status of a payment at the notary (protocol §6). Settled, Void and Uncovered never
// change again.
type Verdict int

const (
	Unseen Verdict = iota // the notary does not hold this Payment
	// Reserved is covered by the payer's shadow wallet and set aside; the payee has not
	// decided.
	Reserved
	Waiting   // not covered yet, whether the payee has decided or not
	Settled   // moved to the payee's side, from the payer's shadow wallet
	Void      // given back: refused, or another Payment of the Request was accepted
	Uncovered // the payee is paid, and not, or not only, from the payer's shadow wallet
)

var verdictNames = [...]string{"unseen", "reserved", "waiting", "settled", "void", "uncovered"}

// String returns the verdict's name as stored and shown.
func (v Verdict) String() string { return enumName(int(v), verdictNames[:], "verdict") }

// Final reports whether a verdict never changes again.
func (v Verdict) Final() bool { return v == Settled || v == Void || v == Uncovered }

// MarshalText returns the name.
func (v Verdict) MarshalText() ([]byte, error) { return enumText(v, verdictNames[:], "verdict") }

// UnmarshalText reads the name.
func (v *Verdict) UnmarshalText(text []byte) error {
	return enumOf(v, text, verdictNames[:], "verdict")
}

// Status is the life of a device at the notary.
type Status int

const (
	Active   Status = iota // may be loaded and pay
	Reported               // lost: revoked, no credits, claims honoured for the configured time
	// Ended: what its shadow wallet holds and gets goes to its owner; later claims fall on
	// its intermediary.
	Ended
)

var statusNames = [...]string{"active", "reported", "ended"}

// String returns the status' name as stored and shown.
func (s Status) String() string { return enumName(int(s), statusNames[:], "status") }

// MarshalText returns the name.
func (s Status) MarshalText() ([]byte, error) { return enumText(s, statusNames[:], "status") }

// UnmarshalText reads the name.
func (s *Status) UnmarshalText(text []byte) error {
	return enumOf(s, text, statusNames[:], "status")
}

// EntryKind is the reason of a Statement entry, and so which wallet of the intermediary it
// concerns.
type EntryKind int

// "online" is the intermediary's online holding, "shadow" the shadow wallet of the entry's device.
// The brackets say whose money it is at the intermediary.
const (
	Issued        EntryKind = iota // new e-krona, online (own funds)
	Loaded                         // online to shadow, for a credit (the load order's)
	Released                       // shadow to online: a credit not taken (the owner's)
	Paid                           // out of shadow, for a settled or uncovered payment
	Received                       // into shadow, for a settled or uncovered payment
	Collected                      // online: what a terminal took (its owner's)
	Unloaded                       // shadow to online: paid to the unload desk (the owner's)
	Returned                       // shadow to online: a void payment (the payer's owner's)
	Swept                          // shadow to online: what an ended device had (its owner's)
	HoldingPaid                    // online: what an ended device's wallet lacked (own funds)
	HoldingRepaid                  // shadow to online: repayment of HoldingPaid (own funds)
	PoolRepaid                     // out of an ended device's shadow, back to the liquidity pool
	RefundPaid                     // online: given back by a terminal (the refund order's)
	// RefundReceived is online: what a terminal gave back (the payer's owner's); into
	// shadow once the payer's device has ended.
	RefundReceived
	// PoolLent is into shadow: what the pool lends a card in use for a claim on it; PoolReturned is
	// out of there, back to the pool. Where the card ends before, HoldingPaid without a payment
	// returns it.
	PoolLent
	PoolReturned
)

var entryKindNames = [...]string{
	"issued", "loaded", "released", "paid", "received", "collected", "unloaded", "returned",
	"swept", "holding-paid", "holding-repaid", "pool-repaid", "refund-paid", "refund-received",
	"pool-lent", "pool-returned",
}

// String returns the kind's name as stored and shown.
func (k EntryKind) String() string { return enumName(int(k), entryKindNames[:], "entry kind") }

// MarshalText returns the name.
func (k EntryKind) MarshalText() ([]byte, error) {
	return enumText(k, entryKindNames[:], "entry kind")
}

// UnmarshalText reads the name.
func (k *EntryKind) UnmarshalText(text []byte) error {
	return enumOf(k, text, entryKindNames[:], "entry kind")
}

// OwnersMoney reports whether Online of such an entry belongs into the online wallet of
// the entry's Owner. Loaded was already taken from there by the load order, RefundPaid
// by the refund order; Issued, HoldingPaid and HoldingRepaid concern the intermediary's
// own funds.
func (k EntryKind) OwnersMoney() bool {
	switch k {
	case Released, Collected, Unloaded, Returned, Swept, RefundReceived:
		return true
	}
	return false
}

func enumName(v int, names []string, what string) string {
	if v < 0 || v >= len(names) {
		return fmt.Sprintf("unknown %s %d", what, v)
	}
	return names[v]
}

func enumText[E ~int](v E, names []string, what string) ([]byte, error) {
	if v < 0 || int(v) >= len(names) {
		return nil, fmt.Errorf("%s %d has no name", what, v)
	}
	return []byte(names[v]), nil
}

func enumOf[E ~int](v *E, text []byte, names []string, what string) error {
	for i, name := range names {
		if name == string(text) {
			*v = E(i)
			return nil
		}
	}
	return fmt.Errorf("unknown %s %q", what, text)
}
