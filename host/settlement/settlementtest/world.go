// Package settlementtest is a small world around a notary, for tests: intermediaries and honest
// devices with software keys that sign real messages, and attackers that sign anything. The devices
// follow protocol §3 to §5 without a card: the applet has its own tests. Start at NewWorld.
package settlementtest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/audit"
	"ekrona.example/host/clock"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/store"
	"ekrona.example/host/store/storetest"
)

// World is a central bank, its intermediaries and their devices. Names are the short ones of the
// test: "NORDIC" for the intermediary SENORDIC, "ANNA" for the device SENORDIC0000ANNA.
type World struct {
	T              require.TestingT
	Path           string        // of the database, as store.Open takes it
	Driver         driver.Driver // before the database's own; nil for none
	DB             *sql.DB
	Clock          *clock.Manual
	Notary         Notary
	Terms          notary.Terms
	Intermediaries map[string]*Intermediary
	Devices        map[string]*Device
	Names          []string // of Devices, in order of issue
	Submitted      [][]byte // all that Submit handed over
	// devices that are copied or whose key is stolen: the auditor does not trust them
	Dishonest map[string]bool
	// see settlement.Config; for notaries that start from now on
	Together, Connected int
	Observe             func(settlement.Batch)
	Attacked            []string // how the number of attacks grew that a device has found

	auditor *audit.Auditor
	audits  int

	root       *cvc.Certificate
	rootKey    *ecdsa.PrivateKey
	notary     message.AuthorityRef
	notaryKey  *ecdsa.PrivateKey
	notaryCert []byte
	challenges uint64
	drawn      uint64 // see Draws
	orders     int
}

// Notary is the calls that the world makes to the central bank, so that a test can wrap them.
type Notary interface {
	notary.Operator
	notary.Public
	For(name message.Name) notary.Participant
}

// Slots are those of every card's log.
const Slots = spec.MinSlots

// Intermediary is the name and keys of one.
type Intermediary struct {
	Name      message.Name
	CA        *cvc.Certificate
	Instructs message.AuthorityRef
	// InstructionCertificate is the root's, of the instruction key.
	InstructionCertificate []byte

	caKey          *ecdsa.PrivateKey
	instructionKey *ecdsa.PrivateKey
}

// StolenKey returns the intermediary's instruction key, for a thief.
func (i *Intermediary) StolenKey() crypto.Signer { return i.instructionKey }

// LastDay is the last one of every certificate, where a test does not say otherwise.
func LastDay() message.Date { return lastDay }

var (
	firstDay = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	lastDay  = message.DateOf(firstDay.AddDate(5, 0, 0))
)

// NewWorld returns a world on a new database of the kind that the tests run on now, with the
// intermediaries NORDIC and FJORD.
func NewWorld(t storetest.T) *World {
	schemas, err := settlement.Schemas()
	require.NoError(t, err)
	return NewWorldOn(t, nil, storetest.New(t, schemas...))
}

// NewWorldOn is NewWorld on the database at path, with a driver that wraps its own; nil for
// none.
func NewWorldOn(t require.TestingT, d driver.Driver, path string) *World {
	w := &World{T: t, Path: path, Driver: d, Clock: &clock.Manual{At: firstDay},
		Intermediaries: map[string]*Intermediary{}, Devices: map[string]*Device{},
		Dishonest: map[string]bool{},
		Terms:     notary.Terms{Honour: 10 * 24 * time.Hour, Wait: 60 * 24 * time.Hour}}
	w.rootKey = key(t, "root")
	w.root = w.certify(nil, "SERIKSBK00001", spec.RoleRoot, w.rootKey, w.rootKey)
	w.UseNotaryKey("SENOTARY00001", lastDay)
	w.auditor = audit.New(w.NotaryKey())
	w.Start()
	w.join("NORDIC")
	w.join("FJORD")
	return w
}

// key is always the same for the same name.
func key(t require.TestingT, name string) *ecdsa.PrivateKey {
	seed := sha256.Sum256([]byte("a test key and nothing else: " + name))
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	require.NoError(t, err)
	return k
}

func (w *World) certify(
	by *cvc.Certificate, holder string, role spec.Role, k, signer *ecdsa.PrivateKey,
) *cvc.Certificate {
	authority := message.AuthorityRef(holder)
	if by != nil {
		authority = message.AuthorityRef(by.Holder)
	}
	c := &cvc.Certificate{Authority: authority, PublicKey: &k.PublicKey, Holder: cvc.Holder(holder),
		Role:      role,
		Effective: message.DateOf(firstDay), Expiry: lastDay}
	require.NoError(w.T, c.Sign(signer))
	return c
}

func encode(t require.TestingT, c *cvc.Certificate) []byte {
	raw, err := c.Encode()
	require.NoError(t, err)
	return raw
}

// UseNotaryKey makes a notary key, always the same for a reference, the one with which the notary
// starts the next time.
func (w *World) UseNotaryKey(reference message.AuthorityRef, ends message.Date) {
	w.notary, w.notaryKey = reference, key(w.T, "notary "+string(reference))
	c := w.certify(w.root, string(reference), spec.RoleNotary, w.notaryKey, w.rootKey)
	c.Expiry = ends
	require.NoError(w.T, c.Sign(w.rootKey))
	w.notaryCert = encode(w.T, c)
}

// UseInstructionKey makes an instruction key of an intermediary, always the same for a reference,
// the one with which it signs from now on. Join makes the notary know it.
func (w *World) UseInstructionKey(
	i *Intermediary, reference message.AuthorityRef, ends message.Date,
) {
	i.Instructs, i.instructionKey = reference, key(w.T, string(reference))
	c := w.certify(w.root, string(reference), spec.RoleInstructionKey, i.instructionKey, w.rootKey)
	c.Expiry = ends
	require.NoError(w.T, c.Sign(w.rootKey))
	i.InstructionCertificate = encode(w.T, c)
}

// OtherCA returns the certificate of a CA that the root has certified beside the others.
func (w *World) OtherCA(holder string, ends message.Date) []byte {
	c := w.certify(w.root, holder, spec.RoleIntermediary, key(w.T, holder), w.rootKey)
	c.Expiry = ends
	require.NoError(w.T, c.Sign(w.rootKey))
	return encode(w.T, c)
}

// Join makes the notary know the intermediary's certificates.
func (w *World) Join(i *Intermediary) error {
	return w.Notary.Join(context.Background(), i.Name, encode(w.T, i.CA), i.InstructionCertificate)
}

// Start opens the database and the notary on it: once at the beginning, and again after Stop.
func (w *World) Start() {
	w.DB = w.open()
	w.Notary = w.notaryOn(w.DB)
}

func (w *World) open() *sql.DB {
	schemas, err := settlement.Schemas()
	require.NoError(w.T, err)
	var db *sql.DB
	if w.Driver == nil {
		db, err = store.Open(context.Background(), w.Path, schemas...)
	} else {
		db, err = store.OpenOn(context.Background(), w.Driver, w.Path, schemas...)
	}
	require.NoError(w.T, err)
	return db
}

func (w *World) notaryOn(db *sql.DB) *settlement.Notary {
	n, err := w.TryNotary(db)
	require.NoError(w.T, err)
	return n
}

// TryNotary starts a notary on a handle, which may not be possible.
func (w *World) TryNotary(db *sql.DB) (*settlement.Notary, error) {
	return settlement.New(context.Background(),
		settlement.Config{DB: db, Clock: w.Clock, Random: w, Key: w.notaryKey,
			Certificate: w.notaryCert, Root: encode(w.T, w.root), Terms: w.Terms,
			Together: w.Together, Connected: w.Connected,
			Observe: w.Observe, Attacked: func(_ message.DeviceID, before, now int) {
				w.Attacked = append(w.Attacked, fmt.Sprintf("%d to %d", before, now))
			}})
}

// Again starts the notary again on the same handle, under the terms that the world has now.
func (w *World) Again() *settlement.Notary {
	n := w.notaryOn(w.DB)
	w.Notary = n
	return n
}

// Another returns another notary on the same database, which is none in memory, under a lease.
// close closes its handle.
func (w *World) Another(
	lease store.Lease,
) (n *settlement.Notary, h *store.Holding, closing func() error) {
	db := w.open()
	lease.Clock = w.Clock
	h, err := store.Hold(db, lease)
	require.NoError(w.T, err)
	return w.notaryOn(db), h, db.Close
}

// Stop closes the database.
func (w *World) Stop() { require.NoError(w.T, w.DB.Close()) }

func (w *World) join(short string) {
	i := &Intermediary{Name: message.Name(fmt.Sprintf("SE%-6.6s", short)),
		caKey: key(w.T, short+" CA")}
	if len(short) < 6 {
		i.Name = message.Name(("SE" + short + "000000")[:spec.NameLength])
	}
	i.CA = w.certify(w.root, string(i.Name)+"00001", spec.RoleIntermediary, i.caKey, w.rootKey)
	w.UseInstructionKey(i, message.AuthorityRef(i.Name+"00002"), lastDay)
	w.Intermediaries[short] = i
	require.NoError(w.T, w.Join(i))
}

// Issue makes a device of an intermediary and registers it.
func (w *World) Issue(short, intermediary string, role spec.Role) *Device {
	d := w.Unregistered(short, intermediary, role, short)
	registration := notary.Registration{Certificate: d.Certificate, Owner: d.Owner}
	if role.CanPay() {
		registration.Ceilings, registration.Slots = w.Policy(d.Ceilings), Slots
	}
	require.NoError(w.T, w.Notary.For(d.ID.Name()).Register(context.Background(), registration))
	w.Devices[short], w.Names = d, append(w.Names, short)
	return d
}

// Unregistered makes a device that the intermediary certifies and the notary does not know, with a
// key named by keyName.
func (w *World) Unregistered(short, intermediary string, role spec.Role, keyName string) *Device {
	i := w.Intermediaries[intermediary]
	id := message.DeviceID(string(i.Name) + ("00000000" + short)[len(short):])
	d := &Device{ID: id, Role: role, Owner: short, key: key(w.T, keyName), LifeCycle: spec.Active,
		Date: message.DateOf(firstDay)}
	d.Ceilings = message.Policy{MaxBalance: 10 * spec.PilotMaxBalance,
		MaxTransactions: Slots - 1, MaxPayment: 10 * spec.PilotMaxPayment,
		MaxSpent: 10 * spec.PilotMaxSpent, Flags: spec.PilotFlags}
	d.Policy = message.DefaultPolicy().Under(d.Ceilings)
	var err error
	d.Head, err = message.FirstHead(id, &d.key.PublicKey)
	require.NoError(w.T, err)
	d.AckedHead = d.Head
	d.Certificate = encode(w.T, w.certify(i.CA, string(id), role, d.key, i.caKey))
	return d
}

// Honest returns the honest devices as an auditor reads them.
func (w *World) Honest() map[string]audit.Device {
	honest := map[string]audit.Device{}
	for _, name := range w.Names {
		if d := w.Devices[name]; !w.Dishonest[name] {
			state, err := d.peek()
			require.NoError(w.T, err)
			honest[string(d.ID)] = audit.Device{State: state, Records: d.Log}
		}
	}
	return honest
}

// NotaryKey returns the notary's public key.
func (w *World) NotaryKey() *ecdsa.PublicKey { return &w.notaryKey.PublicKey }

// Roots returns the root under which all join.
func (w *World) Roots() cvc.Roots { return cvc.Roots{w.root} }

// eachRows is at how many audits every row is held against its message: those after each step of a
// random test would take most of its time.
const eachRows = 8

// Audit requires that every invariant holds now, and that clones whose messages the notary holds
// have ended with the evidence; agreement too after two whole rounds of synchronisation.
func (w *World) Audit(agreement bool) {
	w.auditor.PoolAhead = w.Terms.PoolAhead
	found, err := w.auditor.Check(context.Background(), w.DB, w.Honest())
	require.NoError(w.T, err)
	require.Empty(w.T, found)
	if w.audits++; agreement || w.audits%eachRows == 1 {
		w.auditor.Roots = w.Roots()
		found, err = w.auditor.Rows(context.Background(), w.DB)
		require.NoError(w.T, err)
		require.Empty(w.T, found)
	}
	if agreement {
		found, err = w.auditor.Agreement(context.Background(), w.DB, w.Honest())
		require.NoError(w.T, err)
		require.Empty(w.T, found)
	}
	clones, err := w.auditor.Clones(context.Background(), w.DB)
	require.NoError(w.T, err)
	for _, id := range clones {
		evidence, err := store.Number(context.Background(), w.DB, `SELECT count(*) FROM evidence e
			JOIN device d ON d.id = e.device
			WHERE e.clone AND d.status = $1 AND d.id = $2`, int(notary.Ended), id)
		require.NoError(w.T, err)
		require.Positive(w.T, evidence, "%s is a clone and has not ended with the evidence", id)
	}
	require.NoError(w.T, ledger.Verify(context.Background(), w.DB))
}

// Submit hands items to the notary and requires that each was kept.
func (w *World) Submit(items ...[]byte) {
	w.Submitted = append(w.Submitted, items...)
	answers, err := w.Notary.For("").Submit(context.Background(), items)
	require.NoError(w.T, err)
	for _, a := range answers {
		require.NoError(w.T, a.Err)
	}
}

// Policy encodes a device's ceilings.
func (w *World) Policy(p message.Policy) []byte {
	raw, err := p.Bytes()
	require.NoError(w.T, err)
	return raw
}

// Encode encodes a message.
func (w *World) Encode(m message.Message) []byte {
	raw, err := message.Encode(m)
	require.NoError(w.T, err)
	return raw
}
