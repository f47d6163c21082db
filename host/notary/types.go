package notary

import (
	"fmt"
	"math"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/crisis"
)

// OrderKey is an order's idempotency key, chosen by whoever orders: 1 to 100 printable
// ASCII characters.
type OrderKey string

const maxOrderKey = 100

// ParseOrderKey checks s.
func ParseOrderKey(s string) (OrderKey, error) {
	if s == "" || len(s) > maxOrderKey {
		return "", fmt.Errorf("order key of %d characters: give 1 to %d", len(s), maxOrderKey)
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return "", fmt.Errorf("order key %q: character %d is not printable ASCII", s, i+1)
		}
	}
	return OrderKey(s), nil
}

// Registration is an intermediary's statement about a device that it has personalized.
type Registration struct {
	// Certificate is 7F21, signed by the intermediary's CA: id, role, key and expiry are
	// read from it.
	Certificate []byte `json:"certificate,omitempty"`
	// Owner is the intermediary's own reference of the owner: opaque here, it comes back
	// in the Statement.
	Owner string `json:"owner,omitempty"`
	// Ceilings are the write-once ceilings of a card or SAM (value of CB, 17 bytes), and Slots
	// how many its log has; nil and 0 for terminal and desk.
	Ceilings []byte `json:"ceilings,omitempty"`
	Slots    uint8  `json:"slots,omitempty"`
}

// Opening is all of a Challenge but its random number.
type Opening struct {
	InstructionKey message.AuthorityRef // that will sign it
	Device         message.DeviceID
	Nonce          message.Nonce // of the device's session; zeros for a terminal
}

// Refund is an intermediary's statement that the owner of one of its terminals returns money of a
// Payment.
type Refund struct {
	Order OrderKey         `json:"order"` // for this refund only
	Payee message.DeviceID `json:"payee"` // its terminal, which was paid
	Payer message.DeviceID `json:"payer"` // with ATC: the Payment
	ATC   uint32           `json:"atc"`   // payer's record number
	// Amount is above zero; all refunds of one Payment together are at most what it paid.
	Amount money.Ore `json:"amount"`
}

// Revocation is one device on the list that terminals keep: it was reported lost, or
// has ended. No device comes off it.
type Revocation struct {
	Seq    int64            `json:"seq"` // position in the list, ascending
	Device message.DeviceID `json:"device"`
}

// Answer is the notary's answer to one submitted item.
type Answer struct {
	// Held: the item is kept for ever. What may be acknowledged to its device is HeldATC, see
	// StateReport and Outstanding.
	Held    bool
	Payment *PaymentStatus // the payment that the item is about, when the notary holds it
	Err     error          // *Error when the item, or the Payment in an accept record, was refused
}

// PaymentStatus is the status of one Payment. For one that the notary does not hold, it has payer,
// atc and verdict only.
type PaymentStatus struct {
	Payer    message.DeviceID `json:"payer"`
	ATC      uint32           `json:"atc"` // payer's record number
	Payee    message.DeviceID `json:"payee,omitempty"`
	Request  uint32           `json:"request"` // payee's request number
	Amount   money.Ore        `json:"amount"`
	Identity message.Hash     `json:"identity"` // hash of the Payment's body
	Verdict  Verdict          `json:"verdict"`
	Accepted bool             `json:"accepted"` // the payee's decision is to accept this Payment
}

// PaymentName names a Payment for who has it: by the device whose wallet pays it, the Request under
// which it is found, and what it says.
type PaymentName struct {
	Payer    message.DeviceID `json:"payer"`
	Payee    message.DeviceID `json:"payee"`
	Request  uint32           `json:"request"`  // payee's request number
	Identity message.Hash     `json:"identity"` // hash of the Payment's body
}

// NameOf returns the name of a Payment.
func NameOf(p *message.Payment) (PaymentName, error) {
	identity, err := message.Identity(p)
	return PaymentName{p.Payer, p.Request.Payee, p.Request.Number, identity}, err
}

// StateReport is what the notary concludes from a State.
type StateReport struct {
	// HeldATC: the records 1..HeldATC are held and form the State's own chain: they may be
	// acknowledged. HeldHead is the chain's head there.
	HeldATC  uint32       `json:"held_atc"`
	HeldHead message.Hash `json:"held_head"`
	// Difference is the card's balance minus what protocol §8.2 says it must be; 0 means
	// that the books agree. It counts only when Complete.
	Difference money.Ore `json:"difference"`
	Complete   bool      `json:"complete"` // every record up to the State's atc is held
	Applied    uint32    `json:"applied"`  // instrSeq that the card has applied
	// Cloned: the State proves that two cards answer for this id; the device is ended.
	Cloned bool `json:"cloned"`
	// Owed is what the device is owed after it.
	Owed Outstanding `json:"owed"`
}

// Opened is a Challenge that was opened.
type Opened struct {
	Random message.Random // which it carries
	Owed   Outstanding    // to the device, at this moment or later
}

// Outstanding is what a device is owed at its next synchronisation.
type Outstanding struct {
	// Instruction is co-signed and not known to be applied: to be resent byte for byte;
	// nil if there is none. Order is its order key.
	Instruction []byte   `json:"instruction,omitempty"`
	Order       OrderKey `json:"order,omitempty"`
	// NextSeq is the instrSeq that the next Instruction must carry; 0 while one is
	// outstanding.
	NextSeq  uint32       `json:"next_seq"`
	AckedATC uint32       `json:"acked_atc"` // what the last co-signed Instruction acknowledged
	HeldATC  uint32       `json:"held_atc"`  // what the next one may acknowledge
	HeldHead message.Hash `json:"held_head"` // the head at HeldATC
	Status   Status       `json:"status"`    // of the device
	// HonouredUntil is until when claims on a device that was reported lost are honoured; then its
	// intermediary may end it.
	HonouredUntil time.Time  `json:"honoured_until,omitzero"`
	Handovers     []Handover `json:"handovers,omitempty"`
	// LowestOrder and Group are what the next Instruction must name: the lowest number of a crisis
	// order that counts, and the group of people that the device's owner belongs to.
	LowestOrder uint32 `json:"lowest_order"`
	Group       uint8  `json:"group"`
	LastGroup   uint8  `json:"last_group"` // that the last Instruction named
	// Crisis is the newest crisis order that is not over, for the device and whoever meets it.
	Crisis crisis.Carried `json:"crisis"`
	// CAs are the certificates (7F21) of the CAs of all intermediaries that have joined.
	CAs [][]byte `json:"cas,omitempty"`
}

// Position is where the notary knows a device's journal to be.
type Position struct {
	ATC      uint32       `json:"atc"`      // records that it holds, one after the other
	Head     message.Hash `json:"head"`     // after the record asked for, or ATC if earlier
	Applied  uint32       `json:"applied"`  // last Instruction that it knows to be applied
	Accepted money.Ore    `json:"accepted"` // balance of the State that the device has at ATC
	Status   Status       `json:"status"`
}

// Handover is a Payment that a payee's device must accept or refuse, with what its card
// needs to verify the payer.
type Handover struct {
	Payment          []byte `json:"payment,omitempty"`
	PayerCertificate []byte `json:"payer_certificate,omitempty"` // 7F21 of the payer
	PayerCA          []byte `json:"payer_ca,omitempty"`          // 7F21 of the CA that signed it
}

// Entry is one line of an intermediary's Statement.
type Entry struct {
	Seq    int64            `json:"seq"` // of this intermediary alone, ascending
	Kind   EntryKind        `json:"kind"`
	Device message.DeviceID `json:"device,omitempty"` // the intermediary's own, none for Issued
	Owner  string           `json:"owner,omitempty"`  // of Device, as registered
	Online money.Ore        `json:"online"`           // change of the intermediary's online holding
	Shadow money.Ore        `json:"shadow"`           // change of Device's shadow wallet
	Payer  message.DeviceID `json:"payer,omitempty"`  // the payment behind it, when there is one
	ATC    uint32           `json:"atc,omitempty"`
	Payee  message.DeviceID `json:"payee,omitempty"`
	// Order is the order key of the load behind it, for Loaded and Released; of the issue
	// or refund, for theirs. Instr is the instrSeq of that load.
	Order OrderKey  `json:"order,omitempty"`
	Instr uint32    `json:"instr,omitempty"`
	At    time.Time `json:"at"`
}

// EndedDevice is a device that has ended by itself, because it was due.
type EndedDevice struct {
	Device message.DeviceID `json:"device"`
	Owner  string           `json:"owner,omitempty"` // as registered
	Why    string           `json:"why"`             // for human readers
}

// Account is one wallet of the settlement ledger.
type Account struct {
	Name    string    `json:"name"` // intermediary or device
	Balance money.Ore `json:"balance"`
}

// Balances are the settlement ledger's sums. Issued = all Online + all Shadow + Pool + Clearing
// (protocol §8.1).
type Balances struct {
	Issued money.Ore        `json:"issued"`
	Online []Account        `json:"online,omitempty"` // of each intermediary
	Shadow []Account        `json:"shadow,omitempty"` // of a page of the devices
	Last   message.DeviceID `json:"last,omitempty"`   // to go on after; empty at the end
	Pool   money.Ore        `json:"pool"`
	Lent   money.Ore        `json:"lent"` // by the pool, ahead of what cards will be paid
	// Clearing is on its way from shadow wallets to others, while a large netting is under way.
	Clearing money.Ore `json:"clearing,omitempty"`
}

// Terms are the parameters that protocol §5 leaves to the central bank.
type Terms struct {
	Honour time.Duration // from a loss report to the device's end
	Wait   time.Duration // for which claims wait on a device that does not synchronise
	// CoverLimit is what a terminal may take between two synchronisations; 0 stands for
	// PilotCoverLimit.
	CoverLimit money.Ore
	// PoolAhead is how far the pool pays claims ahead; zero: never.
	PoolAhead PoolAhead
	// CrisisMost are the highest limits that the notary signs in a crisis order; zero stands for
	// DefaultCrisisMost. Its group and name mean nothing.
	CrisisMost message.CrisisRow
}

// PoolAhead is how far the liquidity pool pays claims on cards that have not synchronised yet,
// until what they were paid by others comes in (protocol §6).
type PoolAhead struct {
	Cap      money.Ore // of all that is lent at any moment; 0 for none
	EachCard money.Ore // lent to one card at any moment; 0: see MostForACard
}

// MostForACard returns the most that is lent to one card at any moment: unless the terms say it,
// what a card may hold by default.
func (a PoolAhead) MostForACard() money.Ore {
	if a.EachCard == 0 {
		return message.DefaultPolicy().MaxBalance
	}
	return a.EachCard
}

// DefaultCrisisMost are the default ceilings of cards; for terminals all that their field has
// room for, and ten times the default sum.
func DefaultCrisisMost() message.CrisisRow {
	ceilings := message.DefaultCeilings()
	return message.CrisisRow{MaxBalance: ceilings.MaxBalance,
		MaxTransactions: ceilings.MaxTransactions, MaxPayment: ceilings.MaxPayment,
		MaxSpent: ceilings.MaxSpent, MaxReceipts: math.MaxUint16,
		MaxReceived: 10 * spec.DefaultTerminalBalance}
}

// MaxIssued is the most that is ever issued, to intermediaries and into the pool together: so
// much, and no more, every reader of JSON takes as it is (RFC 8259 §6).
const MaxIssued money.Ore = 1<<53 - 1

// PilotCoverLimit is what a terminal takes at most between two synchronisations in the
// pilot (protocol §3).
const PilotCoverLimit = 20_000 * money.Krona
