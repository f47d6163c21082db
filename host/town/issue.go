package town

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/money"
	"ekrona/apdu/pin"
	"ekrona/apdu/spec"
	"ekrona/applet"
	"ekrona/emulator/card"
	"ekrona/host/banking"
	"ekrona/host/durable"
	"ekrona/host/order"
	"ekrona/host/terminal"
	"ekrona/host/wallet"
	"ekrona/personalization"
	"ekrona/personalization/pki"
)

// Letter is the PIN letter of a person.
type Letter struct {
	PIN string `json:"pin"`
	PUK string `json:"puk"`
}

// Block is the PIN as it goes to a card.
func (l Letter) Block() (pin.Block, error) { return pin.NewBlock(l.PIN) }

// cardOrder is a letter with what the card is made from, kept while it is made.
type cardOrder struct {
	Letter
	Device string `json:"device"`
	Date   string `json:"date"`
	Token  string `json:"token"`
}

// settle gives a person an online wallet, a card and a phone:
//
//  1. PIN, PUK and the card's token are drawn and kept.
//  2. The applet is installed on a blank card.
//  3. The card is personalized and registered.
//  4. The token is forgotten.
//  5. The phone's app learns whose card it serves.
//
// A cut after any step is repaired by the next opening.
func (t *Town) settle(ctx context.Context, plan PersonPlan) error {
	bank, err := t.bank(plan.Bank)
	if err != nil {
		return err
	}
	p := &Person{Name: plan.Name, Bank: bank}
	app, err := t.addCustomer(ctx, bank, plan.Name, plan.Deposit)
	if err != nil {
		return err
	}
	device, err := t.issueCard(ctx, p, len(t.People)+1)
	if err != nil {
		return err
	}
	return t.moveIn(ctx, p, app, device, "phone-"+plan.Name)
}

// issueCard makes the person's card, or opens it when it is made.
func (t *Town) issueCard(ctx context.Context, p *Person, number int) (banking.Device, error) {
	none := banking.Device{}
	id := banking.DeviceIDOf(p.Bank.Name, banking.KindCard, number)
	path := t.path("cards", p.Name+".card")
	letter := t.letterPath(p.Name)
	order, kept, err := t.cardOrder(letter, id, p.Name)
	if err != nil {
		return none, err
	}
	p.Letter = kept.Letter
	if err := os.MkdirAll(t.path("cards"), 0o700); err != nil {
		return none, err
	}
	if kept.Token != "" {
		if err := t.installApplet(path, order); err != nil {
			return none, err
		}
	}
	opened, err := card.Open(t.cardOptions(), path)
	if err != nil {
		return none, err
	}
	p.Card = &Slot{holder: p.Name, card: opened, observe: t.observe}
	if kept.Token == "" {
		return p.Bank.Device(ctx, id)
	}
	secrets := personalization.Secrets{}
	if secrets.PIN, err = p.Letter.Block(); err != nil {
		return none, err
	}
	if secrets.PUK, err = pin.NewPUKBlock(p.Letter.PUK); err != nil {
		return none, err
	}
	device, err := t.Issuer(p.Bank).Personalize(ctx, p.Card.Tap(), order, secrets)
	if err != nil {
		return none, err
	}
	kept.Token = ""
	return device, writeJSON(letter, kept)
}

// installApplet puts the applet on a blank card, unless it is there.
func (t *Town) installApplet(path string, order personalization.Order) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	blank, err := card.New(t.cardOptions())
	if err != nil {
		return err
	}
	if _, err := blank.Load(applet.CAP); err != nil {
		return err
	}
	parameters, err := order.InstallParameters(t.root.Certificate)
	if err != nil {
		return err
	}
	if _, err := blank.Install(card.AID(spec.AppletAID), card.AID(spec.AppletAID), parameters); err != nil {
		return err
	}
	return blank.Save(path)
}

// cardOrder reads what was drawn for a card, or draws it and keeps it.
func (t *Town) cardOrder(path string, id message.DeviceID, owner string) (personalization.Order, cardOrder, error) {
	var kept cardOrder
	err := readJSON(path, &kept)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		order, err := personalization.NewOrder(id, owner, message.DateOf(t.clock.Now()), t.random)
		if err != nil {
			return order, kept, err
		}
		kept = cardOrder{Device: string(id), Date: order.Date.String(), Token: hex.EncodeToString(order.Token[:])}
		if kept.PIN, err = pin.Digits(t.random, 4); err != nil {
			return order, kept, err
		}
		if kept.PUK, err = pin.Digits(t.random, 8); err != nil {
			return order, kept, err
		}
		return order, kept, writeJSON(path, kept)
	case err != nil:
		return personalization.Order{}, kept, err
	}
	order := personalization.Order{Device: id, Role: spec.RoleCard, Ceilings: message.PilotPolicy(), Owner: owner}
	if order.Date, err = message.ParseDate(kept.Date); err != nil {
		return order, kept, fmt.Errorf("%s: %w", path, err)
	}
	if n, err := hex.Decode(order.Token[:], []byte(kept.Token)); kept.Token != "" && (err != nil || n != len(order.Token)) {
		return order, kept, fmt.Errorf("%s: the token is damaged; remove the folder and found the town again", path)
	}
	return order, kept, nil
}

// NoteNewPIN changes the PIN letter to a PIN that the card has already, so that
// the town's later commands can enter it.
func (t *Town) NoteNewPIN(p *Person, changed string) error {
	path := t.letterPath(p.Name)
	var kept cardOrder
	if err := readJSON(path, &kept); err != nil {
		return err
	}
	kept.PIN = changed
	p.Letter = kept.Letter
	return writeJSON(path, kept)
}

func (t *Town) letterPath(name string) string { return t.path("letters", name+".json") }

// openShop gives a shop its terminal.
func (t *Town) openShop(ctx context.Context, plan ShopPlan) error {
	bank, err := t.bank(plan.Bank)
	if err != nil {
		return err
	}
	keys := pki.Open(t.path("keys", plan.Name), t.random)
	id := banking.DeviceIDOf(bank.Name, banking.KindTerminal, len(t.Shops)+1)
	own, err := keys.Certified("till", t.subject(cvc.Holder(id), spec.RoleTerminal, deviceYears), bank.ca)
	if err != nil {
		return err
	}
	app, err := t.addCustomer(ctx, bank, plan.Name, 0)
	if err != nil {
		return err
	}
	err = bank.AddDevice(ctx, banking.Device{ID: id, Customer: plan.Name, Certificate: own.Encoded, Policy: terminal.PilotPolicy()})
	if err != nil {
		return err
	}
	journal, err := t.journalKey(t.path("keys", plan.Name, "journal.key"))
	if err != nil {
		return err
	}
	schema, err := terminal.Schema()
	if err != nil {
		return err
	}
	db, err := t.open(ctx, "till-"+plan.Name, schema)
	if err != nil {
		return err
	}
	till, err := terminal.New(ctx, terminal.Config{
		DB: db, Clock: t.clock, Random: t.random, Signer: own.Signer, Certificate: own.Encoded, CA: bank.ca.Encoded,
		Root: t.root.Encoded, Authorities: t.authorities(), JournalKey: journal, Policy: terminal.PilotPolicy(), Link: bank,
	})
	if err != nil {
		return err
	}
	t.Shops = append(t.Shops, &Shop{Name: plan.Name, Bank: bank, Till: till, app: app})
	return nil
}

// Refund orders that a settled payment at the shop, or a part of it, goes back to
// the payer's online wallet. Errors: *order.Refused.
func (t *Town) Refund(ctx context.Context, s *Shop, of order.Payment, amount money.Ore) error {
	signed, err := order.NewRefund(s.Till.ID(), of, amount, t.random, s.app)
	if err != nil {
		return err
	}
	return s.Bank.PlaceRefund(ctx, signed)
}

// Renew gives a person's card a certificate that is valid from now on for as long
// as a new card's.
func (t *Town) Renew(ctx context.Context, p *Person) (message.Date, error) {
	issuer := t.Issuer(p.Bank)
	device, err := issuer.Renew(ctx, p.Phone.Device())
	if err != nil {
		return message.Date{}, err
	}
	return issuer.Expiry, p.Phone.Renew(ctx, wallet.Tap{Card: p.Card.Tap()}, device.Certificate)
}

// journalKey reads the key that a till's journal is sealed with, or draws it.
func (t *Town) journalKey(path string) (terminal.JournalKey, error) {
	var key terminal.JournalKey
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := io.ReadFull(t.random, key[:]); err != nil {
			return key, fmt.Errorf("the source of randomness failed: %w", err)
		}
		return key, durable.Replace(path, []byte(hex.EncodeToString(key[:])), durable.OwnerOnly)
	}
	if err != nil {
		return key, err
	}
	if n, err := hex.Decode(key[:], content); err != nil || n != len(key) {
		return key, fmt.Errorf("%s is not a journal key; remove the folder and found the town again", path)
	}
	return key, nil
}
