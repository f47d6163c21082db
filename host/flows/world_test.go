// Package flows tests the protocol's flows with the real parties: the central bank, two
// intermediaries, three phones, a terminal, and the applet's CAP file on the emulator. After every
// step the books are audited against protocol §8.
package flows

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	"ekrona.example/applet/client"
	emulated "ekrona.example/emulator/card"
	"ekrona.example/host/audit"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/intermediary"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
	"ekrona.example/host/settlement"
	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

// honour is how long claims on a reported device are honoured.
const honour = 30 * 24 * time.Hour

type world struct {
	t       *testing.T
	ctx     context.Context
	clock   *clock.Manual
	seed    uint64
	folder  pki.Folder // of the central bank's keys
	root    pki.Identity
	links   [][]byte // from the root on
	bank    *settlement.Notary
	bankDB  *sql.DB
	notary  pki.Identity
	auditor *audit.Auditor
	banks   map[message.Name]*bank
	// cutDuringIssue is the number of the write, while the next card is made, before which power is
	// cut.
	cutDuringIssue int
	cardDays       int                            // validity of cards; 0 for three years
	power          map[string]*faultdriver.Driver // of each party's database
	people         []*person
	terminal       *merchantTerminal
	wired          bool // calls between the parties are encoded and decoded as between processes
	outage         *outage
	provenance     bool // phones that are started hand it over
}

// bank is an intermediary with its keys.
type bank struct {
	*intermediary.Intermediary
	db              *sql.DB
	ca, instruction pki.Identity
	desk            pki.Identity
	pki             pki.Folder
	links, former   [][]byte
	withholdsBatch  bool
}

// person is a customer with a phone and a card.
type person struct {
	name    string
	bank    *bank
	card    *emulated.Card
	device  banking.Device
	phone   *wallet.Wallet
	journal *sql.DB
	app     pki.Identity
	lost    bool // the card is gone and cannot be read any more

	extended     bool // its readers carry extended length
	writes       int  // persistent writes of the card so far, at its readers
	writesToMake int  // of them, until it was active
	cut          int  // number of the write before which power is cut; 0 for none
}

type merchantTerminal struct {
	*terminal.Terminal
	config terminal.Config
	bank   *bank
	owner  string
	app    pki.Identity // of the owner
}

// random gives every part a stream of its own, the same in every run.
func (w *world) random(label string) io.Reader {
	w.seed++
	return rand.NewChaCha8(sha256.Sum256(binary.BigEndian.AppendUint64([]byte(label), w.seed)))
}

// open opens a party's database, on a supply of its own that can be cut.
func (w *world) open(party string, schemas ...store.Schema) *sql.DB {
	w.t.Helper()
	w.power[party] = faultdriver.New(nil)
	db, err := store.OpenOn(w.ctx, w.power[party], store.Memory, schemas...)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, db.Close()) })
	return db
}

func (w *world) today() message.Date { return message.DateOf(w.clock.At) }

func (w *world) subject(holder string, role spec.Role) pki.Subject {
	return pki.Subject{Holder: cvc.Holder(holder), Role: role, Effective: w.today(),
		Expiry: w.today().AddDays(10 * 365)}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, ctx: context.Background(),
		clock: &clock.Manual{At: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)},
		banks: map[message.Name]*bank{}, power: map[string]*faultdriver.Driver{}, wired: isWired(t),
		outage: &outage{},
	}
	w.folder = pki.Open(t.TempDir(), w.random("central bank"))
	var err error
	w.root, err = w.folder.Root("root", w.subject("SERIKSBK00001", spec.RoleRoot))
	require.NoError(t, err)
	w.notary, err = w.folder.Certified("notary", w.subject("SENOTARY00001", spec.RoleNotary),
		w.root)
	require.NoError(t, err)
	schemas, err := settlement.Schemas()
	require.NoError(t, err)
	w.bankDB = w.open("central bank", schemas...)
	w.startNotary()
	w.auditor = audit.New(w.notary.Certificate.PublicKey)
	for _, name := range []message.Name{"SENORDIC", "SEFJORDB"} {
		w.addBank(name, w.subject("", 0).Expiry)
	}
	return w
}

// startNotary starts the notary, for the first time or again, on its database.
func (w *world) startNotary() {
	w.t.Helper()
	var err error
	w.bank, err = settlement.New(w.ctx, settlement.Config{
		DB: w.bankDB, Clock: w.clock, Random: w.random("notary"),
		Key: w.notary.Signer, Certificate: w.notary.Encoded, Root: w.root.Encoded, Links: w.links,
		Terms: notary.Terms{Honour: honour, Wait: 365 * 24 * time.Hour},
	})
	require.NoError(w.t, err)
}

// addBank founds an intermediary whose CA ends on a day.
func (w *world) addBank(name message.Name, caEnds message.Date) {
	t := w.t
	t.Helper()
	b := &bank{pki: pki.Open(t.TempDir(), w.random(string(name)))}
	var err error
	ca := w.subject(string(name)+"00001", spec.RoleIntermediary)
	ca.Expiry = caEnds
	b.ca, err = b.pki.Certified("ca", ca, w.root)
	require.NoError(t, err)
	b.instruction, err = b.pki.Certified("instruction",
		w.subject(string(name)+"00002", spec.RoleInstructionKey), w.root)
	require.NoError(t, err)
	desk := w.subject(string(name)+"DESK0001", spec.RoleDesk)
	desk.Expiry = caEnds
	b.desk, err = b.pki.Certified("desk", desk, b.ca)
	require.NoError(t, err)
	schemas, err := intermediary.Schemas()
	require.NoError(t, err)
	b.db = w.open(string(name), schemas...)
	w.banks[name] = b
	require.NoError(t, w.bank.Join(w.ctx, name, b.ca.Encoded, b.instruction.Encoded))
	w.startBank(name, w.bank.For(name))
	require.NoError(t, b.Start(w.ctx), "starting again changes nothing")
	require.NoError(t, w.bank.Issue(w.ctx, notary.OrderKey("first "+name), name,
		10_000*money.Krona))
}

// startBank starts an intermediary, for the first time or again, on its database.
func (w *world) startBank(name message.Name, link notary.Participant) {
	w.t.Helper()
	b := w.banks[name]
	if w.wired {
		link = notary.NewParticipant(notary.ServeParticipant(link))
	}
	started, err := intermediary.New(intermediary.Config{
		Name: name, DB: b.db, Clock: w.clock, Random: w.random("bank"), Notary: link,
		CA: b.ca.Encoded,
		InstructionKey: intermediary.Identity{Signer: b.instruction.Signer,
			Certificate: b.instruction.Encoded},
		Desk: intermediary.Identity{Signer: b.desk.Signer,
			Certificate: b.desk.Encoded},
		NotaryCertificate: w.notary.Encoded, Links: b.links, Former: b.former,
		Batch: func(batch message.DeviceID) ([]byte, error) {
			if b.withholdsBatch {
				return nil, nil
			}
			return b.pki.BatchCertificate(batch)
		},
	})
	require.NoError(w.t, err)
	require.NoError(w.t, started.Start(w.ctx))
	b.Intermediary = started
}

// restart starts every party again on what it has stored, as after a crash.
func (w *world) restart() {
	w.t.Helper()
	for name := range w.banks {
		w.startBank(name, w.bank.For(name))
	}
	for _, p := range w.people {
		w.startPhone(p)
	}
	if w.terminal != nil {
		w.restartTerminal()
	}
}

func block(t *testing.T, digits string) pin.Block {
	t.Helper()
	b, err := pin.NewBlock(digits)
	require.NoError(t, err)
	return b
}

const rightPIN = "123456"

// addPerson makes a customer with a personalized card and some money online.
func (w *world) addPerson(name string, at message.Name, serial string, online money.Ore) *person {
	t := w.t
	t.Helper()
	p := &person{name: name, bank: w.banks[at]}
	w.people = append(w.people, p)
	var err error
	key, err := keys.Generate(w.random(name))
	require.NoError(t, err)
	p.app = pki.Identity{Signer: key}
	customer := banking.Customer{ID: name, Name: name, App: &key.PublicKey}
	require.NoError(t, p.bank.AddCustomer(w.ctx, customer))
	require.NoError(t, p.bank.AddCustomer(w.ctx, customer), "the same customer again")
	for range 2 {
		if online > 0 {
			require.NoError(t, p.bank.Deposit(w.ctx, "salary of "+name, name, online),
				"once for its order")
		}
	}
	device, err := message.NewDeviceID(at, serial)
	require.NoError(t, err)
	order, err := personalization.NewOrder(device, name, w.today(), w.random("order"))
	require.NoError(t, err)
	p.card = w.install(order)
	p.cut, w.cutDuringIssue = w.cutDuringIssue, 0
	planned := p.cut > 0
	p.device, err = w.issuer(p.bank).Personalize(w.ctx, p.reader(), order, secrets(t))
	if planned {
		require.True(t, client.IsLost(err), err)
		p.device, err = w.issuer(p.bank).Personalize(w.ctx, p.reader(), order, secrets(t))
	}
	require.NoError(t, err)
	if p.writesToMake = p.writes; planned {
		w.audit("made after a cut")
	}
	again, err := w.issuer(p.bank).Personalize(w.ctx, p.reader(), order, secrets(t))
	require.NoError(t, err, "an active card is recognised")
	require.Equal(t, p.device.Certificate, again.Certificate)
	p.journal = w.open(name, walletSchema(t))
	w.startPhone(p)
	return p
}

func walletSchema(t *testing.T) store.Schema {
	t.Helper()
	schema, err := wallet.Schema()
	require.NoError(t, err)
	return schema
}

func (w *world) issuer(b *bank) personalization.Issuer {
	return personalization.Issuer{
		CA: b.ca, Batches: b.pki.Batches(b.ca), Root: w.root.Encoded, Links: b.links,
		Notary: w.notary.Encoded, InstructionKey: b.instruction.Encoded,
		Registry: w.deskLink(b), Random: w.random("issuer"),
		Effective: w.today(), Expiry: w.today().AddDays(cmp.Or(w.cardDays, 3*365)),
	}
}

func secrets(t *testing.T) personalization.Secrets {
	return personalization.Secrets{PIN: block(t, rightPIN), PUK: block(t, "87654321")}
}

// install puts the applet onto a blank card.
func (w *world) install(o personalization.Order) *emulated.Card {
	w.t.Helper()
	c, err := emulated.New(emulated.Options{Profile: emulated.P71, Random: w.random("card")})
	require.NoError(w.t, err)
	_, err = c.Load(applet.CAP)
	require.NoError(w.t, err)
	parameters, err := o.InstallParameters(w.root.Certificate)
	require.NoError(w.t, err)
	_, err = c.Install(emulated.AID(spec.AppletAID), emulated.AID(spec.AppletAID), parameters)
	require.NoError(w.t, err)
	return c
}

// startPhone starts the app on its journal.
func (w *world) startPhone(p *person) {
	w.t.Helper()
	w.startPhoneKnowing(p, w.authorities())
}

// startPhoneKnowing starts the app, which has the certificates of some CAs.
func (w *world) startPhoneKnowing(p *person, authorities [][]byte) {
	w.t.Helper()
	var err error
	p.phone, err = wallet.New(w.ctx, wallet.Config{
		DB: p.journal, Random: w.random("phone"), App: p.app.Signer, Device: p.device.ID,
		Certificate: p.device.Certificate,
		CA:          p.bank.ca.Encoded, PINPoint: p.device.PINPoint, Authorities: authorities,
		Intermediary: w.walletLink(p.bank), Provenance: w.provenance,
	})
	require.NoError(w.t, err)
}

func (w *world) authorities() [][]byte {
	var all [][]byte
	for _, b := range w.banks {
		all = append(all, b.ca.Encoded)
	}
	return all
}

// reader holds the person's card to a reader.
func (p *person) reader() apdu.Card {
	p.card.Reset()
	return apdu.Framing{Card: apdu.CardFunc(p.transmit), ExtendedLength: p.extended}
}

// transmit cuts the power before the chosen write.
func (p *person) transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	p.card.CutBefore(max(0, p.cut-p.writes))
	response, err := p.card.Transmit(ctx, c)
	p.writes += p.card.LastCommand().Writes
	if err != nil {
		p.cut = 0 // once
	}
	return response, err
}

func (p *person) tap(t *testing.T) wallet.Tap {
	return wallet.Tap{Card: p.reader(), PIN: block(t, rightPIN)}
}

// state reads the card without changing anything.
func (w *world) state(p *person) audit.Device {
	w.t.Helper()
	p.card.Reset()
	applet := client.New(apdu.Framing{Card: p.card})
	applet.Links = p.bank.links
	fci, err := applet.Select(w.ctx)
	require.NoError(w.t, err)
	encoded, err := applet.GetState(w.ctx, w.challenge(p.bank, p.device.ID, fci.Nonce),
		p.bank.instruction.Encoded)
	require.NoError(w.t, err)
	records, err := applet.Records(w.ctx)
	require.NoError(w.t, err)
	return w.honest(encoded, records)
}

func (w *world) honest(encoded []byte, records [][]byte) audit.Device {
	w.t.Helper()
	device, err := audit.Observed(session.Reading{State: encoded, Records: records})
	require.NoError(w.t, err)
	return device
}

func (w *world) devices() map[string]audit.Device {
	w.t.Helper()
	all := map[string]audit.Device{}
	for _, p := range w.people {
		if !p.lost {
			all[string(p.device.ID)] = w.state(p)
		}
	}
	if w.terminal != nil {
		reading, err := w.terminal.Read(w.ctx,
			w.challenge(w.terminal.bank, w.terminal.ID(), message.Nonce{}),
			session.Trust{InstructionKey: w.terminal.bank.instruction.Encoded,
				Notary: w.notary.Encoded, Links: w.terminal.bank.links})
		require.NoError(w.t, err)
		all[string(w.terminal.ID())] = w.honest(reading.State, reading.Records)
	}
	return all
}

// audit checks everything that must hold at every moment.
func (w *world) audit(step string) {
	w.t.Helper()
	violations, err := w.auditor.Check(w.ctx, w.bankDB, w.devices())
	require.NoError(w.t, err)
	require.Empty(w.t, violations, step)
	for _, b := range w.banks {
		require.NoError(w.t, b.Verify(w.ctx), step)
	}
}

// agree synchronises everybody twice and checks that nothing is left to settle.
func (w *world) agree() {
	w.t.Helper()
	for range 2 {
		for _, p := range w.people {
			if !p.lost {
				w.sync(p)
			}
		}
		if w.terminal != nil {
			_, err := w.terminal.Synchronise(w.ctx)
			require.NoError(w.t, err)
		}
	}
	violations, err := w.auditor.Agreement(w.ctx, w.bankDB, w.devices())
	require.NoError(w.t, err)
	require.Empty(w.t, violations)
	violations, err = w.auditor.Rows(w.ctx, w.bankDB)
	require.NoError(w.t, err)
	require.Empty(w.t, violations)
}

func (w *world) sync(p *person) session.Result {
	w.t.Helper()
	result, err := p.phone.Synchronise(w.ctx, p.tap(w.t))
	require.NoError(w.t, err)
	return result
}

func (w *world) load(p *person, amount money.Ore) {
	w.t.Helper()
	result, err := p.phone.Load(w.ctx, p.tap(w.t), amount)
	require.NoError(w.t, err)
	require.Equal(w.t, amount, result.Credited)
	w.audit("load of " + p.name)
}

// offline returns what the card holds.
func (w *world) offline(p *person) money.Ore {
	w.t.Helper()
	return w.state(p).State.Balance
}

func (w *world) online(p *person) money.Ore {
	w.t.Helper()
	balance, err := p.bank.OnlineBalance(w.ctx, p.name)
	require.NoError(w.t, err)
	return balance
}

func (w *world) taken() money.Ore {
	w.t.Helper()
	balance, err := w.terminal.bank.OnlineBalance(w.ctx, w.terminal.owner)
	require.NoError(w.t, err)
	return balance
}
