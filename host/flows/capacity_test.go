package flows

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/crisis"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/progress"
	"ekrona.example/host/session"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

var receipts = flag.Int("receipts", 250,
	"receipts of a terminal between two synchronisations; a country's week has 5000")

// keyPayer is a payer's key without a card: its Payments are the same to everybody else.
type keyPayer struct {
	*world
	bank     *bank
	identity pki.Identity
	sequence uint32
	applied  message.Hash
	credit   spec.CreditVerdict
	balance  money.Ore
	atc      uint32
	paid     [][]byte // every Payment
}

func (w *world) addKeyPayer(at message.Name, online money.Ore) *keyPayer {
	w.t.Helper()
	p := &keyPayer{world: w, bank: w.banks[at]}
	app, err := keys.Generate(w.random("app"))
	require.NoError(w.t, err)
	require.NoError(w.t, p.bank.AddCustomer(w.ctx,
		banking.Customer{ID: "payer", Name: "Payer", App: &app.PublicKey}))
	require.NoError(w.t, p.bank.Deposit(w.ctx, "salary of the payer", "payer", online))
	p.identity, err = p.bank.pki.Certified("payer", w.subject(string(at)+"00009999",
		spec.RoleCard), p.bank.ca)
	require.NoError(w.t, err)
	limits := message.Policy{MaxBalance: online, MaxTransactions: 100, MaxPayment: online}
	ceilings, err := limits.Bytes()
	require.NoError(w.t, err)
	require.NoError(w.t, p.bank.AddDevice(w.ctx, banking.Device{ID: p.ID(), Customer: "payer",
		Certificate: p.identity.Encoded, Ceilings: ceilings,
		Slots: spec.DefaultSlots, Policy: limits}))
	load, err := order.New(order.Load, p.ID(), online, w.random("order"), app)
	require.NoError(w.t, err)
	require.NoError(w.t, p.bank.PlaceLoad(w.ctx, load))
	_, err = session.Run(w.ctx, p, p.bank)
	require.NoError(w.t, err)
	require.Equal(w.t, online, p.balance)
	return p
}

func (p *keyPayer) ID() message.DeviceID { return p.identity.Certificate.Device() }

func (p *keyPayer) Answer(context.Context, envelope.Envelope) error { return nil }

// LearnCrisis implements [session.Device]: there is none.
func (p *keyPayer) LearnCrisis(context.Context, crisis.Carried, session.Trust) error { return nil }

// Nonce implements [session.Device]: no card has one.
func (p *keyPayer) Nonce(context.Context) (message.Nonce, error) { return message.Nonce{}, nil }

func (p *keyPayer) Read(
	_ context.Context, challenge []byte, _ session.Trust,
) (session.Reading, error) {
	asked, err := message.Parse[message.Challenge](challenge)
	require.NoError(p.t, err)
	identity, err := message.Identity(asked)
	require.NoError(p.t, err)
	head, err := message.FirstHead(p.ID(), p.identity.Certificate.PublicKey)
	require.NoError(p.t, err)
	state, err := envelope.Sign(&message.State{Device: p.ID(), Challenge: identity, Head: head,
		Balance: p.balance, InstructionSequence: p.sequence, LastInstruction: p.applied,
		Credit: p.credit, LifeCycle: spec.Active, Date: p.today()}, p.identity.Signer)
	return session.Reading{State: state}, err
}

func (p *keyPayer) Apply(
	_ context.Context, instruction []byte, _ session.Trust,
) ([]byte, error) {
	ordered, err := message.Parse[message.Instruction](instruction)
	require.NoError(p.t, err)
	p.applied, err = message.Identity(ordered)
	require.NoError(p.t, err)
	p.sequence, p.credit = ordered.Sequence, spec.CreditNone
	if ordered.Credit > 0 {
		p.balance, p.credit = p.balance+ordered.Credit, spec.CreditTaken
	}
	return envelope.Sign(&message.Confirmation{Device: p.ID(), Sequence: p.sequence,
		Instruction: p.applied, Credit: p.credit, Balance: p.balance}, p.identity.Signer)
}

// pay signs the Payment of a Request.
func (p *keyPayer) pay(request envelope.Envelope) envelope.Envelope {
	p.t.Helper()
	asked, err := message.Parse[message.Request](request.Message)
	require.NoError(p.t, err)
	p.atc++
	p.balance -= asked.Amount
	signed, err := envelope.Sign(&message.Payment{Payer: p.ID(), ATC: p.atc, Request: *asked},
		p.identity.Signer)
	require.NoError(p.t, err)
	p.paid = append(p.paid, signed)
	return envelope.Envelope{Message: signed, Certificate: p.identity.Encoded,
		Authority: p.bank.ca.Encoded}
}

// killed is a link that goes down after some portions of records.
type killed struct {
	banking.Terminal
	after int
}

func (k *killed) TakeRecords(ctx context.Context, portion session.Reading) error {
	if k.after--; k.after < 0 {
		return errLink
	}
	return k.Terminal.TakeRecords(ctx, portion)
}

// TestTerminalHandsOverAWeek: a terminal with many receipts hands them over in portions, goes on
// after a kill between two of them, and says how far it is, also where all Payments have come from
// the payers before.
func TestTerminalHandsOverAWeek(t *testing.T) {
	t.Run("the terminal first", func(t *testing.T) { handOverAWeek(t, false) })
	t.Run("the payers first", func(t *testing.T) { handOverAWeek(t, true) })
}

func handOverAWeek(t *testing.T, payersFirst bool) {
	w := newWorld(t)
	limits := message.Policy{MaxBalance: 20_000 * money.Krona, MaxPayment: money.Krona}
	limits.MaxTransactions-- // the most that its field holds
	if int(limits.MaxTransactions) < *receipts {
		t.Skipf("a policy holds %d receipts", limits.MaxTransactions)
	}
	payer := w.addKeyPayer("SENORDIC", money.Ore(*receipts+10)*10)
	pos := w.addTerminal("SEFJORDB")
	_, err := pos.bank.SetPolicy(w.ctx, banking.PolicyOrder{Key: "week", By: "eva", Policy: limits,
		Devices: []message.DeviceID{pos.ID()}})
	require.NoError(t, err)
	_, err = pos.Synchronise(w.ctx)
	require.NoError(t, err)

	sell := func(n int) time.Duration {
		began := time.Now()
		for range n {
			sale, err := pos.Ask(w.ctx, 10)
			require.NoError(t, err)
			require.NoError(t, pos.Answer(w.ctx, payer.pay(sale.Request)))
		}
		return time.Since(began) / time.Duration(n)
	}
	first := sell(50)
	rest := *receipts - 100
	sell(rest)
	t.Logf("a sale takes %v with an empty journal, %v after %d receipts", first, sell(50),
		rest+50)

	if payersFirst {
		answers, err := notary.InParts(w.ctx, payer.paid, payer.bank.HandOver)
		require.NoError(t, err)
		for _, a := range answers {
			require.True(t, a.Held, a.Err)
		}
		w.audit("brought by the payers")
	}
	link := w.terminal.config.Link
	w.terminal.config.Link = &killed{link, 1}
	w.restartTerminal()
	_, err = w.terminal.Synchronise(w.ctx)
	require.ErrorIs(t, err, errLink)
	w.audit("killed between two portions")

	w.terminal.config.Link = link
	w.restartTerminal()
	var told []progress.Count
	w.terminal.Show(func(e progress.Event) { told = append(told, e.Count) })
	began := time.Now()
	_, err = w.terminal.Synchronise(w.ctx)
	require.NoError(t, err)
	t.Logf("%d receipts are handed over in %v", *receipts-100, time.Since(began))
	require.NotEmpty(t, told)
	assert.Equal(t, progress.Count{Total: *receipts - 100, Done: 100}, told[0],
		"what was handed over before the kill is not again")
	room, err := w.terminal.Room(w.ctx)
	require.NoError(t, err)
	assert.Equal(t, room.MostReceipts, room.Receipts)
	assert.Equal(t, money.Ore(*receipts)*10, w.taken())
	violations, err := w.auditor.Check(w.ctx, w.bankDB, w.devices())
	require.NoError(t, err)
	require.Empty(t, violations)
}
