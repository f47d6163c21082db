package settlement

import (
	"time"

	"ekrona/apdu/money"
)

// Registration is what an intermediary says of a device that it has personalized.
type Registration struct {
	Certificate []byte // 7F21, signed by the intermediary's CA: id, role, key and expiry are read from it
	Owner       string // the intermediary's own reference of the owner, opaque here, comes back in the Statement
	Ceilings    []byte // the write-once ceilings of a card or SAM (value of CB, 12 bytes); nil for terminal and desk
}

// Refund is an intermediary's word that the owner of one of its tills gives money of a Payment back.
type Refund struct {
	Order  string    // the intermediary's own key, for this refund only
	Payee  string    // its till, which was paid
	Payer  string    // with Atc: the Payment
	Atc    uint32    // payer's record number
	Amount money.Ore // above zero; all refunds of one Payment together at most what it paid
}

// Revocation is one device on the list that terminals keep: it was reported lost, or has ended. No device comes off it.
type Revocation struct {
	Seq    int64 // position in the list, ascending
	Device string
}

// Answer is the notary's word on one submitted item.
type Answer struct {
	Held    bool           // it is kept for ever; what may be acknowledged to its device is HeldAtc, see StateReport and Outstanding
	Payment *PaymentStatus // the payment that the item is about, when the notary holds it
	Err     error          // *Error when the item, or the Payment inside an accept record, was refused
}

// PaymentStatus is where one Payment stands.
type PaymentStatus struct {
	Payer    string
	Atc      uint32 // payer's record number
	Payee    string
	Request  uint32 // payee's request number
	Amount   money.Ore
	Identity [32]byte // hash of the Payment's body
	Verdict  Verdict
	Accepted bool // the payee's word is its acceptance of this Payment
}

// StateReport is what the notary concludes from a State.
type StateReport struct {
	HeldAtc    uint32    // the records 1..HeldAtc are held and form the State's own chain: they may be acknowledged
	HeldHead   [32]byte  // the chain's head at HeldAtc
	Difference money.Ore // card balance minus what protocol §8.2 says it must be; 0 means that the books agree. Only meaningful when Complete
	Complete   bool      // every record up to the State's atc is held, so Difference counts
	Applied    uint32    // instrSeq that the card has applied
	Cloned     bool      // the State proves that two cards answer for this id; the device is ended
}

// Outstanding is what a device is owed at its next synchronisation.
type Outstanding struct {
	Instruction []byte     // co-signed and not known to be applied: to be resent byte for byte; nil if none
	Order       string     // the order key of Instruction
	NextSeq     uint32     // the instrSeq that the next Instruction must carry; 0 while one is outstanding
	AckedAtc    uint32     // what the last co-signed Instruction acknowledged
	HeldAtc     uint32     // what the next one may acknowledge
	HeldHead    [32]byte   // the head at HeldAtc
	Status      Status     // of the device
	Handovers   []Handover // Payments made to this device on which its word is missing
}

// Handover is a Payment that a payee's device must accept or refuse, with what its card needs to verify the payer.
type Handover struct {
	Payment          []byte
	PayerCertificate []byte // 7F21 of the payer
	PayerCA          []byte // 7F21 of the CA that signed it
}

// Entry is one line of an intermediary's Statement.
type Entry struct {
	Seq    int64 // grows, with gaps: entries of all intermediaries share one sequence
	Kind   EntryKind
	Device string    // the intermediary's own device that it is about; empty for Issued
	Owner  string    // owner of Device, as registered
	Online money.Ore // change of the intermediary's online holding
	Shadow money.Ore // change of Device's shadow wallet
	Payer  string    // the payment behind it, when there is one
	Atc    uint32
	Payee  string
	Order  string // order key of the load behind it, for Loaded and Released; of the issue or refund, for theirs
	Instr  uint32 // instrSeq of that load
	At     time.Time
}

// Account is one wallet of the settlement ledger.
type Account struct {
	Name    string // intermediary or device
	Balance money.Ore
}

// Balances are the settlement ledger's sums. Issued = all Online + all Shadow + Pool (protocol §8.1).
type Balances struct {
	Issued money.Ore
	Online []Account
	Shadow []Account
	Pool   money.Ore
}
