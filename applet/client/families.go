package client

import "ekrona.example/apdu/spec"

// family is the error that stands for all status words of a family of the spec.
type family spec.Family

// Error names the family.
func (f family) Error() string { return "card: " + string(f) }

// Families of the applet's status words: errors.Is finds in a [*Refusal] the one that
// its status word belongs to.
var (
	ErrPINWrong     error = family(spec.FamilyPINWrong)    // 63Cx; see apdu.TriesLeft
	ErrSecurity     error = family(spec.FamilySecurity)    // PIN needed, blocked, in the wrong form
	ErrConditions   error = family(spec.FamilyConditions)  // life-cycle state or order of commands
	ErrWrongData    error = family(spec.FamilyWrongData)   // command malformed
	ErrNotFound     error = family(spec.FamilyNotFound)    // record, key or request unknown
	ErrUnsupported  error = family(spec.FamilyUnsupported) // class, instruction, parameters
	ErrCardFault    error = family(spec.FamilyCardFault)   // the card itself failed
	ErrLimit        error = family(spec.FamilyLimit)       // balance, amount, transactions, log
	ErrNotAuthentic error = family(spec.FamilyAuthentic)   // signature, certificate, role, expiry
	ErrConflict     error = family(spec.FamilyConflict)    // contradicts what the card knows
)
