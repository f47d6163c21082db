package settlement

import "fmt"

// Kind says why the notary refused, so that a caller can act on it: errors.Is(err, settlement.Funds).
type Kind int

const (
	Malformed   Kind = iota + 1 // not a message of this kind: nothing to repeat
	Signature                   // the registered key did not sign it: nothing to repeat
	Certificate                 // a certificate is not signed by whom it must be, or not for this role or name
	Unknown                     // device or intermediary is not registered: register it first
	NotYours                    // the device belongs to another intermediary
	Taken                       // id, order key or (device, instrSeq) was used with other content
	Sequence                    // not the next Instruction, or no such Instruction
	Head                        // ackedAtc and head are not those of held records: submit the records first
	Funds                       // the intermediary's online holding does not cover it
	Difference                  // the card's balance is unexplained: synchronise, then look into it
	StatusKind                  // the device is reported or ended, or its honour time is not over
	Policy                      // version backwards, over the device's ceilings, or actions that exclude each other
	Date                        // earlier than the last, later than today or than a signer's certificate
	Challenge                   // the State answers no Challenge that was opened
	Self                        // payer and payee are the same device, or a desk's Request names another payer
	NotTill                     // only tills refund by order; a card pays back with a payment
	Unsettled                   // the Payment to refund is not settled: synchronise the till, or there is nothing to refund
	Exceeds                     // the refunds of a Payment would come to more than it paid
)

var kindNames = [...]string{"", "malformed", "signature", "certificate", "unknown", "not yours", "taken", "sequence", "head", "funds",
	"difference", "status", "policy", "date", "challenge", "self", "not a till", "unsettled", "exceeds"}

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return enumName(int(k), kindNames[:], "kind") }

// Error is a refusal by the notary: nothing was moved or kept, and the text says what to do.
type Error struct {
	Kind Kind
	What string // one line: what, of which device, what to do
}

// Error is the line for a person.
func (e *Error) Error() string { return "notary: " + e.What }

// Is matches the Kind.
func (e *Error) Is(target error) bool { k, ok := target.(Kind); return ok && k == e.Kind }

func refuse(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, What: fmt.Sprintf(format, args...)}
}
