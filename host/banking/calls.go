package banking

import (
	"context"

	"ekrona.example/apdu/message"
	"ekrona.example/host/envelope"
	"ekrona.example/host/notary"
	"ekrona.example/host/order"
	"ekrona.example/host/remote"
	"ekrona.example/host/session"
)

// Requests and answers of the calls that are not types of the contract itself.
type (
	openRequest struct {
		Device message.DeviceID `json:"device"`
		Nonce  []byte           `json:"nonce,omitempty"`
	}
	reportRequest struct {
		Device  message.DeviceID `json:"device"`
		Reading session.Reading  `json:"reading"`
	}
	confirmRequest struct {
		Device       message.DeviceID `json:"device"`
		Confirmation []byte           `json:"confirmation,omitempty"`
	}
	handOverRequest struct {
		Messages [][]byte `json:"messages,omitempty"`
	}
	handOverAnswer struct {
		Answers []notary.Answer `json:"answers,omitempty"`
	}
	messageRequest struct {
		Message []byte `json:"message,omitempty"`
	}
	receiptAnswer struct {
		Receipt []byte `json:"receipt,omitempty"`
	}
	batchRequest struct {
		Batch message.DeviceID `json:"batch"`
	}
	batchAnswer struct {
		Certificate []byte `json:"certificate,omitempty"`
	}
	positionRequest struct {
		Device message.DeviceID `json:"device"`
		ATC    uint32           `json:"atc"`
	}
	afterRequest struct {
		After int64 `json:"after"`
	}
	revokedAnswer struct {
		Revoked []notary.Revocation `json:"revoked,omitempty"`
	}
)

// link makes the calls of every device to an intermediary at the far side of a link.
type link struct{ client remote.Client }

// Open implements session.Link.
func (l link) Open(
	ctx context.Context, device message.DeviceID, nonce message.Nonce,
) (session.Opening, error) {
	return remote.Ask[session.Opening](ctx, l.client, "open", openRequest{device, nonce[:]})
}

// Report implements session.Link.
func (l link) Report(
	ctx context.Context,
	device message.DeviceID,
	reading session.Reading,
) (session.Answer, error) {
	return remote.Ask[session.Answer](ctx, l.client, "report", reportRequest{device, reading})
}

// Confirm implements session.Link.
func (l link) Confirm(ctx context.Context, device message.DeviceID, confirmation []byte) error {
	return remote.Do(ctx, l.client, "confirm", confirmRequest{device, confirmation})
}

func serveLink(l session.Link) *remote.Server {
	s := remote.NewServer(Errors)
	remote.Handle(s, "open",
		func(ctx context.Context, q openRequest) (session.Opening, error) {
			var nonce message.Nonce
			if err := nonce.UnmarshalBinary(q.Nonce); err != nil {
				return session.Opening{}, Refuse(ErrMalformed, "nonce of %s: %v", q.Device, err)
			}
			return l.Open(ctx, q.Device, nonce)
		})
	remote.Handle(s, "report", func(ctx context.Context, q reportRequest) (session.Answer, error) {
		return l.Report(ctx, q.Device, q.Reading)
	})
	remote.HandleOnly(s, "confirm", func(ctx context.Context, q confirmRequest) error {
		return l.Confirm(ctx, q.Device, q.Confirmation)
	})
	return s
}

type wallet struct{ link }

// NewWallet returns the intermediary at the far side of a link.
func NewWallet(t remote.Transport) Wallet {
	return wallet{link{remote.Client{Transport: t, Errors: Errors}}}
}

// HandOver implements Wallet.
func (w wallet) HandOver(ctx context.Context, messages [][]byte) ([]notary.Answer, error) {
	a, err := remote.Ask[handOverAnswer](ctx, w.client, "hand-over",
		handOverRequest{remote.Items(messages)})
	return a.Answers, err
}

// PlaceLoad implements Wallet.
func (w wallet) PlaceLoad(ctx context.Context, o order.Signed) error {
	return remote.Do(ctx, w.client, "place-load", o)
}

// LoadProgress implements Wallet.
func (w wallet) LoadProgress(ctx context.Context, o order.Signed) (order.Progress, error) {
	return remote.Ask[order.Progress](ctx, w.client, "load-progress", o)
}

// RequestUnload implements Wallet.
func (w wallet) RequestUnload(ctx context.Context, o order.Signed) (envelope.Envelope, error) {
	return remote.Ask[envelope.Envelope](ctx, w.client, "request-unload", o)
}

// TakeUnload implements Wallet.
func (w wallet) TakeUnload(ctx context.Context, payment []byte) ([]byte, error) {
	a, err := remote.Ask[receiptAnswer](ctx, w.client, "take-unload", messageRequest{payment})
	return a.Receipt, err
}

// UnloadReceipt implements Wallet.
func (w wallet) UnloadReceipt(ctx context.Context, o order.Signed) ([]byte, error) {
	a, err := remote.Ask[receiptAnswer](ctx, w.client, "unload-receipt", o)
	return a.Receipt, err
}

// BatchCertificate implements Wallet.
func (w wallet) BatchCertificate(ctx context.Context, batch message.DeviceID) ([]byte, error) {
	a, err := remote.Ask[batchAnswer](ctx, w.client, "batch-certificate", batchRequest{batch})
	return a.Certificate, err
}

// ServeWallet answers the app on a phone.
func ServeWallet(w Wallet) *remote.Server {
	s := serveLink(w)
	remote.Handle(s, "hand-over",
		func(ctx context.Context, q handOverRequest) (handOverAnswer, error) {
			answers, err := w.HandOver(ctx, q.Messages)
			return handOverAnswer{answers}, err
		})
	remote.HandleOnly(s, "place-load", w.PlaceLoad)
	remote.Handle(s, "load-progress", w.LoadProgress)
	remote.Handle(s, "request-unload", w.RequestUnload)
	remote.Handle(s, "take-unload",
		func(ctx context.Context, q messageRequest) (receiptAnswer, error) {
			receipt, err := w.TakeUnload(ctx, q.Message)
			return receiptAnswer{receipt}, err
		})
	remote.Handle(s, "unload-receipt",
		func(ctx context.Context, o order.Signed) (receiptAnswer, error) {
			receipt, err := w.UnloadReceipt(ctx, o)
			return receiptAnswer{receipt}, err
		})
	remote.Handle(s, "batch-certificate",
		func(ctx context.Context, q batchRequest) (batchAnswer, error) {
			certificate, err := w.BatchCertificate(ctx, q.Batch)
			return batchAnswer{certificate}, err
		})
	return s
}

type terminal struct{ link }

// NewTerminal returns the intermediary at the far side of a link.
func NewTerminal(t remote.Transport) Terminal {
	return terminal{link{remote.Client{Transport: t, Errors: Errors}}}
}

// TakeRecords implements Terminal.
func (t terminal) TakeRecords(ctx context.Context, portion session.Reading) error {
	return remote.Do(ctx, t.client, "take-records", portion)
}

// Position implements Terminal.
func (t terminal) Position(
	ctx context.Context, device message.DeviceID, atc uint32,
) (notary.Position, error) {
	return remote.Ask[notary.Position](ctx, t.client, "position", positionRequest{device, atc})
}

// Restore implements Terminal.
func (t terminal) Restore(ctx context.Context, device message.DeviceID) (Restoration, error) {
	return remote.Ask[Restoration](ctx, t.client, "restore", deviceRequest{device})
}

// Revoked implements Terminal.
func (t terminal) Revoked(ctx context.Context, after int64) ([]notary.Revocation, error) {
	a, err := remote.Ask[revokedAnswer](ctx, t.client, "revoked", afterRequest{after})
	return a.Revoked, err
}

// ServeTerminal answers a terminal.
func ServeTerminal(t Terminal) *remote.Server {
	s := serveLink(t)
	remote.HandleOnly(s, "take-records", t.TakeRecords)
	remote.Handle(s, "position",
		func(ctx context.Context, q positionRequest) (notary.Position, error) {
			return t.Position(ctx, q.Device, q.ATC)
		})
	remote.Handle(s, "restore", func(ctx context.Context, q deviceRequest) (Restoration, error) {
		return t.Restore(ctx, q.Device)
	})
	remote.Handle(s, "revoked", func(ctx context.Context, q afterRequest) (revokedAnswer, error) {
		revoked, err := t.Revoked(ctx, q.After)
		return revokedAnswer{revoked}, err
	})
	return s
}

type merchant struct{ client remote.Client }

// NewMerchant returns the intermediary at the far side of a link.
func NewMerchant(t remote.Transport) Merchant {
	return merchant{remote.Client{Transport: t, Errors: Errors}}
}

// PlaceRefund implements Merchant.
func (m merchant) PlaceRefund(ctx context.Context, o order.Signed) error {
	return remote.Do(ctx, m.client, "place-refund", o)
}

// ServeMerchant answers the owner of a terminal.
func ServeMerchant(m Merchant) *remote.Server {
	s := remote.NewServer(Errors)
	serveMerchant(s, m)
	return s
}

// ServePointOfSale answers a terminal, and the orders of its owner.
func ServePointOfSale(b interface {
	Terminal
	Merchant
}) *remote.Server {
	s := ServeTerminal(b)
	serveMerchant(s, b)
	return s
}

func serveMerchant(s *remote.Server, m Merchant) {
	remote.HandleOnly(s, "place-refund", m.PlaceRefund)
}
