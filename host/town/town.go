// Package town is a small economy in one folder: the central bank, two
// intermediaries, people with a card and a phone each, and a shop with a
// terminal. It puts the real parties together as a lab would: cards are virtual
// and live in files, keys lie in files, every ledger is an SQLite file.
//
// Start at [Open], which founds the town in an empty folder and finds it again in
// a full one. A founding that was interrupted is finished by the next Open: every
// step of it can be repeated.
//
// The folder holds every secret of the town, PINs included. It is for
// demonstrations and tests, never for money.
package town

import (
	"context"
	"crypto"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/spec"
	"ekrona/emulator/card"
	"ekrona/host/audit"
	"ekrona/host/intermediary"
	"ekrona/host/settlement"
	"ekrona/host/store"
	"ekrona/host/terminal"
	"ekrona/host/wallet"
	"ekrona/personalization/pki"
)

// Clock tells the time.
type Clock interface{ Now() time.Time }

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// FixedClock stands still, so that a seeded run repeats.
type FixedClock time.Time

// Now is always the same moment.
func (c FixedClock) Now() time.Time { return time.Time(c) }

// Options are what a town is opened with.
type Options struct {
	Plan   Plan      // who founds it; later openings follow it too
	Clock  Clock     // nil is the system's
	Random io.Reader // nil is the system's
	// Observe, if not nil, receives every exchange with a card, after it.
	Observe Observer
}

// Town is an opened town. One goroutine uses it at a time.
type Town struct {
	folder  string
	plan    Plan
	clock   Clock
	random  io.Reader
	observe Observer
	closers []func() error

	root   pki.Identity
	notary pki.Identity

	CentralBank *settlement.Notary
	ledger      *sql.DB // the central bank's
	auditor     *audit.Auditor
	Banks       []*Bank
	People      []*Person
	Shops       []*Shop
}

// Bank is an intermediary of the town.
type Bank struct {
	*intermediary.Intermediary
	Name  message.Name
	Title string

	keys        pki.Folder
	ca          pki.Identity
	instruction pki.Identity
}

// Person is an inhabitant with a card and a phone.
type Person struct {
	Name   string // in lower case, as on the command line
	Bank   *Bank
	Card   *Slot
	Phone  *wallet.Wallet
	Letter Letter // of a card of the founding; others have theirs on paper

	journal string // name of the first phone's file
}

// Shop is a shop with its terminal.
type Shop struct {
	Name string
	Bank *Bank
	Till *terminal.Terminal

	app crypto.Signer // of its owner
}

// Open opens the town in the folder, and founds it first if it is not there. The
// caller closes it. Only one process at a time may have a town open.
func Open(ctx context.Context, folder string, options Options) (_ *Town, err error) {
	t := &Town{folder: folder, plan: options.Plan, clock: options.Clock, random: options.Random, observe: options.Observe}
	if t.clock == nil {
		t.clock = systemClock{}
	}
	if t.random == nil {
		t.random = rand.Reader
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("town: %w", err)
	}
	if err := t.lock(); err != nil {
		return nil, err
	}
	if err := t.foundCentralBank(ctx); err != nil {
		return nil, fmt.Errorf("town: central bank: %w", err)
	}
	for _, plan := range t.plan.Banks {
		if err := t.foundBank(ctx, plan); err != nil {
			return nil, fmt.Errorf("town: %s: %w", plan.Title, err)
		}
	}
	for _, plan := range t.plan.People {
		if err := t.settle(ctx, plan); err != nil {
			return nil, fmt.Errorf("town: %s: %w", plan.Name, err)
		}
	}
	if err := t.welcome(ctx); err != nil {
		return nil, fmt.Errorf("town: customers: %w", err)
	}
	for _, plan := range t.plan.Shops {
		if err := t.openShop(ctx, plan); err != nil {
			return nil, fmt.Errorf("town: %s: %w", plan.Name, err)
		}
	}
	return t, nil
}

// Close closes every store. What was acknowledged is in the files already.
func (t *Town) Close() error {
	var failed []error
	for i := len(t.closers) - 1; i >= 0; i-- {
		failed = append(failed, t.closers[i]())
	}
	t.closers = nil
	return errors.Join(failed...)
}

// ErrUnknown says that nobody in the town has that name.
var ErrUnknown = errors.New("nobody here has that name")

// Person finds an inhabitant by name.
func (t *Town) Person(name string) (*Person, error) {
	return find(t.People, name, func(p *Person) string { return p.Name })
}

// Shop finds a shop by name.
func (t *Town) Shop(name string) (*Shop, error) {
	return find(t.Shops, name, func(s *Shop) string { return s.Name })
}

func find[T any](all []*T, name string, nameOf func(*T) string) (*T, error) {
	names := ""
	for _, one := range all {
		if nameOf(one) == name {
			return one, nil
		}
		names += " " + nameOf(one)
	}
	return nil, fmt.Errorf("town: %q: %w; there are:%s", name, ErrUnknown, names)
}

// bank finds a bank of the plan.
func (t *Town) bank(name message.Name) (*Bank, error) {
	for _, b := range t.Banks {
		if b.Name == name {
			return b, nil
		}
	}
	return nil, fmt.Errorf("the plan names the bank %s, which it does not found", name)
}

// path names a file or folder of the town.
func (t *Town) path(parts ...string) string {
	return filepath.Join(append([]string{t.folder}, parts...)...)
}

// open opens one party's store.
func (t *Town) open(ctx context.Context, name string, schemas ...store.Schema) (*sql.DB, error) {
	db, err := store.Open(ctx, t.path(name+".db"), schemas...)
	if err == nil {
		t.closers = append(t.closers, db.Close)
	}
	return db, err
}

// validity of the certificates that the town issues, in years.
const (
	rootYears      = 20
	authorityYears = 10
	deviceYears    = 4
)

func (t *Town) subject(holder cvc.Holder, role spec.Role, years int) pki.Subject {
	today := t.clock.Now()
	return pki.Subject{Holder: holder, Role: role, Effective: message.DateOf(today), Expiry: message.DateOf(today.AddDate(years, 0, 0))}
}

func (t *Town) foundCentralBank(ctx context.Context) error {
	keys := pki.Open(t.path("keys", "central-bank"), t.random)
	var err error
	if t.root, err = keys.Root("root", t.subject(rootHolder, spec.RoleRoot, rootYears)); err != nil {
		return err
	}
	if t.notary, err = keys.Certified("notary", t.subject(notaryHolder, spec.RoleNotary, authorityYears), t.root); err != nil {
		return err
	}
	t.auditor = audit.New(t.notary.Certificate.PublicKey)
	schemas, err := settlement.Schemas()
	if err != nil {
		return err
	}
	if t.ledger, err = t.open(ctx, "central-bank", schemas...); err != nil {
		return err
	}
	t.CentralBank, err = settlement.New(ctx, settlement.Config{
		DB: t.ledger, Clock: t.clock, Key: t.notary.Signer, Certificate: t.notary.Encoded, Root: t.root.Encoded, Terms: t.plan.Terms,
	})
	return err
}

func (t *Town) foundBank(ctx context.Context, plan BankPlan) error {
	b := &Bank{Name: plan.Name, Title: plan.Title, keys: pki.Open(t.path("keys", plan.File), t.random)}
	var err error
	if b.ca, err = b.keys.Certified("ca", t.subject(cvc.Holder(plan.Name+firstSequence), spec.RoleIntermediary, authorityYears), t.root); err != nil {
		return err
	}
	if b.instruction, err = b.keys.Certified("instruction", t.subject(cvc.Holder(plan.Name+secondSequence), spec.RoleInstructionKey, authorityYears), t.root); err != nil {
		return err
	}
	desk, err := b.keys.Certified("desk", t.subject(cvc.Holder(intermediary.DeviceIDOf(plan.Name, intermediary.KindDesk, 1)), spec.RoleDesk, deviceYears), b.ca)
	if err != nil {
		return err
	}
	schemas, err := intermediary.Schemas()
	if err != nil {
		return err
	}
	db, err := t.open(ctx, plan.File, schemas...)
	if err != nil {
		return err
	}
	b.Intermediary, err = intermediary.New(intermediary.Config{
		Name: plan.Name, DB: db, Clock: t.clock, Random: t.random, Notary: t.CentralBank, CA: b.ca.Encoded,
		InstructionKey:    intermediary.Identity{Signer: b.instruction.Signer, Certificate: b.instruction.Encoded},
		Desk:              intermediary.Identity{Signer: desk.Signer, Certificate: desk.Encoded},
		NotaryCertificate: t.notary.Encoded,
	})
	if err != nil {
		return err
	}
	if err := b.Start(ctx); err != nil {
		return err
	}
	if err := t.CentralBank.Issue(ctx, "founding of "+string(plan.Name), string(plan.Name), plan.Issued); err != nil {
		return err
	}
	t.Banks = append(t.Banks, b)
	return nil
}

// authorities are the certificates of all banks' CAs, for phones and terminals.
func (t *Town) authorities() [][]byte {
	var all [][]byte
	for _, b := range t.Banks {
		all = append(all, b.ca.Encoded)
	}
	return all
}

// cardOptions are those of every virtual card of the town.
func (t *Town) cardOptions() card.Options {
	return card.Options{Profile: card.P71, Random: t.random, Interface: card.Contactless}
}
