package settlement

import (
	"cmp"
	"context"
	"crypto"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/clock"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of the central bank's database, for store.Open.
func Schemas() ([]store.Schema, error) {
	return ledger.With(store.Embedded("settlement", migrations))
}

// Notary is the central bank: it implements notary.Operator and notary.Public and, for each
// intermediary, notary.Participant (see For). Its methods are safe for concurrent use: what waits
// is decided together, see writer.
type Notary struct {
	db        *sql.DB
	clock     clock.Clock
	random    io.Reader
	key       crypto.Signer
	reference message.AuthorityRef
	expires   message.Date

	certificate []byte
	roots       cvc.Roots
	terms       notary.Terms

	gate                gate
	writer              writer
	large               largeSets
	together, connected int  // see Config
	inTurn              bool // on SQLite; see Config.InTurn

	observe func(Batch) // nil for nobody
	// attacked is [Config.Attacked].
	attacked func(device message.DeviceID, before, now int)
}

// Config is what the notary is built from.
type Config struct {
	// DB is opened with Schemas. Where several notaries stand on one database each has a handle of
	// its own, on which it holds a lease (store.Hold): one of them decides.
	DB          *sql.DB
	Clock       clock.Clock
	Random      io.Reader     // for Challenges
	Key         crypto.Signer // the notary key
	Certificate []byte        // 7F21 of Key, signed by the root
	Root        []byte        // 7F21 of the root, under which intermediaries join; trusted as given
	Links       [][]byte      // 7F21 of the links from it to the current root, the earliest first
	Terms       notary.Terms
	// Connected is how many payments of others a change reads that hang together with its own. A
	// set of more is netted beside (see NetLarge). 0 stands for 300.
	Connected int
	// Together is how many claims of such a set are settled in one transaction; 0 stands for 200.
	Together int
	// InTurn has the callers of a ledger on SQLite wait for each other, not for its lock, in which
	// one sleeps and can be passed for seconds. It is not for who calls within the end of another
	// call's transaction, as a simulator does that plays all callers.
	InTurn bool
	// Observe, if not nil, receives every batch that was decided, after it.
	Observe func(Batch)
	// Attacked, if not nil, receives each growth of the number of attacks that a device has found
	// on it, as two States of it show it.
	Attacked func(device message.DeviceID, before, now int)
}

// Batch is what was decided in one transaction.
type Batch struct {
	Callers int           // who got an answer
	Facts   int           // submitted messages among what they brought
	Took    time.Duration // from the wait for the database to the end of the commit
	// OneByOne: the transaction could not be carried out, and each caller's was decided by itself.
	OneByOne bool
}

// New checks the configuration, opens the central bank's own accounts, and moves what may move
// under the terms.
func New(ctx context.Context, c Config) (*Notary, error) {
	roots, err := cvc.ParseRoots(c.Root, c.Links...)
	if err != nil {
		return nil, err
	}
	certificate, err := cvc.Parse(c.Certificate)
	if err != nil {
		return nil, fmt.Errorf("notary certificate: %w", err)
	}
	if err := roots.Verify(certificate); err != nil {
		return nil, fmt.Errorf("notary certificate %s: %w", certificate.Holder, err)
	}
	public, err := signature.PublicKey(c.Key)
	if err != nil {
		return nil, fmt.Errorf("notary key: %w", err)
	}
	if certificate.Role != spec.RoleNotary || !certificate.PublicKey.Equal(public) {
		return nil, fmt.Errorf(
			"notary certificate %s: is for a %s, or for another key than the one given",
			certificate.Holder, certificate.Role)
	}
	n := &Notary{db: c.DB, clock: c.Clock, random: entropy.Shared(c.Random), key: c.Key,
		reference: message.AuthorityRef(certificate.Holder), expires: certificate.Expiry,
		roots: roots, terms: c.Terms, certificate: c.Certificate,
		observe: c.Observe, attacked: c.Attacked,
		inTurn:   c.InTurn && store.DialectOf(c.DB) == store.SQLite,
		together: cmp.Or(c.Together, maxTogether), connected: cmp.Or(c.Connected, maxConnected)}
	n.gate = newGate(c.DB, n.writer.isLed)
	if n.terms.CoverLimit == 0 {
		n.terms.CoverLimit = notary.PilotCoverLimit
	}
	if n.terms.CrisisMost == (message.CrisisRow{}) {
		n.terms.CrisisMost = notary.DefaultCrisisMost()
	}
	if err := checkLanguage(ctx, c.DB); err != nil {
		return nil, err
	}
	err = n.change(ctx, func(t *txn) error {
		t.touched.cover = true // the terms may be others than before
		if err := t.takeCap(); err != nil {
			return err
		}
		if err := t.openAccount(issuedAccount); err != nil {
			return err
		}
		if err := t.openAccount(poolAccount); err != nil {
			return err
		}
		return n.keepKey(t, certificate, c.Certificate)
	})
	var held *store.HeldError
	if errors.As(err, &held) {
		err = nil // the holder has done it
	}
	return n, err
}

var (
	_ notary.Operator    = (*Notary)(nil)
	_ notary.Public      = (*Notary)(nil)
	_ notary.Participant = participant{}
)

// For returns the notary for one intermediary; the caller has authenticated the name.
func (n *Notary) For(name message.Name) notary.Participant { return participant{n, name} }

// participant is the notary for one intermediary.
type participant struct {
	n    *Notary
	from message.Name
}

// Revoked implements notary.Public.
func (p participant) Revoked(
	ctx context.Context, after int64, limit int,
) ([]notary.Revocation, error) {
	return p.n.Revoked(ctx, after, limit)
}

// Verdict implements notary.Public.
func (p participant) Verdict(
	ctx context.Context, payment notary.PaymentName,
) (notary.Verdict, error) {
	return p.n.Verdict(ctx, payment)
}
