package suite

import (
	"bytes"

	"github.com/stretchr/testify/assert"

	"ekrona/apdu"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
)

var personalizationCases = []testCase{
	{"personalization leads to an active card without money", func(c *caseRun) {
		s := c.active()
		state := s.state()
		assert.Zero(c, state.Balance)
		assert.Zero(c, state.ATC)
	}},
	{"the keys are made once and proved again until activation", func(c *caseRun) {
		s := c.install()
		first := s.makeKeys()
		assert.Equal(c, first, s.makeKeys())
		s.newTap()
		assert.Equal(c, first, s.makeKeys())
		s.meet(c.world.root, s.bank.ca)
		s.storeCertificate()
		s.storePIN()
		assert.Equal(c, first, s.makeKeys())
		s.succeeds(spec.Activate.Only())
		s.answers(spec.SWConditions, spec.GenerateKeyPair.Only())
	}},
	{"every card makes keys of its own", func(c *caseRun) {
		first, second := c.install().makeKeys(), c.install().makeKeys()
		assert.NotEqual(c, first, second)
	}},
	{"before activation the card neither pays nor tells", func(c *caseRun) {
		s := c.personalized()
		shop := c.device(c.world.own, spec.RoleTerminal)
		pay := [][]byte{c.encode(c.request(shop, 100, "")), shop.encoded}
		s.book = &book{} // for the next Instruction's numbers
		s.book.heads = []message.Hash{{}}
		s.book.date = today
		instruction := s.sign(s.next())
		s.book = nil
		for _, tt := range []struct {
			variant spec.Variant
			data    [][]byte
		}{
			{c.variant(spec.Verify, "plaintext"), [][]byte{c.block(ownPIN)}},
			{c.variant(spec.Verify, "plaintext"), nil},
			{c.variant(spec.ChangeReferenceData, "plaintext"), [][]byte{c.block(ownPIN), c.block(otherPIN)}},
			{c.variant(spec.ResetRetryCounter, "plaintext"), [][]byte{c.block(ownPUK), c.block(otherPIN)}},
			{spec.RequestPayment.Only(), [][]byte{c.asking(100, spec.Currency, "")}},
			{spec.Pay.Only(), pay},
			{spec.Accept.Only(), pay},
			{spec.Refuse.Only(), [][]byte{c.number(1)}},
			{spec.GetState.Only(), [][]byte{c.encode(s.challenge())}},
			{spec.Instruct.Only(), [][]byte{instruction}},
			{c.variant(spec.ReadRecord, "log"), nil},
			{c.variant(spec.GetData, "balance"), nil},
			{c.variant(spec.GetData, "certificate"), nil},
		} {
			assert.EqualValues(c, spec.SWConditions, s.exchange(tt.variant, tt.data...).SW, tt.variant.Title())
		}
	}},
	{"activation needs keys, certificate and PIN, once", func(c *caseRun) {
		s := c.install()
		activate := spec.Activate.Only()
		s.answers(spec.SWConditions, activate)
		s.meet(c.world.root, s.bank.ca)
		s.makeKeys()
		s.answers(spec.SWConditions, activate)
		s.storeCertificate()
		s.answers(spec.SWConditions, activate)
		s.storePIN()
		s.succeeds(activate)
		s.answers(spec.SWConditions, activate)

		s = c.install()
		s.meet(c.world.root, s.bank.ca)
		s.makeKeys()
		s.storePIN()
		s.answers(spec.SWConditions, activate)
	}},
	{"certificate and first PIN need the keys", func(c *caseRun) {
		s := c.install()
		s.meet(c.world.root, s.bank.ca)
		stranger := c.certify(s.bank.ca, entry{holder: string(s.id()), role: spec.RoleCard})
		s.answers(spec.SWConditions, c.variant(spec.PutData, "certificate"), stranger.encoded)
		s.answers(spec.SWConditions, c.variant(spec.PutData, "first PIN"), s.firstPIN(c.block(ownPIN), c.block(ownPUK)))
	}},
	{"the own certificate is the card's or is refused", func(c *caseRun) {
		s := c.install(func(p *message.InstallParameters) { p.Date = today })
		s.meet(c.world.root)
		s.makeKeys()
		put := c.variant(spec.PutData, "certificate")
		good := s.issue()
		s.answers(spec.SWReferenceUnknown, put, good.encoded)
		s.meet(s.bank.ca, c.world.foreign.ca)
		refusals := []struct {
			what string
			sw   apdu.StatusWord
			cert []byte
		}{
			{"another key", spec.SWWrongData, s.issue(func(e *entry) { e.key = nil }).encoded},
			{"another id", spec.SWWrongData, s.issue(func(e *entry) { e.holder = s.bank.nextID() }).encoded},
			{"another role", spec.SWRole, s.issue(func(e *entry) { e.role = spec.RoleSAM }).encoded},
			{"a terminal's role", spec.SWRole, s.issue(func(e *entry) { e.role = spec.RoleTerminal }).encoded},
			{"a CA of another name", spec.SWRole, c.certify(c.world.foreign.ca, entry{holder: string(s.id()), role: spec.RoleCard, key: s.public}).encoded},
			{"expired", spec.SWExpired, s.issue(func(e *entry) { e.to = yesterday }).encoded},
			{"wrong signature", spec.SWCertificate, flipLast(good.encoded)},
			{"cut short", spec.SWWrongData, good.encoded[:len(good.encoded)-1]},
			{"one byte more", spec.SWWrongData, append(bytes.Clone(good.encoded), 0)},
			{"an authority's certificate", spec.SWWrongData, s.bank.ca.encoded},
		}
		for _, tt := range refusals {
			assert.Equal(c, tt.sw, s.exchange(put, tt.cert).SW, tt.what)
		}
		s.answers(spec.SWConditions, spec.Activate.Only())
		s.succeeds(put, s.issue(func(e *entry) { e.to = today }).encoded)
	}},
	{"the first PIN is authentic and well-formed or is refused", func(c *caseRun) {
		s := c.install()
		s.makeKeys()
		put := c.variant(spec.PutData, "first PIN")
		good := s.firstPIN(c.block(ownPIN), c.block(ownPUK))
		for _, tt := range []struct {
			what string
			sw   apdu.StatusWord
			data []byte
		}{
			{"wrong MAC", spec.SWMACWrong, flipLast(good)},
			{"PUK of 4 digits", spec.SWWrongData, s.firstPIN(c.block(ownPIN), c.block(ownPIN))},
			{"PIN of 3 digits", spec.SWWrongData, s.firstPIN([]byte{0x23, 0x12, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, c.block(ownPUK))},
			{"PIN of 13 digits", spec.SWWrongData, s.firstPIN([]byte{0x2D, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x3F}, c.block(ownPUK))},
			{"PIN with a letter", spec.SWWrongData, s.firstPIN([]byte{0x24, 0x12, 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, c.block(ownPUK))},
			{"PIN with a wrong filler", spec.SWWrongData, s.firstPIN([]byte{0x24, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xF0}, c.block(ownPUK))},
			{"another format", spec.SWWrongData, s.firstPIN([]byte{0x14, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, c.block(ownPUK))},
			{"cut short", spec.SWWrongData, good[:len(good)-1]},
		} {
			assert.Equal(c, tt.sw, s.exchange(put, tt.data).SW, tt.what)
		}
		s.succeeds(put, good)
		s.succeeds(put, s.firstPIN(c.block(otherPIN), c.block(ownPUK)))
		s.meet(c.world.root, s.bank.ca)
		s.storeCertificate()
		s.succeeds(spec.Activate.Only())
		s.succeeds(c.variant(spec.Verify, "plaintext"), c.block(otherPIN))
		s.answers(spec.SWConditions, put, good)
	}},
	{"a later certificate takes the place of the own one", func(c *caseRun) {
		s := c.active()
		put := c.variant(spec.PutData, "certificate")
		first := s.certificate
		sooner := s.issue(func(e *entry) { e.to = farOff.AddDays(-1) })
		later := s.issue(func(e *entry) { e.to = farOff.AddDays(1) })
		s.answers(spec.SWSecurity, put, later.encoded)
		s.enterPIN()
		s.answers(spec.SWDate, put, sooner.encoded)
		s.answers(spec.SWDate, put, first.encoded)
		s.answers(spec.SWRole, put, s.issue(func(e *entry) { e.to = farOff.AddDays(1); e.role = spec.RoleSAM }).encoded)
		read := c.variant(spec.GetData, "certificate")
		assert.Equal(c, first.encoded, s.succeeds(read))
		s.succeeds(put, later.encoded)
		assert.Equal(c, later.encoded, s.succeeds(read))
	}},
	{"a SAM is personalized like a card", func(c *caseRun) {
		s := c.active(func(p *message.InstallParameters) { p.Role = spec.RoleSAM })
		s.enterPIN()
		r := s.ask(1000, "")
		payer := c.device(c.world.own, spec.RoleCard)
		s.take(payer, c.payment(payer, r))
	}},
	{"other install parameters than those of the spec are refused", func(c *caseRun) {
		s := c.install()
		good, err := s.parameters.Encode()
		c.must(err)
		for what, spoil := range map[string]func(b []byte) []byte{
			"one byte more":       func(b []byte) []byte { return append(b, 0) },
			"one byte less":       func(b []byte) []byte { return b[:len(b)-1] },
			"nothing":             func(b []byte) []byte { return nil },
			"another first tag":   func(b []byte) []byte { b[0] ^= 1; return b },
			"a terminal's role":   func(b []byte) []byte { b[installRole] = byte(spec.RoleTerminal); return b },
			"ceilings of version": func(b []byte) []byte { b[installCeilings+1] = 1; return b },
		} {
			_, err := c.target.Install(c.ctx, spoil(bytes.Clone(good)))
			assert.Error(c, err, what)
		}
	}},
}

// Places of values in install parameters (spec.InstallData).
const (
	installRole     = 2 + spec.DeviceIDLength + 2 + spec.HashLength + 2
	installCeilings = installRole + 1 + 2
)

// flipLast changes the last bit.
func flipLast(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}
