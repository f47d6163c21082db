package sandbox

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
	"ekrona.example/applet"
	client "ekrona.example/applet/client"
	"ekrona.example/emulator/card"
	"ekrona.example/host/banking"
	"ekrona.example/host/durable"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/wallet"
	"ekrona.example/personalization"
)

// Holder is somebody who holds a card: a card of the founding, which is in a file, or one that was
// inserted (see [Slot.Insert]).
type Holder struct {
	Name   string // in lower case, as on the command line
	Card   *Slot
	Letter Letter // of a card of the founding; others have theirs on paper
	PIN    string // of the card that was inserted, once it was entered

	founding message.DeviceID // card that the letter is for
}

// LetterOf returns the letter of a card; empty when the letter is for another card.
func (h *Holder) LetterOf(card message.DeviceID) Letter {
	if card == "" || card != h.founding {
		return Letter{}
	}
	return h.Letter
}

// Holder returns a holder by name. It needs no party.
func (s *Sandbox) Holder(name string) (*Holder, error) {
	if h := s.holders[name]; h != nil {
		return h, nil
	}
	h := &Holder{Name: name, Card: &Slot{holder: name, observe: s.options.Observe}}
	var made cardOrder
	err := readJSON(s.letterPath(name), &made)
	lettered := !errors.Is(err, fs.ErrNotExist) // else the PIN is asked for
	if lettered && err != nil {
		return nil, err
	}
	if lettered {
		h.Letter, h.founding = made.Letter, message.DeviceID(made.Device)
		h.Card.device = h.founding
	}
	switch there, err := durable.Exists(s.cardPath(name)); {
	case err != nil:
		return nil, err
	case there:
		opened, err := s.openCard(name)
		if err != nil {
			return nil, err
		}
		h.Card.hold(opened, s.options)
	case lettered:
		h.Card.lost = fmt.Errorf("%s is missing: restore it, or insert another card of %s's",
			s.cardPath(name), name)
	}
	s.holders[name] = h
	return h, nil
}

// openCard opens the card in a holder's file until the sandbox is closed. It is in one hand at a
// time: two programs that hold one file would set the card back, each to before what the other has
// done.
func (s *Sandbox) openCard(holder string) (*card.Card, error) {
	path, options := s.cardPath(holder), s.cardOptions()
	if s.options.CardSeed != nil {
		options.Random = card.SeededRandom(s.options.CardSeed(holder))
	}
	release, err := s.options.Lock(context.Background(), path+".lock")
	if err != nil {
		return nil, fmt.Errorf("card %s: %w", path, err)
	}
	s.closers = append(s.closers, release)
	return card.Open(options, path)
}

// InHand returns the device id of the card that is here; empty where it cannot be read without PIN.
// It is read from the card, if that was inserted.
func (h *Holder) InHand(ctx context.Context) (message.DeviceID, error) {
	if h.Card.inserted == nil {
		return h.Card.device, nil
	}
	observe := h.Card.observe
	h.Card.observe = nil // this reading is not observed
	defer func() { h.Card.observe = observe }()
	applet := client.New(h.Card.Tap())
	if _, err := applet.Select(ctx); err != nil {
		return "", err
	}
	id, err := applet.Device(ctx)
	if client.Is(err, spec.SWSecurity) {
		return "", nil
	}
	return id, err
}

// Letter is the PIN letter of a person.
type Letter struct {
	PIN string `json:"pin"`
	PUK string `json:"puk"`
}

// Block returns the PIN as it goes to a card.
func (l Letter) Block() (pin.Block, error) { return pin.NewBlock(l.PIN) }

// secrets returns what goes onto the card.
func (l Letter) secrets() (s personalization.Secrets, err error) {
	if s.PIN, err = l.Block(); err != nil {
		return s, err
	}
	s.PUK, err = pin.NewPUKBlock(l.PUK)
	return s, err
}

// cardOrder is a letter with the inputs of the card's personalization, kept while it is made.
type cardOrder struct {
	Letter
	Device string `json:"device"`
	Date   string `json:"date"`
	Token  string `json:"token"`
}

// issueCard makes a person's card, once:
//
//  1. PIN, PUK and the card's token are drawn and kept.
//  2. The applet is installed on a blank card.
//  3. The card is personalized and registered.
//  4. The token is forgotten.
//
// A cut after any step is repaired by the same call.
func (s *Sandbox) issueCard(ctx context.Context, b *bank.Bank, name string, number int) error {
	id := banking.DeviceIDOf(b.Settings.Name, banking.KindCard, number)
	order, made, err := s.cardOrder(id, name)
	if err != nil || made.Token == "" {
		return err
	}
	issuer, err := b.Issuer(ctx)
	if err != nil {
		return err
	}
	if err := s.installApplet(s.cardPath(name), order, issuer.Root); err != nil {
		return err
	}
	opened, err := card.Open(s.cardOptions(), s.cardPath(name))
	if err != nil {
		return err
	}
	secrets, err := made.secrets()
	if err != nil {
		return err
	}
	slot := &Slot{holder: name, observe: s.options.Observe}
	slot.hold(opened, s.options)
	if _, err := issuer.Personalize(ctx, slot.Tap(), order, secrets); err != nil {
		return err
	}
	made.Token = ""
	return writeJSON(s.letterPath(name), made)
}

// installApplet puts the applet on a blank card, unless it is there.
func (s *Sandbox) installApplet(path string, order personalization.Order, root []byte) error {
	if there, err := durable.Exists(path); err != nil || there {
		return err
	}
	blank, err := card.New(s.cardOptions())
	if err != nil {
		return err
	}
	if _, err := blank.Load(applet.CAP); err != nil {
		return err
	}
	certificate, err := cvc.Parse(root)
	if err != nil {
		return err
	}
	parameters, err := order.InstallParameters(certificate)
	if err != nil {
		return err
	}
	if _, err := blank.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID),
		parameters); err != nil {
		return err
	}
	return blank.Save(path)
}

// cardOrder reads the secrets of a card, or draws and stores them.
func (s *Sandbox) cardOrder(
	id message.DeviceID, owner string,
) (personalization.Order, cardOrder, error) {
	var made cardOrder
	path := s.letterPath(owner)
	err := readJSON(path, &made)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.drawCard(id, owner)
	case err != nil:
		return personalization.Order{}, made, err
	}
	order := personalization.Order{Device: id, Role: spec.RoleCard,
		Limits: personalization.DefaultLimits(), Owner: owner}
	if order.Date, err = message.ParseDate(made.Date); err != nil {
		return order, made, fmt.Errorf("%s: %w", path, err)
	}
	if n, err := hex.Decode(order.Token[:], []byte(made.Token)); made.Token != "" &&
		(err != nil || n != len(order.Token)) {
		return order, made, fmt.Errorf(
			"%s: the token is damaged: restore the file from its backup", path)
	}
	return order, made, nil
}

func (s *Sandbox) drawCard(
	id message.DeviceID, owner string,
) (personalization.Order, cardOrder, error) {
	var made cardOrder
	random := s.options.Random
	order, err := personalization.NewOrder(id, owner, message.DateOf(s.options.Clock.Now()), random)
	if err != nil {
		return order, made, err
	}
	made = cardOrder{Device: string(id), Date: order.Date.String(),
		Token: hex.EncodeToString(order.Token[:])}
	if made.PIN, err = pin.Digits(random, 4); err != nil {
		return order, made, err
	}
	if made.PUK, err = pin.Digits(random, 8); err != nil {
		return order, made, err
	}
	return order, made, writeJSON(s.letterPath(owner), made)
}

// NoteNewPIN changes the PIN letter to the PIN that the card already has, so that later commands
// can enter it.
func (s *Sandbox) NoteNewPIN(p *Holder, changed string) error {
	path := s.letterPath(p.Name)
	var made cardOrder
	if err := readJSON(path, &made); err != nil {
		return err
	}
	made.PIN = changed
	p.Letter = made.Letter
	return writeJSON(path, made)
}

func (s *Sandbox) letterPath(name string) string { return s.path("letters", name+".json") }

func (s *Sandbox) cardPath(name string) string { return s.path("cards", name+".card") }

// Renew gives a person's card a certificate that is valid from now on for as long as a
// new card's.
func (s *Sandbox) Renew(ctx context.Context, p *Person) (message.Date, error) {
	b, err := s.BankOf(ctx, p)
	if err != nil {
		return message.Date{}, err
	}
	issuer, err := b.Issuer(ctx)
	if err != nil {
		return message.Date{}, err
	}
	device, err := issuer.Renew(ctx, p.Phone.Device())
	if err != nil {
		return message.Date{}, err
	}
	return issuer.Expiry, p.Phone.Renew(ctx, wallet.Tap{Card: p.Card.Tap()}, device.Certificate)
}
