package personalization

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"ekrona/apdu"
	"ekrona/apdu/cvc"
	"ekrona/apdu/message"
	"ekrona/apdu/pin"
	"ekrona/apdu/signature"
	"ekrona/apdu/spec"
	"ekrona/host/card"
	"ekrona/host/intermediary"
	"ekrona/personalization/pki"
)

// Registry keeps the devices of an intermediary and registers them at the notary.
type Registry interface {
	AddDevice(ctx context.Context, d intermediary.Device) error
	Device(ctx context.Context, id message.DeviceID) (intermediary.Device, error)
}

// Issuer makes the cards of one intermediary.
type Issuer struct {
	CA             pki.Identity
	Root           []byte // 7F21, as the other certificates
	InstructionKey []byte
	Notary         []byte
	Registry       Registry
	Random         io.Reader
	// Validity are the first and the last day of the certificates issued.
	Effective, Expiry message.Date
}

// Secrets are what the owner gets in the PIN letter.
type Secrets struct {
	PIN pin.Block
	PUK pin.Block
}

// Personalize makes an installed card active:
//
//  1. SELECT tells how far the card is.
//  2. GENERATE ASYMMETRIC KEY PAIR: the card makes its keys, or names those it
//     has, and proves with the token that they are this card's.
//  3. PSO VERIFY CERTIFICATE: root, CA, instruction key, notary.
//  4. PUT DATA: the certificate over the card's key, which the card verifies.
//  5. PUT DATA: PIN and PUK, enciphered and authenticated under the token.
//  6. The device is kept and registered at the notary, with its key, before
//     anybody can be paid by it.
//  7. ACTIVATE: the card forgets the token.
//
// A cut after any step is repaired by the same call with the same order: each
// step finds itself done or does the same again. A card that is active already is
// asked, with its PIN, whether it is the one that was ordered.
// Errors: [*card.Refusal], [*card.LinkLost], pin.ErrKeyAnswer, those of AddDevice.
func (i Issuer) Personalize(ctx context.Context, tap apdu.Card, o Order, secrets Secrets) (intermediary.Device, error) {
	client := card.New(tap)
	application, err := client.Select(ctx)
	if err != nil {
		return intermediary.Device{}, err
	}
	switch application.LifeCycle {
	case spec.Installed, spec.KeysMade:
	default:
		return i.recognise(ctx, client, o, secrets)
	}
	answer, err := client.GenerateKeyPair(ctx)
	if err != nil {
		return intermediary.Device{}, err
	}
	keys, err := o.Token.VerifyKeyAnswer(o.Device, answer)
	if err != nil {
		return intermediary.Device{}, fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	certificate, err := i.CA.Certify(pki.Subject{Holder: cvc.Holder(o.Device), Role: o.Role, Effective: i.Effective, Expiry: i.Expiry}, keys.Signing)
	if err != nil {
		return intermediary.Device{}, fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	if err := i.fill(ctx, client, o, certificate, secrets); err != nil {
		return intermediary.Device{}, err
	}
	point, err := signature.Point(keys.PIN)
	if err != nil {
		return intermediary.Device{}, fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	device := intermediary.Device{
		ID: o.Device, Customer: o.Owner, Certificate: certificate, PINPoint: point,
		Ceilings: o.Ceilings.Bytes(), Policy: message.PilotPolicy().Under(o.Ceilings),
	}
	if err := i.Registry.AddDevice(ctx, device); err != nil {
		return intermediary.Device{}, err
	}
	return device, client.Activate(ctx)
}

// fill does steps 3 to 5.
func (i Issuer) fill(ctx context.Context, client *card.Client, o Order, certificate []byte, secrets Secrets) error {
	for _, authority := range [][]byte{i.Root, i.CA.Encoded, i.InstructionKey, i.Notary} {
		if err := client.VerifyCertificate(ctx, authority); err != nil {
			return err
		}
	}
	if err := client.PutCertificate(ctx, certificate); err != nil {
		return err
	}
	var iv [spec.IVLength]byte
	if _, err := io.ReadFull(i.Random, iv[:]); err != nil {
		return fmt.Errorf("personalization: the source of randomness failed: %w", err)
	}
	enciphered, err := o.Token.FirstPIN(iv, secrets.PIN, secrets.PUK)
	if err != nil {
		return fmt.Errorf("personalization of %s: %w", o.Device, err)
	}
	return client.PutFirstPIN(ctx, enciphered)
}

// recognise checks that an active card is the one that was ordered and registered.
func (i Issuer) recognise(ctx context.Context, client *card.Client, o Order, secrets Secrets) (intermediary.Device, error) {
	known, err := i.Registry.Device(ctx, o.Device)
	if err != nil {
		return intermediary.Device{}, err
	}
	public, err := signature.ParsePoint(known.PINPoint)
	if err != nil {
		return intermediary.Device{}, fmt.Errorf("personalization of %s: PIN key kept: %w", o.Device, err)
	}
	if err := client.Verify(ctx, secrets.PIN, card.PINTransport{Key: public, Random: i.Random}); err != nil {
		return intermediary.Device{}, err
	}
	certificate, err := client.Certificate(ctx)
	if err != nil {
		return intermediary.Device{}, err
	}
	if !bytes.Equal(certificate, known.Certificate) {
		return intermediary.Device{}, fmt.Errorf("personalization: this active card is not %s: take the card that was installed for this order", o.Device)
	}
	return known, nil
}
