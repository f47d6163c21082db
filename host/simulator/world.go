package simulator

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"hash"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/audit"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/crisis"
	"ekrona.example/host/intermediary"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/settlement"
	"ekrona.example/host/store"
	"ekrona.example/host/store/faultdriver"
	"ekrona.example/host/terminal"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

// The initial values of the world.
const (
	honour       = 30 * 24 * time.Hour
	patience     = 365 * 24 * time.Hour
	cardDays     = 150 // validity of cards' and terminals' certificates
	otherDays    = 20 * 365
	issued       = 100_000 * money.Krona
	firstDeposit = 4_000 * money.Krona
	smallDeposit = 650 * money.Krona // where intermediaries have little
	firstLoad    = 600 * money.Krona
)

var (
	beginning = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	bankNames = []message.Name{"SENORDIC", "SEFJORDB"}
	names     = []string{"anna", "bertil", "cecilia", "david", "emma"}
	merchants = []string{"cafe", "kiosk"}
)

// world has all parties and their state.
type world struct {
	scenario  Scenario
	ctx       context.Context // of the run: links and faults between two parties have no other
	clock     *clock.Manual
	random    *streams
	options   Options
	disks     map[string]*disk
	databases []*sql.DB
	deposit   money.Ore // that customers start with
	folder    string    // for images of copied cards, made when the first is

	root, notaryKey pki.Identity
	crisisKeys      []pki.Identity   // the oldest first
	crises          []crisis.Carried // orders ever signed, also by thieves
	robbed          bool             // thieves have crisis key and notary key
	central         *settlement.Notary
	centralDB       *sql.DB
	auditor         *audit.Auditor
	banks           []*bank
	people          []*person
	pendingIssues   []*person // for their card, which is not active yet
	lateOrders      int       // late customers who have ordered one
	terminals       []*merchantTerminal

	plan         plan
	inbox        []phoneMessage
	seenCommands [][]byte // commands that a reader has ever given to a card
	sentMessages [][]byte // messages that somebody has ever given to an intermediary
	orders       [][]byte // Instructions ever made
	struck       map[FaultKind]int
	done         map[Kind]int
	apdus        int
	digest       hash.Hash // of the whole story, to show that a seed replays
	failure      error     // an error that no party may ever receive
	clonesEnded  int       // devices that ended as clones
}

// bank is an intermediary with its keys.
type bank struct {
	*intermediary.Intermediary
	name                  message.Name
	db                    *sql.DB
	ca, instruction, desk pki.Identity
	batch                 onlyBatch
	backup                []byte
}

// merchantTerminal is a merchant's terminal.
type merchantTerminal struct {
	*terminal.Terminal
	merchant string
	bank     *bank
	config   terminal.Config
	seen     *audit.Device // what it holds, until it may have changed
	sent     sentMessages

	app     *ecdsa.PrivateKey // of the merchant's owner
	asked   []terminal.Sale
	sales   []paidSale
	refunds []order.Signed // without a final answer
	backup  []byte
	off     *time.Duration  // by which its clock is wrong
	setBack bool            // it has lost what it did after the backup
	knows   bool            // and has detected it
	funding map[string]bool // records of others that phones gave it
}

func newWorld(ctx context.Context, s Scenario, o Options) (_ *world, err error) {
	w := &world{
		ctx: ctx, clock: &clock.Manual{At: beginning}, random: newStreams(s.Seed), options: o,
		disks: map[string]*disk{}, deposit: firstDeposit, scenario: s,
		struck: map[FaultKind]int{}, done: map[Kind]int{}, digest: sha256.New(),
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("lab: founding the world: %w", err), w.close())
		}
	}()
	w.beginStep(Step{})
	if err := w.foundCentralBank(); err != nil {
		return nil, err
	}
	if s.Pool > 0 {
		if err := w.central.FundPool(ctx, "pool", s.Pool); err != nil {
			return nil, err
		}
	}
	if s.Spare > 0 {
		w.deposit = smallDeposit
	}
	for n, name := range bankNames {
		first := issued
		if s.Spare > 0 {
			customers := (s.People + len(bankNames) - 1 - n) / len(bankNames)
			first = s.Spare + w.deposit*money.Ore(customers)
		}
		if err := w.foundBank(name, first); err != nil {
			return nil, err
		}
	}
	for n := range s.People {
		if err := w.addPerson(names[n%len(names)], w.banks[n%len(w.banks)], n+1); err != nil {
			return nil, err
		}
	}
	for n := range s.Terminals {
		if err := w.openMerchant(merchants[n%len(merchants)], w.banks[(n+1)%len(w.banks)],
			n+1); err != nil {
			return nil, err
		}
	}
	for node := range w.disks {
		w.makeKillable(node)
	}
	w.disks[centralBank].watch()
	for _, b := range w.banks {
		w.disks[string(b.name)].watch()
	}
	return w, nil
}

// makeKillable exposes a node to the faults of its disk.
func (w *world) makeKillable(node string) {
	d := w.disks[node]
	after := false // the node is killed when its commit is done
	d.faults.Follow(func(_ context.Context, s faultdriver.Step) error {
		switch {
		case s.Kind == faultdriver.Begin:
			w.between()
		case s.Kind == faultdriver.Commit && !d.faults.Lost():
			var before bool
			if before, after = w.killsAtCommit(); before {
				return faultdriver.ErrPowerLost
			}
		case s.Kind == faultdriver.Committed:
			if after {
				d.faults.Cut()
			}
			w.between()
		}
		if !d.faults.Lost() && w.killsAtStep(node) {
			return faultdriver.ErrPowerLost
		}
		return nil
	})
}

// appKey returns a new key of a customer's app.
func (w *world) appKey() (*ecdsa.PrivateKey, error) { return keys.Generate(w.random.of("keys")) }

// open opens a node's database on a disk of its own.
func (w *world) open(node string, schemas ...store.Schema) (*sql.DB, error) {
	d := &disk{}
	d.faults = faultdriver.New(d)
	db, err := store.OpenOn(w.ctx, d.faults, store.Memory, schemas...)
	if err != nil {
		return nil, err
	}
	w.disks[node] = d
	w.databases = append(w.databases, db)
	return db, nil
}

func (w *world) close() error {
	var failed []error
	for _, db := range w.databases {
		failed = append(failed, db.Close())
	}
	return errors.Join(append(failed, w.removeImages())...)
}

// identity makes a key and has the issuer certify it; without an issuer it is the root.
func (w *world) identity(
	holder string, role spec.Role, days int, issuer *pki.Identity,
) (pki.Identity, error) {
	key, err := keys.Generate(w.random.of("keys"))
	if err != nil {
		return pki.Identity{}, err
	}
	return pki.NewIdentity(key, pki.Subject{Holder: cvc.Holder(holder), Role: role,
		Effective: w.today(), Expiry: w.today().AddDays(days)}, issuer)
}

func (w *world) today() message.Date { return message.DateOf(w.clock.At) }

const centralBank = "central bank"

func (w *world) foundCentralBank() error {
	var err error
	if w.root, err = w.identity("SERIKSBK00001", spec.RoleRoot, otherDays, nil); err != nil {
		return err
	}
	if w.notaryKey, err = w.identity("SENOTARY00001", spec.RoleNotary, otherDays,
		&w.root); err != nil {
		return err
	}
	schemas, err := settlement.Schemas()
	if err != nil {
		return err
	}
	if w.centralDB, err = w.open(centralBank, schemas...); err != nil {
		return err
	}
	w.auditor = audit.New(w.notaryKey.Certificate.PublicKey)
	w.auditor.HonestCAs = true
	w.auditor.Roots = cvc.Roots{w.root.Certificate}
	w.auditor.PoolAhead = notary.PoolAhead{Cap: w.scenario.Ahead}
	return w.startCentralBank()
}

// startCentralBank starts the notary, for the first time or again.
func (w *world) startCentralBank() (err error) {
	w.central, err = settlement.New(w.ctx, settlement.Config{
		DB: w.centralDB, Clock: w.clock, Random: w.random.of(centralBank),
		Key: w.notaryKey.Signer, Certificate: w.notaryKey.Encoded, Root: w.root.Encoded,
		Terms: notary.Terms{Honour: honour, Wait: patience,
			PoolAhead: notary.PoolAhead{Cap: w.scenario.Ahead}},
	})
	return err
}

func (w *world) foundBank(name message.Name, first money.Ore) error {
	b := &bank{name: name}
	var err error
	if b.ca, err = w.identity(string(name)+"00001", spec.RoleIntermediary, otherDays,
		&w.root); err != nil {
		return err
	}
	if b.instruction, err = w.identity(string(name)+"00002", spec.RoleInstructionKey, otherDays,
		&w.root); err != nil {
		return err
	}
	if b.desk, err = w.identity(string(name)+"DESK0001", spec.RoleDesk, otherDays,
		&b.ca); err != nil {
		return err
	}
	if err := w.makeBatch(b); err != nil {
		return err
	}
	schemas, err := intermediary.Schemas()
	if err != nil {
		return err
	}
	if b.db, err = w.open(string(name), schemas...); err != nil {
		return err
	}
	if err := w.startBank(b); err != nil {
		return err
	}
	w.banks = append(w.banks, b)
	return w.central.Issue(w.ctx, notary.OrderKey("first of "+name), name, first)
}

// startBank starts an intermediary, for the first time or again.
func (w *world) startBank(b *bank) (err error) {
	b.Intermediary, err = intermediary.New(intermediary.Config{
		Name: b.name, DB: b.db, Clock: w.clock, Random: w.random.of(string(b.name)),
		Notary: notaryLink{w, b}, CA: b.ca.Encoded,
		InstructionKey: intermediary.Identity{Signer: b.instruction.Signer,
			Certificate: b.instruction.Encoded},
		Desk: intermediary.Identity{Signer: b.desk.Signer,
			Certificate: b.desk.Encoded},
		NotaryCertificate: w.notaryKey.Encoded,
	})
	if err != nil {
		return err
	}
	if err := callOnly(w,
		func() error {
			return w.central.Join(w.ctx, b.name, b.ca.Encoded,
				b.instruction.Encoded)
		}); err != nil {
		return err
	}
	return b.Start(w.ctx)
}

func (w *world) openMerchant(merchant string, b *bank, number int) error {
	app, err := w.appKey()
	if err != nil {
		return err
	}
	if err := b.AddCustomer(w.ctx,
		banking.Customer{ID: merchant, Name: merchant, App: &app.PublicKey}); err != nil {
		return err
	}
	own, err := w.identity(fmt.Sprintf("%sTILL%04d", b.name, number), spec.RoleTerminal, cardDays,
		&b.ca)
	if err != nil {
		return err
	}
	if err := b.AddDevice(w.ctx, banking.Device{
		ID: own.Certificate.Device(), Customer: merchant, Certificate: own.Encoded,
		Policy: terminal.PilotPolicy(),
	}); err != nil {
		return err
	}
	schema, err := terminal.Schema()
	if err != nil {
		return err
	}
	db, err := w.open(merchant, schema)
	if err != nil {
		return err
	}
	off := new(time.Duration)
	t := &merchantTerminal{merchant: merchant, bank: b, app: app, off: off, config: terminal.Config{
		DB: db, Clock: wrongClock{w.clock, off}, Random: w.random.of(merchant), Signer: own.Signer,
		Certificate: own.Encoded, CA: b.ca.Encoded,
		Root: w.root.Encoded, Authorities: w.authorities(), Notary: w.notaryKey.Encoded,
		Policy: terminal.PilotPolicy(), Link: bankLink{w, b, merchant},
	}}
	if err := entropy.Fill(w.random.of("keys"), t.config.JournalKey[:]); err != nil {
		return err
	}
	w.terminals = append(w.terminals, t)
	return w.startTerminal(t)
}

// startTerminal starts a terminal, for the first time or again.
func (w *world) startTerminal(t *merchantTerminal) (err error) {
	t.Terminal, err = terminal.New(w.ctx, t.config)
	return err
}

// startPhone starts a phone's app, for the first time or again.
func (w *world) startPhone(p *person) (err error) {
	p.phone, err = wallet.New(w.ctx, wallet.Config{
		DB: p.journal, Random: w.random.of(p.name), App: p.app, Device: p.device.ID,
		Certificate: p.device.Certificate,
		CA:          p.bank.ca.Encoded, PINPoint: p.device.PINPoint, Authorities: w.authorities(),
		Intermediary: bankLink{w, p.bank, p.name}, Provenance: w.scenario.Provenance,
	})
	return err
}

func (w *world) authorities() [][]byte {
	var all [][]byte
	for _, b := range w.banks {
		all = append(all, b.ca.Encoded)
	}
	return all
}

// killsAtStep reports whether the node of a disk is killed at this step.
func (w *world) killsAtStep(node string) bool {
	w.plan.disk[node]++
	for i, f := range w.plan.faults {
		if f.Kind == KillNode && f.At == w.plan.disk[node] && w.node(f.Who) == node {
			w.plan.faults = append(w.plan.faults[:i:i], w.plan.faults[i+1:]...)
			w.recordFault(KillNode)
			return true
		}
	}
	return false
}

// killsAtCommit reports whether the node that commits is killed before the commit, or after it.
func (w *world) killsAtCommit() (before, after bool) {
	w.plan.commits++
	f, due := w.due(KillCommit, w.plan.commits)
	return due && f.Salt%2 == 0, due && f.Salt%2 == 1
}

// nodes returns the parties that have a disk, in order.
func (w *world) nodes() []string {
	nodes := []string{centralBank}
	for _, b := range w.banks {
		nodes = append(nodes, string(b.name))
	}
	for _, p := range w.people {
		nodes = append(nodes, p.name)
	}
	for _, t := range w.terminals {
		nodes = append(nodes, t.merchant)
	}
	return nodes
}

// node returns the party of a number.
func (w *world) node(number int) string {
	nodes := w.nodes()
	return nodes[number%len(nodes)]
}

// repair starts every node that was killed again on what its disk holds.
func (w *world) repair() error {
	again := func(node string, start func() error) error {
		d := w.disks[node]
		if !d.faults.Lost() {
			return nil
		}
		d.faults.Restore()
		w.note("        %s is started again", node)
		if err := start(); err != nil {
			return fmt.Errorf("%s does not start again: %w", node, err)
		}
		return nil
	}
	if err := again(centralBank, w.startCentralBank); err != nil {
		return err
	}
	for _, b := range w.banks {
		if err := again(string(b.name), func() error { return w.startBank(b) }); err != nil {
			return err
		}
	}
	for _, p := range w.people {
		if err := again(p.name, func() error { return w.startPhone(p) }); err != nil {
			return err
		}
	}
	for _, t := range w.terminals {
		if err := again(t.merchant, func() error { return w.startTerminal(t) }); err != nil {
			return err
		}
	}
	return nil
}
