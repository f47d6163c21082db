package wallet

import (
	"context"
	"errors"
	"fmt"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet/client"
)

// ErrPINNeeded says that the card requires its PIN.
var ErrPINNeeded = errors.New(
	"wallet: the card asks for its PIN: enter it and hold the card to the phone again")

// cardSession is a selected card for the length of one tap.
type cardSession struct {
	*client.Client
	wallet   *Wallet
	tap      Tap
	verified bool
	nonce    message.Nonce  // zeros when an enciphered PIN has used it up
	pinRight bool           // the card has refused something else
	secured  bool           // Client is under secure messaging with the paired card
	plain    *client.Client // the one below it
	unpaired bool           // the card does not know the pair's key

	application message.FCI
	crisisGiven bool // by the intermediary, in this session
	// crisisTaken and crisisRefused are what the card has made of an order that was offered.
	crisisTaken   bool
	crisisRefused error
	logRead       bool // to its end, and about to be handed over
}

// openSession selects the application on the card, and brings its crisis order and the phone's to
// the newer of both.
func (w *Wallet) openSession(ctx context.Context, tap Tap) (*cardSession, error) {
	h := &cardSession{Client: client.New(tap.Card), wallet: w, tap: tap}
	h.Links, h.Known = w.links, w.knownAuthority
	var err error
	if h.application, err = h.Select(ctx); err != nil {
		return h, err
	}
	h.nonce = h.application.Nonce
	return h, h.exchangeCrisis(ctx)
}

// Nonce returns the nonce of the session, the next one when it has been used up.
func (h *cardSession) Nonce(ctx context.Context) (message.Nonce, error) {
	if h.nonce != (message.Nonce{}) {
		return h.nonce, nil
	}
	next, err := h.GetChallenge(ctx)
	h.nonce = next
	return next, err
}

// verify presents the PIN, once in a tap.
func (h *cardSession) verify(ctx context.Context) error {
	if h.verified {
		return nil
	}
	if h.tap.PIN == (pin.Block{}) {
		return ErrPINNeeded
	}
	h.nonce = message.Nonce{}
	err := h.Verify(ctx, h.tap.PIN,
		client.PINTransport{Key: h.wallet.pinKey, Random: h.wallet.random})
	h.verified = err == nil
	return err
}

// IsHeld reports whether the held card is the owner's card that this app is set up with: the one
// that it is paired with, or the only one that understands a PIN enciphered to its key. Another
// card answers that the MAC is wrong, and none of its tries is taken. Errors: [ErrPINNeeded],
// [*client.Refusal] for a wrong PIN, [*client.LinkLost].
func (w *Wallet) IsHeld(ctx context.Context, tap Tap) (bool, error) {
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return false, err
	}
	if secured, err := h.secure(ctx); err != nil || secured {
		return secured, err
	}
	err = h.verify(ctx)
	if client.Is(err, spec.SWMACWrong) {
		return false, nil
	}
	return err == nil, err
}

// asOwner runs a command that may require the owner: under secure messaging where phone and card
// are paired, and with the PIN where the card asks for it.
func (h *cardSession) asOwner(ctx context.Context, do func() ([]byte, error)) ([]byte, error) {
	if _, err := h.secure(ctx); err != nil {
		return nil, err
	}
	answer, err := do()
	if !client.Is(err, spec.SWSecurity) {
		return answer, err
	}
	if err := h.owner(ctx); err != nil {
		return nil, err
	}
	return do()
}

// ErrIssuer says that a card is of an issuer that this phone does not know.
var ErrIssuer = errors.New("wallet: the card was issued under a CA that this phone does not " +
	"know: synchronise, which brings its list of CAs up to date")

func (w *Wallet) authorityOf(encoded []byte) ([]byte, error) {
	certificate, err := cvc.Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("wallet: the card's certificate: %w", err)
	}
	authority, known := w.authorities[certificate.Authority]
	if !known {
		return nil, fmt.Errorf("%w (%s)", ErrIssuer, certificate.Authority)
	}
	return authority, nil
}

// knownAuthority returns the app's own certificate of the CA of which another phone has given one,
// as [client.Client] asks for it.
func (w *Wallet) knownAuthority(encoded []byte) []byte {
	given, err := cvc.Parse(encoded)
	if err != nil {
		return nil
	}
	return w.authorities[message.AuthorityRef(given.Holder)]
}

// Holdings are what the owner can read from the card.
type Holdings struct {
	Balance  money.Ore
	Counters message.Counters
	Policy   message.Policy
	// Crisis is the crisis order that the card holds; nil for none. It counts until its last day,
	// which the card knows only from its last synchronisation.
	Crisis *message.CrisisOrder
	// Limits are those in force: the policy's, raised by the crisis order, under the ceilings.
	Limits message.Policy
	// Open are the Requests of the card that the phone knows to be neither paid nor refused, and
	// Expected what they ask for: each keeps a place and room for its amount.
	Open     int
	Expected money.Ore
}

// Holdings reads balance, counters and policy. It requires the PIN, unless card and phone are
// paired. Errors: [ErrPINNeeded], [ErrNotPaired].
func (w *Wallet) Holdings(ctx context.Context, tap Tap) (Holdings, error) {
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return Holdings{}, err
	}
	if err := h.owner(ctx); err != nil {
		return Holdings{}, err
	}
	return h.holdings(ctx)
}

func (h *cardSession) holdings(ctx context.Context) (Holdings, error) {
	balance, err := h.Balance(ctx)
	if err != nil {
		return Holdings{}, err
	}
	counters, err := h.Client.Counters(ctx)
	if err != nil {
		return Holdings{}, err
	}
	policy, err := h.Client.Policy(ctx)
	if err != nil {
		return Holdings{}, err
	}
	held := Holdings{Balance: balance, Counters: counters, Policy: policy, Limits: policy}
	if held.Open, held.Expected, err = h.wallet.expected(ctx); err != nil {
		return held, err
	}
	held.Crisis, err = h.heldCrisis(ctx)
	if err != nil || held.Crisis == nil {
		return held, err
	}
	row, _ := held.Crisis.Row(h.wallet.device.Name(), counters.Group)
	held.Limits = row.Raise(policy, h.wallet.ceilings)
	return held, nil
}

// ChangePIN replaces the PIN of the owner's card by a new one. A phone that was paired with the
// card is paired again, by the new PIN.
func (w *Wallet) ChangePIN(ctx context.Context, tap Tap, replacement pin.Block) error {
	return w.replacePIN(ctx, tap, replacement, func(h *cardSession, by client.PINTransport) error {
		return h.Client.ChangePIN(ctx, tap.PIN, replacement, by)
	})
}

// UnblockPIN sets a new PIN on the owner's card with its PUK, as [Wallet.ChangePIN].
func (w *Wallet) UnblockPIN(ctx context.Context, tap Tap, puk, replacement pin.Block) error {
	return w.replacePIN(ctx, tap, replacement, func(h *cardSession, by client.PINTransport) error {
		return h.ResetPIN(ctx, puk, replacement, by)
	})
}

func (w *Wallet) replacePIN(
	ctx context.Context, tap Tap, replacement pin.Block,
	replace func(h *cardSession, by client.PINTransport) error,
) error {
	h, err := w.openSession(ctx, tap)
	if err != nil {
		return err
	}
	h.nonce = message.Nonce{}
	if err := replace(h, client.PINTransport{Key: w.pinKey, Random: w.random}); err != nil {
		return err
	}
	return w.PairAgain(ctx, h.Client, replacement)
}
