package wallet

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pairing"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
	"ekrona.example/host/store"
)

// ErrNotPaired says that the card is not, or no longer, paired with this phone: with the next one,
// after a new PIN, or because its intermediary has ended the pair.
var ErrNotPaired = fmt.Errorf("wallet: the card is not paired with this phone any more: pair them "+
	"again, or enter the PIN (%w)", ErrPINNeeded)

// ErrAnotherCard says that a card does not understand a PIN that is enciphered to the owner's.
var ErrAnotherCard = errors.New("wallet: another card than the owner's was held to the phone: " +
	"hold the owner's; the other one has lost no try")

// What is sealed in the journal, by its column.
const (
	pairBegun = "begun"
	pairKey   = "key"
)

// Pair pairs the phone with the owner's card, by the PIN. From then on the card's balance and log
// are read, and money is received, without it. The phone that was paired before is paired no
// longer.
//
//  1. The private key of the pair is drawn and kept. A cut: the same call goes on with this one.
//  2. PAIR. A cut leaves the card paired or not; the next tap of any kind finds out, without the
//     PIN, or the same call pairs.
//  3. The pair key is kept. A cut before: as in step 2.
//
// Errors: [ErrPINNeeded], [ErrAnotherCard], [*client.Refusal] for a wrong PIN, [*client.LinkLost],
// [pairing.ErrNotCard].
func (w *Wallet) Pair(ctx context.Context, tap Tap) error {
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return err
	}
	return h.pair(ctx, tap.PIN)
}

// pair pairs in the session.
func (h *cardSession) pair(ctx context.Context, entered pin.Block) error {
	if entered == (pin.Block{}) {
		return ErrPINNeeded
	}
	w := h.wallet
	own, err := w.beginPair(ctx)
	if err != nil {
		return err
	}
	nonce, err := h.Nonce(ctx)
	if err != nil {
		return err
	}
	h.nonce = message.Nonce{}
	key, err := h.Client.Pair(ctx, own, w.pinKey, entered, nonce)
	if client.Is(err, spec.SWMACWrong) {
		return ErrAnotherCard
	}
	if err != nil {
		return err
	}
	return w.storePair(ctx, key)
}

// IsPaired reports whether this phone has a pair key; what the card says is found out at a tap.
func (w *Wallet) IsPaired(ctx context.Context) (bool, error) {
	keys, err := w.pairKeys(ctx)
	return len(keys) > 0, err
}

// IsPairedWith reports whether the held card is the one that this phone is paired with. No card
// loses a try by it.
func (w *Wallet) IsPairedWith(ctx context.Context, tap Tap) (bool, error) {
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return false, err
	}
	return h.secure(ctx)
}

// Secured returns a client of the paired card under secure messaging, for a session that SELECT
// has opened; nil where the phone or the card has no key of the pair. It uses the session's nonce
// up.
func (w *Wallet) Secured(
	ctx context.Context, c *client.Client, nonce message.Nonce,
) (*client.Client, error) {
	h := &cardSession{Client: c, wallet: w, nonce: nonce}
	if secured, err := h.secure(ctx); err != nil || !secured {
		return nil, err
	}
	return h.Client, nil
}

// PairAgain pairs a phone that was paired again, in a session in which the card got a new PIN.
func (w *Wallet) PairAgain(ctx context.Context, c *client.Client, entered pin.Block) error {
	paired, err := w.IsPaired(ctx)
	if err != nil || !paired {
		return err
	}
	return (&cardSession{Client: c, wallet: w}).pair(ctx, entered)
}

// secure opens secure messaging with the paired card, once in a tap, and reports whether it is
// open: not where the phone or the card has no key of the pair.
func (h *cardSession) secure(ctx context.Context) (bool, error) {
	if h.secured || h.unpaired {
		return h.secured, nil
	}
	keys, err := h.wallet.pairKeys(ctx)
	if err != nil {
		return false, err
	}
	for _, known := range keys {
		nonce, err := h.Nonce(ctx)
		if err != nil {
			return false, err
		}
		h.nonce = message.Nonce{}
		opened, err := h.Authenticate(ctx, h.wallet.random, known.key, nonce)
		if client.Is(err, spec.SWNotPaired) {
			continue
		}
		if err != nil {
			return false, err
		}
		opened.Links, opened.Known = h.Links, h.Known
		h.plain, h.Client, h.secured = h.Client, opened, true
		if known.begun {
			return true, h.wallet.storePair(ctx, known.key)
		}
		return true, nil
	}
	h.unpaired = len(keys) > 0
	return false, nil
}

// unsecure goes on in clear after the card has ended the pair.
func (h *cardSession) unsecure() {
	if h.secured {
		h.Client, h.secured, h.unpaired = h.plain, false, true
	}
}

// owner shows the card that its owner holds it: by the key of the pair, or by the PIN.
func (h *cardSession) owner(ctx context.Context) error {
	if h.verified {
		return nil
	}
	if secured, err := h.secure(ctx); err != nil || secured {
		return err
	}
	if h.unpaired && h.tap.PIN == (pin.Block{}) {
		return ErrNotPaired
	}
	return h.verify(ctx)
}

// beginPair returns the private key of the PAIR that has got no answer, or draws one and keeps it.
func (w *Wallet) beginPair(ctx context.Context) (*ecdh.PrivateKey, error) {
	begun, _, err := w.readPair(ctx)
	if err != nil {
		return nil, err
	}
	if begun != nil {
		return ecdh.P256().NewPrivateKey(begun)
	}
	own, err := pin.DrawPoint(w.random)
	if err != nil {
		return nil, fmt.Errorf("wallet: %w", err)
	}
	sealed, err := w.sealer.Seal([]byte(pairBegun), own.Bytes())
	if err != nil {
		return nil, err
	}
	if err := store.Exec(ctx, w.db, `INSERT INTO pair (one, begun) VALUES (1, $1)
		ON CONFLICT (one) DO UPDATE SET begun = excluded.begun`, sealed); err != nil {
		return nil, fmt.Errorf("wallet: journal: %w", err)
	}
	return own, nil
}

// storePair keeps the key of the pair: the PAIR that made it is over.
func (w *Wallet) storePair(ctx context.Context, key pairing.Key) error {
	sealed, err := w.sealer.Seal([]byte(pairKey), key[:])
	if err != nil {
		return err
	}
	if err := store.Exec(ctx, w.db, `UPDATE pair SET key = $1, begun = NULL`, sealed); err != nil {
		return fmt.Errorf("wallet: journal: %w", err)
	}
	return nil
}

// readPair opens what is kept of the pair; nil for what is not there.
func (w *Wallet) readPair(ctx context.Context) (begun, key []byte, err error) {
	if _, err := store.Get(ctx, w.db, store.Into{&begun, &key},
		`SELECT begun, key FROM pair`); err != nil {
		return nil, nil, fmt.Errorf("wallet: journal: %w", err)
	}
	for _, sealed := range []struct {
		label string
		value *[]byte
	}{{pairBegun, &begun}, {pairKey, &key}} {
		if *sealed.value == nil {
			continue
		}
		if *sealed.value, err = w.sealer.Open([]byte(sealed.label), *sealed.value); err != nil {
			return nil, nil, fmt.Errorf("wallet: pair key: %w", err)
		}
	}
	return begun, key, nil
}

// candidate is a key that the card may know.
type candidate struct {
	key   pairing.Key
	begun bool // by a PAIR that has got no answer
}

// pairKeys returns the keys that the card may know: that of a PAIR whose answer was lost comes
// first.
func (w *Wallet) pairKeys(ctx context.Context) (keys []candidate, err error) {
	begun, key, err := w.readPair(ctx)
	if err != nil {
		return nil, err
	}
	if begun != nil {
		own, err := ecdh.P256().NewPrivateKey(begun)
		if err != nil {
			return nil, fmt.Errorf("wallet: pair key: %w", err)
		}
		p, err := pairing.New(own, w.pinKey)
		if err != nil {
			return nil, err
		}
		keys = append(keys, candidate{p.Key(), true})
	}
	if len(key) == len(pairing.Key{}) {
		keys = append(keys, candidate{pairing.Key(key), false})
	}
	return keys, nil
}
