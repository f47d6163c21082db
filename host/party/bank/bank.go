// Package bank starts an intermediary from its folder: online wallets, instruction key
// and unload desk. The CA's key is opened only for issuing ([Bank.Issuer]); it may be a
// reference to a TPM or an HSM, as every key of the folder.
//
// Start at [Found], once, and [Open].
package bank

import (
	"cmp"
	"context"
	"crypto"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/clock"
	"ekrona.example/host/intermediary"
	"ekrona.example/host/notary"
	"ekrona.example/host/party"
	"ekrona.example/host/remote"
	"ekrona.example/host/service/link"
	"ekrona.example/host/store"
	"ekrona.example/personalization"
	"ekrona.example/personalization/pki"
)

// Settings are those of an intermediary. File names are relative to its folder.
type Settings struct {
	Party       party.Kind   `yaml:"party"` // "intermediary"
	Name        message.Name `yaml:"name"`
	Title       string       `yaml:"title"` // for human readers
	Database    string       `yaml:"database"`
	Keys        string       `yaml:"keys"`         // folder of the keys
	CA          string       `yaml:"ca"`           // name of the CA's key and certificate in it
	Instruction string       `yaml:"instruction"`  // of the instruction key's
	Desk        string       `yaml:"desk"`         // of the unload desk's
	Root        string       `yaml:"root"`         // certificate
	Notary      string       `yaml:"notary"`       // certificate of the notary's key
	CentralBank string       `yaml:"central_bank"` // folder or URL where it is reached
	CardYears   int          `yaml:"card_years"`   // validity of the cards that it issues
	BatchSize   int          `yaml:"batch_size"`   // cards that share a batch key

	// DatabaseOwner is the database by the role that owns its tables, on PostgreSQL, which brings
	// them up to date at a start; empty: that of Database is the owner.
	DatabaseOwner string `yaml:"database_owner,omitempty"`

	Service party.Service `yaml:"service,omitempty"`
}

// Bounds of what an intermediary issues.
const (
	maxCardYears = 10
	maxBatchSize = 1_000_000
)

// Check implements [party.Checked].
func (s Settings) Check() error {
	return party.First(
		party.Text("title", s.Title),
		party.Source("database", s.Database),
		party.SourceOnServer("database_owner", s.DatabaseOwner),
		party.File("keys", s.Keys),
		party.KeyName("ca", s.CA),
		party.KeyName("instruction", s.Instruction),
		party.KeyName("desk", s.Desk),
		party.File("root", s.Root),
		party.File("notary", s.Notary),
		party.Reached("central_bank", s.CentralBank),
		party.Within("card_years", s.CardYears, 1, maxCardYears),
		party.Within("batch_size", s.BatchSize, 1, maxBatchSize),
		s.Service.Check())
}

// Bank is an opened intermediary.
type Bank struct {
	*intermediary.Intermediary
	Settings Settings

	InstructionKey         crypto.Signer
	InstructionCertificate []byte // its certificate, 7F21
	NotaryCertificate      []byte // 7F21

	folder      *party.Folder
	environment party.Environment
	lease       party.Lease
	db          *sql.DB
	clock       clock.Clock
	random      io.Reader
	root        []byte
	links       [][]byte
}

// Subjects are the holders of an intermediary's certificates.
type Subjects struct{ CA, Instruction, Desk pki.Subject }

// Found makes the folder of an intermediary: its keys, certified by the root and by its
// own CA. Repeated after a cut, it goes on from there. The settings need their names
// (Name, Title, CentralBank, CardYears, BatchSize), and Database for one that is not a file in the
// folder; the rest is Found's.
func Found(
	ctx context.Context, path string, s Settings, root pki.Identity, notaryKey []byte,
	subjects Subjects, e party.Environment,
) (err error) {
	f, err := party.Make(ctx, path, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s.Party, s.Keys = party.Intermediary, "keys"
	s.Database = cmp.Or(s.Database, "intermediary.db")
	s.CA, s.Instruction, s.Desk = "ca", "instruction", "desk"
	s.Root, s.Notary = "keys/root.cvc", "keys/notary.cvc"
	keys := pki.Open(f.Path(s.Keys), e.Complete().Random)
	ca, err := keys.Certified(s.CA, subjects.CA, root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ca.Close()) }()
	instruction, err := keys.Certified(s.Instruction, subjects.Instruction, root)
	if err != nil {
		return err
	}
	desk, err := keys.Certified(s.Desk, subjects.Desk, ca)
	if err = errors.Join(err, instruction.Close()); err != nil {
		return err
	}
	schemas, err := intermediary.Schemas()
	if err = errors.Join(err, desk.Close(), f.Keep(s.Root, root.Encoded),
		f.Keep(s.Notary, notaryKey)); err != nil {
		return err
	}
	if err := f.MakeDatabase(ctx, s.Database, schemas...); err != nil {
		return err
	}
	return f.Write(s)
}

// Open starts the intermediary of a folder. dial returns the link to the notary, which
// authenticates this intermediary. A notary that cannot be reached now stops nothing that does not
// need it: what a crash interrupted is then finished at a later start.
func Open(
	ctx context.Context, path string, dial party.Dial, e party.Environment,
) (*Bank, error) {
	return OpenWith(ctx, path, func(*Settings) {}, dial, e)
}

// OpenWith starts the intermediary of a folder with settings that were changed: by the flags of a
// command.
func OpenWith(
	ctx context.Context, path string, change func(*Settings), dial party.Dial, e party.Environment,
) (_ *Bank, err error) {
	f, err := party.Enter(ctx, path, e)
	if err != nil {
		return nil, fmt.Errorf("intermediary: %w", err)
	}
	defer f.CloseAfter(&err, "intermediary")
	e = e.Complete()
	b := &Bank{folder: f, environment: e, clock: e.Clock, random: e.Random}
	if err := f.Read(party.Intermediary, &b.Settings); err != nil {
		return nil, err
	}
	change(&b.Settings)
	s := b.Settings
	if b.root, err = f.Trusted("root", s.Root); err != nil {
		return nil, err
	}
	if b.NotaryCertificate, err = f.Trusted("notary", s.Notary); err != nil {
		return nil, err
	}
	keys := pki.Open(f.Path(s.Keys), e.Random)
	ca, err := keys.ReadCertificate(s.CA)
	if err != nil {
		return nil, err
	}
	instruction, err := b.identity(ctx, keys, s.Instruction)
	if err != nil {
		return nil, f.KeyError("instruction", err)
	}
	desk, err := b.identity(ctx, keys, s.Desk)
	if err != nil {
		return nil, f.KeyError("desk", err)
	}
	former, err := b.readLinks(keys)
	if err != nil {
		return nil, err
	}
	b.InstructionKey, b.InstructionCertificate = instruction.Signer, instruction.Certificate
	schemas, err := intermediary.Schemas()
	if err != nil {
		return nil, err
	}
	if b.db, err = f.DatabaseOf(ctx, s.DatabaseOwner, s.Database, schemas...); err != nil {
		return nil, err
	}
	if err := intermediary.Claim(ctx, b.db, s.Name); err != nil {
		return nil, err
	}
	if b.lease, err = f.Hold(b.db, s.Service, e); err != nil {
		return nil, err
	}
	b.Intermediary, err = intermediary.New(intermediary.Config{
		Name: s.Name, DB: b.db, Clock: e.Clock, Random: e.Random,
		Notary: notary.NewParticipant(dial(f.Address(s.CentralBank), party.Caller{})),
		CA:     ca.Encoded, InstructionKey: instruction, Desk: desk,
		NotaryCertificate: b.NotaryCertificate, Former: former, Links: b.links,
		Batch: keys.BatchCertificate, Crowd: true,
	})
	if err != nil {
		return nil, err
	}
	var held *store.HeldError // whose start it is
	var own *store.AwayError
	if err := b.Start(link.AtOnce(ctx)); err != nil && !errors.As(err, &held) &&
		(errors.As(err, &own) || !remote.IsPassing(err)) {
		return nil, err
	}
	return b, nil
}

// readLinks reads the links from the root on that the bank has imported, and returns the
// certificates of all notary and instruction keys that it has: an outstanding Instruction may name
// a former one.
func (b *Bank) readLinks(keys pki.Folder) (former [][]byte, err error) {
	store, err := keys.Store()
	if err != nil {
		return nil, err
	}
	root, err := cvc.Parse(b.root)
	if err != nil {
		return nil, fmt.Errorf("root certificate: %w", err)
	}
	notary, err := cvc.Parse(b.NotaryCertificate)
	if err != nil {
		return nil, fmt.Errorf("notary certificate: %w", err)
	}
	b.links = store.Links(root)
	return append(store.Of(spec.RoleNotary, notary.Holder.Name()),
		store.Of(spec.RoleInstructionKey, b.Settings.Name)...), nil
}

// identity opens a key with its certificate until the folder is closed.
func (b *Bank) identity(
	ctx context.Context, keys pki.Folder, name string,
) (intermediary.Identity, error) {
	i, err := keys.Identity(ctx, name)
	if err != nil {
		return intermediary.Identity{}, err
	}
	b.folder.OnClose(i.Close)
	return intermediary.Identity{Signer: i.Signer, Certificate: i.Encoded}, nil
}

// Certificates returns the certificates with which the intermediary of a folder joins the notary:
// its CA's and its instruction key's (7F21).
func Certificates(path string) (ca, instruction []byte, err error) {
	s, err := ReadSettings(path)
	if err != nil {
		return nil, nil, err
	}
	keys := pki.Open(party.Peek(path).Path(s.Keys), nil)
	first, err := keys.ReadCertificate(s.CA)
	if err != nil {
		return nil, nil, err
	}
	second, err := keys.ReadCertificate(s.Instruction)
	return first.Encoded, second.Encoded, err
}

// FolderName returns the name of the bank's folder.
func (b *Bank) FolderName() string { return filepath.Base(b.folder.Path("")) }

// Root returns the root's certificate (7F21).
func (b *Bank) Root() []byte { return b.root }

// Links returns the links from it on (7F21), the earliest first.
func (b *Bank) Links() [][]byte { return b.links }

// CACertificate reads the certificate of the CA (7F21).
func (b *Bank) CACertificate() ([]byte, error) {
	i, err := pki.Open(b.folder.Path(b.Settings.Keys), b.random).ReadCertificate(b.Settings.CA)
	return i.Encoded, err
}

// CA opens the CA with its key, until the bank is closed.
func (b *Bank) CA(ctx context.Context) (pki.Identity, error) {
	ca, err := pki.Open(b.folder.Path(b.Settings.Keys), b.random).Identity(ctx, b.Settings.CA)
	if err == nil {
		b.folder.OnClose(ca.Close)
	}
	return ca, err
}

// RenewBatches certifies the batch keys of the bank's cards until its CA ends, and returns the
// batches that had not been. Cards get the certificates when they synchronise.
func (b *Bank) RenewBatches(ctx context.Context) ([]message.DeviceID, error) {
	ca, err := b.CA(ctx)
	if err != nil {
		return nil, err
	}
	return pki.Open(b.folder.Path(b.Settings.Keys), b.random).Batches(ca).Renew(ctx)
}

// Issuer opens the CA's key and makes the bank's cards.
func (b *Bank) Issuer(ctx context.Context) (personalization.Issuer, error) {
	ca, err := b.CA(ctx)
	if err != nil {
		return personalization.Issuer{},
			fmt.Errorf("intermediary %s: the key of its CA: %w", b.Settings.Name, err)
	}
	return personalization.Issuer{
		CA: ca, Batches: pki.Open(b.folder.Path(b.Settings.Keys), b.random).Batches(ca),
		BatchSize: b.Settings.BatchSize, Root: b.root, Links: b.links,
		InstructionKey: b.InstructionCertificate, Notary: b.NotaryCertificate,
		Registry: b, Random: b.random, Effective: ca.Certificate.Effective,
		Expiry: message.DateOf(b.clock.Now().AddDate(b.Settings.CardYears, 0, 0)),
	}, nil
}

// Close ends the bank.
func (b *Bank) Close() error { return b.folder.Close() }

// ReadSettings reads the settings of an intermediary's folder, without starting it.
func ReadSettings(path string) (s Settings, err error) {
	f := party.Peek(path)
	return s, f.Read(party.Intermediary, &s)
}
