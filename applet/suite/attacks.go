package suite

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"math"
	"strings"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/attack"
	"ekrona.example/emulator/card"
)

// attackCases makes a case of every attack. Beside what the attack itself must leave as it
// was, the model of the card is compared at the end, as in every case.
func attackCases() []testCase {
	var cases []testCase
	for _, a := range attack.All() {
		cases = append(cases, testCase{caseOf(a), func(c *caseRun) {
			s := c.attacked(a.Card)
			require.NoError(c, a.Run(c.ctx, s.card, s.attacker()))
			if a.Keeps == attack.KeepsNothing || a.Keeps == attack.KeepsLed {
				s.model = nil // what the card took is no part of the model
			}
		}})
	}
	return cases
}

// Stage takes a fresh card of the target into the condition that an attack needs, and gives it to
// play with what an attacker knows. Played reports whether play was called. The error is that of
// play, or says what else went wrong: the card could not be prepared, it gave an answer that is in
// no row of the spec or, where keeps is set, it does not hold what it held before.
func (r *Runner) Stage(
	ctx context.Context, target Target, name string, condition attack.Condition, keeps bool,
	play func(card apdu.Card, s *attack.Setup) error,
) (played bool, err error) {
	if r.Seed != "" {
		r.world, r.random = nil, card.SeededRandom(r.Seed+" "+name)
	}
	run := &caseRun{ctx: ctx, target: target, coverage: newCoverage(), world: r.world,
		random: r.random}
	staged := testCase{name, func(c *caseRun) {
		s := c.attacked(condition)
		given := s.card
		if condition <= attack.Issued { // the spec knows nothing of a security domain's commands
			given = apdu.Framing{Card: s.below, ExtendedLength: !target.Capabilities().ShortOnly}
		}
		known := s.attacker()
		played = true
		if err = play(given, known); err != nil || !keeps {
			c.subject = nil // there is nothing to compare with the model
		}
	}}
	if failures := attempt(run, staged, &r.world); err == nil && len(failures) > 0 {
		err = errors.New(strings.Join(failures, "\n"))
	}
	return played, err
}

// caseOf is the name of an attack's case.
func caseOf(a attack.Attack) string { return "attack: " + a.Name }

// attacked is a card in the condition that an attack needs. An active one has records, some
// of them acknowledged.
func (c *caseRun) attacked(condition attack.Condition) *subject {
	switch condition {
	case attack.Managed:
		return c.install()
	case attack.Issued:
		return c.loaded(10000)
	case attack.Personalized:
		return c.personalized()
	case attack.Installed:
		s := c.install()
		s.learnCA(c.world.root)
		return s
	case attack.KeysMade:
		s := c.install()
		s.learnCA(c.world.root, s.bank.ca, c.world.foreign.ca)
		s.makeKeys()
		return s
	case attack.CardEnded, attack.OwnCAEnded, attack.CAEnded:
		return c.ended(condition)
	case attack.Brimful:
		return c.brimful()
	case attack.LastRecord, attack.LastRequest, attack.LastInstruction, attack.LastDay,
		attack.SpentAcross, attack.CountedAcross:
		return c.atEnd(condition)
	}
	s := c.loaded(10000)
	if condition == attack.Paired {
		s.pair()
	}
	merchant := c.device(s.bank, spec.RoleTerminal)
	for range 3 {
		s.pay(merchant, c.request(merchant, 100, ""))
	}
	s.instruct(func(i *message.Instruction) {
		i.AckedATC, i.Head, i.Policy.Version = 2, s.model.heads[2], 0x8000_8000
		switch condition {
		case attack.LastPolicy:
			i.Policy.Version = math.MaxUint32
		case attack.AllSpent:
			i.Policy.MaxSpent = 100 // as was paid since
		case attack.Flooded:
			i.Policy.Flags &^= spec.FlagPINToReceive
		}
	})
	s.bringTo(condition, merchant)
	return s
}

// bringTo brings an active card into a condition.
func (s *subject) bringTo(condition attack.Condition, merchant *device) {
	c := s.c
	stay := func(i *message.Instruction) { i.AckedATC, i.Head = 2, s.model.heads[2] }
	switch condition {
	case attack.Ordered, attack.LastOrder:
		number := uint32(5)
		if condition == attack.LastOrder {
			number = math.MaxUint32
		}
		s.instruct(func(i *message.Instruction) { i.OrderNumber = 3 })
		s.learnCA(c.world.crisis)
		s.take(c.crisisOrder(number, crisisRow()))
	case attack.LogFull:
		s.fillLog()
	case attack.Flooded:
		s.enterPIN()
		for len(s.model.stored()) < int(s.parameters.Slots)*3/4 {
			s.refuse(s.ask(1, ""))
		}
	case attack.NoTransaction:
		for len(s.model.stored()) < int(s.model.policy.MaxTransactions) {
			s.pay(merchant, c.request(merchant, 100, ""))
		}
	case attack.Decided:
		s.decide(merchant)
	case attack.AllOpen:
		s.enterPIN()
		for range spec.MaxOpenRequests {
			s.ask(100, "")
		}
	case attack.Asking:
		s.enterPIN()
		s.ask(100, "")
	case attack.Blocked, attack.Closed:
		s.enterPIN()
		s.ask(100, "")
		action := message.Actions(spec.ActionBlock)
		if condition == attack.Closed {
			action = spec.ActionClose
		}
		s.instruct(stay, func(i *message.Instruction) { i.Actions = action })
	}
}

// decide has the card pay a Request, accept a Payment, and apply an Instruction that acknowledges
// neither.
func (s *subject) decide(merchant *device) {
	c := s.c
	request := c.request(merchant, 100, "")
	payment := s.pay(merchant, request)
	s.paid = attack.Decision{By: merchant.identity(), Message: request,
		Data: [][]byte{c.encode(request), merchant.encoded}, Answer: c.encode(payment)}
	payer := c.device(s.bank, spec.RoleCard)
	s.enterPIN()
	p := c.payment(payer, s.ask(100, ""))
	receipt := s.accept(payer, p)
	s.accepted = attack.Decision{By: payer.identity(), Message: p,
		Data: [][]byte{c.encode(p), payer.encoded}, Answer: c.encode(receipt)}
	confirmed := s.instruct(func(i *message.Instruction) {
		i.AckedATC, i.Head, i.Credit = 2, s.model.heads[2], 100
	})
	s.applied = attack.Decision{Message: s.model.lastInstruction,
		Data: [][]byte{c.encode(s.model.lastInstruction)}, Answer: c.encode(confirmed)}
}

// brimful is a card with the highest ceilings that has paid half of what 32 bits can say since its
// last acknowledgement, and holds the most that there can be.
func (c *caseRun) brimful() *subject {
	s := c.generous()
	s.load(message.MaxAmount)
	desk := c.device(s.bank, spec.RoleDesk)
	s.pay(desk, c.request(desk, 1<<31, s.id()))
	s.instruct(func(i *message.Instruction) {
		i.AckedATC, i.Head, i.Credit = 0, s.model.heads[0], 1<<31
	})
	return s
}

// ended is a card with an open Request, and since then something has ended.
func (c *caseRun) ended(condition attack.Condition) *subject {
	var s *subject
	switch condition {
	case attack.CardEnded:
		s = c.activeUntil(today)
	case attack.OwnCAEnded:
		s = c.ownCAUntil(today)
	default:
		s = c.active()
		s.endedBank = &intermediary{ca: c.certify(c.world.root,
			entry{holder: "SEBANK9400001", role: spec.RoleIntermediary, to: today})}
	}
	s.load(10000)
	if s.endedBank != nil { // its CA is remembered by the payment that it served
		merchant := c.device(s.endedBank, spec.RoleTerminal)
		s.learnCA(merchant.ca)
		s.pay(merchant, c.request(merchant, 100, ""))
	}
	s.enterPIN()
	s.ask(100, "")
	s.instruct(func(i *message.Instruction) { i.Date = tomorrow })
	return s
}

// ownCAUntil is an active card whose intermediary's CA has that last day, and that knows Foreign's.
func (c *caseRun) ownCAUntil(end message.Date) *subject {
	s := c.install()
	brief := c.certify(c.world.root,
		entry{holder: string(s.bank.ca.name()) + "00003", role: spec.RoleIntermediary, to: end})
	s.bank = &intermediary{ca: brief, instructionKey: s.bank.instructionKey,
		batch: c.newBatch(brief)}
	s.learnCA(c.world.root, c.world.notary, brief, s.bank.instructionKey, c.world.foreign.ca)
	s.makeKeys()
	s.storeCertificate()
	s.storeBatchKey()
	s.storePIN()
	s.activate()
	return s
}

// attacker is what the attacker of the card is given.
func (s *subject) attacker() *attack.Setup {
	c := s.c
	setup := &attack.Setup{
		Root: c.world.root.identity(), Notary: c.world.notary.identity(),
		Crisis:      c.world.crisis.identity(),
		UnknownRoot: c.world.unknown.identity(),
		Own:         s.bank.attackers(), Foreign: c.world.foreign.attackers(),
		Certify: c.attackersCertificate,
		NextID: func(of attack.Intermediary) message.DeviceID {
			bank := s.bank
			switch {
			case of.CA.Certificate == c.world.foreign.ca.certificate:
				bank = c.world.foreign
			case s.endedBank != nil && of.CA.Certificate == s.endedBank.ca.certificate:
				bank = s.endedBank
			}
			return c.world.nextID(bank)
		},
		Device: s.id(), Amount: 100, Random: c.source(),
		Other: c.device(s.bank, spec.RoleCard).identity(),
		PIN:   c.block(ownPIN), PUK: c.block(ownPUK), Token: s.parameters.Token,
		Public: s.public, PINKey: s.pinKey,
		Ceilings: s.parameters.Ceilings,
	}
	if s.phone != nil {
		setup.PairKey = s.phone.key
	}
	if s.endedBank != nil {
		setup.Ended.CA = s.endedBank.ca.identity()
	}
	if s.model == nil {
		return setup
	}
	setup.Certificate, setup.Next, setup.Heads = s.certificate.identity(), *s.next(), s.model.heads
	setup.Next.Credit = 100
	setup.Held = s.model.order
	setup.Paid, setup.Accepted, setup.Applied = s.paid, s.accepted, s.applied
	if len(s.model.open) > 0 {
		setup.Asked = s.model.open[len(s.model.open)-1]
	}
	former := *s.model.lastInstruction
	former.Sequence--
	setup.Former = s.sign(&former)
	return setup
}

// attackersCertificate issues a certificate to an attacker.
func (c *caseRun) attackersCertificate(
	issuer attack.Identity, of attack.Subject,
) (attack.Identity, error) {
	e := entry{holder: of.Holder, role: of.Role, key: of.Key, to: of.Last}
	if of.Expired {
		e.to = yesterday
	}
	key, _ := issuer.Signer.(*ecdsa.PrivateKey)
	return c.certify(&party{key: key, certificate: issuer.Certificate}, e).identity(), nil
}

func (p *party) identity() attack.Identity {
	return attack.Identity{Signer: p.key, Certificate: p.certificate, Encoded: p.encoded}
}

func (i *intermediary) attackers() attack.Intermediary {
	all := attack.Intermediary{CA: i.ca.identity(), InstructionKey: i.instructionKey.identity()}
	if i.batch != nil {
		all.Batch = i.batch.identity()
	}
	return all
}
