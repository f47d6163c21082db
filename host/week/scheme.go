package week

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/audit"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/intermediary"
	"ekrona.example/host/notary"
	"ekrona.example/host/settlement"
	"ekrona.example/host/store"
	"ekrona.example/personalization/pki"
	"ekrona.example/personalization/pki/keys"
)

const (
	honour         = 30 * 24 * time.Hour
	patience       = 90 * 24 * time.Hour
	deviceYears    = 4 // validity of cards' and terminals' certificates
	deviceDays     = deviceYears * 365
	authorityDays  = 10 * 365 // of all others
	firstDayHour   = 4        // of the day, when nobody pays
	issuedToCard   = 6_000 * money.Krona
	issuedToSpare  = 100_000 * money.Krona
	liquidityShare = 100 // of what is issued, one in so many goes to the pool
)

var (
	beginning = time.Date(2026, time.November, 2, firstDayHour, 0, 0, 0, time.UTC) // a Monday
	bankNames = []message.Name{"SENORDIC", "SEFJORDB", "SESODERB", "SEVASTRA"}
)

// Banks are the intermediaries of every week.
func Banks() []message.Name { return slices.Clone(bankNames) }

// scheme is the central bank and the intermediaries.
type scheme struct {
	clock     *clock.Manual
	seed      uint64
	served    *Served // nil: the parties are no services
	databases []*sql.DB
	closers   []func() error

	root, notaryKey pki.Identity
	crisisKey       pki.Identity
	central         *settlement.Notary
	centralDB       *sql.DB
	auditor         *audit.Auditor
	banks           []*bank
}

// bank is an intermediary with its keys.
type bank struct {
	*intermediary.Intermediary
	name                  message.Name
	db                    *sql.DB
	ca, instruction, desk pki.Identity
	batch                 pki.BatchKey // of all its cards
}

// BatchKey implements [personalization.BatchKeys].
func (b *bank) BatchKey(_ context.Context, batch message.DeviceID) (pki.BatchKey, error) {
	if own := b.batchID(); batch != own {
		return pki.BatchKey{}, fmt.Errorf("there is no batch %s, only %s", batch, own)
	}
	return b.batch, nil
}

func (b *bank) batchID() message.DeviceID {
	return banking.DeviceIDOf(b.name, banking.KindBatch, 1)
}

// Endings of the holders' names in an intermediary's certificates.
const (
	caEnding          = "00001"
	instructionEnding = "00002"
	deskEnding        = "DESK0001"
	notaryHolder      = "SENOTARY00001"
)

func (b *bank) holder(ending string) string { return string(b.name) + ending }

// foundScheme founds the central bank, and intermediaries that have enough for the plan's cards.
func foundScheme(ctx context.Context, p Plan) (_ *scheme, err error) {
	s := &scheme{clock: &clock.Manual{At: beginning}, seed: p.Seed, served: p.Served}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("founding the scheme: %w", err), s.close())
		}
	}()
	if s.root, err = s.identity("SERIKSBK00001", spec.RoleRoot, authorityDays, nil); err != nil {
		return nil, err
	}
	if s.served != nil {
		s.notaryKey, err = s.foundCentralBank(ctx, p.Liquidity)
	} else {
		s.notaryKey, err = s.identity(notaryHolder, spec.RoleNotary, authorityDays, &s.root)
	}
	if err != nil {
		return nil, err
	}
	if s.crisisKey, err = s.identity("SECRISIS00001", spec.RoleCrisisKey, authorityDays,
		&s.root); err != nil {
		return nil, err
	}
	if err := s.openCentralBank(ctx, p.Liquidity); err != nil {
		return nil, err
	}
	s.auditor = audit.New(s.notaryKey.Certificate.PublicKey)
	s.auditor.HonestCAs, s.auditor.Sparing = true, true
	s.auditor.PoolAhead = p.Liquidity.terms().PoolAhead
	issued := issuedToSpare + issuedToCard*money.Ore(1+p.Cards/len(bankNames))
	if err := s.central.FundPool(ctx, "pool", max(issued/liquidityShare,
		p.Liquidity.PoolCap)); err != nil {
		return nil, err
	}
	for _, name := range bankNames {
		if err := s.foundBank(ctx, name, issued); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *scheme) close() error {
	var failed []error
	for _, db := range s.databases {
		failed = append(failed, db.Close())
	}
	for _, closer := range s.closers {
		failed = append(failed, closer())
	}
	return errors.Join(failed...)
}

// openCentralBank starts the central bank on its database, which it makes where it is not there.
func (s *scheme) openCentralBank(ctx context.Context, l Liquidity) error {
	schemas, err := settlement.Schemas()
	if err != nil {
		return err
	}
	if s.centralDB, err = s.open(ctx, s.served.source(""), schemas...); err != nil {
		return err
	}
	s.central, err = settlement.New(ctx, settlement.Config{
		DB: s.centralDB, Clock: s.clock, Random: source(s.seed, "notary", 0),
		Key: s.notaryKey.Signer, Certificate: s.notaryKey.Encoded,
		Root: s.root.Encoded, Terms: l.terms(),
	})
	return err
}

// open opens a database, which is closed with the scheme.
func (s *scheme) open(
	ctx context.Context, source string, schemas ...store.Schema,
) (*sql.DB, error) {
	db, err := store.Open(ctx, source, schemas...)
	if err == nil {
		s.databases = append(s.databases, db)
	}
	return db, err
}

func (s *scheme) today() message.Date { return message.DateOf(s.clock.At) }

// identity makes a key and has the issuer certify it; without an issuer it is the root.
func (s *scheme) identity(
	holder string, role spec.Role, days int, issuer *pki.Identity,
) (pki.Identity, error) {
	key, err := keys.Generate(source(s.seed, "key", holder))
	if err != nil {
		return pki.Identity{}, err
	}
	return pki.NewIdentity(key, s.subject(holder, role, days), issuer)
}

func (s *scheme) subject(holder string, role spec.Role, days int) pki.Subject {
	return pki.Subject{Holder: cvc.Holder(holder), Role: role, Effective: s.today(),
		Expiry: s.today().AddDays(days)}
}

func (s *scheme) foundBank(ctx context.Context, name message.Name, issued money.Ore) error {
	b := &bank{name: name}
	makeKeys := s.makeKeys
	if s.served != nil {
		makeKeys = s.foundFolder
	}
	if err := makeKeys(ctx, b); err != nil {
		return err
	}
	if err := s.openBank(ctx, b); err != nil {
		return err
	}
	if err := s.central.Join(ctx, name, b.ca.Encoded, b.instruction.Encoded); err != nil {
		return err
	}
	if err := b.Start(ctx); err != nil {
		return err
	}
	s.banks = append(s.banks, b)
	return s.central.Issue(ctx, notary.OrderKey("first of "+name), name, issued)
}

// makeKeys makes the keys of an intermediary that has no folder.
func (s *scheme) makeKeys(_ context.Context, b *bank) error {
	for _, part := range []struct {
		into   *pki.Identity
		holder string
		role   spec.Role
		issuer *pki.Identity
	}{
		{&b.ca, b.holder(caEnding), spec.RoleIntermediary, &s.root},
		{&b.instruction, b.holder(instructionEnding), spec.RoleInstructionKey, &s.root},
		{&b.desk, b.holder(deskEnding), spec.RoleDesk, &b.ca},
	} {
		var err error
		if *part.into, err = s.identity(part.holder, part.role, authorityDays,
			part.issuer); err != nil {
			return err
		}
	}
	batch, err := keys.Generate(source(s.seed, "batch", b.name))
	if err != nil {
		return err
	}
	b.batch, err = b.ca.CertifyBatch(b.batchID(), batch)
	return err
}

// openBank starts an intermediary on its database, which it makes where it is not there.
func (s *scheme) openBank(ctx context.Context, b *bank) error {
	schemas, err := intermediary.Schemas()
	if err != nil {
		return err
	}
	if b.db, err = s.open(ctx, s.served.source(b.name), schemas...); err != nil {
		return err
	}
	b.Intermediary, err = intermediary.New(intermediary.Config{
		Name: b.name, DB: b.db, Clock: s.clock, Random: source(s.seed, "bank", b.name),
		Notary: s.central.For(b.name), CA: b.ca.Encoded,
		InstructionKey: intermediary.Identity{Signer: b.instruction.Signer,
			Certificate: b.instruction.Encoded},
		Desk: intermediary.Identity{Signer: b.desk.Signer, Certificate: b.desk.Encoded},

		NotaryCertificate: s.notaryKey.Encoded,
	})
	return err
}

// authorities returns the certificates of all CAs.
func (s *scheme) authorities() [][]byte {
	var all [][]byte
	for _, b := range s.banks {
		all = append(all, b.ca.Encoded)
	}
	return all
}
