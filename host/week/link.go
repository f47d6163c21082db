package week

import (
	"context"
	"errors"
	"sync/atomic"

	"ekrona.example/apdu/message"
	"ekrona.example/host/banking"
	"ekrona.example/host/notary"
	"ekrona.example/host/session"
)

// errDark is what every call over the network returns while there is none.
var errDark = errors.New("there is no network")

// link is the network between a phone or terminal and its intermediary.
type link struct {
	*bank
	dark *atomic.Bool
	*watch
}

var (
	_ banking.Wallet   = link{}
	_ banking.Terminal = link{}
)

func (l link) check() error {
	if l.dark.Load() {
		return errDark
	}
	return nil
}

// Open implements session.Link.
func (l link) Open(
	ctx context.Context, device message.DeviceID, nonce message.Nonce,
) (session.Opening, error) {
	if err := l.check(); err != nil {
		return session.Opening{}, err
	}
	return l.bank.Open(ctx, device, nonce)
}

// Report implements session.Link.
func (l link) Report(
	ctx context.Context, device message.DeviceID, reading session.Reading,
) (session.Answer, error) {
	if err := l.check(); err != nil {
		return session.Answer{}, err
	}
	return l.bank.Report(ctx, device, reading)
}

// Confirm implements session.Link.
func (l link) Confirm(ctx context.Context, device message.DeviceID, confirmation []byte) error {
	if err := l.check(); err != nil {
		return err
	}
	return l.bank.Confirm(ctx, device, confirmation)
}

// Revoked implements banking.Terminal.
func (l link) Revoked(ctx context.Context, after int64) ([]notary.Revocation, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	return l.bank.Revoked(ctx, after)
}

// TakeRecords implements banking.Terminal.
func (l link) TakeRecords(ctx context.Context, portion session.Reading) error {
	if err := l.check(); err != nil {
		return err
	}
	l.atBank(l.name, portion.Provenance)
	return l.bank.TakeRecords(ctx, portion)
}

// HandOver implements banking.Wallet.
func (l link) HandOver(ctx context.Context, messages [][]byte) ([]notary.Answer, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	l.atBank(l.name, messages)
	return l.bank.HandOver(ctx, messages)
}
