package intermediary

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/remote"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// statementNotary is a notary that only has a statement, and registers any device.
type statementNotary struct {
	notary.Participant
	entries []notary.Entry
	next    uint32        // number of every device's next Instruction
	status  notary.Status // of every device
	away    bool          // it cannot be reached

	registered map[message.DeviceID]bool // nil: it knows every device
}

func (s *statementNotary) Register(_ context.Context, r notary.Registration) error {
	certificate, err := cvc.Parse(r.Certificate)
	if err == nil && s.registered != nil {
		s.registered[certificate.Device()] = true
	}
	return err
}

func (s *statementNotary) Outstanding(
	_ context.Context, id message.DeviceID,
) (notary.Outstanding, error) {
	if s.registered != nil && !s.registered[id] {
		return notary.Outstanding{}, notary.Unknown
	}
	if s.away {
		return notary.Outstanding{}, remote.ErrUnreachable
	}
	return notary.Outstanding{NextSeq: s.next, Status: s.status}, nil
}

func (s *statementNotary) Statement(
	_ context.Context, after int64, limit int,
) ([]notary.Entry, error) {
	var page []notary.Entry
	for _, entry := range s.entries {
		if entry.Seq > after && len(page) < limit {
			page = append(page, entry)
		}
	}
	return page, nil
}

func (s *statementNotary) addEntry(e notary.Entry) {
	e.Seq, e.At = int64(len(s.entries)+1)*3, noon // with gaps
	s.entries = append(s.entries, e)
}

type testBank struct {
	*Intermediary
	t      *testing.T
	ctx    context.Context
	random io.Reader
	notary *statementNotary
	config Config
	app    *ecdsa.PrivateKey
	folder pki.Folder
	root   pki.Identity
	ca     pki.Identity
}

func subject(holder cvc.Holder, role spec.Role) pki.Subject {
	today := message.DateOf(noon)
	return pki.Subject{Holder: holder, Role: role, Effective: today, Expiry: today.AddDays(1000)}
}

func newTestBank(t *testing.T) *testBank {
	t.Helper()
	o := &testBank{t: t, ctx: context.Background(), random: rand.NewChaCha8([32]byte{1}),
		notary: &statementNotary{}}
	o.folder = pki.Open(t.TempDir(), o.random)
	certified := func(name string, holder cvc.Holder, role spec.Role,
		issuer pki.Identity) pki.Identity {
		identity, err := o.folder.Certified(name, subject(holder, role), issuer)
		require.NoError(t, err)
		return identity
	}
	var err error
	o.root, err = o.folder.Root("root", subject("SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	o.ca = certified("ca", "SENORDIC00001", spec.RoleIntermediary, o.root)
	instruction := certified("instruction", "SENORDIC00002", spec.RoleInstructionKey, o.root)
	desk := certified("desk", "SENORDICDESK0001", spec.RoleDesk, o.ca)
	notary := certified("notary", "SENOTARY00001", spec.RoleNotary, o.root)
	schemas, err := Schemas()
	require.NoError(t, err)
	db, err := store.Open(o.ctx, storetest.New(t, schemas...), schemas...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	o.config = Config{
		Name: "SENORDIC", DB: db, Clock: clock.Fixed(noon), Random: o.random, Notary: o.notary,
		CA:                o.ca.Encoded,
		InstructionKey:    Identity{instruction.Signer, instruction.Encoded},
		Desk:              Identity{desk.Signer, desk.Encoded},
		NotaryCertificate: notary.Encoded,
	}
	o.Intermediary, err = New(o.config)
	require.NoError(t, err)
	require.NoError(t, o.Start(o.ctx))
	o.app, err = keys.Generate(o.random)
	require.NoError(t, err)
	require.NoError(t, o.AddCustomer(o.ctx,
		banking.Customer{ID: "anna", Name: "Anna", App: &o.app.PublicKey}))
	return o
}

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }

// Refund answers that it has been carried out before.
func (s *statementNotary) Refund(context.Context, notary.Refund) error { return nil }

func (o *testBank) balance(a ledger.Account) money.Ore {
	o.t.Helper()
	balance, err := ledger.Balance(o.ctx, o.db, a)
	require.NoError(o.t, err)
	return balance
}

func TestStatementIsPostedToWhomItConcernsOnce(t *testing.T) {
	const card = "SENORDIC00000001"
	o := newTestBank(t)
	entries := []struct {
		entry             notary.Entry
		anna, own, shadow money.Ore // balances after it
	}{
		{notary.Entry{Kind: notary.Issued, Online: 1000}, 0, 1000, 0},
		{notary.Entry{Kind: notary.Received, Device: card, Owner: "anna", Shadow: 80}, 0, 1000, 80},
		{notary.Entry{Kind: notary.Paid, Device: card, Owner: "anna", Shadow: -30}, 0, 1000, 50},
		{notary.Entry{Kind: notary.Unloaded, Device: card, Owner: "anna", Online: 20, Shadow: -20},
			20, 1000, 30},
		{notary.Entry{Kind: notary.Returned, Device: card, Owner: "anna", Online: 5, Shadow: -5},
			25, 1000, 25},
		{notary.Entry{Kind: notary.Collected, Device: "SENORDICTILL0001", Owner: "anna", Online: 7},
			32, 1000, 25},
		{notary.Entry{Kind: notary.HoldingPaid, Device: card, Owner: "anna", Online: -40}, 32, 960,
			25},
		{notary.Entry{Kind: notary.HoldingRepaid, Device: card, Owner: "anna", Online: 10,
			Shadow: -10}, 32, 970, 15},
		{notary.Entry{Kind: notary.PoolRepaid, Device: card, Owner: "anna", Shadow: -5}, 32, 970,
			10},
		{notary.Entry{Kind: notary.Swept, Device: card, Owner: "anna", Online: 10, Shadow: -10}, 42,
			970, 0},
		{notary.Entry{Kind: notary.Loaded, Device: card, Owner: "anna", Online: -9, Shadow: 9,
			Order: "of a backup that was lost", Instr: 4}, 33, 970, 9},
		{notary.Entry{Kind: notary.Released, Device: card, Owner: "anna", Online: 9, Shadow: -9,
			Order: "of a backup that was lost", Instr: 4}, 42, 970, 0},
		{notary.Entry{Kind: notary.RefundReceived, Device: card, Owner: "anna", Online: 6,
			Order: "another's"}, 48, 970, 0},
		{notary.Entry{Kind: notary.RefundReceived, Device: card, Owner: "anna", Shadow: 4,
			Order: "after the card's end"}, 48, 970, 4},
		{notary.Entry{Kind: notary.RefundPaid, Device: "SENORDICTILL0001", Owner: "anna",
			Online: -3, Order: "of a backup that was lost"}, 45, 970, 4},
	}
	for _, e := range entries {
		o.notary.addEntry(e.entry)
		for range 2 {
			require.NoError(t, o.PullStatement(o.ctx))
		}
		assert.Equal(t, e.anna, o.balance(wallet("anna")), e.entry.Kind)
		assert.Equal(t, e.own, o.balance(ownFunds), e.entry.Kind)
		if e.entry.Device == card {
			assert.Equal(t, e.shadow, o.balance(shadowCopy(card)), e.entry.Kind)
		}
		assert.Equal(t, -e.anna-e.own-e.shadow, o.balance(centralBankContra),
			"the contra account is minus all that the central bank holds: %v", e.entry.Kind)
		require.NoError(t, o.Verify(o.ctx))
	}
	_, err := o.db.Exec(`UPDATE statement SET cursor = 0`) // a cursor that was set back
	require.NoError(t, err)
	require.NoError(t, o.PullStatement(o.ctx))
	assert.Equal(t, money.Ore(45), o.balance(wallet("anna")))
}

// TestRefundOfALostBackupIsPaidOnce: the order comes again after a restore, when the online
// wallet has paid for it.
func TestRefundOfALostBackupIsPaidOnce(t *testing.T) {
	o := newTestBank(t)
	first := subject("SENORDICTILL0001", spec.RoleTerminal)
	first.Expiry = first.Expiry.AddDays(-1)
	terminal, err := o.folder.Certified("terminal", first, o.ca)
	require.NoError(t, err)
	require.NoError(t, o.AddDevice(o.ctx, banking.Device{ID: "SENORDICTILL0001", Customer: "anna",
		Certificate: terminal.Encoded}))
	again, err := order.NewRefund("SENORDICTILL0001",
		order.Payment{Payer: "SEFJORDB00000001", ATC: 1}, 30, o.random, o.app)
	require.NoError(t, err)
	o.notary.addEntry(notary.Entry{Kind: notary.Issued, Online: 1000})
	o.notary.addEntry(notary.Entry{Kind: notary.Collected, Device: "SENORDICTILL0001",
		Owner: "anna", Online: 70})
	o.notary.addEntry(notary.Entry{Kind: notary.RefundPaid, Device: "SENORDICTILL0001",
		Owner: "anna", Online: -30, Order: notary.OrderKey(again.Key())})
	require.NoError(t, o.PullStatement(o.ctx))
	require.Equal(t, money.Ore(1000), o.balance(ownFunds), "the online wallet covers it")
	for range 2 {
		require.NoError(t, o.PlaceRefund(o.ctx, again))
		assert.Equal(t, money.Ore(1000), o.balance(ownFunds))
		assert.Equal(t, money.Ore(40), o.balance(wallet("anna")))
		assert.Zero(t, o.balance(transit))
		require.NoError(t, o.Verify(o.ctx))
	}
}

func TestLongStatementIsPulledInPages(t *testing.T) {
	o := newTestBank(t)
	for range 2*statementPage + 1 {
		o.notary.addEntry(notary.Entry{Kind: notary.Issued, Online: 1})
	}
	require.NoError(t, o.PullStatement(o.ctx))
	assert.Equal(t, money.Ore(2*statementPage+1), o.balance(ownFunds))
}

func TestDepositComesOutOfOwnFundsOnceForItsOrder(t *testing.T) {
	o := newTestBank(t)
	require.ErrorIs(t, o.Deposit(o.ctx, "one", "anna", 100), banking.ErrOwnFunds)
	assert.Zero(t, o.balance(wallet("anna")))
	o.notary.addEntry(notary.Entry{Kind: notary.Issued, Online: 150})
	for range 2 {
		require.NoError(t, o.Deposit(o.ctx, "one", "anna", 100))
	}
	require.ErrorIs(t, o.Deposit(o.ctx, "one", "anna", 20), ledger.ErrConflict)
	require.ErrorIs(t, o.Deposit(o.ctx, "two", "anna", 51), banking.ErrOwnFunds)
	require.ErrorIs(t, o.Deposit(o.ctx, "two", "bertil", 1), banking.ErrNoCustomer)
	require.Error(t, o.Deposit(o.ctx, "three", "anna", 0))
	online, err := o.OnlineBalance(o.ctx, "anna")
	require.NoError(t, err)
	assert.Equal(t, money.Ore(100), online)
	_, err = o.OnlineBalance(o.ctx, "bertil")
	require.ErrorIs(t, err, banking.ErrNoCustomer)
}

func TestCustomersAndDevicesKeepTheirIDs(t *testing.T) {
	o := newTestBank(t)
	other, err := keys.Generate(o.random)
	require.NoError(t, err)
	require.ErrorIs(t, o.AddCustomer(o.ctx,
		banking.Customer{ID: "anna", Name: "Anna", App: &other.PublicKey}), banking.ErrTaken)
	require.NoError(t, o.AddCustomer(o.ctx,
		banking.Customer{ID: "bertil", Name: "Bertil", App: &other.PublicKey}))

	p384, err := ecdsa.GenerateKey(elliptic.P384(), o.random)
	require.NoError(t, err)
	require.Error(t, o.ReplaceApp(o.ctx, "anna", &p384.PublicKey), "another curve")
	require.ErrorIs(t, o.ReplaceApp(o.ctx, "nobody", &other.PublicKey), banking.ErrNoCustomer)
	next, err := keys.Generate(o.random)
	require.NoError(t, err)
	require.NoError(t, o.ReplaceApp(o.ctx, "anna", &next.PublicKey))
	require.ErrorIs(t, o.AddCustomer(o.ctx,
		banking.Customer{ID: "anna", Name: "Anna", App: &o.app.PublicKey}), banking.ErrTaken)
	require.NoError(t, o.AddCustomer(o.ctx,
		banking.Customer{ID: "anna", Name: "Anna", App: &next.PublicKey}))

	first := subject("SENORDICTILL0001", spec.RoleTerminal)
	first.Expiry = first.Expiry.AddDays(-1)
	terminal, err := o.folder.Certified("terminal", first, o.ca)
	require.NoError(t, err)
	device := banking.Device{ID: "SENORDICTILL0001", Customer: "anna",
		Certificate: terminal.Encoded}
	require.NoError(t, o.AddDevice(o.ctx, device))
	require.NoError(t, o.AddDevice(o.ctx, device))
	later := subject("SENORDICTILL0001", spec.RoleTerminal)
	renewed := device
	renewed.Certificate, err = o.ca.Certify(later, terminal.Certificate.PublicKey)
	require.NoError(t, err)
	for _, given := range []banking.Device{renewed, device} { // the former one does not come back
		require.NoError(t, o.AddDevice(o.ctx, given))
		kept, err := o.Device(o.ctx, device.ID)
		require.NoError(t, err)
		require.Equal(t, renewed.Certificate, kept.Certificate)
	}
	renewed.Certificate, err = o.ca.Certify(later, &other.PublicKey)
	require.NoError(t, err)
	require.ErrorIs(t, o.AddDevice(o.ctx, renewed), banking.ErrTaken, "another key")
	device.Customer = "bertil"
	require.ErrorIs(t, o.AddDevice(o.ctx, device), banking.ErrTaken)
	device.Customer, device.ID = "nobody", "SENORDICTILL0002"
	require.ErrorIs(t, o.AddDevice(o.ctx, device), banking.ErrNoCustomer)
	device.Customer = "anna"
	require.ErrorContains(t, o.AddDevice(o.ctx, device), "SENORDICTILL0001",
		"the certificate names another")
	_, err = o.Device(o.ctx, "SENORDICTILL0002")
	require.ErrorIs(t, err, banking.ErrNoDevice)
	require.ErrorIs(t, o.ReportLost(o.ctx, "SENORDICTILL0002"), banking.ErrNoDevice)
	require.ErrorIs(t, o.End(o.ctx, "SENORDICTILL0002"), banking.ErrNoDevice)
}

func TestNewRefusesPartsThatDoNotBelongTogether(t *testing.T) {
	o := newTestBank(t)
	for name, change := range map[string]func(*Config){
		"a desk as instruction key": func(c *Config) { c.InstructionKey = c.Desk },
		"another intermediary":      func(c *Config) { c.Name = "SEFJORDB" },
		"a CA as notary":            func(c *Config) { c.NotaryCertificate = c.CA },
		"another's key":             func(c *Config) { c.Desk.Signer = c.InstructionKey.Signer },
		"no certificate":            func(c *Config) { c.CA = nil },
	} {
		t.Run(name, func(t *testing.T) {
			config := o.config
			change(&config)
			_, err := New(config)
			require.Error(t, err)
		})
	}
}
