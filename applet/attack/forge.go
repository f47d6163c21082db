package attack

import (
	"bytes"
	"crypto"
	"errors"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/apdu/tlv"
)

// signatureObject is the length of DO 5F37 in bytes: tag, length, signature.
const (
	signatureHeader = 3
	signatureObject = signatureHeader + spec.SignatureLength
)

// signed signs a message of one signer and encodes it.
func signed(m message.Message, by Identity) ([]byte, error) {
	if err := message.Sign(m, by.Signer); err != nil {
		return nil, err
	}
	return message.Encode(m)
}

// forge changes the body of an encoded message, whose one signature is its last data object,
// and signs the result.
func forge(encoded []byte, signer crypto.Signer, change func(body []byte) error) ([]byte, error) {
	end := len(encoded) - signatureObject
	body := bytes.Clone(encoded[:end])
	if err := change(body); err != nil {
		return nil, err
	}
	made, err := signature.Sign(signer, body)
	if err != nil {
		return nil, err
	}
	return append(append(body, encoded[end:end+signatureHeader]...), made[:]...), nil
}

// forgeCertificate changes the body of a certificate and has the issuer sign it.
func forgeCertificate(
	encoded []byte, issuer Identity, change func(body []byte) error,
) ([]byte, error) {
	header := bytes.Index(encoded, []byte{0x7F, 0x4E})
	body, err := forge(encoded[header:], issuer.Signer, change)
	return append(bytes.Clone(encoded[:header]), body...), err
}

// errNotThere reports that a body has nothing at the place that an attack wants to
// change.
var errNotThere = errors.New("attack: the message has no such field")

// find returns where the first data object with that tag and length begins in a message or
// certificate; -1 if there is none. It goes from object to object: the same bytes within a
// random point or signature are no header.
func find(body, header []byte) int {
	rest := tlv.NewReader(body)
	for !rest.Empty() {
		at := len(body) - len(rest.Rest())
		object, err := rest.Next()
		if err != nil {
			return -1
		}
		if bytes.HasPrefix(body[at:], header) {
			return at
		}
		if object.Tag.IsConstructed() {
			begin := len(body) - len(rest.Rest()) - len(object.Value)
			if i := find(object.Value, header); i >= 0 {
				return begin + i
			}
		}
	}
	return -1
}

// put writes value at an index behind the first data object with a header.
func put(header []byte, at int, value ...byte) func(body []byte) error {
	return func(body []byte) error {
		i := find(body, header)
		if i < 0 || i+len(header)+at+len(value) > len(body) {
			return errNotThere
		}
		copy(body[i+len(header)+at:], value)
		return nil
	}
}

// point is the header of a certificate's point.
var point = []byte{byte(spec.TagPoint), spec.PointLength}

// noPoints are changes of a certificate's point to forms that a card recognises as none before it
// computes.
var noPoints = []struct {
	name   string
	change func(body []byte) error
}{
	{"compressed", put(point, 0, 0x02)},
	{"infinity", put(point, 0, make([]byte, spec.PointLength)...)},
	{"x of no field", put(point, 1, prime.Bytes()...)},
	{"y above the field",
		put(point, 1+spec.ScalarLength, bytes.Repeat([]byte{0xFF}, spec.ScalarLength)...)},
	{"its own inverse", put(point, 1+spec.ScalarLength, make([]byte, spec.ScalarLength)...)},
}

// noPointWays are a blow by a certificate with each of them.
func noPointWays(with func(s *Setup, change func(body []byte) error) (Blow, error)) []Way {
	var ways []Way
	for _, p := range noPoints {
		ways = append(ways, Way{p.name, func(s *Setup) (Blow, error) { return with(s, p.change) }})
	}
	return ways
}

// offCurve makes a certificate's point one that is not on the curve.
func offCurve(body []byte) error {
	at := bytes.Index(body, append(bytes.Clone(point), 0x04))
	if at < 0 {
		return errNotThere
	}
	body[at+len(point)+spec.PointLength-1] ^= 1
	return nil
}

// backwards makes a certificate end before its first day: it sets the first day to the
// day after the last, and the last day one or ten years back.
func backwards(body []byte) error {
	from := bytes.Index(body, []byte{0x5F, 0x25, spec.DateLength}) + 3
	to := bytes.Index(body, []byte{0x5F, 0x24, spec.DateLength}) + 3
	if from < 3 || to < 3 {
		return errNotThere
	}
	first, last := body[from:from+spec.DateLength], body[to:to+spec.DateLength]
	copy(first, last)
	first[spec.DateLength-1] = (first[spec.DateLength-1] + 1) % 10
	if last[1] == 0 {
		last[0]--
	} else {
		last[1]--
	}
	return nil
}

// broken is the signature with one bit wrong.
func broken(s signature.Plain) signature.Plain {
	s[len(s)-1] ^= 1
	return s
}

// flipped is the bytes with the last bit wrong.
func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// besideIDs are the characters next to the range of ids, and some far from it.
var besideIDs = []byte{'*', 0, '/', ':', '@', '[', 'a', 0x80, 0xFF}

// strange makes a device's id invalid where a body names it first.
func strange(id message.DeviceID, at int, odd byte) func(body []byte) error {
	return func(body []byte) error {
		i := bytes.Index(body, []byte(id))
		if i < 0 {
			return errNotThere
		}
		body[i+at] = odd
		return nil
	}
}

// device makes a key that a CA certifies for a device of that role, of its own name.
func (s *Setup) device(of Intermediary, role spec.Role) (Identity, error) {
	return s.Certify(of.CA, Subject{Holder: string(s.NextID(of)), Role: role})
}

// request is a Request of a device over the setup's amount.
func (s *Setup) request(payee Identity, payer message.DeviceID) *message.Request {
	r := &message.Request{Payee: payee.id(), Number: 1, Amount: s.Amount, Payer: payer}
	if role := payee.Certificate.Role; role == spec.RoleTerminal || role == spec.RoleDesk {
		r.Date = s.Next.Date
	}
	return r
}

// payment is a Payment of the card's open Request by a device.
func (s *Setup) payment(payer message.DeviceID) (*message.Payment, error) {
	if s.Asked == nil {
		return nil, errNotAsked
	}
	return &message.Payment{Payer: payer, ATC: max(1, s.ATC), Request: *s.Asked}, nil
}

// requested is PAY with a genuine Request of the payee.
func (s *Setup) requested(payee Identity, payer message.DeviceID) (Blow, error) {
	encoded, err := signed(s.request(payee, payer), payee)
	return pay(encoded, payee.Encoded), err
}

// paidBy is ACCEPT with a genuine Payment of the card's open Request by the payer.
func (s *Setup) paidBy(payer Identity) (Blow, error) {
	p, err := s.payment(payer.id())
	if err != nil {
		return Blow{}, err
	}
	encoded, err := signed(p, payer)
	return accept(encoded, payer.Encoded), err
}

// cut is a good blow whose message loses or gets bytes.
func cut(
	name string, good func(s *Setup) (Blow, error), change func(good []byte) []byte,
) Way {
	return Way{name, func(s *Setup) (Blow, error) {
		blow, err := good(s)
		if err == nil {
			blow.Data[0] = change(blow.Data[0])
		}
		return blow, err
	}}
}

// errNotAsked reports that an attack is on an open Request, and the card has none.
var errNotAsked = errors.New("attack: the card has no open Request")

// expired makes a key that a CA certifies for a device until before the card's date.
func (s *Setup) expired(role spec.Role) (Identity, error) {
	of := Subject{Holder: string(s.NextID(s.Own)), Role: role, Expired: true}
	return s.Certify(s.Own.CA, of)
}

// noDate makes the last digit of a certificate's date none: of 5F24, the last day, or 5F25, the
// first.
func noDate(second byte) func(body []byte) error {
	return put([]byte{0x5F, second, spec.DateLength}, spec.DateLength-1, 0x0A)
}
