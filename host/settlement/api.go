package settlement

import (
	"context"
	"time"

	"ekrona/host/money"
)

// Service is the seam between the central bank and an intermediary. Message arguments and results are the exact bytes of the
// wire (package apdu/message, apdu/cvc); device ids are their 16 characters, names of intermediaries their 8.
//
// The argument from is the name of the intermediary at the other end of the link; whoever wires the link vouches for it.
// It decides who may register, load and read, never whether money moves: that takes a device's signature.
//
// Every method can be repeated, after any crash and in any order: a repeat gives the answer that the first call gave.
// Refusals are *Error; any other error is the database's, moved nothing, and may be tried again.
type Service interface {
	// Join admits an intermediary by its two root-signed certificates (7F21): its CA's and its instruction key's, both with
	// its name. A later certificate of the same role takes the place of the former. Errors: Malformed, Certificate.
	Join(ctx context.Context, name string, ca, instructionKey []byte) error

	// Register admits a device once, with the key of its certificate. The same registration again is fine, a later certificate
	// for the same key and role too; another key for an id is refused for ever (Taken). Must be done before the device is used:
	// what was paid to an id that nobody had registered is given back to the payer.
	// Errors: Malformed, Certificate, NotYours, Taken.
	Register(ctx context.Context, from string, r Registration) error

	// Submit hands over signed evidence in any order: Payment, Receipt, Refusal, an accept record (Receipt then Payment,
	// concatenated), or the certificate of a payer that some payee's record needs when the payer is not registered.
	// The notary verifies every signature with the registered keys, keeps each record for ever and moves what can move. Each
	// item has its own answer and its own transaction, so one bad item takes nothing from the others; the error of Submit
	// itself means that the database failed, and everything can be submitted again.
	Submit(ctx context.Context, from string, items [][]byte) ([]Answer, error)

	// OpenChallenge makes a Challenge known before it is shown to the card, so that the State that answers it is known to be
	// younger than everything that the notary holds at this moment. Errors: Malformed, Signature, NotYours, Status (unregistered).
	OpenChallenge(ctx context.Context, from string, challenge []byte) error

	// SubmitState takes a card's answer to an opened Challenge, after its records were submitted. It confirms the Instruction that
	// the State shows as applied, finds clones, and says whether the card's balance is what its records say.
	// Errors: Malformed, Signature, NotYours, Challenge (never opened).
	SubmitState(ctx context.Context, from string, state []byte) (StateReport, error)

	// Outstanding is all that the notary owes a device at its next synchronisation. Errors: NotYours, Unknown.
	Outstanding(ctx context.Context, from, device string) (Outstanding, error)

	// CoSign checks an Instruction that the intermediary has signed (body and 5F37), reserves its credit by moving it from the
	// intermediary's online holding to the device's shadow wallet, and returns the complete Instruction with the notary's signature.
	// For (device, instrSeq) there is one body for ever: the same body gives the same bytes, another one Taken. order is the
	// intermediary's own key, used for one Instruction only (Taken otherwise); with it a restarted intermediary finds its own again.
	// Errors: Malformed, Signature, NotYours, Unknown, Taken, Sequence (not the next, or the last is not known to be applied), Head
	// (records it would drop are not held), Funds, Difference (a credit while the card's balance is unexplained), Status (a credit
	// for a device reported or ended), Policy, Date.
	CoSign(ctx context.Context, from, order string, instruction []byte) ([]byte, error)

	// Confirm takes a card's Confirmation: a credit that was taken now covers payments, one that was not goes back online.
	// Errors: Malformed, Signature, Unknown, Sequence (no such Instruction).
	Confirm(ctx context.Context, from string, confirmation []byte) error

	// ReportLost puts a device on the revocation list and starts the time for which claims on it are honoured. It cannot be
	// taken back. Errors: NotYours, Unknown.
	ReportLost(ctx context.Context, from, device string) error

	// End ends a device whose honour time is over; EndDue does it for every device for which a rule of protocol §5 says so.
	// Errors of End: NotYours, Unknown, Status (not reported, or its time is not over).
	End(ctx context.Context, from, device string) error
	EndDue(ctx context.Context) ([]string, error)

	// Revoked lists the devices reported or ended, for terminals' revocation lists.
	Revoked(ctx context.Context) ([]string, error)

	// Statement gives the movements of an intermediary's holding and of its devices' shadow wallets after a cursor (0: from
	// the beginning), oldest first, at most limit of them. It only grows; the intermediary posts each entry once, by its Seq.
	Statement(ctx context.Context, from string, after int64, limit int) ([]Entry, error)

	// Payment tells the verdict of one payment identity (payer, payer atc); Unseen when the notary does not hold it.
	Payment(ctx context.Context, payer string, atc uint32) (PaymentStatus, error)

	// Issue puts new e-krona into an intermediary's online holding, FundPool into the liquidity pool. order is the idempotency key.
	// Errors: Unknown, Taken (the key was used for another order).
	Issue(ctx context.Context, order, intermediary string, amount money.Ore) error
	FundPool(ctx context.Context, order string, amount money.Ore) error

	// Balances are the books at one moment.
	Balances(ctx context.Context) (Balances, error)
}

// Registration is what an intermediary says of a device that it has personalized.
type Registration struct {
	Certificate []byte // 7F21, signed by the intermediary's CA: id, role, key and expiry are read from it
	Owner       string // the intermediary's own reference of the owner, opaque here, comes back in the Statement
	Ceilings    []byte // the write-once ceilings of a card or SAM (value of CB, 12 bytes); nil for terminal and desk
}

// Answer is the notary's word on one submitted item.
type Answer struct {
	Held    bool           // the record is held for ever: it may be acknowledged to the device that made it
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
	NextSeq     uint32     // the instrSeq that the next Instruction must carry when Instruction is nil
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
	Seq     int64 // grows, with gaps: entries of all intermediaries share one sequence
	Kind    EntryKind
	Device  string    // the intermediary's own device that it is about; empty for Issued
	Owner   string    // owner of Device, as registered
	Online  money.Ore // change of the intermediary's online holding
	Shadow  money.Ore // change of Device's shadow wallet
	Payer   string    // the payment behind it, when there is one
	Atc     uint32
	Payee   string
	Order   string // order key of the load behind it, for Loaded and Released; of the issue, for Issued
	Instr   uint32 // instrSeq of that load
	EntryAt time.Time
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
