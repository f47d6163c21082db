package scp03

import (
	"context"
	"crypto/aes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"ekrona.example/apdu"
	"ekrona.example/apdu/entropy"
	"ekrona.example/apdu/gpc"
)

// ErrWrongKeys reports that the card's cryptogram does not fit the keys: they are not
// this card's. No try was spent.
var ErrWrongKeys = errors.New("scp03: the card's cryptogram does not fit these keys; they are of " +
	"another card or key version: find the right ones before you try again")

// ErrNotBegun reports that the card refused INITIALIZE UPDATE with 6982 or 6983, which are
// not errors of that command but general ones (GPC table 11-10): the command needs no
// security status and uses no key, so the keys given are not the cause.
var ErrNotBegun = errors.New("scp03: the card opens no secure channel now: it may count wrong " +
	"keys that were tried before and be blocked for a time or for good: take its power away, " +
	"leave it for a minute and try again; if it refuses again, set it aside and ask its supplier")

// Options say how a channel is opened.
type Options struct {
	Keys       KeySource
	Or         []KeySource // tried after Keys, each once, on the same answer of the card
	KeyVersion byte        // of the key set; 0 leaves it to the card
	Level      Level       // Plain if not set; commands then go in the clear
	Strongest  bool        // take the strongest level that the card offers, if it is above Level
	S16        bool        // cryptograms and MACs of 16 bytes instead of 8
	Random     io.Reader   // nil is the system's
}

// Channel is an open secure channel, and an apdu.Card: what goes through it is
// protected. Any error ends it.
type Channel struct {
	card    apdu.Card
	session *session
	keys    Keys
	fitting int // of the sources, counted from Keys
	offer   Offer
	broken  error
}

var _ apdu.Card = (*Channel)(nil)

// Open opens a channel to the security domain or applet that is selected: INITIALIZE
// UPDATE, and if the card's cryptogram fits the keys, EXTERNAL AUTHENTICATE (Amd D
// §7.1). The keys are checked here against the card's cryptogram: wrong ones use up no
// try of the card, however many are given. Errors: ErrWrongKeys, ErrNotBegun, a
// gpc.Refusal, or those of card.
func Open(ctx context.Context, card apdu.Card, o Options) (*Channel, error) {
	if !o.Level.Valid() {
		return nil, fmt.Errorf("scp03: there is no security level %02X (Amd D table 7-3)",
			byte(o.Level))
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	host := make([]byte, 8)
	if o.S16 {
		host = make([]byte, 16)
	}
	offer, err := initializeUpdate(ctx, card, o.KeyVersion, host, o.Random)
	if err != nil {
		return nil, err
	}
	if o.KeyVersion != 0 && offer.KeyVersion != o.KeyVersion {
		return nil, fmt.Errorf("scp03: asked for key set %02X, the card answered with %02X",
			o.KeyVersion, offer.KeyVersion)
	}
	ch := &Channel{card: card, offer: offer}
	if len(offer.Challenge) != len(host) {
		return nil, fmt.Errorf("scp03: the card's challenge has %d bytes and ours %d: it wants "+
			"the other cryptogram length", len(offer.Challenge), len(host))
	}
	if err := ch.choose(append([]KeySource{o.Keys}, o.Or...), host); err != nil {
		return nil, err
	}
	level := o.Level
	if o.Strongest {
		level |= offer.Strongest()
	}
	return ch, ch.authenticate(ctx, level)
}

// initializeUpdate fills the host's challenge and gets the card's offer.
func initializeUpdate(
	ctx context.Context, card apdu.Card, version byte, host []byte, random io.Reader,
) (Offer, error) {
	if err := entropy.Fill(random, host); err != nil {
		return Offer{}, fmt.Errorf("scp03: %w", err)
	}
	response, err := card.Transmit(ctx, apdu.Command{
		CLA: gpc.ClassPlain, INS: gpc.InsInitializeUpdate, P1: version, Data: host,
		Ne: apdu.MaxShortNe,
	})
	if err != nil {
		return Offer{}, err
	}
	data, err := gpc.Check("INITIALIZE UPDATE", response)
	if errors.Is(err, apdu.SWSecurity) || errors.Is(err, apdu.SWBlocked) {
		err = fmt.Errorf("%w (INITIALIZE UPDATE: %w)", ErrNotBegun, response.SW)
	}
	if err != nil {
		return Offer{}, err
	}
	return ParseOffer(data)
}

// Ask gets the offer of the security domain that is selected, for its first key set,
// by INITIALIZE UPDATE. It needs no key and costs no try. random is for the challenge;
// nil is the system's.
func Ask(ctx context.Context, card apdu.Card, random io.Reader) (*Offer, error) {
	if random == nil {
		random = rand.Reader
	}
	offer, err := initializeUpdate(ctx, card, gpc.DefaultKeyFirst, make([]byte, 8), random)
	if err != nil {
		return nil, err
	}
	return &offer, nil
}

// choose takes the first of the sources whose keys are the card's. A source that has no
// keys for the card is passed over, and named if none fits.
func (ch *Channel) choose(sources []KeySource, host []byte) error {
	var wrong, none []error
	for i, source := range sources {
		if source == nil {
			none = append(none, errors.New("scp03: no keys are named"))
			continue
		}
		keys, err := source.For(ch.offer)
		if err != nil {
			none = append(none, err)
			continue
		}
		session, err := newSession(keys, host, ch.offer.Challenge)
		if err != nil {
			return err
		}
		ch.keys, ch.session, ch.fitting = keys, session, i
		if err = ch.checkCard(); !errors.Is(err, ErrWrongKeys) {
			return err
		}
		wrong = append(wrong, err)
	}
	if len(wrong) == 0 {
		return errors.Join(none...)
	}
	return errors.Join(append(wrong[:1], none...)...)
}

func (ch *Channel) checkCard() error {
	want, err := ch.session.cryptogram(constantCardCryptogram)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(want, ch.offer.Cryptogram) != 1 {
		return ErrWrongKeys
	}
	return nil
}

// authenticate sends EXTERNAL AUTHENTICATE, which has a C-MAC at every level and
// whose response has no protection (Amd D §6.2.3, §6.2.5).
func (ch *Channel) authenticate(ctx context.Context, level Level) error {
	cryptogram, err := ch.session.cryptogram(constantHostCryptogram)
	if err != nil {
		return err
	}
	command, err := ch.session.protect(apdu.Command{
		CLA: gpc.ClassPlain, INS: gpc.InsExternalAuthenticate, P1: byte(level), Data: cryptogram,
	})
	if err != nil {
		return err
	}
	response, err := ch.card.Transmit(ctx, command)
	if err != nil {
		return err
	}
	if _, err := gpc.Check("EXTERNAL AUTHENTICATE", response); err != nil {
		return err
	}
	ch.session.level = level
	return nil
}

// Transmit sends a command of class 00 or 80 under the channel's protection and
// returns the response without it. Errors: ErrProtection when a response is not the
// card's, those of the card below; after either the channel is over.
func (ch *Channel) Transmit(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	if ch.broken != nil {
		return apdu.Response{}, fmt.Errorf("scp03: the channel is over since an earlier error: %w",
			ch.broken)
	}
	if ch.session.level == Plain {
		return ch.card.Transmit(ctx, c)
	}
	command, err := ch.session.protect(c)
	if err != nil {
		return apdu.Response{}, err
	}
	response, err := ch.card.Transmit(ctx, command)
	if err == nil {
		response, err = ch.session.unseal(response)
	}
	ch.broken = err
	return response, err
}

// Save keeps how far the channel has got; restore sets it back to there. It is for who sets the
// card back too, so that both sides count alike again.
func (ch *Channel) Save() (restore func()) {
	session, broken := *ch.session, ch.broken
	return func() { *ch.session, ch.broken = session, broken }
}

// MaxData is the most data that a short command takes through the channel, in
// bytes. A longer one goes out with extended length.
func (ch *Channel) MaxData() int {
	switch level := ch.session.level; {
	case level&bitCommandEncryption != 0: // at least one byte of padding
		return (apdu.MaxShortData-ch.session.size)/aes.BlockSize*aes.BlockSize - 1
	case level&bitCMAC != 0:
		return apdu.MaxShortData - ch.session.size
	default:
		return apdu.MaxShortData
	}
}

// Level is the channel's.
func (ch *Channel) Level() Level { return ch.session.level }

// Fitting names which source the channel's keys are from: 0 for Options.Keys, then those
// of Options.Or.
func (ch *Channel) Fitting() int { return ch.fitting }

// Offer is what the card answered when the channel was opened.
func (ch *Channel) Offer() Offer { return ch.offer }

// EncryptKey enciphers a key for PUT KEY under the Key-DEK of the channel's key set.
func (ch *Channel) EncryptKey(key []byte, random io.Reader) ([]byte, error) {
	return EncryptKey(ch.keys.DEK, key, random)
}
