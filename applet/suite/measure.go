package suite

import (
	"context"
	"errors"
	"strings"
	"time"

	"ekrona.example/apdu"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/emulator/card"
)

// Account is what one command took on the emulator.
type Account struct {
	Name  string
	Stats card.Stats
}

// runCase runs a case on fresh cards of the target, outside any test.
func runCase(ctx context.Context, target Target, tc func(c *caseRun)) error {
	c := &caseRun{ctx: ctx, target: target, coverage: newCoverage()}
	if failures := attempt(c, testCase{run: tc}, new(*cardScheme)); len(failures) > 0 {
		return errors.New(strings.Join(failures, "\n"))
	}
	return nil
}

// Accounts has a card of that profile carry out every command once, in its usual
// form, and returns the account of each.
func Accounts(ctx context.Context, profile card.Profile) (accounts []Account, err error) {
	target := NewEmulator(profile)
	err = runCase(ctx, target, func(c *caseRun) {
		accounts = nil
		everyCommand(c, func(name string) {
			accounts = append(accounts, Account{name, target.card.LastCommand()})
		})
	})
	return accounts, err
}

// EveryCommand has a card of the target carry out every command once, in its usual form, and calls
// done after each.
func EveryCommand(ctx context.Context, target Target, done func(name string)) error {
	return runCase(ctx, target, func(c *caseRun) { everyCommand(c, done) })
}

// everyCommand takes a card from installation to its last synchronisation, and calls
// done after each kind of command.
func everyCommand(c *caseRun, done func(name string)) {
	s := c.install()
	s.selectApplet()
	done("SELECT")
	s.learnCA(c.world.root)
	done("PSO VERIFY CERTIFICATE, first root")
	s.learnCA(s.bank.ca, c.world.notary, s.bank.instructionKey)
	s.makeKeys()
	done("GENERATE ASYMMETRIC KEY PAIR")
	s.storeCertificate()
	done("PUT DATA certificate")
	s.succeeds(c.variant(spec.PutData, "batch key"), s.batchKey(s.bank.batch.key))
	done("PUT DATA batch key")
	s.succeeds(c.variant(spec.PutData, "certificate"), s.bank.batch.encoded)
	s.storePIN()
	done("PUT DATA first PIN")
	s.activate()
	done("ACTIVATE")
	s.load(200000)
	done("INSTRUCTION")
	s.learnCA(c.world.crisis)
	done("PSO VERIFY CERTIFICATE, crisis key")
	var rows []message.CrisisRow
	for group := range uint8(spec.MaxOrderRows) {
		rows = append(rows, message.CrisisRow{Group: group, MaxSpent: 1})
	}
	s.take(c.crisisOrder(1, rows...))
	done("CRISIS ORDER")
	s.succeeds(c.variant(spec.GetData, "crisis order"))
	done("GET DATA crisis order")

	s.succeeds(c.variant(spec.Verify, "enciphered"),
		s.enciphered(s.nextNonce(), c.block(ownPIN)))
	done("VERIFY enciphered")
	s.succeeds(c.variant(spec.ChangeReferenceData, "plaintext"), c.block(ownPIN), c.block(otherPIN))
	done("CHANGE REFERENCE DATA plaintext")
	s.succeeds(c.variant(spec.ResetRetryCounter, "plaintext"), c.block(ownPUK), c.block(ownPIN))
	done("RESET RETRY COUNTER plaintext")

	p := s.newPhone()
	nonce := s.selectApplet().Nonce
	s.succeeds(spec.Pair.Only(), p.data(nonce, ownPIN))
	done("PAIR")
	_, data := p.authentication(s.selectApplet().Nonce)
	s.succeeds(spec.MutualAuthenticate.Only(), data)
	done("MUTUAL AUTHENTICATE")

	merchant, strange := c.device(s.bank, spec.RoleTerminal),
		c.device(c.world.foreign, spec.RoleTerminal)
	s.newTap()
	s.enterPIN()
	done("VERIFY plaintext")
	first := c.request(merchant, 100, "")
	s.payVerified(merchant, first)
	done("PAY")
	s.enterPIN()
	s.succeeds(spec.Pay.Only(), c.encode(first), merchant.encoded)
	done("PAY, resend")
	met := c.request(strange, 100, "")
	s.answers(spec.SWReferenceUnknown, spec.Pay.Only(), c.encode(met), strange.encoded)
	done("PAY, CA not met before")
	s.learnCA(strange.ca)
	done("PSO VERIFY CERTIFICATE, intermediary")
	s.payVerified(strange, met)

	s.enterPIN()
	payer := c.device(s.bank, spec.RoleCard)
	r := s.ask(100, payer.id())
	done("REQUEST")
	paid := c.payment(payer, r)
	s.accept(payer, paid)
	done("ACCEPT")
	s.succeeds(spec.Accept.Only(), c.encode(paid), payer.encoded)
	done("ACCEPT, repeated")
	s.refuse(s.ask(100, ""))
	done("REFUSE")
	s.ask(100, "")
	s.state()
	done("GET STATE")
	s.read("log", 3)
	done("READ RECORD log")
	s.succeeds(c.variant(spec.GetData, "balance"))
	done("GET DATA balance")
	s.succeeds(c.variant(spec.GetData, "batch certificate"))
	done("GET DATA batch certificate")
}

// CommitNeeded is the smallest commit capacity, in bytes, with which a card of
// that profile carries out every command.
func CommitNeeded(ctx context.Context, profile card.Profile) (int, error) {
	works := func(capacity int) error {
		p := profile
		p.CommitBytes = capacity
		_, err := Accounts(ctx, p)
		return err
	}
	if err := works(profile.CommitBytes); err != nil {
		return 0, err
	}
	low, high := 0, profile.CommitBytes // works at high, not at low
	for high-low > 1 {
		if middle := (low + high) / 2; works(middle) == nil {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

// MemoryTaken is what package and instance take of a card's memory, in bytes,
// once activated.
func MemoryTaken(ctx context.Context, profile card.Profile) (nvm, ram int, err error) {
	target := NewEmulator(profile)
	err = runCase(ctx, target, func(c *caseRun) {
		c.active()
		free, err := target.card.Memory()
		c.must(err)
		nvm = profile.NVMBytes - free.NVMFree
		ram = profile.RAMBytes - min(free.ResetFree, free.DeselectFree)
	})
	return nvm, ram, err
}

// payments of one card before it is synchronised.
const paymentsBetweenSyncs = spec.PilotMaxTransactions

// TimePayments has a card of the target make n payments of one öre and returns
// how long PAY alone took, each time.
func TimePayments(ctx context.Context, target Target, n int) (times []time.Duration, err error) {
	err = runCase(ctx, target, func(c *caseRun) {
		s := c.loaded(spec.PilotMaxBalance)
		merchant := c.device(s.bank, spec.RoleTerminal)
		for range n {
			if len(s.model.stored()) == paymentsBetweenSyncs {
				s.instruct()
			}
			r := c.request(merchant, 1, "")
			command := spec.Pay.Only().APDU(c.encode(r), merchant.encoded)
			s.enterPIN()
			timed := apdu.Recorder{Card: s.card,
				Sink: func(e apdu.Exchange) { times = append(times, e.Took) }}
			answer, err := timed.Transmit(ctx, command)
			c.must(err)
			c.mustAnswer(answer)
			s.enterPayment(r, answer.Data)
		}
	})
	return times, err
}

// TimeSignatures does the cryptography of PAY in plain Go, n times: it verifies the
// payee's certificate and Request and signs the Payment. now is the clock that measures
// it.
func TimeSignatures(
	ctx context.Context, n int, now func() time.Time,
) (times []time.Duration, err error) {
	err = runCase(ctx, NewEmulator(card.Unlimited), func(c *caseRun) {
		merchant, payer := c.device(c.world.own, spec.RoleTerminal),
			c.device(c.world.own, spec.RoleCard)
		certificate, err := merchant.certificate.Body()
		c.must(err)
		r := c.request(merchant, 1, "")
		request, err := message.Body(r)
		c.must(err)
		payment, err := message.Body(c.payment(payer, r))
		c.must(err)
		for range n {
			began := now()
			first := merchant.certificate.Signature.Verify(&merchant.ca.key.PublicKey, certificate)
			second := r.Signature.Verify(&merchant.key.PublicKey, request)
			_, third := signature.Sign(payer.key, payment)
			times = append(times, now().Sub(began))
			c.must(errors.Join(first, second, third))
		}
	})
	return times, err
}
