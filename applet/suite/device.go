package suite

import (
	"crypto/elliptic"
	"math/big"
	"slices"

	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
)

// device is the other side of a payment, in software: a terminal, a desk, or another
// card, which may also misbehave.
type device struct {
	*party
	ca      *party
	numbers uint32
	atc     uint32
}

// request makes the device's next signed Request; payer may be empty.
func (c *caseRun) request(d *device, amount money.Ore, payer message.DeviceID) *message.Request {
	return c.requestOn(d.day(), d, amount, payer)
}

// day is the date that the device's Requests have: a terminal and a desk have a clock.
func (d *device) day() message.Date {
	if role := d.certificate.Role; role == spec.RoleTerminal || role == spec.RoleDesk {
		return today
	}
	return message.Date{}
}

// requestOn has it ask with that date, or none.
func (c *caseRun) requestOn(
	day message.Date, d *device, amount money.Ore, payer message.DeviceID,
) *message.Request {
	d.numbers++
	r := &message.Request{Payee: d.id(), Number: d.numbers, Amount: amount, Date: day, Payer: payer}
	c.must(entropy.Fill(c.source(), r.Random[:]))
	c.must(message.Sign(r, d.key))
	return r
}

// payment pays a card's Request.
func (c *caseRun) payment(d *device, r *message.Request) *message.Payment {
	d.atc++
	p := &message.Payment{Payer: d.id(), ATC: d.atc, Request: *r}
	c.must(message.Sign(p, d.key))
	return p
}

// encode is the message as the wire has it.
func (c *caseRun) encode(m message.Message) []byte {
	b, err := message.Encode(m)
	c.must(err)
	return b
}

// identity is the message's identity.
func (c *caseRun) identity(m message.Message) message.Hash {
	h, err := message.Identity(m)
	c.must(err)
	return h
}

// malleated is another valid signature over the same body: (r, n-s).
func malleated(s signature.Plain) signature.Plain {
	half := s[spec.ScalarLength:]
	n := new(big.Int).Sub(elliptic.P256().Params().N, new(big.Int).SetBytes(half))
	n.FillBytes(half)
	return s
}

// broken is the signature with one bit wrong.
func broken(s signature.Plain) signature.Plain {
	s[len(s)-1] ^= 1
	return s
}

// forge changes the body of an encoded message, whose one signature is its last
// data object, and signs what has become of it.
func (c *caseRun) forge(encoded []byte, signer *party, change func(body []byte)) []byte {
	body := slices.Clone(encoded[:len(encoded)-signatureObject])
	change(body)
	s, err := signature.Sign(signer.key, body)
	c.must(err)
	return append(append(body, encoded[len(body):len(body)+3]...), s[:]...)
}

// signatureObject is the length of DO 5F37.
const signatureObject = 3 + spec.SignatureLength
