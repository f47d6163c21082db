package gpc

import (
	"fmt"
)

// lvReader takes fields that follow their length (GPC §11.5.2.3).
type lvReader struct {
	rest []byte
	err  error
}

// next takes a field with a length of one byte.
func (r *lvReader) next(what string) []byte {
	if r.err == nil && len(r.rest) == 0 {
		r.err = fmt.Errorf("%w: %s is missing", ErrMalformed, what)
	}
	if r.err != nil {
		return nil
	}
	return r.take(what, 1, int(r.rest[0]))
}

// long takes a field with a length of one to three bytes, BER, where 80 may also
// stand for 128 (GPC §11.5.2.3.1).
func (r *lvReader) long(what string) []byte {
	if r.err != nil || len(r.rest) == 0 || r.rest[0] <= 0x80 {
		return r.next(what)
	}
	n, header, ok := berLength(r.rest)
	if !ok {
		r.err = fmt.Errorf("%w: the length of %s has a wrong form", ErrMalformed, what)
		return nil
	}
	return r.take(what, header, n)
}

func (r *lvReader) take(what string, header, n int) []byte {
	if len(r.rest)-header < n {
		r.err = fmt.Errorf("%w: %s has %d bytes of %d", ErrMalformed, what, len(r.rest)-header, n)
		return nil
	}
	field := r.rest[header : header+n]
	r.rest = r.rest[header+n:]
	return field
}

// aid takes an AID, or none if it may be absent.
func (r *lvReader) aid(what string, optional bool) []byte {
	aid := r.next(what)
	if r.err == nil && !(optional && len(aid) == 0) && !validAID(aid) {
		r.err = fmt.Errorf("%w: %s has %d bytes; an AID has 5 to 16", ErrMalformed, what, len(aid))
	}
	return aid
}

// empty demands a field of no bytes.
func (r *lvReader) empty(what string) {
	if field := r.next(what); r.err == nil && len(field) > 0 {
		r.err = fmt.Errorf("%w: %s must be empty", ErrMalformed, what)
	}
}

// token takes the last field, which this program's cards never ask for, and the
// end. Some hosts leave the field out.
func (r *lvReader) token() []byte {
	var token []byte
	if len(r.rest) > 0 {
		token = r.long("token")
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%w: %d bytes follow the last field", ErrMalformed, len(r.rest))
	}
	return token
}

func validAID(aid []byte) bool { return len(aid) >= MinAIDLength && len(aid) <= MaxAIDLength }

// berLength reads the length forms 81 and 82 in their shortest use.
func berLength(b []byte) (n, header int, ok bool) {
	switch {
	case len(b) >= 2 && b[0] == 0x81 && b[1] >= 0x80:
		return int(b[1]), 2, true
	case len(b) >= 3 && b[0] == 0x82 && b[1] > 0:
		return int(b[1])<<8 | int(b[2]), 3, true
	}
	return 0, 0, false
}

// appendLV writes a field of at most 127 bytes after its length.
func appendLV(out []byte, field []byte) []byte {
	return append(append(out, byte(len(field))), field...)
}

// appendLong writes a field after its BER length.
func appendLong(out []byte, field []byte) []byte {
	switch n := len(field); {
	case n < 0x80:
		out = append(out, byte(n))
	case n <= 0xFF:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, field...)
}
