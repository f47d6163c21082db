package sandbox

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/party/bank"
	"ekrona.example/host/party/phone"
)

// customerNames are the names that a folder can have too.
var customerNames = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// Enrol makes somebody a customer of a bank: an online wallet, and a phone with the key of its app.
// The cards that are issued to the customer afterwards are in no file of the sandbox: they are
// inserted (see [Slot.Insert]). Enrolled again at the same bank, the customer is the same.
func (s *Sandbox) Enrol(ctx context.Context, b *bank.Bank, name string) error {
	if err := s.MayEnrol(b, name); err != nil {
		return err
	}
	phones, err := s.phones()
	if err != nil {
		return err
	}
	if _, known := phones[name]; !known {
		return s.foundPhone(ctx, b, name)
	}
	return nil
}

// MayEnrol returns the error that Enrol would return, and does nothing.
func (s *Sandbox) MayEnrol(b *bank.Bank, name string) error {
	if !customerNames.MatchString(name) {
		return fmt.Errorf("sandbox: customer %q: give a name of at most 32 of a to z, 0 to 9 and "+
			"-, a letter first", name)
	}
	merchants, err := s.names(terminalPrefix)
	if err != nil {
		return err
	}
	if slices.Contains(merchants, name) {
		return banking.Refuse(banking.ErrTaken, "sandbox: %s is a merchant, with a terminal and "+
			"no card: choose another name for the customer", name)
	}
	phones, err := s.phones()
	if err != nil {
		return err
	}
	folder, known := phones[name]
	if !known {
		return nil
	}
	settings, err := phone.ReadSettings(s.path(folder))
	if err != nil {
		return err
	}
	other, err := bank.ReadSettings(filepath.Join(s.path(folder), settings.Intermediary))
	if err != nil {
		return err
	}
	if other.Name != b.Settings.Name {
		return fmt.Errorf("sandbox: %s is a customer of %s: choose another name for one of %s",
			name, other.Name, b.Settings.Name)
	}
	return nil
}

// Refund orders that a settled payment at a merchant, or a part of it, goes back to the
// payer's online wallet. Whichever of the merchant's terminals took it, the owner's key signs. name
// is the merchant's own for the refund, by which it is made once, or empty. Errors:
// *order.Refused, [banking.ErrTaken].
func (s *Sandbox) Refund(
	ctx context.Context, m *Merchant, of order.Payment, amount money.Ore, name string,
) (err error) {
	terminals := append([]message.DeviceID{m.Terminal.ID()}, m.Terminal.Settings.Former...)
	for _, id := range terminals {
		var signed order.Signed
		var orderErr error
		if name == "" {
			signed, orderErr = order.NewRefund(id, of, amount, s.options.Random, m.Terminal.Owner)
		} else {
			signed, orderErr = order.Named(order.Order{Kind: order.Refund, Device: id,
				Amount: amount, Of: of}, name, m.Terminal.Owner)
		}
		if orderErr != nil {
			return orderErr
		}
		refused := m.Terminal.Bank.PlaceRefund(ctx, signed)
		if !errors.Is(refused, notary.NotYours) {
			return refused
		}
		if err == nil {
			err = refused
		}
	}
	return err
}
