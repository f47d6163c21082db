package suite

import (
	"bytes"
	"encoding/binary"

	"ekrona/apdu/message"
	"ekrona/apdu/spec"
)

// idCases are messages that a stranger's key has signed, or a reader has altered, and
// that no host could read: a card that took one could not synchronise any more.
var idCases = []testCase{
	{"REQUEST names an id, or nobody", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		for _, odd := range besideIDs {
			for _, at := range []int{0, 7, spec.DeviceIDLength - 1} {
				id := []byte("SENORDIC00000099")
				id[at] = odd
				s.answers(spec.SWWrongData, spec.RequestPayment.Only(), c.asking(100, spec.Currency, message.DeviceID(id)))
			}
		}
		s.ask(100, "SENORDIC09AZ90ZA")
	}},
	{"PAY only a payee with an id", func(c *caseRun) {
		s := c.loaded(1000)
		shop := c.device(s.bank, spec.RoleTerminal)
		r := c.request(shop, 100, "")
		s.enterPIN()
		for _, odd := range besideIDs {
			for _, at := range []int{spec.NameLength, spec.DeviceIDLength - 1} {
				alter := inID(shop, at, odd)
				s.refuses(spec.SWWrongData, &device{party: &party{encoded: c.forgeCertificate(shop.encoded, s.bank.ca, alter)}}, c.forge(c.encode(r), shop.party, alter))
			}
		}
		edges := &device{party: c.certify(s.bank.ca, entry{holder: string(s.bank.ca.name()) + "09AZ90ZA", role: spec.RoleTerminal}), ca: s.bank.ca}
		s.payVerified(edges, c.request(edges, 100, ""))
	}},
	{"ACCEPT only from a payer with an id, and only a record that has a number", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		payer := c.device(s.bank, spec.RoleCard)
		p := c.payment(payer, s.ask(100, ""))
		for _, odd := range besideIDs {
			alter := inID(payer, spec.DeviceIDLength-1, odd)
			s.doesNotAccept(spec.SWWrongData, &device{party: &party{encoded: c.forgeCertificate(payer.encoded, s.bank.ca, alter)}}, c.forge(c.encode(p), payer.party, alter))
		}
		s.doesNotAccept(spec.SWWrongData, payer, c.forge(c.encode(p), payer.party, func(body []byte) {
			number := body[bytes.Index(body, []byte{0x9F, 0x36, spec.CounterLength})+3:]
			binary.BigEndian.PutUint32(number, 0)
		}))
		s.take(payer, p)
	}},
}

// besideIDs are the characters next to those of ids, and some from far away.
var besideIDs = []byte{0, '/', ':', '@', '[', 'a', 0x80, 0xFF}

// inID alters one character of a device's id wherever a body names it first.
func inID(d *device, at int, odd byte) func(body []byte) {
	return func(body []byte) { body[bytes.Index(body, []byte(d.id()))+at] = odd }
}
