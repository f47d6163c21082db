package client

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"errors"
	"fmt"

	"ekrona.example/apdu/message"
	"ekrona.example/apdu/pin"
	"ekrona.example/apdu/spec"
)

// Pay pays a signed Request after the PIN was verified, and returns the signed Payment;
// certificate is the payee's (7F21). The same Request again returns the same Payment without
// a new debit, while the card keeps the record. authority is the certificate of the payee's
// CA, presented only when the card does not know it.
func (c *Client) Pay(ctx context.Context, request, certificate, authority []byte) ([]byte, error) {
	return c.introduced(ctx, [][]byte{authority}, spec.Pay.Only(), request, certificate)
}

// PayKey is whom an enciphered PAY agrees with.
type PayKey struct {
	Own         *ecdh.PrivateKey // this side's: the Request's, or a phone's for this tap
	Card        *ecdsa.PublicKey // the card's batch key, or its PIN key
	Batch       bool             // Card is the batch key
	Application message.FCI      // what the card answered to SELECT in this session
}

// Refused is a refusal that the card has sealed with the keys of this PAY: nobody else can
// have made it, and the card has not paid the Request.
type Refused struct{ Refusal }

// Unwrap returns the refusal.
func (r *Refused) Unwrap() error { return &r.Refusal }

// PayEnciphered pays a signed Request with the PIN in the same command, which nobody who
// listens or stands between can read, change or use again; so is the answer, Payment and the
// payer's certificate. Both are to be verified. Without a PIN, the zero Block, the card gives
// its last Payment again if it is of this Request, and 6982 otherwise.
//
// Errors: [*Refused], by the card; a [*Refusal] or [*LinkLost], which anybody between can
// have made, so that the card may have paid or not; [pin.ErrPaymentAnswer], the same.
func (c *Client) PayEnciphered(
	ctx context.Context, key PayKey, entered pin.Block, request, certificate, authority []byte,
) (payment, payer []byte, err error) {
	name := "own phone"
	if key.Batch {
		name = "batch"
	}
	v, err := variant(spec.Pay, name)
	if err != nil {
		return nil, nil, err
	}
	asked, err := message.Parse[message.Request](request)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	agreement, err := pin.Agree(key.Own, key.Card, key.Application)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	var data []byte
	if entered == (pin.Block{}) {
		data, err = agreement.Resend()
	} else {
		data, err = agreement.PIN(entered, asked)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", v.Title(), err)
	}
	enciphered, err := c.introduced(ctx, [][]byte{authority}, v, request, certificate, data)
	if err != nil {
		return nil, nil, err
	}
	answer, err := agreement.Open(enciphered, asked)
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", v.Title(), err)
	case answer.Refused != 0:
		return nil, nil, &Refused{Refusal{Variant: v, SW: answer.Refused}}
	}
	return answer.Payment, answer.Certificate, nil
}

// IsSealed reports whether a refusal is certainly the card's.
func IsSealed(err error) bool {
	var refused *Refused
	return errors.As(err, &refused)
}
