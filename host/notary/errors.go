package notary

import (
	"errors"
	"fmt"
	"strings"

	"ekrona.example/host/remote"
)

// Kind says why the notary refused, so that a caller can act on it:
// errors.Is(err, notary.Funds). Its text is its code, which never changes.
type Kind int

const (
	Malformed   Kind = iota + 1 // not a message of this kind: nothing to repeat
	Signature                   // the registered key did not sign it: nothing to repeat
	Certificate                 // not signed by the required CA, or not for this role or name
	Unknown                     // device or intermediary is not registered: register it first
	NotYours                    // the device belongs to another intermediary
	Taken                       // id, order key or (device, instrSeq) has other content already
	Sequence                    // not the next Instruction, or no such Instruction
	Head                        // ackedAtc, head are not of held records: submit the records first
	Funds                       // the intermediary's online holding does not cover it
	Difference                  // the card's balance is unexplained: synchronise, then look into it
	WrongStatus                 // the device is reported or ended, or its honour time is not over
	Policy                      // backwards, over the ceilings, or actions against each other
	Date                        // before the last, after today or after a signer's certificate
	Challenge                   // the State answers no Challenge that was opened
	Self                        // payer and payee are one device, or the desk named another payer
	NotTerminal                 // only terminals refund by order; a card pays back with a payment
	Unsettled                   // the Payment to refund is not settled
	Exceeds                     // the refunds of a Payment would come to more than it paid
	OlderKey                    // than in the device's Instruction before: restore the later one
	SetBack                     // the ledger lacks what it acknowledged: put back the whole one
)

// kindCodes are the codes; a Kind is stored as its number, so that both stay.
var kindCodes = [...]string{
	"", "malformed", "signature", "certificate", "unknown", "not-yours", "taken", "sequence",
	"head", "funds", "difference", "status", "policy", "date", "challenge", "self",
	"not-a-terminal", "unsettled", "exceeds", "older-key", "set-back",
}

// Kinds returns all kinds.
func Kinds() []Kind {
	all := make([]Kind, 0, len(kindCodes)-1)
	for k := range kindCodes[1:] {
		all = append(all, Kind(k+1))
	}
	return all
}

// Code returns the kind's code, such as "not-yours".
func (k Kind) Code() string { return enumName(int(k), kindCodes[:], "kind") }

// KindOf returns the kind with a code; ok is false when there is none.
func KindOf(code string) (k Kind, ok bool) {
	if code == "" {
		return 0, false
	}
	err := enumOf(&k, []byte(code), kindCodes[:], "kind")
	return k, err == nil
}

// Error makes a Kind usable as the target of errors.Is.
func (k Kind) Error() string { return k.Code() }

// Error is a refusal by the notary: nothing was moved or kept, and the text says what
// to do.
type Error struct {
	Kind Kind
	What string // one line: what, of which device, what to do
}

// Refuse returns an Error.
func Refuse(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, What: fmt.Sprintf(format, args...)}
}

// Error returns the line for a human reader.
func (e *Error) Error() string { return "notary: " + e.What }

// Is matches the Kind.
func (e *Error) Is(target error) bool { k, ok := target.(Kind); return ok && k == e.Kind }

// Errors are the contract's errors as they are sent over a link.
var Errors remote.Errors = errorCodec{}

type errorCodec struct{}

const codePrefix = "notary:"

// ProblemOf implements remote.Errors.
func (errorCodec) ProblemOf(err error) (remote.Problem, bool) {
	var refused *Error
	if !errors.As(err, &refused) {
		return remote.Problem{}, false
	}
	return remote.Problem{Code: codePrefix + refused.Kind.Code(), Detail: refused.What}, true
}

// Malformed implements remote.Errors.
func (errorCodec) Malformed(why error) error { return Refuse(Malformed, "request: %v", why) }

// ErrorOf implements remote.Errors.
func (errorCodec) ErrorOf(p remote.Problem) error {
	code, ours := strings.CutPrefix(p.Code, codePrefix)
	kind, known := KindOf(code)
	if !ours || !known {
		return nil
	}
	return &Error{Kind: kind, What: p.Detail}
}
