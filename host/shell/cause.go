package shell

import (
	"errors"
	"fmt"
	"strings"

	"ekrona.example/apdu"
	manager "ekrona.example/emulator/globalplatform"
	"ekrona.example/emulator/inspect"
	"ekrona.example/emulator/vm"
)

// Cause is why an applet's command ended as it did: the exception that came out of it, with
// method, file and line as far as names know them; "" for none.
func Cause(c *manager.Card, names *inspect.Names) string {
	thrown := c.Below().Thrown()
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
	return Cause(s.target.Virtual, s.sources)
}

// Explained names in the error of an exception where it was thrown: method, file and line, where
// a table has them and the machine has not.
func (s *Session) Explained(err error) error {
	var thrown *vm.JavaException
	if !errors.As(err, &thrown) {
		return err
	}
	file, line := s.sources.Line(thrown.At.Method, thrown.At.PC)
	if file == "" || strings.Contains(err.Error(), fmt.Sprintf("%s:%d", file, line)) {
		return err
	}
	return reworded{err, strings.Replace(err.Error(), thrown.Where, s.sources.Site(thrown.At), 1)}
}

// reworded is an error with another text.
type reworded struct {
	error
	text string
}

func (r reworded) Error() string { return r.text }
func (r reworded) Unwrap() error { return r.error }
