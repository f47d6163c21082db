package suite

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/stretchr/testify/assert"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
)

var authorityCases = []testCase{
	{"the first root is the one of the anchor", func(c *caseRun) {
		s := c.install()
		present := spec.VerifyCertificate.Only()
		s.answers(spec.SWReferenceUnknown, present, s.bank.ca.encoded)
		s.answers(spec.SWReferenceUnknown, present, c.world.unknown.encoded)
		s.answers(spec.SWReferenceUnknown, present, c.world.link.encoded)
		s.answers(spec.SWCertificate, present, flipLast(c.world.root.encoded))
		s.answers(spec.SWReferenceUnknown, present, s.bank.ca.encoded)
		s.learnCA(c.world.root, s.bank.ca)
	}},
	{"an anchor that is no self-signed root's is refused", func(c *caseRun) {
		for what, other := range inOrder(map[string]*party{"intermediary": c.world.own.ca,
			"link": c.world.link}) {
			s := c.install(func(p *message.InstallParameters) {
				anchor, err := other.certificate.Anchor()
				c.must(err)
				p.RootAnchor = anchor
			})
			assert.EqualValues(c, spec.SWRole,
				s.exchange(spec.VerifyCertificate.Only(), other.encoded).SW, what)
		}
		old := c.certify(c.world.unknown,
			entry{holder: "SERIKSBK00009", role: spec.RoleRoot, key: &c.world.unknown.key.PublicKey,
				to: yesterday})
		s := c.install(func(p *message.InstallParameters) {
			anchor, err := old.certificate.Anchor()
			c.must(err)
			p.RootAnchor = anchor
		})
		s.answers(spec.SWExpired, spec.VerifyCertificate.Only(), old.encoded)
	}},
	{"a first root whose point is none is refused", func(c *caseRun) {
		altered := bytes.Clone(c.world.root.encoded)
		point, err := c.world.root.certificate.PublicKey.Bytes()
		c.must(err)
		altered[bytes.Index(altered, point)] = 0x02 // compressed
		body := altered[bytes.Index(altered, []byte{0x7F, 0x4E}) : len(altered)-signatureObject]
		s := c.install(func(p *message.InstallParameters) { p.RootAnchor = sha256.Sum256(body) })
		s.answers(spec.SWWrongData, spec.VerifyCertificate.Only(), altered)
	}},
	{"an authority's certificate is taken until its last day, and again", func(c *caseRun) {
		s := c.install()
		s.learnCA(c.world.root)
		s.learnCA(s.bank.ca, s.bank.ca)
		s.learnCA(c.certify(c.world.root,
			entry{holder: string(s.bank.ca.name()) + "00002", role: spec.RoleIntermediary,
				to: today}))
	}},
	{"the own CA stays, the others take turns as they serve payments", func(c *caseRun) {
		s := c.active()
		terminals := make([]*device, spec.CACache)
		for n := range terminals {
			terminals[n] = c.device(c.bank(n), spec.RoleTerminal)
		}
		serve := func(d *device) {
			c.Helper()
			if s.model.balance == 0 {
				s.load(2)
			}
			s.newTap()
			if !s.isStored(d) {
				s.learnCA(d.ca)
			}
			s.pay(d, c.request(d, 1, ""))
			assert.True(c, s.isStored(d))
		}
		own := c.device(s.bank, spec.RoleTerminal)
		for _, d := range terminals {
			assert.False(c, s.isStored(d))
			serve(d)
		}
		assert.False(c, s.isStored(terminals[0]), "the first has been pushed out by the fourth")
		for _, d := range terminals[1:] {
			assert.True(c, s.isStored(d))
		}
		assert.True(c, s.isStored(own), "the own CA stays")
		for round := range 2 * len(terminals) { // and so on in turn
			serve(terminals[round%len(terminals)])
			for n, d := range terminals {
				assert.Equal(c, n != (round+1)%len(terminals), s.isStored(d),
					"terminal %d after round %d", n, round)
			}
			assert.True(c, s.isStored(own), "the own CA stays")
		}
	}},
	{"a CA not met before: the card asks for it, keeps the PIN, and pays", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.foreign, spec.RoleTerminal)
		r := c.request(merchant, 2500, "")
		s.enterPIN()
		s.answers(spec.SWReferenceUnknown, spec.Pay.Only(), c.encode(r), merchant.encoded)
		s.learnCA(c.world.foreign.ca)
		s.payVerified(merchant, r)
	}},
	{"the certificates of the payees paid last are not verified again, until another CA is stored",
		func(c *caseRun) {
			s := c.generous(func(i *message.Instruction) { i.Credit = 5000 })
			// A payment that the certificate's signature, with a bit turned, is no hindrance to.
			isFamiliar := func(d *device) bool {
				r := c.request(d, 100, "")
				s.enterPIN()
				answer := s.exchange(spec.Pay.Only(), c.encode(r), flipLast(d.encoded))
				if answer.SW == apdu.OK {
					s.enterPayment(r, answer.Data)
				} else {
					assert.EqualValues(c, spec.SWCertificate, answer.SW)
				}
				return answer.SW == apdu.OK
			}
			var payees []*device
			for range spec.PayeesKept + 1 {
				payees = append(payees, c.device(s.bank, spec.RoleTerminal))
				s.pay(payees[len(payees)-1], c.request(payees[len(payees)-1], 100, ""))
			}
			assert.False(c, isFamiliar(payees[0]), "the one paid longest ago")
			for _, d := range payees[1:] {
				assert.True(c, isFamiliar(d))
			}
			other := c.device(c.world.foreign, spec.RoleTerminal)
			s.learnCA(c.world.foreign.ca)
			s.enterPIN()
			s.payVerified(other, c.request(other, 100, ""))
			assert.False(c, isFamiliar(payees[spec.PayeesKept]),
				"certified by what was stored before")
			assert.True(c, isFamiliar(other))
		}},
	{"what was presented ends with the session, and served nobody", func(c *caseRun) {
		s := c.loaded(10000)
		merchant := c.device(c.world.foreign, spec.RoleTerminal)
		s.learnCA(c.world.foreign.ca)
		s.enterPIN()
		r := c.request(merchant, 2500, "")
		s.answers(spec.SWSignature, spec.Pay.Only(), flipLast(c.encode(r)), merchant.encoded)
		assert.False(c, s.isStored(merchant))
		s.learnCA(c.world.foreign.ca)
		s.pay(merchant, r)
		assert.True(c, s.isStored(merchant))
	}},
	{"a session keeps two of what was presented, in turn", func(c *caseRun) {
		s := c.loaded(10000)
		var terminals []*device
		for n := range spec.AuthoritiesKept + 1 {
			terminals = append(terminals, c.device(c.bank(n), spec.RoleTerminal))
			s.learnCA(terminals[n].ca)
		}
		s.enterPIN()
		assert.EqualValues(c, spec.SWReferenceUnknown, s.asksTooMuch(terminals[0]))
		assert.EqualValues(c, spec.SWPaymentLimit, s.asksTooMuch(terminals[1]))
		assert.EqualValues(c, spec.SWPaymentLimit, s.asksTooMuch(terminals[2]))
		s.payVerified(terminals[1], c.request(terminals[1], 100, ""))
		s.enterPIN()
		assert.EqualValues(c, spec.SWPaymentLimit, s.asksTooMuch(terminals[1]))
		assert.EqualValues(c, spec.SWReferenceUnknown, s.asksTooMuch(terminals[2]),
			"only the one that served is known")
	}},
	{"ACCEPT stores the payer's CA, and ends what else the session has kept", func(c *caseRun) {
		s := c.active()
		s.enterPIN()
		var payers []*device
		for n := range spec.AuthoritiesKept {
			payers = append(payers, c.device(c.bank(n), spec.RoleCard))
			s.learnCA(payers[n].ca)
		}
		served, other := payers[0], payers[1]
		s.accept(served, c.payment(served, s.ask(100, "")))
		s.doesNotAccept(spec.SWReferenceUnknown, other,
			c.encode(c.payment(other, s.ask(100, ""))))
		assert.True(c, s.isStored(served))
	}},
	{"a key whose point is refused takes the place of the one before", func(c *caseRun) {
		s := c.loaded(10000)
		var terminals []*device
		for n := range spec.AuthoritiesKept {
			terminals = append(terminals, c.device(c.bank(n), spec.RoleTerminal))
			s.learnCA(terminals[n].ca)
		}
		third := c.bank(spec.AuthoritiesKept).ca
		point, err := third.certificate.PublicKey.Bytes()
		c.must(err)
		s.answers(spec.SWWrongData, spec.VerifyCertificate.Only(),
			c.forgeCertificate(third.encoded, c.world.root, func(body []byte) {
				body[bytes.Index(body, point)] = 0x02 // compressed
			}))
		s.enterPIN()
		assert.EqualValues(c, spec.SWReferenceUnknown, s.asksTooMuch(terminals[0]))
		assert.EqualValues(c, spec.SWPaymentLimit, s.asksTooMuch(terminals[1]))
	}},
	{"a CA's later certificate counts, an earlier one changes nothing", func(c *caseRun) {
		s := c.loaded(5000)
		until := func(end message.Date) *party {
			return c.certify(c.world.root,
				entry{holder: "SEFJORDB00001", role: spec.RoleIntermediary,
					key: &c.world.foreign.ca.key.PublicKey, to: end})
		}
		merchant := c.device(c.world.foreign, spec.RoleTerminal)
		s.learnCA(until(today))
		s.pay(merchant, c.request(merchant, 100, ""))
		s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
		s.enterPIN()
		s.refuses(spec.SWExpired, merchant, c.encode(c.request(merchant, 100, "")))
		s.learnCA(until(nextYear), until(tomorrow), until(nextYear))
		s.payVerified(merchant, c.request(merchant, 100, ""))
		s.learnCA(until(tomorrow))
		s.instruct(func(i *message.Instruction) { i.Date = nextYear })
		s.pay(merchant, c.request(merchant, 100, ""))
	}},
	{"a known reference with another key is refused", func(c *caseRun) {
		s := c.loaded(1000)
		present := spec.VerifyCertificate.Only()
		for _, e := range []entry{
			{holder: string(s.bank.ca.name()) + "00001", role: spec.RoleIntermediary},
			{holder: string(s.bank.ca.name()) + "00001", role: spec.RoleInstructionKey},
			{holder: "SENOTARY00001", role: spec.RoleNotary},
			{holder: "SERIKSBK00001", role: spec.RoleRoot},
		} {
			s.answers(spec.SWKeyKnown, present, c.certify(c.world.root, e).encoded)
		}
		kept := entry{holder: "SEFJORDB00001", role: spec.RoleIntermediary}
		s.learnCA(c.world.foreign.ca)
		s.answers(spec.SWKeyKnown, present, c.certify(c.world.root, kept).encoded)
		s.newTap()
		s.learnCA(c.certify(c.world.root, kept))
		s.answers(spec.SWKeyKnown, present, c.world.foreign.ca.encoded)
	}},
	{"a certificate's signature is looked at before its dates", func(c *caseRun) {
		s := c.active()
		for _, role := range []spec.Role{spec.RoleIntermediary, spec.RoleNotary, spec.RoleRoot,
			spec.RoleCrisisKey} {
			old := c.certify(c.world.root,
				entry{holder: "SEBANK9100001", role: role, to: yesterday})
			s.answers(spec.SWCertificate, spec.VerifyCertificate.Only(), flipLast(old.encoded))
			s.answers(spec.SWExpired, spec.VerifyCertificate.Only(), old.encoded)
		}
	}},
	{"a link leads to the next root, and the one before still counts", func(c *caseRun) {
		s := c.active()
		late := c.certify(c.world.nextRoot,
			entry{holder: "SEBANK9100001", role: spec.RoleIntermediary})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), late.encoded)
		s.learnCA(c.world.link, late)
		s.learnCA(c.certify(c.world.root,
			entry{holder: "SEBANK9200001", role: spec.RoleIntermediary}))
		s.learnCA(c.world.link) // again: known, nothing changes
		s.newTap()
		s.learnCA(late)

		back := c.certify(c.world.root, entry{holder: "SERIKSBK00003", role: spec.RoleRoot})
		s.answers(spec.SWRole, spec.VerifyCertificate.Only(), back.encoded)
		brief := c.certify(c.world.nextRoot,
			entry{holder: "SERIKSBK00003", role: spec.RoleRoot, to: nextYear})
		s.answers(spec.SWDate, spec.VerifyCertificate.Only(), brief.encoded)
		third := c.certify(c.world.nextRoot, entry{holder: "SERIKSBK00003", role: spec.RoleRoot})
		s.learnCA(third)
		forgotten := c.certify(c.world.root,
			entry{holder: "SEBANK9300001", role: spec.RoleIntermediary})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), forgotten.encoded)
		s.learnCA(c.certify(third, entry{holder: "SEBANK9300001", role: spec.RoleIntermediary}))
	}},
	{"two links in one session, and a CA between them", func(c *caseRun) {
		s := c.active()
		third := c.certify(c.world.nextRoot, entry{holder: "SERIKSBK00003", role: spec.RoleRoot})
		s.learnCA(c.world.link, c.certify(c.world.nextRoot,
			entry{holder: "SEBANK9100001", role: spec.RoleIntermediary}), third)
	}},
	{"a certificate renews what the session has kept", func(c *caseRun) {
		for range 8 { // which of the two places is first is drawn
			s := c.loaded(1000)
			until := func(end message.Date) *party {
				return c.certify(c.world.root,
					entry{holder: "SEFJORDB00001", role: spec.RoleIntermediary,
						key: &c.world.foreign.ca.key.PublicKey, to: end})
			}
			s.learnCA(until(today), until(nextYear))
			s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
			merchant := c.device(c.world.foreign, spec.RoleTerminal)
			s.pay(merchant, c.request(merchant, 100, ""))
		}
	}},
	{"the Instruction that they signed stores notary and instruction key", func(c *caseRun) {
		s := c.loaded(1000)
		former, formerNotary := s.bank.instructionKey, c.world.notary
		next := c.certify(c.world.root,
			entry{holder: string(s.bank.ca.name()) + "00002", role: spec.RoleInstructionKey})
		notary := c.certify(c.world.root, entry{holder: "SENOTARY00002", role: spec.RoleNotary})
		s.learnCA(next, notary)
		s.state() // the former one verifies until then
		s.answers(spec.SWReferenceUnknown, spec.Instruct.Only(), s.signBy(s.next(), former,
			&party{key: notary.key, certificate: c.certify(c.world.root,
				entry{holder: "SENOTARY00003", role: spec.RoleNotary}).certificate}))
		i := s.next()
		s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.signBy(i, next, notary)))
		s.newTap()
		s.answers(spec.SWReferenceUnknown, spec.GetState.Only(), c.encode(s.challenge()))
		s.bank = &intermediary{ca: s.bank.ca, instructionKey: next}
		s.state()
		for _, old := range []*party{former, formerNotary} {
			s.learnCA(old) // no root is newer, nor ends either earlier
		}
		i = s.next()
		s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.signBy(i, next, formerNotary)))
		i = s.next()
		s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.signBy(i, former, formerNotary)))
		s.bank = &intermediary{ca: s.bank.ca, instructionKey: former}
	}},
	{"an Instruction ends the other keys that the session has kept", func(c *caseRun) {
		s := c.loaded(1000)
		var keys []*party
		for n := range spec.AuthoritiesKept {
			keys = append(keys, c.certify(c.world.root, entry{
				holder: fmt.Sprintf("%s%05d", s.bank.ca.name(), 2+n),
				role:   spec.RoleInstructionKey}))
		}
		s.learnCA(keys...)
		s.state()
		i := s.next()
		s.enterInstruction(i,
			s.succeeds(spec.Instruct.Only(), s.signBy(i, keys[0], c.world.notary)))
		s.answers(spec.SWReferenceUnknown, spec.Instruct.Only(),
			s.signBy(s.next(), keys[1], c.world.notary))
		s.bank = &intermediary{ca: s.bank.ca, instructionKey: keys[0]}
	}},
	{"neither notary nor instruction key goes back", func(c *caseRun) {
		s := c.loaded(1000)
		present := spec.VerifyCertificate.Only()
		own := string(s.bank.ca.name())
		for _, e := range []entry{
			{holder: own + "00002", role: spec.RoleInstructionKey, to: nextYear},
			{holder: "SENOTARY00002", role: spec.RoleNotary, to: nextYear},
		} {
			s.answers(spec.SWDate, present, c.certify(c.world.root, e).encoded)
		}
		s.learnCA(c.world.link)
		key := c.certify(c.world.nextRoot,
			entry{holder: own + "00002", role: spec.RoleInstructionKey})
		notary := c.certify(c.world.nextRoot,
			entry{holder: "SENOTARY00002", role: spec.RoleNotary})
		rival := c.certify(c.world.root, entry{holder: own + "00003",
			role: spec.RoleInstructionKey})
		s.answers(spec.SWReferenceUnknown, present, rival.encoded)
		s.learnCA(key, notary)
		s.state()
		i := s.next()
		s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.signBy(i, key, notary)))
		for range 2 {
			s.answers(spec.SWReferenceUnknown, present, rival.encoded)
			s.answers(spec.SWReferenceUnknown, present, c.world.notary.encoded)
			s.newTap()
		}
		s.bank = &intermediary{ca: s.bank.ca, instructionKey: key}
		s.state()
		i = s.next()
		s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.signBy(i, key, notary)))
	}},
	{"a link ends what the session has kept by the root before", func(c *caseRun) {
		s := c.loaded(1000)
		rival := c.certify(c.world.root, entry{holder: string(s.bank.ca.name()) + "00003",
			role: spec.RoleInstructionKey})
		notary := c.certify(c.world.root, entry{holder: "SENOTARY00003", role: spec.RoleNotary})
		s.learnCA(rival)
		s.state()
		s.learnCA(rival, notary, c.world.link)
		s.answers(spec.SWReferenceUnknown, spec.Instruct.Only(), s.signBy(s.next(), rival, notary))
		for _, former := range []*party{rival, notary} {
			s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), former.encoded)
		}
		i := s.next()
		s.enterInstruction(i, s.succeeds(spec.Instruct.Only(), s.sign(i)))
	}},
	{"a certificate by the next root renews a key that is known", func(c *caseRun) {
		s := c.loaded(1000)
		s.learnCA(c.world.link)
		again := c.certify(c.world.nextRoot, entry{
			holder: string(s.bank.ca.name()) + "00001", role: spec.RoleInstructionKey,
			key: &s.bank.instructionKey.key.PublicKey})
		s.learnCA(again)
		s.instruct()
		rival := c.certify(c.world.root, entry{holder: string(s.bank.ca.name()) + "00003",
			role: spec.RoleInstructionKey})
		s.answers(spec.SWReferenceUnknown, spec.VerifyCertificate.Only(), rival.encoded)
		s.learnCA(again, s.bank.instructionKey) // known, for as long
	}},
}

// isStored reports whether the card knows a payee's CA without being told. It begins a
// session.
func (s *subject) isStored(d *device) bool {
	s.newTap()
	s.enterPIN()
	return s.asksTooMuch(d) == spec.SWPaymentLimit
}

// asksTooMuch is how the card refuses a payee more than a payment may have: the limit comes after
// the CA.
func (s *subject) asksTooMuch(d *device) apdu.StatusWord {
	r := s.c.request(d, 1000000, "")
	return s.exchange(spec.Pay.Only(), s.c.encode(r), d.encoded).SW
}

// bank is one of many other intermediaries, with a CA alone.
func (c *caseRun) bank(n int) *intermediary {
	return &intermediary{ca: c.certify(c.world.root,
		entry{holder: fmt.Sprintf("SEBANK%02d00001", n), role: spec.RoleIntermediary})}
}

// signBy has two authorities sign an Instruction and returns it as the wire has it.
func (s *subject) signBy(i *message.Instruction, key, notary *party) []byte {
	i.InstructionKey, i.Notary = key.reference(), notary.reference()
	s.c.must(message.SignAs(i, message.ByIntermediary, key.key))
	s.c.must(message.SignAs(i, message.ByNotary, notary.key))
	return s.c.encode(i)
}
