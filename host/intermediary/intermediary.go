// Package intermediary is a bank that distributes e-krona: it keeps its
// customers' online wallets, issues their devices, and stands between them and
// the central bank's notary.
//
// Start at [New] and [Intermediary.Start]; then each file has one flow: load.go, desk.go (unload),
// refund.go, session.go (synchronise), lost.go, policy.go, statement.go (money that arrives for an
// owner).
//
// It trusts the central bank, and no other intermediary: every message of a device is the device's
// own signature. It keeps no record of a device for the notary: what the notary holds is
// acknowledged, the rest is still on the device. So a crash at any point leaves either nothing or a
// state from which the next call continues, here or at the notary.
package intermediary

import (
	"context"
	"crypto"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"sync"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
	"ekrona.example/host/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of an intermediary, for store.Open.
func Schemas() ([]store.Schema, error) {
	return ledger.With(store.Embedded("intermediary", migrations))
}

// Identity is a key that others know by its certificate.
type Identity struct {
	Signer      crypto.Signer
	Certificate []byte // 7F21
}

// Config is everything an intermediary works with.
type Config struct {
	Name              message.Name
	DB                *sql.DB // opened with Schemas
	Clock             clock.Clock
	Random            io.Reader
	Notary            notary.Participant // the link that vouches for Name
	CA                []byte             // 7F21 of the CA that certifies the devices
	InstructionKey    Identity           // signs Challenges and Instructions
	Desk              Identity           // the unload desk, certified by the CA
	NotaryCertificate []byte             // 7F21 of the notary key that signs Instructions
	// Former are the certificates of the instruction and notary keys before these, which an
	// outstanding Instruction may name, by the same root as the others.
	Former [][]byte
	Links  [][]byte // 7F21 of the links from root to root, the earliest first
	// Batch reads the present certificate (7F21) of a batch key; nil for one that is not there.
	Batch func(batch message.DeviceID) ([]byte, error)
	// Crowd has callers that come at once pull the notary's statement together, and those whose
	// answer does not depend on it wait for no other's pull. It is not for where one call is made
	// in the middle of another one, as the simulator does: that would wait for itself.
	Crowd bool
}

// Intermediary is one intermediary. It is safe for concurrent use, also by two
// processes on the same database.
type Intermediary struct {
	name   message.Name
	db     *sql.DB
	clock  clock.Clock
	random io.Reader
	notary notary.Participant
	ca     []byte

	instructionKey identity
	desk           identity
	notaryKey      identity
	former         map[message.AuthorityRef][]byte
	links          [][]byte
	batch          func(batch message.DeviceID) ([]byte, error)

	pulls *joined // of the notary's statement; nil: each by itself
	asked *joined // what waits for the desk; nil: by each

	// terminals has the keys of terminals that have called: no device gets another one.
	terminals sync.Map // of message.DeviceID to *ecdsa.PublicKey
}

var (
	_ banking.Wallet     = (*Intermediary)(nil)
	_ banking.Terminal   = (*Intermediary)(nil)
	_ banking.Merchant   = (*Intermediary)(nil)
	_ banking.IssuerDesk = (*Intermediary)(nil)
	_ banking.Operator   = (*Intermediary)(nil)
)

// identity is an Identity read; the notary's has no signer here.
type identity struct {
	signer  crypto.Signer
	encoded []byte
	*cvc.Certificate
}

func (i identity) authority() message.AuthorityRef { return message.AuthorityRef(i.Holder) }

// New returns an intermediary made of its parts; it neither stores nor sends anything.
func New(c Config) (*Intermediary, error) {
	i := &Intermediary{name: c.Name, db: c.DB, clock: c.Clock,
		random: entropy.Shared(c.Random), notary: c.Notary, ca: c.CA,
		former: map[message.AuthorityRef][]byte{}, links: c.Links, batch: c.Batch}
	if c.Crowd {
		i.pulls, i.asked = newJoined(), newJoined()
	}
	for _, encoded := range c.Former {
		certificate, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("intermediary: certificate of a former key: %w", err)
		}
		i.former[message.AuthorityRef(certificate.Holder)] = encoded
	}
	for _, part := range []struct {
		what  string
		given Identity
		role  spec.Role
		into  *identity
	}{
		{"instruction key", c.InstructionKey, spec.RoleInstructionKey, &i.instructionKey},
		{"unload desk", c.Desk, spec.RoleDesk, &i.desk},
		{"notary", Identity{Certificate: c.NotaryCertificate}, spec.RoleNotary, &i.notaryKey},
		{"CA", Identity{Certificate: c.CA}, spec.RoleIntermediary, new(identity)},
	} {
		certificate, err := cvc.Parse(part.given.Certificate)
		if err != nil {
			return nil, fmt.Errorf("intermediary: certificate of the %s: %w", part.what, err)
		}
		if certificate.Role != part.role || part.role != spec.RoleNotary &&
			certificate.Holder.Name() != c.Name {
			return nil, fmt.Errorf(
				"intermediary: the certificate of the %s is that of the %v %s: give %s's own",
				part.what, certificate.Role, certificate.Holder, c.Name)
		}
		if part.given.Signer != nil {
			public, err := signature.PublicKey(part.given.Signer)
			if err != nil || !public.Equal(certificate.PublicKey) {
				return nil, fmt.Errorf("intermediary: key and certificate of the %s do not "+
					"belong together: give the pair that was made together", part.what)
			}
		}
		*part.into = identity{part.given.Signer, part.given.Certificate, certificate}
	}
	return i, nil
}

// Start makes the desk known to the notary, which the intermediary has joined before
// (notary.Operator), and finishes what a crash interrupted: decisions of the desk that the notary
// has not received, money that has arrived, refunds. It may be called at every start, and again at
// any time.
func (i *Intermediary) Start(ctx context.Context) error {
	if err := store.InTx(ctx, i.db, func(tx *sql.Tx) error {
		return errors.Join(ledger.Open(ctx, tx, ownFunds), ledger.Open(ctx, tx, centralBankContra),
			ledger.Open(ctx, tx, transit))
	}); err != nil {
		return err
	}
	if err := i.notary.Register(ctx, notary.Registration{Certificate: i.desk.encoded}); err != nil {
		return err
	}
	if err := errors.Join(i.handOverDesk(ctx), i.answerDesk(ctx)); err != nil {
		return err
	}
	if err := i.PullStatement(ctx); err != nil {
		return err
	}
	return i.resumeRefunds(ctx)
}

// trust returns what a device needs to verify this intermediary and the notary.
func (i *Intermediary) trust() session.Trust {
	return session.Trust{InstructionKey: i.instructionKey.encoded, Notary: i.notaryKey.encoded,
		CA: i.ca, Links: i.links}
}

// trustIn returns what a device needs to verify an Instruction, which names its keys for ever.
func (i *Intermediary) trustIn(instruction []byte) (session.Trust, error) {
	trust := i.trust()
	signed, err := message.Parse[message.Instruction](instruction)
	if err != nil {
		return trust, fmt.Errorf("intermediary: the notary's Instruction: %w", err)
	}
	for _, named := range []struct {
		key     message.AuthorityRef
		current identity
		into    *[]byte
	}{
		{signed.InstructionKey, i.instructionKey, &trust.InstructionKey},
		{signed.Notary, i.notaryKey, &trust.Notary},
	} {
		if named.key == named.current.authority() {
			continue
		}
		former, known := i.former[named.key]
		if !known {
			return trust, fmt.Errorf("intermediary: Instruction %d of %s is by %s, whose "+
				"certificate is not kept here: import it", signed.Sequence, signed.Device,
				named.key)
		}
		*named.into = former
	}
	return trust, nil
}

// date returns the date for a device's Instruction, today as a rule: never after the end of a
// certificate that signs the Instruction, and never before the date that the device has seen.
func (i *Intermediary) date(seen message.Date) message.Date {
	today := message.DateOf(i.clock.Now())
	for _, end := range []message.Date{i.instructionKey.Expiry, i.notaryKey.Expiry} {
		if today.After(end) {
			today = end
		}
	}
	if today.Before(seen) {
		return seen
	}
	return today
}
