package remote

import (
	"encoding/json"
	"errors"
	"strings"
)

// Problem is an error as it is sent over a link.
type Problem struct {
	Code   string   `json:"code"`             // of a contract, such as "notary:funds"; stable
	Detail string   `json:"detail,omitempty"` // one line for a human reader
	Cause  *Problem `json:"cause,omitempty"`  // the error inside, where the contract has one
}

// MarshalJSON writes the detail with U+FFFD for bytes that are not UTF-8: a text for a human
// reader must not hide the error that it explains.
func (p Problem) MarshalJSON() ([]byte, error) {
	type plain Problem
	p.Detail = strings.ToValidUTF8(p.Detail, "\uFFFD")
	return json.Marshal(plain(p))
}

// Errors are the errors of one contract.
type Errors interface {
	// ProblemOf returns an error of the contract as a Problem; ok is false when it is none. Of
	// several that [errors.Join] joined, the first that the contract knows is sent, alone.
	ProblemOf(err error) (p Problem, ok bool)
	// ErrorOf returns the error of a Problem; nil when the code is none of the contract's.
	ErrorOf(p Problem) error
	// Malformed returns the contract's error for a request that cannot be read.
	Malformed(why error) error
}

// ErrFailed says that the far side failed at a call, which may have been carried out. The reason
// stays there, for its operator.
var ErrFailed = errors.New("the other side failed at this call: repeat it later")

// ErrUnreachable says that the far side, or one that it needed in turn, cannot be reached:
// there is no connection. Nothing was done there.
var ErrUnreachable = errors.New("cannot be reached")

// ErrUnknownCall says that the far side has no such call.
var ErrUnknownCall = errors.New("the other side does not know this call: it is of another version")

const (
	codeFailed  = "failed"
	codeUnknown = "unknown-call"
	codeGone    = "unreachable"
)

// problemOf returns any error as a Problem; the text of one that belongs to no contract is left
// out.
func problemOf(contract Errors, err error) Problem {
	if parts := joined(err); parts != nil {
		for _, part := range parts {
			if p := problemOf(contract, part); p.Code != codeFailed {
				return p
			}
		}
		return Problem{Code: codeFailed}
	}
	if p, ok := contract.ProblemOf(err); ok {
		return p
	}
	switch {
	case errors.Is(err, ErrUnknownCall):
		return Problem{Code: codeUnknown}
	case errors.Is(err, ErrUnreachable):
		return Problem{Code: codeGone, Detail: err.Error()}
	}
	return Problem{Code: codeFailed}
}

// joined returns the errors that errors.Join joined; nil when err is another error, such as one
// whose own text has several in it.
func joined(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	parts := several.Unwrap()
	lines := make([]string, len(parts))
	for n, part := range parts {
		lines[n] = part.Error()
	}
	if err.Error() != strings.Join(lines, "\n") {
		return nil
	}
	return parts
}

func errorOf(contract Errors, p Problem) error {
	if err := contract.ErrorOf(p); err != nil {
		return err
	}
	switch p.Code {
	case codeUnknown:
		return ErrUnknownCall
	case codeGone:
		return &Error{ErrUnreachable, p.Detail}
	}
	return ErrFailed
}

// Error is an error from the far side: its kind, and its text there.
type Error struct {
	Kind   error
	Detail string
}

// Error returns the line for a human reader.
func (e *Error) Error() string { return e.Detail }

// Unwrap returns the kind.
func (e *Error) Unwrap() error { return e.Kind }
