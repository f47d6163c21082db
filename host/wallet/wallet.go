// Package wallet is the app on a phone: it carries messages between the cards that are held to it,
// terminals and the intermediary.
//
// Start at [New]. Each file has one flow: receive.go and pay.go for the two sides of a payment
// between cards, transfer.go for both at once, synchronise.go, load.go, unload.go,
// renew.go. Every message is in the journal before the next tap, so that the same call repairs a
// killed app or a torn tap.
//
// Nobody trusts the phone, and it trusts nobody: cards, terminals and servers verify what it
// brings. It has no secret but its app key and the key of the pair with its owner's card, which
// reads and receives and never pays (pair.go); its owner's PIN passes through it, enciphered to the
// card.
package wallet

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/signature"
	"ekrona.example/host/banking"
	"ekrona.example/host/seal"
	"ekrona.example/host/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the phone's tables, for store.Open.
func Schema() (store.Schema, error) {
	return store.Embedded("wallet", migrations)
}

// Config is everything a wallet works with.
type Config struct {
	DB           *sql.DB // opened with Schema
	Random       io.Reader
	App          crypto.Signer // the app's key, registered for the owner
	PairSeal     seal.Key      // under which the journal keeps the key of the pair
	Device       message.DeviceID
	Certificate  []byte         // 7F21 of the owner's card, as issued; the journal has later ones
	CA           []byte         // 7F21 of the CA that signed it
	PINPoint     []byte         // the owner's card's key for enciphered PINs
	Ceilings     message.Policy // of the owner's card; the zero Policy stands for the default ones
	Authorities  [][]byte       // 7F21 of the CAs whose devices this phone may meet
	Intermediary banking.Wallet
	// Provenance: what the owner's card pays goes to other phones with the unsettled payments that
	// funded it, so that the payee need not wait for them; others see them.
	Provenance bool
}

// Wallet is one app with its owner's card. It is not safe for concurrent use.
type Wallet struct {
	db           *sql.DB
	random       io.Reader
	app          crypto.Signer
	device       message.DeviceID
	certificate  []byte
	ca           []byte
	pinKey       *ecdsa.PublicKey
	ceilings     message.Policy
	authorities  map[message.AuthorityRef][]byte
	intermediary banking.Wallet
	links        [][]byte // from root to root, as the intermediary has sent them
	root         []byte   // the last of them that the card knows
	batch        []byte   // certificate of its batch key that the card has
	sealer       seal.Sealer
	provenance   bool
}

// PINKey returns the key of the owner's card to which PINs are enciphered.
func (w *Wallet) PINKey() *ecdsa.PublicKey { return w.pinKey }

// New starts a wallet on its journal. The first start records the card.
func New(ctx context.Context, c Config) (*Wallet, error) {
	pinKey, err := signature.ParsePoint(c.PINPoint)
	if err != nil {
		return nil, fmt.Errorf("wallet: the card's PIN key: %w", err)
	}
	own, err := cvc.Parse(c.Certificate)
	if err != nil {
		return nil, fmt.Errorf("wallet: the card's certificate: %w", err)
	}
	if own.Device() != c.Device {
		return nil, fmt.Errorf("wallet: the certificate is that of %s, not of %s: give the one "+
			"that was issued for this card", own.Holder, c.Device)
	}
	sealer, err := seal.New(c.PairSeal, c.Random)
	if err != nil {
		return nil, fmt.Errorf("wallet: %w", err)
	}
	w := &Wallet{
		sealer: sealer, db: c.DB, random: c.Random, app: c.App, device: c.Device,
		certificate: c.Certificate, ca: c.CA, pinKey: pinKey, ceilings: c.Ceilings,
		authorities: map[message.AuthorityRef][]byte{}, intermediary: c.Intermediary,
		provenance: c.Provenance,
	}
	if w.ceilings == (message.Policy{}) {
		w.ceilings = message.DefaultCeilings()
	}
	for _, encoded := range append([][]byte{c.CA}, c.Authorities...) {
		authority, err := cvc.Parse(encoded)
		if err != nil {
			return nil, fmt.Errorf("wallet: certificate of a CA: %w", err)
		}
		w.authorities[message.AuthorityRef(authority.Holder)] = encoded
	}
	return w, store.InTx(ctx, w.db, func(tx *sql.Tx) error {
		if err := store.Exec(ctx, tx, `INSERT INTO phone (one, device, pin_point) VALUES (1, $1, $2)
			ON CONFLICT (one) DO NOTHING`,
			c.Device, c.PINPoint); err != nil {
			return fmt.Errorf("wallet: journal: %w", err)
		}
		var device message.DeviceID
		var point []byte
		if err := store.Must(ctx, tx, store.Into{&device, &point},
			`SELECT device, pin_point FROM phone`); err != nil {
			return fmt.Errorf("wallet: journal: %w", err)
		}
		if device != c.Device || !bytes.Equal(point, c.PINPoint) {
			return fmt.Errorf("wallet: this is the journal of the owner of %s, not of %s: give "+
				"each phone a journal of its own", device, c.Device)
		}
		return errors.Join(w.readRenewed(ctx, tx), w.readTrust(ctx, tx))
	})
}

// Device returns the device id of the owner's card.
func (w *Wallet) Device() message.DeviceID { return w.device }

// Tap is the owner's card, held to the phone. Another card does not understand a PIN that this
// phone enciphers, and loses no try by it.
type Tap struct {
	Card apdu.Card
	PIN  pin.Block // as entered; the zero Block while none was
}
