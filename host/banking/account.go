package banking

import (
	"context"
	"time"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/money"
	"ekrona.example/host/remote"
)

// Account is the calls that a customer's app makes about the customer's own wallets and devices.
type Account interface {
	// Cards returns the cards of a customer, in the order of their ids, as in [IssuerDesk].
	Cards(ctx context.Context, owner string) ([]Card, error)

	// Authority returns the certificate (7F21) of the CA that certifies the intermediary's cards.
	Authority(ctx context.Context) ([]byte, error)

	// OnlineBalance returns what a customer's online wallet holds, as in [Operator].
	OnlineBalance(ctx context.Context, owner string) (money.Ore, error)

	// ShadowBalance returns what a device's shadow wallet holds, by the notary's latest statement.
	// Errors: [ErrNoDevice], the notary's.
	ShadowBalance(ctx context.Context, id message.DeviceID) (money.Ore, error)

	// ReportLost is as in [IssuerDesk].
	ReportLost(ctx context.Context, id message.DeviceID) error

	// HonouredUntil returns until when claims on a device are honoured that was reported lost:
	// then the intermediary ends it. It is zero for another device. Errors: [ErrNoDevice], the
	// notary's.
	HonouredUntil(ctx context.Context, id message.DeviceID) (time.Time, error)
}

type honouredAnswer struct {
	Until time.Time `json:"until,omitzero"`
}

type authorityAnswer struct {
	Certificate []byte `json:"certificate,omitempty"`
}

type account struct{ client remote.Client }

// NewAccount returns the intermediary at the far side of a link.
func NewAccount(t remote.Transport) Account {
	return account{remote.Client{Transport: t, Errors: Errors}}
}

// Cards implements Account.
func (a account) Cards(ctx context.Context, owner string) ([]Card, error) {
	answer, err := remote.Ask[cardsAnswer](ctx, a.client, "cards", customerRequest{owner})
	return answer.Cards, err
}

// Authority implements Account.
func (a account) Authority(ctx context.Context) ([]byte, error) {
	answer, err := remote.Ask[authorityAnswer](ctx, a.client, "authority", remote.None{})
	return answer.Certificate, err
}

// OnlineBalance implements Account.
func (a account) OnlineBalance(ctx context.Context, owner string) (money.Ore, error) {
	answer, err := remote.Ask[balanceAnswer](ctx, a.client, "online-balance",
		customerRequest{owner})
	return answer.Balance, err
}

// ShadowBalance implements Account.
func (a account) ShadowBalance(ctx context.Context, id message.DeviceID) (money.Ore, error) {
	answer, err := remote.Ask[balanceAnswer](ctx, a.client, "shadow-balance", deviceRequest{id})
	return answer.Balance, err
}

// ReportLost implements Account.
func (a account) ReportLost(ctx context.Context, id message.DeviceID) error {
	return remote.Do(ctx, a.client, "report-lost", deviceRequest{id})
}

// HonouredUntil implements Account.
func (a account) HonouredUntil(ctx context.Context, id message.DeviceID) (time.Time, error) {
	answer, err := remote.Ask[honouredAnswer](ctx, a.client, "honoured-until", deviceRequest{id})
	return answer.Until, err
}

// ServeApp answers the app on a phone: what it does with a card, and about its owner's account.
func ServeApp(b interface {
	Wallet
	Account
}) *remote.Server {
	s := ServeWallet(b)
	remote.Handle(s, "cards", func(ctx context.Context, q customerRequest) (cardsAnswer, error) {
		cards, err := b.Cards(ctx, q.Customer)
		return cardsAnswer{cards}, err
	})
	remote.Handle(s, "authority",
		func(ctx context.Context, _ remote.None) (authorityAnswer, error) {
			certificate, err := b.Authority(ctx)
			return authorityAnswer{certificate}, err
		})
	remote.Handle(s, "online-balance",
		func(ctx context.Context, q customerRequest) (balanceAnswer, error) {
			balance, err := b.OnlineBalance(ctx, q.Customer)
			return balanceAnswer{balance}, err
		})
	remote.Handle(s, "shadow-balance",
		func(ctx context.Context, q deviceRequest) (balanceAnswer, error) {
			balance, err := b.ShadowBalance(ctx, q.Device)
			return balanceAnswer{balance}, err
		})
	remote.HandleOnly(s, "report-lost",
		func(ctx context.Context, q deviceRequest) error { return b.ReportLost(ctx, q.Device) })
	remote.Handle(s, "honoured-until",
		func(ctx context.Context, q deviceRequest) (honouredAnswer, error) {
			until, err := b.HonouredUntil(ctx, q.Device)
			return honouredAnswer{until}, err
		})
	return s
}
