package suite

import (
	"ekrona.example/apdu/spec"
)

// idCases are ids at the edge of what is one. Those beyond it are attacks.
var idCases = []testCase{
	{"REQUEST names an id of the first and last characters of ids", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		s.ask(100, "SENORDIC09AZ90ZA")
	}},
	{"PAY a payee whose id has the first and last characters of ids", func(c *caseRun) {
		s := c.loaded(1000)
		s.enterPIN()
		edges := &device{party: c.certify(s.bank.ca,
			entry{holder: string(s.bank.ca.name()) + "09AZ90ZA", role: spec.RoleTerminal}),
			ca: s.bank.ca}
		s.payVerified(edges, c.request(edges, 100, ""))
	}},
}
