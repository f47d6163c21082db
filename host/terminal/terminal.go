// Package terminal is a point of sale: it requests payments from cards, offline, and hands them to
// its intermediary. It never pays.
//
// Start at [New]. A sale is [Terminal.Ask], then [Terminal.Take] with the card, or
// [Terminal.Refuse]; [Terminal.Synchronise] empties the journal. The journal has every message
// before the terminal sends it: a power cut leaves a step done or not done, and the same call
// continues from there.
//
// It trusts the root key, its own key and its own store. Cards, phones and the link to the
// intermediary are not trusted.
package terminal

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"database/sql"
	"embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/signature"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/clock"
	"ekrona.example/host/notary"
	"ekrona.example/host/progress"
	"ekrona.example/host/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the terminal's tables, for store.Open.
func Schema() (store.Schema, error) {
	return store.Embedded("terminal", migrations)
}

// Config is everything a terminal works with.
type Config struct {
	DB          *sql.DB // opened with Schema
	Clock       clock.Clock
	Random      io.Reader
	Signer      crypto.Signer // the terminal's key
	Certificate []byte        // 7F21 over it, signed by CA
	CA          []byte        // 7F21 of the terminal's intermediary
	Root        []byte        // 7F21 of the root
	Links       [][]byte      // 7F21 of the links from it on; the journal knows later ones
	Authorities [][]byte      // 7F21 of the CAs whose cards are taken, this one's included
	Notary      []byte        // 7F21 of the notary, by which a crisis order of a card is verified
	JournalKey  JournalKey
	Policy      message.Policy // at the first start; later ones come by Instruction
	Link        banking.Terminal
}

// PilotPolicy returns the pilot's policy for terminals: 12 receipts and 20 000 kr
// between two synchronisations, as much from one card as such a card may pay. What is received is
// never spent offline.
func PilotPolicy() message.Policy {
	return message.Policy{MaxBalance: spec.PilotTerminalBalance,
		MaxTransactions: spec.PilotTerminalReceipts, MaxPayment: spec.PilotTerminalPayment,
		MaxSpent: spec.PilotMaxSpent}
}

// DefaultPolicy returns the default policy for terminals, for a week without a network:
// 6,000 receipts and 1,000,000 kr between two synchronisations, as much from one card as such a
// card may pay.
func DefaultPolicy() message.Policy {
	return message.Policy{MaxBalance: spec.DefaultTerminalBalance,
		MaxTransactions: spec.DefaultTerminalReceipts, MaxPayment: spec.DefaultTerminalPayment,
		MaxSpent: spec.DefaultMaxSpent}
}

// Terminal is one terminal. It is not safe for concurrent use.
type Terminal struct {
	id          message.DeviceID
	db          *sql.DB
	clock       clock.Clock
	random      io.Reader
	signer      crypto.Signer
	public      *ecdsa.PublicKey
	certificate []byte
	ca          []byte
	own         *cvc.Certificate
	expiry      message.Date // of the certificate or its CA's, the earlier
	roots       cvc.Roots
	links       [][]byte // that lead to the last of them
	authorities map[message.AuthorityRef]*cvc.Certificate
	sealer      sealer
	tagKey      []byte // of payers' tags
	link        banking.Terminal
	epoch       uint32 // of this start, in the high bits of every request number
	next        uint32 // position of the next request number within it
	started     bool   // the intermediary was asked since this start, if it could be reached
	held        uint32 // records that the notary holds, while the terminal synchronises
	status      notary.Status
	show        progress.Show
	restored    Restored
}

// Request numbers are an epoch, drawn at every start, and a position in it. A
// store that was set back to an older copy draws another epoch, so that a number
// that cards have seen is not used for another Request; without a TPM counter
// that holds with probability 1 - 2^-20 for each earlier start.
const (
	epochBits    = 20
	positionBits = 32 - epochBits
	positions    = 1 << positionBits
)

// ErrRolledBack says that the intermediary knows a later state of this terminal:
// its store was set back. It signs nothing but synchronisation from then on.
var ErrRolledBack = errors.New("terminal: the journal was set back to an older copy: restore the " +
	"latest one, or replace this terminal, which hands over what the journal has " +
	"(\"ekrona terminal replace\")")

// New starts a terminal on its store and draws a boot epoch. The first start
// writes its initial state; a cut leaves that or nothing. Errors: [ErrJournalKey], before anything
// is written.
func New(ctx context.Context, c Config) (*Terminal, error) {
	own, ca, roots, err := identity(c)
	if err != nil {
		return nil, err
	}
	t := &Terminal{
		id: message.DeviceID(own.Holder), db: c.DB, clock: c.Clock, random: c.Random,
		signer: c.Signer, public: own.PublicKey,
		certificate: c.Certificate, ca: c.CA, own: own, expiry: own.Expiry,
		roots: roots, links: c.Links, link: c.Link,
		authorities: map[message.AuthorityRef]*cvc.Certificate{},
	}
	if ca.Expiry.Before(t.expiry) {
		t.expiry = ca.Expiry
	}
	for _, encoded := range c.Authorities {
		authority, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("terminal: certificate of a CA: %w", err)
		}
		t.authorities[message.AuthorityRef(authority.Holder)] = authority
	}
	if t.sealer, err = newSealer(c.JournalKey, c.Random); err != nil {
		return nil, err
	}
	if t.tagKey, err = c.JournalKey.tagKey(); err != nil {
		return nil, err
	}
	head, err := message.FirstHead(t.id, own.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	check, err := c.JournalKey.check()
	if err != nil {
		return nil, err
	}
	err = store.InTx(ctx, t.db, func(tx *sql.Tx) error {
		if err := t.checkKey(ctx, tx, check); err != nil {
			return err
		}
		if err := begin(ctx, tx, t.id, head, c.Policy, own.Effective, check); err != nil {
			return err
		}
		if err := t.readTrust(ctx, tx); err != nil {
			return err
		}
		if err := t.learnNotary(ctx, tx, c.Notary); err != nil {
			return err
		}
		return t.drawEpoch(ctx, tx)
	})
	return t, err
}

// identity checks that the key is the certificate's, for a terminal, and that the
// certificate comes from the root.
func identity(c Config) (own, ca *cvc.Certificate, roots cvc.Roots, err error) {
	if roots, err = cvc.ParseRoots(c.Root, c.Links...); err != nil {
		return nil, nil, nil, fmt.Errorf("terminal: %w", err)
	}
	for _, one := range []struct {
		what    string
		encoded []byte
		parsed  **cvc.Certificate
	}{{"own", c.Certificate, &own}, {"CA's", c.CA, &ca}} {
		if *one.parsed, err = cvc.Parse(one.encoded); err != nil {
			return nil, nil, nil, fmt.Errorf("terminal: %s certificate: %w", one.what, err)
		}
	}
	if err := errors.Join(own.VerifyBy(ca), roots.Verify(ca)); err != nil {
		return nil, nil, nil, fmt.Errorf("terminal: %w", err)
	}
	public, err := signature.PublicKey(c.Signer)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("terminal: %w", err)
	}
	if own.Role != spec.RoleTerminal || !own.PublicKey.Equal(public) {
		return nil, nil, nil, fmt.Errorf("terminal: the certificate of %s is not that of this "+
			"terminal's key: give the pair that was issued together", own.Holder)
	}
	return own, ca, roots, nil
}

// ID returns the terminal's device id.
func (t *Terminal) ID() message.DeviceID { return t.id }

// drawEpoch draws an epoch that this store has not seen.
func (t *Terminal) drawEpoch(ctx context.Context, tx *sql.Tx) error {
	for {
		var raw [4]byte
		if err := entropy.Fill(t.random, raw[:]); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
		epoch := binary.BigEndian.Uint32(raw[:]) >> positionBits
		fresh, err := store.Changed(ctx, tx,
			`INSERT INTO epoch (epoch, last) VALUES ($1, 0) ON CONFLICT (epoch) DO NOTHING`, epoch)
		if err != nil {
			return fmt.Errorf("terminal: boot epoch: %w", err)
		}
		if fresh == 1 {
			t.epoch, t.next = epoch, 1 // 0 would be no number in epoch 0
			return nil
		}
	}
}

// number takes the next request number, in a new epoch when this one is used up.
func (t *Terminal) number(ctx context.Context, tx *sql.Tx) (uint32, error) {
	if t.next == positions {
		if err := t.drawEpoch(ctx, tx); err != nil {
			return 0, err
		}
	}
	number := t.epoch<<positionBits | t.next
	if err := store.Exec(ctx, tx, `UPDATE epoch SET last = $1 WHERE epoch = $2`, t.next,
		t.epoch); err != nil {
		return 0, fmt.Errorf("terminal: boot epoch: %w", err)
	}
	t.next++ // also when the transaction fails: a number is left out rather than used twice
	return number, nil
}

// isLost reports whether this journal has never drawn a request number: a Request with it was made
// after the copy from which the journal was restored.
func (t *Terminal) isLost(
	ctx context.Context, q store.Queryer, number uint32,
) (lost bool, err error) {
	if err = store.Must(ctx, q, store.Into{&lost},
		`SELECT NOT EXISTS (SELECT 1 FROM epoch WHERE epoch = $1 AND last >= $2)`,
		number>>positionBits, number&(positions-1)); err != nil {
		return false, fmt.Errorf("terminal: boot epoch: %w", err)
	}
	return lost, nil
}

// isExpired reports whether the terminal may no longer take money, by its clock or by the highest
// date that an Instruction gave it.
func (t *Terminal) isExpired(now journalState) bool {
	return t.today().After(t.expiry) || now.date.After(t.expiry)
}

func (t *Terminal) today() message.Date { return message.DateOf(t.clock.Now()) }
