package ledger

// Kind is what an account is for, and so whether it may be below zero.
type Kind string

// The kinds at the central bank, then those at an intermediary.
const (
	Issued Kind = "issued" // contra account: minus all e-krona ever issued
	Online Kind = "online" // an intermediary's online holding
	Shadow Kind = "shadow" // one device's reserve at the central bank
	Pool   Kind = "pool"   // the liquidity pool
	// what has left one device's shadow wallet and is on its way to another's
	Clearing Kind = "clearing"

	Customer Kind = "customer" // an owner's online wallet
	// the intermediary's own money; below zero it owes its customers the difference
	OwnFunds Kind = "own"
	// load and refund orders: taken from an online wallet, not yet moved by the notary
	Transit Kind = "transit"
	// contra account: minus what the central bank holds for the intermediary
	CentralBankContra Kind = "contra"
	// a copy of one device's shadow wallet, which follows the notary line by line: a netting may
	// take it below zero in between
	ShadowCopy Kind = "shadow-copy"
)

// MayOverdraw reports whether the kind may be negative: the contra accounts, own funds after a
// loss, and copies.
func (k Kind) MayOverdraw() bool {
	return k == Issued || k == OwnFunds || k == CentralBankContra || k == ShadowCopy
}

// Account names one account: a kind and whose it is (device id, name, customer reference), empty
// when there is only one.
type Account struct {
	Kind Kind
	ID   string
}

// String returns the account's name as stored: "shadow:SENORDIC00000001", "pool".
func (a Account) String() string {
	if a.ID == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + ":" + a.ID
}
