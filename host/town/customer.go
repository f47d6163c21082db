package town

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"ekrona/apdu/message"
	"ekrona/apdu/signature"
	"ekrona/host/intermediary"
	"ekrona/host/money"
	"ekrona/personalization"
	"ekrona/personalization/pki"
)

// customerNames are those that a file can have too.
var customerNames = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// enrolled is a customer who came after the founding; the card is issued apart.
type enrolled struct {
	Bank message.Name `json:"bank"`
}

// Enrol makes somebody a customer of a bank who was not there at the founding: an
// online wallet and the key of an app. The cards that are issued to the customer
// afterwards lie in no file of the town: they are inserted (see [Slot.Insert]). The
// next [Open] finds the newest of them in the customer's phone. Enrolled again at
// the same bank, the customer is the same.
func (t *Town) Enrol(ctx context.Context, b *Bank, name string) error {
	if err := t.MayEnrol(b, name); err != nil {
		return err
	}
	if err := writeJSON(t.path("customers", name+".json"), enrolled{b.Name}); err != nil {
		return err
	}
	_, err := t.addCustomer(ctx, b, name, 0)
	return err
}

// MayEnrol fails as Enrol would, and does nothing.
func (t *Town) MayEnrol(b *Bank, name string) error {
	if !customerNames.MatchString(name) {
		return fmt.Errorf("town: customer %q: give a name of at most 32 of a to z, 0 to 9 and -, a letter first", name)
	}
	for _, p := range t.plan.People {
		if p.Name == name {
			return fmt.Errorf("town: %s lives here since the founding and has a card: choose another name", name)
		}
	}
	var known enrolled
	switch err := readJSON(t.path("customers", name+".json"), &known); {
	case err == nil && known.Bank != b.Name:
		return fmt.Errorf("town: %s is a customer of %s: choose another name for one of %s", name, known.Bank, b.Name)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return err
	}
	return nil
}

// addCustomer opens an online wallet and gives back the key of its owner's app.
func (t *Town) addCustomer(ctx context.Context, b *Bank, name string, deposit money.Ore) (crypto.Signer, error) {
	number, err := t.phoneNumber(name)
	if err != nil {
		return nil, err
	}
	app, err := pki.Open(t.path("keys", name), t.random).Key(ctx, numbered("app", number))
	if err != nil {
		return nil, err
	}
	public, err := signature.PublicKey(app)
	if err != nil {
		return nil, err
	}
	if number > 1 {
		return app, b.ReplaceApp(ctx, name, public)
	}
	if err := b.AddCustomer(ctx, intermediary.Customer{ID: name, Name: name, App: public}); err != nil {
		return nil, err
	}
	if deposit > 0 {
		err = b.Deposit(ctx, "first of "+name, name, deposit)
	}
	return app, err
}

// welcome finds the customers who came after the founding and have a card.
func (t *Town) welcome(ctx context.Context) error {
	files, err := filepath.Glob(t.path("customers", "*.json"))
	if err != nil {
		return err
	}
	for _, path := range files {
		var known enrolled
		if err := readJSON(path, &known); err != nil {
			return err
		}
		b, err := t.bank(known.Bank)
		if err != nil {
			return err
		}
		p := &Person{Name: strings.TrimSuffix(filepath.Base(path), ".json"), Bank: b}
		app, err := t.addCustomer(ctx, b, p.Name, 0)
		if err != nil {
			return err
		}
		cards, err := b.Cards(ctx, p.Name)
		if err != nil {
			return err
		}
		if len(cards) == 0 {
			continue
		}
		newest := cards[len(cards)-1]
		p.Card = &Slot{holder: p.Name, observe: t.observe}
		if err := t.moveIn(ctx, p, app, newest, "phone-"+p.Name+"-"+string(newest.ID)); err != nil {
			return err
		}
	}
	return nil
}

// Bank finds an intermediary by its name.
func (t *Town) Bank(name string) (*Bank, error) {
	return find(t.Banks, name, func(b *Bank) string { return string(b.Name) })
}

// Issuer makes a bank's cards.
func (t *Town) Issuer(b *Bank) personalization.Issuer {
	return personalization.Issuer{
		CA: b.ca, Root: t.root.Encoded, InstructionKey: b.instruction.Encoded, Notary: t.notary.Encoded,
		Registry: b, Random: t.random, Effective: b.ca.Certificate.Effective,
		Expiry: message.DateOf(t.clock.Now().AddDate(deviceYears, 0, 0)),
	}
}
