package town

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io/fs"

	"ekrona/host/banking"
	"ekrona/host/wallet"
)

// phones is which of somebody's phones is in use.
type phones struct {
	Number int `json:"number"` // from 1
}

func (t *Town) phonesPath(name string) string { return t.path("phones", name+".json") }

// phoneNumber is 1 for who has never changed phones.
func (t *Town) phoneNumber(name string) (int, error) {
	used := phones{Number: 1}
	err := readJSON(t.phonesPath(name), &used)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return used.Number, err
}

// numbered is the name of what belongs to a phone.
func numbered(what string, phone int) string {
	if phone == 1 {
		return what
	}
	return fmt.Sprintf("%s-%d", what, phone)
}

// ChangePhone gives a person another phone: with a key of its own, which the bank
// registers in place of the former one's, and with nothing on it. What is kept first
// is which phone counts from now on: a cut after that is repaired by the next [Open].
func (t *Town) ChangePhone(ctx context.Context, p *Person) error {
	number, err := t.phoneNumber(p.Name)
	if err != nil {
		return err
	}
	device, err := p.Bank.Device(ctx, p.Phone.Device())
	if err != nil {
		return err
	}
	if err := writeJSON(t.phonesPath(p.Name), phones{number + 1}); err != nil {
		return err
	}
	app, err := t.addCustomer(ctx, p.Bank, p.Name, 0)
	if err != nil {
		return err
	}
	return t.givePhone(ctx, p, app, device)
}

// moveIn gives a person the phone that is in use, whose first one had that journal, and
// lets the person in.
func (t *Town) moveIn(ctx context.Context, p *Person, app crypto.Signer, device banking.Device, journal string) error {
	p.journal = journal
	if err := t.givePhone(ctx, p, app, device); err != nil {
		return err
	}
	t.People = append(t.People, p)
	return nil
}

// givePhone opens the app of a person's phone, whose journal is that of one card.
func (t *Town) givePhone(ctx context.Context, p *Person, app crypto.Signer, device banking.Device) error {
	number, err := t.phoneNumber(p.Name)
	if err != nil {
		return err
	}
	schema, err := wallet.Schema()
	if err != nil {
		return err
	}
	db, err := t.open(ctx, numbered(p.journal, number), schema)
	if err != nil {
		return err
	}
	p.Phone, err = wallet.New(ctx, wallet.Config{
		DB: db, Random: t.random, App: app, Device: device.ID, Certificate: device.Certificate, CA: p.Bank.ca.Encoded,
		PINPoint: device.PINPoint, Authorities: t.authorities(), Intermediary: p.Bank.Intermediary,
	})
	return err
}
