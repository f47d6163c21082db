package suite

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"io"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
)

// caseRun is one running case: the T of testify, and the case's scheme, cards and
// secrets.
type caseRun struct {
	ctx      context.Context // of the one case; every step of it goes to the card
	target   Target
	coverage *coverage
	world    *cardScheme
	subject  *subject
	failures []string
	secrets  []secret // looked for by a MemoryInspector

	certifiedUntil message.Date // the end of certificates that name none; zero for farOff

	stop func() // ends the case at once

	random io.Reader                 // nil for the system's
	digits func(usual string) string // nil for the usual ones
	around func(installed apdu.Card, known func() *Knowledge) apdu.Card
}

// source is where the case's keys and random numbers come from.
func (c *caseRun) source() io.Reader {
	if c.random == nil {
		return rand.Reader
	}
	return c.random
}

func (c *caseRun) must(err error) {
	c.Helper()
	require.NoError(c, err)
}

// mustAnswer requires that a command was carried out.
func (c *caseRun) mustAnswer(r apdu.Response) {
	c.Helper()
	require.Equal(c, apdu.OK, r.SW, spec.StatusText(r.SW))
}

// The PIN and PUK of every card.
const (
	ownPIN   = "2580"
	otherPIN = "1357913"
	wrongPIN = "0000"
	ownPUK   = "73519862"
	wrongPUK = "00000000"
)

// subject is the card under test, with what the suite knows of it.
type subject struct {
	c     *caseRun
	below apdu.Card // what the target has installed
	raw   apdu.Card // the same, compared with the spec: one APDU at a time
	card  apdu.Card // whole commands

	parameters  message.InstallParameters
	bank        *intermediary
	endedBank   *intermediary    // another, whose CA the card knows and has ended; nil for none
	public      *ecdsa.PublicKey // verifies what it signs
	pinKey      *ecdsa.PublicKey // PINs are enciphered to it
	certificate *party
	lowestOrder uint32     // that its first PIN comes with
	group       uint8      // the same
	model       *cardModel // from activation on
	phone       *phone     // that the card is paired with, or nil

	paid, accepted, applied attack.Decision // for an attacker who has heard them

	sealed func(answer []byte) []byte // deciphers the answer to the last enciphered PAY, or nil
}

// pilotCeilings are the pilot's limits, and plaintext PINs by contactless.
func pilotCeilings() message.Policy {
	p := message.PilotPolicy()
	p.Flags |= spec.FlagPlaintextContactless
	return p
}

// highest are the highest ceilings of a card with that many slots.
func highest(slots uint8) message.Policy {
	return message.Policy{MaxBalance: message.MaxAmount, MaxTransactions: uint16(slots),
		MaxPayment: message.MaxAmount, MaxSpent: message.MaxAmount,
		Flags: spec.PilotFlags | spec.FlagPlaintextContactless}
}

func (s *subject) id() message.DeviceID { return s.parameters.Device }

// install takes a fresh card of the own intermediary and installs the applet: with the
// pilot's limits and the smallest log unless they are changed.
func (c *caseRun) install(change ...func(*message.InstallParameters)) *subject {
	s := &subject{c: c, bank: c.world.own, lowestOrder: 1}
	s.parameters = message.InstallParameters{
		Device:   c.world.nextID(s.bank),
		Role:     spec.RoleCard,
		Ceilings: pilotCeilings(),
		Slots:    spec.MinSlots,

		MaxAttacks: spec.DefaultAttacks,
		Date:       today,
	}
	var err error
	s.parameters.RootAnchor, err = c.world.root.certificate.Anchor()
	c.must(err)
	c.must(entropy.Fill(c.source(), s.parameters.Token[:]))
	for _, f := range change {
		f(&s.parameters)
	}
	c.keepToken(s.parameters.Token)
	encoded, err := s.parameters.Encode()
	c.must(err)
	card, err := c.target.Install(c.ctx, encoded)
	c.must(err)
	if c.around != nil {
		card = c.around(card, s.knowledge)
	}
	if memory, ok := c.target.(MemoryInspector); ok {
		card = &inspected{card: card, memory: memory, c: c}
	}
	s.below = card
	s.raw = apdu.Recorder{Card: card, Sink: c.coverage.record}
	s.card = apdu.Framing{Card: s.raw, ExtendedLength: !c.target.Capabilities().ShortOnly}
	s.selectApplet()
	c.subject = s
	return s
}

// exchange sends one command of the table and returns the response.
func (s *subject) exchange(v spec.Variant, data ...[]byte) apdu.Response {
	s.c.Helper()
	r, err := s.card.Transmit(s.c.ctx, v.APDU(data...))
	require.NoError(s.c, err, v.Title())
	return r
}

// answers sends one command, requires that status word and returns the data.
func (s *subject) answers(want apdu.StatusWord, v spec.Variant, data ...[]byte) []byte {
	s.c.Helper()
	r := s.exchange(v, data...)
	require.Equal(s.c, want, r.SW, "%s: %s", v.Title(), spec.StatusText(r.SW))
	if want != apdu.OK {
		require.Empty(s.c, r.Data, "%s: data beside an error", v.Title())
	}
	return r.Data
}

func (s *subject) succeeds(v spec.Variant, data ...[]byte) []byte {
	s.c.Helper()
	return s.answers(apdu.OK, v, data...)
}

// variant finds a variant that the spec must have.
func (c *caseRun) variant(command *spec.Command, name string) spec.Variant {
	v, found := command.Variant(name)
	require.True(c, found, "%s has no variant %q", command.Name, name)
	return v
}

// selectApplet begins a session.
func (s *subject) selectApplet() *message.FCI {
	fci, err := message.ParseFCI(s.succeeds(spec.Select.Only(), []byte(spec.AppletAID)))
	s.c.must(err)
	return fci
}

// newTap takes the power away and begins a session.
func (s *subject) newTap() {
	s.c.must(s.c.target.Reset(s.c.ctx))
	s.selectApplet()
}

// learnCA presents an authority's certificate.
func (s *subject) learnCA(authorities ...*party) {
	s.c.Helper()
	for _, a := range authorities {
		s.succeeds(spec.VerifyCertificate.Only(), a.encoded)
	}
}

// makeKeys makes the key pairs and checks the answer's authenticity.
func (s *subject) makeKeys() []byte {
	answer := s.succeeds(spec.GenerateKeyPair.Only())
	keys, err := pin.Token(s.parameters.Token).VerifyKeyAnswer(s.id(), answer)
	s.c.must(err)
	s.public, s.pinKey = keys.Signing, keys.PIN
	return answer
}

// issue makes the card's certificate.
func (s *subject) issue(change ...func(*entry)) *party {
	e := entry{holder: string(s.id()), role: s.parameters.Role, key: s.public}
	for _, f := range change {
		f(&e)
	}
	return s.c.certify(s.bank.ca, e)
}

// storeCertificate issues and stores the card's certificate.
func (s *subject) storeCertificate(change ...func(*entry)) {
	s.certificate = s.issue(change...)
	s.succeeds(s.c.variant(spec.PutData, "certificate"), s.certificate.encoded)
}

// storeBatchKey stores the batch key of the card's intermediary, and its certificate.
func (s *subject) storeBatchKey() {
	s.succeeds(s.c.variant(spec.PutData, "batch key"), s.batchKey(s.bank.batch.key))
	s.succeeds(s.c.variant(spec.PutData, "certificate"), s.bank.batch.encoded)
}

func (s *subject) storePIN() {
	s.succeeds(s.c.variant(spec.PutData, "first PIN"),
		s.firstPIN(s.c.block(ownPIN), s.c.block(ownPUK)))
}

// personalized takes a fresh card up to, not including, activation.
func (c *caseRun) personalized(change ...func(*message.InstallParameters)) *subject {
	s := c.install(change...)
	s.learnCA(c.world.root, c.world.notary, s.bank.ca, s.bank.instructionKey)
	s.makeKeys()
	s.storeCertificate()
	s.storeBatchKey()
	s.storePIN()
	return s
}

// active takes a fresh card through all of personalization.
func (c *caseRun) active(change ...func(*message.InstallParameters)) *subject {
	s := c.personalized(change...)
	s.activate()
	return s
}

// generous is an active card with the highest ceilings, and a policy as high.
func (c *caseRun) generous(change ...func(*message.Instruction)) *subject {
	s := c.active(func(p *message.InstallParameters) { p.Ceilings = highest(p.Slots) })
	raise := func(i *message.Instruction) {
		version := i.Policy.Version
		i.Policy = s.parameters.Ceilings
		i.Policy.Version = version + 1
	}
	s.instruct(append([]func(*message.Instruction){raise}, change...)...)
	return s
}

// activeUntil is an active card whose certificate has that last day.
func (c *caseRun) activeUntil(end message.Date) *subject {
	s := c.install()
	s.learnCA(c.world.root, c.world.notary, s.bank.ca, s.bank.instructionKey)
	s.makeKeys()
	s.storeCertificate(func(e *entry) { e.to = end })
	s.storeBatchKey()
	s.storePIN()
	s.activate()
	return s
}

func (s *subject) activate() {
	s.succeeds(spec.Activate.Only())
	s.openModel()
	if s.c.target.Capabilities().Contactless &&
		s.parameters.Ceilings.Has(spec.FlagPlaintextContactless) {
		s.instruct(func(i *message.Instruction) {
			i.Policy.Version++
			i.Policy.Flags |= spec.FlagPlaintextContactless
		})
		s.newTap() // nobody has shown a PIN or a Challenge
	}
}

// openModel begins the model of a card that has just been activated.
func (s *subject) openModel() {
	head, err := message.FirstHead(s.id(), s.public)
	s.c.must(err)
	s.model = &cardModel{
		heads: []message.Hash{head}, policy: message.DefaultPolicy().Under(s.parameters.Ceilings),
		life: spec.Active, date: s.parameters.Date, lowestOrder: s.lowestOrder, group: s.group,
	}
}

// loaded is an active card with a balance.
func (c *caseRun) loaded(balance money.Ore, change ...func(*message.InstallParameters)) *subject {
	s := c.active(change...)
	s.load(balance)
	return s
}

// enterPIN presents the right PIN in plaintext.
func (s *subject) enterPIN() {
	s.c.Helper()
	s.succeeds(s.c.variant(spec.Verify, "plaintext"), s.c.block(ownPIN))
}

// compareWithModel compares the card with the model at the end of a case.
func (c *caseRun) compareWithModel() {
	if s := c.subject; s != nil && s.model != nil {
		s.newTap()
		assert.Equal(c, s.model.life, s.selectApplet().LifeCycle)
		s.audit()
	}
}
