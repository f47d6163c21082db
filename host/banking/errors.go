package banking

import (
	"errors"
	"fmt"
	"strings"

	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/remote"
)

// Kind says why the intermediary refused: errors.Is(err, banking.ErrNoDevice).
type Kind int

const (
	ErrMalformed  Kind = iota + 1 // what was handed over is not what belongs there
	ErrNoCustomer                 // a customer is not known here
	ErrNoDevice                   // a device is not one of this intermediary's
	ErrNoOrder                    // an order is not known here
	ErrTaken                      // an id was used before for something else
	ErrOwnFunds                   // the intermediary has not enough e-krona of its own
	ErrPolicy                     // a policy is above the ceilings written into the card for good
	ErrCorrupted                  // a record, or what proves it, was altered on its way
	// ErrUnloadClosed: the desk has decided on an unload. A Payment that comes after that
	// is void, and its money comes back to the owner's online wallet.
	ErrUnloadClosed
	// ErrNotForDesk: a message is not a Payment of one of the desk's Requests by a device of this
	// intermediary. Nothing was taken.
	ErrNotForDesk
	// ErrHasCard: the owner has an active card, and the reservation of another does not say
	// that it is a second one, or which card it replaces. Nothing was reserved.
	ErrHasCard
	// ErrSecondCard: since a card was reserved its owner has got another one, and the reservation
	// does not say that it is a second one. Nothing was registered.
	ErrSecondCard
	// ErrOutOfUse: the card that another shall replace was reported lost or has ended.
	// Nothing was reserved.
	ErrOutOfUse
	// ErrNotCovered: the online wallet does not hold what was ordered. The order is not carried
	// out.
	ErrNotCovered
)

// kinds are code and text of each Kind; the codes never change.
var kinds = [...]struct{ code, text string }{
	ErrMalformed:  {"malformed", "this is not what belongs here"},
	ErrNoCustomer: {"no-customer", "no such customer: add the customer first"},
	ErrNoDevice: {"no-device",
		"no such device here: ask the intermediary whose name its id begins with"},
	ErrNoOrder: {"no-order", "no such order: place it first"},
	ErrTaken:   {"taken", "this id was used before with other content: choose a new one"},
	ErrOwnFunds: {"own-funds",
		"own e-krona do not cover this: let the central bank issue more first"},
	ErrPolicy: {"policy",
		"the policy is above the card's ceilings: ask for less, or issue another card"},
	ErrCorrupted: {"corrupted", "a record, or the certificate of its payer, " +
		"was altered on its way: synchronise again"},
	ErrUnloadClosed: {"unload-closed", "this unload is closed: " +
		"what was paid into it comes back to the online wallet; order a new one"},
	ErrNotForDesk: {"not-for-desk",
		"this is no payment to the unload desk: order the unload again"},
	ErrHasCard: {"has-card", "the owner has an active card: " +
		"say that it shall be a second one, or which card it replaces"},
	ErrSecondCard: {"second-card", "the owner has got another card since this one was " +
		"reserved: reserve it again as a second one, or set it aside"},
	ErrOutOfUse: {"out-of-use",
		"the card to be replaced is out of use already: replace none, or one that is in use"},
	ErrNotCovered: {"not-covered", "the online wallet does not hold so much: " +
		"order less, or put money into it"},
}

// Kinds returns all kinds.
func Kinds() []Kind {
	all := make([]Kind, 0, len(kinds)-1)
	for k := range kinds[1:] {
		all = append(all, Kind(k+1))
	}
	return all
}

// Code returns the kind's code, such as "no-device".
func (k Kind) Code() string {
	if k < 1 || int(k) >= len(kinds) {
		return fmt.Sprintf("unknown kind %d", int(k))
	}
	return kinds[k].code
}

// KindOf returns the kind with a code; ok is false when there is none.
func KindOf(code string) (k Kind, ok bool) {
	for _, k := range Kinds() {
		if kinds[k].code == code {
			return k, true
		}
	}
	return 0, false
}

// Error returns the line for a human reader.
func (k Kind) Error() string {
	if k < 1 || int(k) >= len(kinds) {
		return k.Code()
	}
	return "intermediary: " + kinds[k].text
}

// Error is a refusal with its own text.
type Error struct {
	Kind Kind
	What string // one line: what, of whom, what to do
}

// Refuse returns an Error.
func Refuse(kind Kind, format string, args ...any) *Error {
	return &Error{kind, fmt.Sprintf(format, args...)}
}

// Error returns the line for a human reader.
func (e *Error) Error() string { return e.What }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Errors are the contract's errors as they are sent over a link.
var Errors remote.Errors = errorCodec{}

type errorCodec struct{}

const (
	codePrefix    = "intermediary:"
	codeRefused   = "order:refused"
	codeSignature = "order:signature"
)

// ProblemOf implements remote.Errors.
func (c errorCodec) ProblemOf(err error) (remote.Problem, bool) {
	var refused *order.Refused
	var kind Kind
	switch {
	case errors.As(err, &refused):
		p := remote.Problem{Code: codeRefused, Detail: refused.Error()}
		if cause, ok := c.ProblemOf(refused.Unwrap()); ok {
			p.Cause = &cause
		}
		return p, true
	case errors.As(err, &kind):
		return remote.Problem{Code: codePrefix + kind.Code(), Detail: err.Error()}, true
	case errors.Is(err, order.ErrSignature):
		return remote.Problem{Code: codeSignature, Detail: err.Error()}, true
	}
	return notary.Errors.ProblemOf(err)
}

// Malformed implements remote.Errors.
func (errorCodec) Malformed(why error) error {
	return Refuse(ErrMalformed, "intermediary: request: %v", why)
}

// ErrorOf implements remote.Errors.
func (c errorCodec) ErrorOf(p remote.Problem) error {
	switch p.Code {
	case codeRefused:
		refused := &order.Refused{Reason: errors.New(p.Detail)}
		if p.Cause != nil {
			if cause := c.ErrorOf(*p.Cause); cause != nil {
				refused.Reason = cause
			}
		}
		return refused
	case codeSignature:
		return &remote.Error{Kind: order.ErrSignature, Detail: p.Detail}
	}
	if code, ours := strings.CutPrefix(p.Code, codePrefix); ours {
		if kind, known := KindOf(code); known {
			return &Error{kind, p.Detail}
		}
		return nil
	}
	return notary.Errors.ErrorOf(p)
}
