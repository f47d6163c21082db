package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"ekrona.example/apdu"
	"ekrona.example/emulator/card"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// Cause is why an applet's command ended as it did: the exception that came out of it, with
// method, file and line as far as names know them; "" for none.
func Cause(c *card.Card, names *inspect.Names) string {
	thrown := c.Thrown()
	if thrown == nil {
		return ""
	}
	return inspect.EscapedName(thrown) + ", thrown at " + names.Site(thrown.At)
}

// Unexplained reports whether a status word says nothing of what went wrong: 6F00.
func Unexplained(sw apdu.StatusWord) bool { return sw == apdu.SWUnknown }

// cause is that of the session's last command; "" for none.
func (s *Session) cause() string {
	if s.target.Virtual == nil {
		return ""
	}
	return Cause(s.target.Virtual.Below(), s.sources)
}

// Explained names in the error of an exception, or of a fault that muted the card, where it
// happened: method, file and line, where a table has them and the machine has not.
func (s *Session) Explained(err error) error { return Explained(err, s.sources) }

// Explained is [Session.Explained] by names.
func Explained(err error, names *inspect.Names) error {
	var thrown *vm.JavaException
	var fault *vm.CardFault
	var where string
	var at vm.Site
	switch {
	case errors.As(err, &thrown):
		where, at = thrown.Where, thrown.At
	case errors.As(err, &fault):
		where, at = fault.Where, fault.At
	default:
		return err
	}
	file, line := names.Line(at.Method, at.PC)
	if file == "" || strings.Contains(err.Error(), fmt.Sprintf("%s:%d", file, line)) {
		return err
	}
	return reworded{err, strings.Replace(err.Error(), where, names.Site(at), 1)}
}

func causeWord(_ context.Context, s *Session, arguments []string) (Answer, error) {
	if err := Nothing(arguments); err != nil {
		return Answer{}, err
	}
	if _, err := s.Managed(); err != nil {
		return Answer{}, err
	}
	return Answer{Line: cmp.Or(s.cause(), "no exception came out of an applet")}, nil
}

// reworded is an error with another text.
type reworded struct {
	error
	text string
}

func (r reworded) Error() string { return r.text }
func (r reworded) Unwrap() error { return r.error }

// MayWantParameters reports whether an installation can have failed for want of parameters: by an
// exception of the applet's, and not one that says that the card has no room, or no such algorithm.
func MayWantParameters(err error) bool {
	const noTransientSpace, noResource, noSuchAlgorithm = 2, 5, 3
	var thrown *vm.JavaException
	if !errors.As(err, &thrown) {
		return false
	}
	switch thrown.Class {
	case "javacard/framework/SystemException":
		return thrown.Reason != noTransientSpace && thrown.Reason != noResource
	case "javacard/security/CryptoException":
		return thrown.Reason != noSuchAlgorithm
	}
	return thrown.Class != "javacard/framework/TransactionException"
}
