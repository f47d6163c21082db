// Package centralbank starts a central bank from its folder: the notary with its key, the
// settlement ledger, and its auditor. The root key is not in the folder: it signs the notary's
// certificate at the founding, and is then put away.
//
// Start at [Found], once, and [Open].
package centralbank

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/money"
	"ekrona.example/host/audit"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/settlement"
	"ekrona.example/personalization/pki"
)

// Settings are those of a central bank. File names are relative to its folder.
type Settings struct {
	Party    party.Kind `yaml:"party"`    // "central bank"
	Database string     `yaml:"database"` // the settlement ledger's
	Keys     string     `yaml:"keys"`     // folder of the keys
	Notary   string     `yaml:"notary"`   // name of the notary's key and certificate in it
	Root     string     `yaml:"root"`     // the root's certificate, under which intermediaries join
	Terms    Terms      `yaml:"terms"`

	// DatabaseOwner is the database by the role that owns its tables, on PostgreSQL, which brings
	// them up to date at a start; empty: that of Database is the owner.
	DatabaseOwner string `yaml:"database_owner,omitempty"`

	Service party.Service `yaml:"service,omitempty"`
}

// Terms are those of [notary.Terms].
type Terms struct {
	// from a loss report to the device's end
	Honour time.Duration `yaml:"honour"`
	// how long claims wait on a silent device before it is ended
	Wait time.Duration `yaml:"wait"`
	// ore between two synchronisations; 0: the default
	CoverLimit money.Ore `yaml:"terminal_room,omitempty"`
	// how far the pool pays claims ahead; left out: never
	PoolAhead PoolAhead `yaml:"pool_ahead,omitempty"`
}

// PoolAhead is that of [notary.PoolAhead].
type PoolAhead struct {
	Cap      money.Ore `yaml:"cap"`                 // ore lent at any moment
	EachCard money.Ore `yaml:"each_card,omitempty"` // the same, to one card; 0: the default
}

// Bounds of the terms.
const (
	minTerm = time.Hour
	maxTerm = 10 * 365 * 24 * time.Hour
)

// Check implements [party.Checked]. Without a time to honour claims a lost card would end at once.
func (s Settings) Check() error {
	t := s.Terms
	return party.First(
		party.Source("database", s.Database),
		party.SourceOnServer("database_owner", s.DatabaseOwner),
		party.File("keys", s.Keys),
		party.KeyName("notary", s.Notary),
		party.File("root", s.Root),
		party.Within("terms.honour", t.Honour, minTerm, maxTerm),
		party.Within("terms.wait", t.Wait, minTerm, maxTerm),
		checkOre("terms.terminal_room", t.CoverLimit, notary.MaxIssued),
		checkOre("terms.pool_ahead.cap", t.PoolAhead.Cap, notary.MaxIssued),
		checkOre("terms.pool_ahead.each_card", t.PoolAhead.EachCard, t.PoolAhead.Cap),
		s.Service.Check())
}

// checkOre refuses what is not from 1 to most, which settings give in ore; 0 stands for
// the default.
func checkOre(key string, amount, most money.Ore) error {
	return party.WithinOrDefault(key, int64(amount), 1, int64(most))
}

// CentralBank is an opened central bank.
type CentralBank struct {
	*settlement.Notary
	Settings Settings
	Ledger   *sql.DB
	Auditor  *audit.Auditor

	// Certificate is the notary's (7F21).
	Certificate []byte

	folder      *party.Folder
	environment party.Environment
	lease       party.Lease
	batches     *batches
	attacks     *attacks
}

// Found makes the folder of a central bank: the notary's key, certified by the root.
// Repeated after a cut, it goes on from there. The settings need Terms, and Database for one that
// is not a file in the folder; the rest is Found's.
func Found(
	ctx context.Context, path string, s Settings, root pki.Identity, holder pki.Subject,
	e party.Environment,
) (err error) {
	f, err := party.Make(ctx, path, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s.Party, s.Database = party.CentralBank, cmp.Or(s.Database, "ledger.db")
	s.Keys, s.Notary, s.Root = "keys", "notary", "keys/root.cvc"
	made, err := pki.Open(f.Path(s.Keys), e.Complete().Random).Certified(s.Notary, holder, root)
	if err != nil {
		return err
	}
	schemas, err := settlement.Schemas()
	if err = errors.Join(err, made.Close(), f.Keep(s.Root, root.Encoded)); err != nil {
		return err
	}
	if err := f.MakeDatabase(ctx, s.Database, schemas...); err != nil {
		return err
	}
	return f.Write(s)
}

// Open starts the central bank of a folder.
func Open(ctx context.Context, path string, e party.Environment) (*CentralBank, error) {
	return OpenWith(ctx, path, func(*Settings) {}, e)
}

// OpenWith starts the central bank of a folder with settings that were changed: by the flags of a
// command.
func OpenWith(
	ctx context.Context, path string, change func(*Settings), e party.Environment,
) (_ *CentralBank, err error) {
	f, err := party.Enter(ctx, path, e)
	if err != nil {
		return nil, fmt.Errorf("central bank: %w", err)
	}
	defer f.CloseAfter(&err, "central bank")
	e = e.Complete()
	var s Settings
	if err := f.Read(party.CentralBank, &s); err != nil {
		return nil, err
	}
	change(&s)
	root, err := f.Trusted("root", s.Root)
	if err != nil {
		return nil, err
	}
	key, err := pki.Open(f.Path(s.Keys), e.Random).Identity(ctx, s.Notary)
	if err != nil {
		return nil, f.KeyError("notary", err)
	}
	f.OnClose(key.Close)
	links, notaries, err := readKeys(f.Path(s.Keys), root, key.Certificate)
	if err != nil {
		return nil, err
	}
	schemas, err := settlement.Schemas()
	if err != nil {
		return nil, err
	}
	c := &CentralBank{folder: f, environment: e, batches: newBatches(),
		attacks: newAttacks(), Settings: s,
		Certificate: key.Encoded}
	if c.Auditor, err = s.auditor(root, links, notaries); err != nil {
		return nil, err
	}
	if c.Ledger, err = f.DatabaseOf(ctx, s.DatabaseOwner, s.Database,
		schemas...); err != nil {
		return nil, err
	}
	if c.lease, err = f.Hold(c.Ledger, s.Service, e); err != nil {
		return nil, err
	}
	c.Notary, err = settlement.New(ctx, settlement.Config{
		DB: c.Ledger, Clock: e.Clock, Random: e.Random,
		Key: key.Signer, Certificate: key.Encoded, Root: root, Links: links,
		Terms: notary.Terms{Honour: s.Terms.Honour, Wait: s.Terms.Wait,
			CoverLimit: s.Terms.CoverLimit, PoolAhead: notary.PoolAhead(s.Terms.PoolAhead)},
		Observe: c.batches.observe, Attacked: c.attacks.grew, InTurn: true,
	})
	return c, err
}

// auditor returns one that judges by the terms and the keys of the settings' folder.
func (s Settings) auditor(
	root []byte, links [][]byte, notaries []*ecdsa.PublicKey,
) (a *audit.Auditor, err error) {
	a = audit.New(notaries...)
	a.PoolAhead = notary.PoolAhead(s.Terms.PoolAhead)
	if s.Terms.CoverLimit > 0 {
		a.CoverLimit = s.Terms.CoverLimit
	}
	a.Roots, err = cvc.ParseRoots(root, links...)
	return a, err
}

// readKeys reads the links from the root on that the central bank has imported, and its notary
// keys, former ones too.
func readKeys(
	keys string, root []byte, notary *cvc.Certificate,
) (links [][]byte, notaries []*ecdsa.PublicKey, err error) {
	first, err := cvc.Parse(root)
	if err != nil {
		return nil, nil, fmt.Errorf("root certificate: %w", err)
	}
	store, err := pki.Open(keys, nil).Store()
	if err != nil {
		return nil, nil, err
	}
	for _, k := range store {
		if c := k.Certificate; c.Role == notary.Role && c.Holder.Name() == notary.Holder.Name() {
			notaries = append(notaries, c.PublicKey)
		}
	}
	return store.Links(first), notaries, nil
}

// Close ends the central bank.
func (c *CentralBank) Close() error { return c.folder.Close() }

// ReadSettings reads the settings of a central bank's folder, without starting it.
func ReadSettings(path string) (s Settings, err error) {
	f := party.Peek(path)
	return s, f.Read(party.CentralBank, &s)
}
