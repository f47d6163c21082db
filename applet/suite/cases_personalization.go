package suite

import (
	"bytes"
	"fmt"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
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
		s.learnCA(c.world.root, s.bank.ca)
		s.storeCertificate()
		s.storeBatchKey()
		s.storePIN()
		assert.Equal(c, first, s.makeKeys())
		s.succeeds(spec.Activate.Only())
		s.answers(spec.SWConditions, spec.GenerateKeyPair.Only())
	}},
	{"every card makes keys of its own", func(c *caseRun) {
		first, second := c.install().makeKeys(), c.install().makeKeys()
		assert.NotEqual(c, first, second)
	}},
	{"before activation the card neither pays nor answers reads", func(c *caseRun) {
		s := c.personalized()
		merchant := c.device(c.world.own, spec.RoleTerminal)
		pay := [][]byte{c.encode(c.request(merchant, 100, "")), merchant.encoded}
		s.model = &cardModel{} // for the next Instruction's numbers
		s.model.heads = []message.Hash{{}}
		s.model.date = today
		instruction := s.sign(s.next())
		s.model = nil
		for _, tt := range []struct {
			variant spec.Variant
			data    [][]byte
		}{
			{c.variant(spec.Verify, "plaintext"), [][]byte{c.block(ownPIN)}},
			{c.variant(spec.Verify, "plaintext"), nil},
			{c.variant(spec.ChangeReferenceData, "plaintext"),
				[][]byte{c.block(ownPIN), c.block(otherPIN)}},
			{c.variant(spec.ResetRetryCounter, "plaintext"),
				[][]byte{c.block(ownPUK), c.block(otherPIN)}},
			{spec.RequestPayment.Only(), [][]byte{c.asking(100, spec.Currency, "")}},
			{spec.Pay.Only(), pay},
			{spec.Accept.Only(), pay},
			{spec.Refuse.Only(), [][]byte{c.number(1)}},
			{spec.GetState.Only(), [][]byte{c.encode(s.challenge())}},
			{spec.Instruct.Only(), [][]byte{instruction}},
			{c.variant(spec.ReadRecord, "log"), nil},
			{c.variant(spec.GetData, "balance"), nil},
			{c.variant(spec.GetData, "certificate"), nil},
			{c.variant(spec.GetData, "batch certificate"), nil},
		} {
			assert.EqualValues(c, spec.SWConditions, s.exchange(tt.variant, tt.data...).SW,
				tt.variant.Title())
		}
	}},
	{"activation needs keys, certificate, PIN and certified batch key, once", func(c *caseRun) {
		s := c.install()
		activate := spec.Activate.Only()
		s.answers(spec.SWConditions, activate)
		s.learnCA(c.world.root, s.bank.ca)
		s.makeKeys()
		s.answers(spec.SWConditions, activate)
		s.storeCertificate()
		s.answers(spec.SWConditions, activate)
		s.storePIN()
		s.answers(spec.SWConditions, activate)
		s.succeeds(c.variant(spec.PutData, "batch key"), s.batchKey(s.bank.batch.key))
		s.answers(spec.SWConditions, activate)
		s.succeeds(c.variant(spec.PutData, "certificate"), s.bank.batch.encoded)
		s.succeeds(activate)
		s.answers(spec.SWConditions, activate)

		s = c.install()
		s.learnCA(c.world.root, s.bank.ca)
		s.makeKeys()
		s.storeBatchKey()
		s.storePIN()
		s.answers(spec.SWConditions, activate)

		s = c.install()
		s.learnCA(c.world.root, s.bank.ca)
		s.makeKeys()
		s.storeCertificate()
		s.storeBatchKey()
		s.answers(spec.SWConditions, activate)
	}},
	{"another batch key takes the former's place, and needs its own certificate", func(c *caseRun) {
		s := c.personalized()
		first, second := s.bank.batch, c.newBatch(s.bank.ca)
		load, put := c.variant(spec.PutData, "batch key"), c.variant(spec.PutData, "certificate")
		s.succeeds(load, s.batchKey(second.key))
		s.answers(spec.SWConditions, spec.Activate.Only())
		s.answers(spec.SWWrongData, put, first.encoded)
		s.succeeds(put, second.encoded)
		s.activate()
		assert.Equal(c, second.encoded, s.succeeds(c.variant(spec.GetData, "batch certificate")))
		s.answers(spec.SWConditions, load, s.batchKey(first.key))
	}},
	{"anybody may read the batch's certificate, and SELECT names the batch", func(c *caseRun) {
		s := c.personalized()
		assert.Empty(c, s.selectApplet().Batch)
		s.activate()
		s.newTap()
		assert.Equal(c, s.bank.batch.id(), s.selectApplet().Batch)
		assert.Equal(c, s.bank.batch.encoded,
			s.succeeds(c.variant(spec.GetData, "batch certificate")))
	}},
	{"a later certificate of the batch takes the place of the former", func(c *caseRun) {
		s := c.active()
		batch := s.bank.batch
		later := c.certify(s.bank.ca, entry{holder: string(batch.id()), role: spec.RoleBatch,
			key: &batch.key.PublicKey, to: farOff.AddDays(1)})
		s.enterPIN()
		s.succeeds(c.variant(spec.PutData, "certificate"), later.encoded)
		s.newTap()
		assert.Equal(c, later.encoded, s.succeeds(c.variant(spec.GetData, "batch certificate")))
		s.enterPIN()
		assert.Equal(c, s.certificate.encoded, s.succeeds(c.variant(spec.GetData, "certificate")))
	}},
	{"a later certificate stores its CA, and ends the session's others", func(c *caseRun) {
		s := c.active()
		own := s.renewals()
		s.enterPIN()
		s.certificate = c.certify(own[0].ca, entry{holder: string(s.id()), role: s.parameters.Role,
			key: s.public, to: farOff.AddDays(1)})
		s.succeeds(c.variant(spec.PutData, "certificate"), s.certificate.encoded)
		stored, other := c.device(own[0], spec.RoleTerminal), c.device(own[1], spec.RoleTerminal)
		assert.EqualValues(c, spec.SWPaymentLimit, s.asksTooMuch(stored))
		assert.EqualValues(c, spec.SWReferenceUnknown, s.asksTooMuch(other))
		assert.True(c, s.isStored(stored))
	}},
	{"a later certificate of the batch leaves the session what it has kept", func(c *caseRun) {
		s := c.active()
		own := s.renewals()
		s.enterPIN()
		batch := s.bank.batch
		s.succeeds(c.variant(spec.PutData, "certificate"), c.certify(own[0].ca,
			entry{holder: string(batch.id()), role: spec.RoleBatch, key: &batch.key.PublicKey,
				to: farOff.AddDays(1)}).encoded)
		for _, bank := range own {
			terminal := c.device(bank, spec.RoleTerminal)
			assert.EqualValues(c, spec.SWPaymentLimit, s.asksTooMuch(terminal))
		}
	}},
	{"certificate, batch key and first PIN need the keys", func(c *caseRun) {
		s := c.install()
		s.learnCA(c.world.root, s.bank.ca)
		unknown := c.certify(s.bank.ca, entry{holder: string(s.id()), role: spec.RoleCard})
		s.answers(spec.SWConditions, c.variant(spec.PutData, "certificate"), unknown.encoded)
		s.answers(spec.SWConditions, c.variant(spec.PutData, "first PIN"),
			s.firstPIN(c.block(ownPIN), c.block(ownPUK)))
		s.answers(spec.SWConditions, c.variant(spec.PutData, "batch key"),
			s.batchKey(s.bank.batch.key))
	}},
	{"the own certificate needs its CA, and what was refused is not there", func(c *caseRun) {
		s := c.install(func(p *message.InstallParameters) { p.Date = today })
		s.learnCA(c.world.root)
		s.makeKeys()
		put := c.variant(spec.PutData, "certificate")
		good := s.issue()
		s.answers(spec.SWReferenceUnknown, put, good.encoded)
		s.learnCA(s.bank.ca)
		s.answers(spec.SWCertificate, put, flipLast(good.encoded))
		s.answers(spec.SWConditions, spec.Activate.Only())
		s.succeeds(put, s.issue(func(e *entry) { e.to = today }).encoded)
	}},
	{"the first PIN is the last that was stored before activation", func(c *caseRun) {
		s := c.install()
		s.makeKeys()
		put := c.variant(spec.PutData, "first PIN")
		good := s.firstPIN(c.block(ownPIN), c.block(ownPUK))
		s.succeeds(put, good)
		s.succeeds(put, s.firstPIN(c.block(otherPIN), c.block(ownPUK)))
		s.learnCA(c.world.root, s.bank.ca)
		s.storeCertificate()
		s.storeBatchKey()
		s.succeeds(spec.Activate.Only())
		s.succeeds(c.variant(spec.Verify, "enciphered"),
			s.enciphered(s.nextNonce(), c.block(otherPIN)))
		s.answers(spec.SWConditions, put, good)
	}},
	{"a later certificate takes the place of the own one", func(c *caseRun) {
		s := c.active()
		put := c.variant(spec.PutData, "certificate")
		first := s.certificate
		later := s.issue(func(e *entry) { e.to = farOff.AddDays(1) })
		s.enterPIN()
		s.answers(spec.SWRole, put,
			s.issue(func(e *entry) { e.to = farOff.AddDays(1); e.role = spec.RoleSAM }).encoded)
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
		s.accept(payer, c.payment(payer, r))
	}},
	{"other install parameters than those of the spec are refused", func(c *caseRun) {
		s := c.install()
		good, err := s.parameters.Encode()
		c.must(err)
		for what, corrupt := range inOrder(map[string]func(b []byte) []byte{
			"one byte more":     func(b []byte) []byte { return append(b, 0) },
			"one byte less":     func(b []byte) []byte { return b[:len(b)-1] },
			"nothing":           func(b []byte) []byte { return nil },
			"another first tag": func(b []byte) []byte { b[0] ^= 1; return b },
			"a terminal's role": func(b []byte) []byte {
				b[installRole] = byte(spec.RoleTerminal)
				return b
			},
			"more transactions than slots": func(b []byte) []byte {
				b[installTransactions+1] = s.parameters.Slots + 1
				return b
			},
			"more transactions than any log": func(b []byte) []byte {
				b[installTransactions] = 1
				return b
			},
			"transactions above a signed number": func(b []byte) []byte {
				b[installTransactions] = 0x80
				return b
			},
			"too few slots": func(b []byte) []byte {
				b[installSlots] = spec.MinSlots - 1
				return b
			},
			"no slots": func(b []byte) []byte { b[installSlots] = 0; return b },
			"too many slots": func(b []byte) []byte {
				b[installSlots] = spec.MaxSlots + 1
				return b
			},
			"more attacks than it counts": func(b []byte) []byte {
				b[installMaxAttacks] = spec.MostAttacks + 1
				return b
			},
		}) {
			_, err := c.target.Install(c.ctx, corrupt(bytes.Clone(good)))
			assert.Error(c, err, what)
		}
	}},
}

// Places of values in install parameters (spec.InstallData).
const (
	installRole     = 2 + spec.DeviceIDLength + 2 + spec.HashLength + 2
	installCeilings = installRole + 1 + 2

	installTransactions = installCeilings + spec.AmountLength
	installSlots        = installCeilings + spec.CeilingsLength + 2
	installMaxAttacks   = installSlots + 1 + 2
)

// flipLast changes the last bit.
func flipLast(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// renewals are the own intermediary with other CAs, as many as a session keeps, which the card
// learns.
func (s *subject) renewals() (all []*intermediary) {
	for n := range spec.AuthoritiesKept {
		ca := s.c.certify(s.c.world.root, entry{
			holder: fmt.Sprintf("%s%05d", s.bank.ca.name(), 2+n), role: spec.RoleIntermediary})
		s.learnCA(ca)
		all = append(all, &intermediary{ca: ca})
	}
	return all
}
