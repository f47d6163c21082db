package scp03

import (
	"crypto/subtle"
	"errors"

	"ekrona.example/apdu"
	"ekrona.example/apdu/gpc"
)

// ErrWrongCryptogram reports to a card that the host does not know its keys.
var ErrWrongCryptogram = errors.New("scp03: the host's cryptogram is wrong")

// Responder is the card's side of a session, from INITIALIZE UPDATE on.
type Responder struct {
	session       *session
	authenticated bool
}

// NewResponder starts a session with the challenges of both sides, 8 or 16 bytes each.
func NewResponder(keys Keys, hostChallenge, cardChallenge []byte) (*Responder, error) {
	s, err := newSession(keys, hostChallenge, cardChallenge)
	if err != nil {
		return nil, err
	}
	return &Responder{session: s}, nil
}

// Copy returns a responder at the same place of the same session; what either does later does not
// change the other.
func (r *Responder) Copy() *Responder {
	session := *r.session // whose slices are never changed
	return &Responder{&session, r.authenticated}
}

// Cryptogram is the card's, for the answer to INITIALIZE UPDATE.
func (r *Responder) Cryptogram() ([]byte, error) {
	return r.session.cryptogram(constantCardCryptogram)
}

// Authenticate checks EXTERNAL AUTHENTICATE: its MAC, the host's cryptogram, the
// level in P1. Errors: ErrProtection, ErrWrongCryptogram, a level that does not
// exist.
func (r *Responder) Authenticate(c apdu.Command) error {
	level := Level(c.P1)
	if !level.Valid() {
		return errors.New("scp03: no such security level")
	}
	plain, err := r.session.unprotect(c)
	if err != nil {
		return err
	}
	want, err := r.session.cryptogram(constantHostCryptogram)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(want, plain.Data) != 1 {
		return ErrWrongCryptogram
	}
	r.session.level, r.authenticated = level, true
	return nil
}

// Authenticated reports whether the host has proved that it knows the keys.
func (r *Responder) Authenticated() bool { return r.authenticated }

// Level is the security level, once authenticated.
func (r *Responder) Level() Level { return r.session.level }

// SetLevel changes the level of the messages that follow. The caller ensures that the
// level is no lower than what EXTERNAL AUTHENTICATE asked for.
func (r *Responder) SetLevel(l Level) { r.session.level = l }

// Unwrap checks a command against the level and returns it without its protection. On
// ErrProtection the session is over (Amd D §5.6).
func (r *Responder) Unwrap(c apdu.Command) (apdu.Command, error) {
	if r.session.level == Plain {
		if c.CLA&gpc.SecureBit != 0 {
			return c, ErrProtection
		}
		return c, nil
	}
	return r.session.unprotect(c)
}

// Wrap protects the response to a command that Unwrap returned.
func (r *Responder) Wrap(response apdu.Response) (apdu.Response, error) {
	return r.session.seal(response)
}
