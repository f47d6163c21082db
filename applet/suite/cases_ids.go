package suite

import (
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
	{"PAY a payee whose id has the first and last characters of ids", func(c *caseRun) {
		s := c.loaded(1000)
		s.enterPIN()
		edges := &device{party: c.certify(s.bank.ca, entry{holder: string(s.bank.ca.name()) + "09AZ90ZA", role: spec.RoleTerminal}), ca: s.bank.ca}
		s.payVerified(edges, c.request(edges, 100, ""))
	}},
}

// besideIDs are the characters next to those of ids, and some from far away.
var besideIDs = []byte{0, '/', ':', '@', '[', 'a', 0x80, 0xFF}
