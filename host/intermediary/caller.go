package intermediary

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"time"

	"ekrona.example/apdu/cvc"
	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/apdu/spec"
	"ekrona.example/host/banking"
	"ekrona.example/host/envelope"
	"ekrona.example/host/ledger"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/session"
)

// AppKey returns the registered key of a customer's app, by which the caller of [ForCustomer] is
// known. Errors: [banking.ErrNoCustomer].
func (i *Intermediary) AppKey(ctx context.Context, owner string) (*ecdsa.PublicKey, error) {
	c, err := customer(ctx, i.db, owner)
	return c.App, err
}

// TerminalKey returns the registered key of a terminal, by which the caller of [ForTerminal] is
// known. Errors: [banking.ErrNoDevice], also for a device that is no terminal.
func (i *Intermediary) TerminalKey(
	ctx context.Context, id message.DeviceID,
) (*ecdsa.PublicKey, error) {
	if known, ok := i.terminals.Load(id); ok {
		return known.(*ecdsa.PublicKey), nil
	}
	d, err := device(ctx, i.db, id)
	if err != nil {
		return nil, err
	}
	if d.role != spec.RoleTerminal {
		return nil, fmt.Errorf("device %s is no terminal: %w", id, banking.ErrNoDevice)
	}
	certificate, err := cvc.Parse(d.Certificate)
	if err != nil {
		return nil, fmt.Errorf("intermediary: device %s: certificate kept: %w", id, err)
	}
	i.terminals.Store(id, certificate.PublicKey)
	return certificate.PublicKey, nil
}

// ShadowBalance implements banking.Account.
func (i *Intermediary) ShadowBalance(
	ctx context.Context, id message.DeviceID,
) (money.Ore, error) {
	if err := i.PullStatement(ctx); err != nil {
		return 0, err
	}
	if _, err := device(ctx, i.db, id); err != nil {
		return 0, err
	}
	return ledger.Balance(ctx, i.db, shadowCopy(id))
}

// Authority implements banking.Account.
func (i *Intermediary) Authority(context.Context) ([]byte, error) { return i.ca, nil }

// App is what the app of one customer may call.
type App interface {
	banking.Wallet
	banking.Account
}

// ForCustomer returns the intermediary for the app of one customer; the link has authenticated it.
// It orders, reads and reports for the customer's own devices only: another's is unknown to it.
func (i *Intermediary) ForCustomer(owner string) App {
	a := &app{owner: owner}
	a.sessions = sessions{i, a.own, a.read}
	return a
}

// sessions is the intermediary for a caller whose devices alone it synchronises: mine returns an
// error for another one, and device reads one of them.
type sessions struct {
	*Intermediary
	mine   func(ctx context.Context, id message.DeviceID) error
	device func(ctx context.Context, id message.DeviceID) (storedDevice, error)
}

// Open implements session.Link.
func (s sessions) Open(
	ctx context.Context, id message.DeviceID, nonce message.Nonce,
) (session.Opening, error) {
	if err := s.mine(ctx, id); err != nil {
		return session.Opening{}, err
	}
	return s.open(ctx, id, nonce)
}

// Report implements session.Link.
func (s sessions) Report(
	ctx context.Context, id message.DeviceID, reading session.Reading,
) (session.Answer, error) {
	d, err := s.device(ctx, id)
	if err != nil {
		return session.Answer{}, err
	}
	return s.report(ctx, d, reading)
}

// Confirm implements session.Link.
func (s sessions) Confirm(ctx context.Context, id message.DeviceID, confirmation []byte) error {
	if err := s.mine(ctx, id); err != nil {
		return err
	}
	return s.Intermediary.Confirm(ctx, id, confirmation)
}

// app is the intermediary for the app of one customer.
type app struct {
	sessions
	owner string
}

// read reads a device; one that is not the caller's is an error.
func (a *app) read(ctx context.Context, id message.DeviceID) (storedDevice, error) {
	d, err := device(ctx, a.db, id)
	if err == nil && d.Customer != a.owner {
		err = banking.Refuse(banking.ErrNoDevice, "intermediary: %s is no device of the caller", id)
	}
	return d, err
}

// own returns an error for a device that is not the caller's.
func (a *app) own(ctx context.Context, id message.DeviceID) error {
	_, err := a.read(ctx, id)
	return err
}

// self returns an error for another customer than the caller.
func (a *app) self(owner string) error {
	if owner == a.owner {
		return nil
	}
	return banking.Refuse(banking.ErrNoCustomer, "intermediary: %q is not the caller: an app asks "+
		"about its own customer only", owner)
}

// PlaceLoad implements banking.Wallet.
func (a *app) PlaceLoad(ctx context.Context, o order.Signed) error {
	if err := a.own(ctx, o.Device); err != nil {
		return err
	}
	return a.Intermediary.PlaceLoad(ctx, o)
}

// LoadProgress implements banking.Wallet.
func (a *app) LoadProgress(ctx context.Context, o order.Signed) (order.Progress, error) {
	if err := a.own(ctx, o.Device); err != nil {
		return order.Progress{}, err
	}
	return a.Intermediary.LoadProgress(ctx, o)
}

// RequestUnload implements banking.Wallet.
func (a *app) RequestUnload(
	ctx context.Context, o order.Signed,
) (envelope.Envelope, error) {
	if err := a.own(ctx, o.Device); err != nil {
		return envelope.Envelope{}, err
	}
	return a.Intermediary.RequestUnload(ctx, o)
}

// TakeUnload implements banking.Wallet.
func (a *app) TakeUnload(ctx context.Context, payment []byte) ([]byte, error) {
	if paid, err := message.Parse[message.Payment](payment); err == nil {
		if err := a.own(ctx, paid.Payer); err != nil {
			return nil, err
		}
	}
	return a.Intermediary.TakeUnload(ctx, payment)
}

// UnloadReceipt implements banking.Wallet.
func (a *app) UnloadReceipt(ctx context.Context, o order.Signed) ([]byte, error) {
	if err := a.own(ctx, o.Device); err != nil {
		return nil, err
	}
	return a.Intermediary.UnloadReceipt(ctx, o)
}

// Cards implements banking.Account.
func (a *app) Cards(ctx context.Context, owner string) ([]banking.Card, error) {
	if err := a.self(owner); err != nil {
		return nil, err
	}
	return a.Intermediary.Cards(ctx, owner)
}

// OnlineBalance implements banking.Account.
func (a *app) OnlineBalance(ctx context.Context, owner string) (money.Ore, error) {
	if err := a.self(owner); err != nil {
		return 0, err
	}
	return a.Intermediary.OnlineBalance(ctx, owner)
}

// ShadowBalance implements banking.Account.
func (a *app) ShadowBalance(ctx context.Context, id message.DeviceID) (money.Ore, error) {
	if err := a.own(ctx, id); err != nil {
		return 0, err
	}
	return a.Intermediary.ShadowBalance(ctx, id)
}

// ReportLost implements banking.Account.
func (a *app) ReportLost(ctx context.Context, id message.DeviceID) error {
	if err := a.own(ctx, id); err != nil {
		return err
	}
	return a.Intermediary.ReportLost(ctx, id)
}

// HonouredUntil implements banking.Account.
func (a *app) HonouredUntil(ctx context.Context, id message.DeviceID) (time.Time, error) {
	if err := a.own(ctx, id); err != nil {
		return time.Time{}, err
	}
	return a.Intermediary.HonouredUntil(ctx, id)
}

// PointOfSale is what a terminal, and its owner by it, may call.
type PointOfSale interface {
	banking.Terminal
	banking.Merchant
}

// ForTerminal returns the intermediary for one terminal; the link has authenticated it. It asks
// and reports about itself only, and refunds what a terminal of its owner took.
func (i *Intermediary) ForTerminal(id message.DeviceID) PointOfSale {
	p := &pointOfSale{id: id}
	p.sessions = sessions{i, p.self, p.read}
	return p
}

// pointOfSale is the intermediary for one terminal.
type pointOfSale struct {
	sessions
	id message.DeviceID
}

// read reads the caller; another one is an error.
func (p *pointOfSale) read(ctx context.Context, id message.DeviceID) (storedDevice, error) {
	if err := p.self(ctx, id); err != nil {
		return storedDevice{}, err
	}
	return device(ctx, p.db, id)
}

// self returns an error for another device than the caller.
func (p *pointOfSale) self(_ context.Context, id message.DeviceID) error {
	if id == p.id {
		return nil
	}
	return banking.Refuse(banking.ErrNoDevice, "intermediary: %s is not the caller: a terminal "+
		"asks about itself only", id)
}

// Position implements banking.Terminal.
func (p *pointOfSale) Position(
	ctx context.Context, id message.DeviceID, atc uint32,
) (notary.Position, error) {
	if err := p.self(ctx, id); err != nil {
		return notary.Position{}, err
	}
	return p.Intermediary.Position(ctx, id, atc)
}

// Restore implements banking.Terminal.
func (p *pointOfSale) Restore(
	ctx context.Context, id message.DeviceID,
) (banking.Restoration, error) {
	if err := p.self(ctx, id); err != nil {
		return banking.Restoration{}, err
	}
	return p.Intermediary.Restore(ctx, id)
}

// PlaceRefund implements banking.Merchant.
func (p *pointOfSale) PlaceRefund(ctx context.Context, o order.Signed) error {
	own, err := device(ctx, p.db, p.id)
	if err != nil {
		return err
	}
	if other, err := device(ctx, p.db, o.Device); err != nil {
		return err
	} else if other.Customer != own.Customer {
		return banking.Refuse(banking.ErrNoDevice, "intermediary: %s is no terminal of the "+
			"caller's owner", o.Device)
	}
	return p.Intermediary.PlaceRefund(ctx, o)
}
